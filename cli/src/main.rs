//! `ksyncd`: pull and push files out of containers, hosts and directories.

mod agents;
mod app;
mod args;
mod carrier;
mod doctor;
mod errors;
mod exit;
mod filters;
mod generate;
mod interrupt;
mod locate;
mod mapping;
mod monitor;
mod pods;
mod run;

fn main() -> std::process::ExitCode {
    app::main(std::env::args_os()).into()
}
