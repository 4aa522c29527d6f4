//! Makes one directory like another, over a pair of connected sockets in one process:
//! `cargo run --example two_directories -- SOURCE DESTINATION`.

#![allow(clippy::print_stdout, reason = "a command-line example")]

use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rsync_core::engine::{Settings, Stream, pull, serve};
use rsync_core::monitor::Silent;
use rsync_core::options::Options;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(source), Some(destination)) = (arguments.next(), arguments.next()) else {
        return Err("usage: two_directories SOURCE DESTINATION".into());
    };
    let (here, there) = UnixStream::pair()?;
    let stream = |end: UnixStream| -> std::io::Result<Stream> {
        Ok(Stream {
            reader: Box::new(end.try_clone()?),
            writer: Box::new(end),
        })
    };
    let there = stream(there)?;
    let agent = std::thread::spawn(move || serve(there, &Settings::default()));
    // A slash at the end means the directory's content.
    let source = [source.as_encoded_bytes(), b"/"].concat();
    let options = Options::default();
    let report = pull(
        stream(here)?,
        &source,
        &PathBuf::from(destination),
        &options,
        &Settings::default(),
        &Silent,
    )?;
    agent.join().map_err(|_| "the agent panicked")??;
    println!(
        "{:#?}\n{:?} in {:?}",
        report.receipt, report.traffic, report.elapsed
    );
    Ok(())
}
