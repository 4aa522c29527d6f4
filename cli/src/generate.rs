//! Completion scripts and man pages, from the definition of the command line.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::args::definition;
use crate::errors::Failure;
use crate::exit::Exit;

/// Prints the completion script of a shell.
pub(crate) fn completions(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definition(), "ksyncd", &mut script);
    print(&script)
}

/// Writes one page per command into a directory, or prints the main page.
pub(crate) fn man(dir: Option<&Path>) -> Result<Exit, Failure> {
    let mut command = definition().flatten_help(true);
    command.build();
    let Some(dir) = dir else {
        return print(&page(&command));
    };
    let in_dir = |path: &Path, done: io::Result<()>| {
        done.map_err(|cause| Failure::WriteFile {
            path: path.into(),
            cause,
        })
    };
    in_dir(dir, fs::create_dir_all(dir))?;
    let pages = std::iter::once(&command).chain(command.get_subcommands());
    for command in pages.filter(|command| !command.is_hide_set()) {
        let name = command
            .get_display_name()
            .unwrap_or_else(|| command.get_name());
        let path = dir.join(format!("{name}.1"));
        in_dir(&path, fs::write(&path, page(command)))?;
    }
    Ok(Exit::Success)
}

fn page(command: &clap::Command) -> Vec<u8> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    // Writing to memory does not fail.
    let _ = man.render(&mut page);
    let _ = exit_status().to_writer(&mut page);
    page
}

fn exit_status() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        section.control("TP", []);
        section.text([bold(exit.code().to_string())]);
        section.text([roman(exit.meaning())]);
    }
    section
}

fn print(bytes: &[u8]) -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|cause| Failure::Output { cause })?;
    Ok(Exit::Success)
}
