//! `ksyncd verify`: is a destination still what a receipt says, or what the source holds now?

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use clap::ArgMatches;
use rsync_core::path::escape;

use crate::args::Sync;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::locate;
use crate::mapping::Verb;
use crate::monitor::{Direction, Watch};
use crate::receipt::{Destination, Receipt};
use crate::run;

/// Compares, and changes nothing. The exit code is 23 if there is a difference.
pub(crate) fn verify(mut args: Sync, matches: &ArgMatches) -> Result<Exit, Failure> {
    if let Some(receipt) = Receipt::read(Path::new(&args.source)) {
        return against_receipt(&receipt, &args);
    }
    args.is_verification = true;
    args.essential.dry_run = true;
    args.essential.delete = true;
    args.choose.checksum = true;
    args.change.delete_from_empty = true;
    args.change.accept_source = true;
    args.change.max_delete_percent = 100;
    if !args.output.json {
        args.essential.itemize_changes = args.essential.itemize_changes.max(1);
    }
    run::sync(&args, matches, Verb::Pull)
}

fn against_receipt(receipt: &Receipt, args: &Sync) -> Result<Exit, Failure> {
    let location = locate::destination(args)?;
    let watch = Watch::open(args, Direction::Received)?;
    let interrupt = Interrupt::watch(watch.lines()).map_err(Failure::Signals)?;
    let destination = Destination::of(&location, &args.reach, &interrupt);
    let mut out = io::stdout().lock();
    let mut written = Ok(());
    let findings = receipt.differences(&destination, &mut |path, how| {
        let line = writeln!(out, "{} {how}", escape(path.as_os_str().as_bytes()));
        if written.is_ok() {
            written = line;
        }
    })?;
    written.map_err(|cause| Failure::Output { cause })?;
    let digest = if findings.has_agreed_digest {
        "; its tree has the digest that both ends agreed on"
    } else {
        ""
    };
    let _ = writeln!(
        io::stderr().lock(),
        "ksyncd: {} differences from the receipt{digest}",
        findings.differences
    );
    Ok(if findings.differences == 0 {
        Exit::Success
    } else {
        Exit::Partial
    })
}
