//! `ksyncd-agent`: see the library of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    match ksyncd_agent::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ksyncd_agent::fail(&error),
    }
}
