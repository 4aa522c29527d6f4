//! `ksyncd`: pull and push files out of containers, hosts and directories.

mod agents;
mod app;
mod args;
mod attempts;
mod carrier;
mod conversation;
mod doctor;
mod elsewhere;
mod errors;
mod exact;
mod exit;
mod filters;
mod generate;
mod history;
mod interrupt;
mod locate;
mod mapping;
mod memory;
mod monitor;
mod pods;
mod receipt;
mod run;
mod secrets;
mod state;
mod undo;
mod verify;

fn main() -> std::process::ExitCode {
    app::main(std::env::args_os()).into()
}
