//! `ksyncd verify`: is a destination still what a receipt says, or what the source holds now?

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use clap::ArgMatches;
use rsync_core::path::escape;
use serde::Serialize;

use crate::args::Sync;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::locate;
use crate::mapping::Verb;
use crate::monitor::{Direction, JsonPath, Watch};
use crate::receipt::{Agreed, Destination, Findings, Receipt};
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
    let mut write = |line: &str| {
        let line = writeln!(out, "{line}");
        if written.is_ok() {
            written = line;
        }
    };
    let findings = receipt.differences(&destination, &mut |path, how| {
        let path = path.as_os_str().as_bytes();
        if args.output.json {
            let path = path.into();
            write(&Record::Difference { path, how }.to_line());
        } else {
            write(&format!("{} {how}", escape(path)));
        }
    })?;
    let Findings {
        differences,
        agreed,
    } = findings;
    let exit = if differences == 0 {
        Exit::Success
    } else {
        Exit::Partial
    };
    let message = format!(
        "{differences} differences from the receipt{}",
        words_for(agreed)
    );
    if args.output.json {
        let verified = Record::Verified {
            differences,
            agreed_digest: agreed,
            message: &message,
            exit_code: exit.code(),
        };
        write(&verified.to_line());
    }
    written.map_err(|cause| Failure::Output { cause })?;
    if !args.output.json {
        let _ = writeln!(io::stderr().lock(), "ksyncd: {message}");
    }
    Ok(exit)
}

/// What is said of the digest on which both ends agreed.
fn words_for(agreed: Agreed) -> &'static str {
    match agreed {
        Agreed::Same => "; its tree has the digest that both ends agreed on",
        // That is one of the differences, or comes of them.
        Agreed::Different => "",
        Agreed::OfOther => {
            "; the digest that both ends agreed on can not be computed again, because DEST did not \
             hold exactly what they agreed on when the receipt was written"
        }
        Agreed::None => "; it has no digest of the tree that both ends agreed on",
    }
}

/// One line of `--json`; `JSON.md` beside this package is the reference.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Record<'a> {
    Difference {
        #[serde(flatten)]
        path: JsonPath<'a>,
        how: &'a str,
    },
    Verified {
        differences: u64,
        agreed_digest: Agreed,
        message: &'a str,
        exit_code: u8,
    },
}

impl Record<'_> {
    fn to_line(&self) -> String {
        // Nothing in a record can fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}
