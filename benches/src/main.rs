//! `ksyncd-bench`: compares ksyncd with other tools.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to people"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use ksyncd_benches::link::Link;
use ksyncd_benches::meter::Meter;
use ksyncd_benches::report::Results;
use ksyncd_benches::suite::Suite;
use ksyncd_benches::tree::Manifest;
use ksyncd_benches::{tool, workload};

/// Compares ksyncd with rsync, tar and unison, over pipes and shaped links.
#[derive(Debug, Parser)]
#[command(name = "ksyncd-bench", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<Suite>),
    /// Show all workloads and tools
    List,
    Link(Link),
    Meter(Meter),
    /// Read and hash trees, all at once
    Hash {
        /// Their roots
        #[arg(required = true)]
        trees: Vec<PathBuf>,
    },
    /// Write the table and the picture again, from the JSON of results
    Render {
        /// The JSON
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    match execute(Line::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ksyncd-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<ExitCode> {
    match command {
        Command::Run(suite) => {
            let table = suite.run(&mut |line| eprintln!("{line}"))?;
            println!("{}", table.display());
        }
        Command::List => list(),
        Command::Link(link) => return link.run(),
        Command::Meter(meter) => return meter.run(),
        Command::Hash { trees } => hash(&trees)?,
        Command::Render { file } => {
            let (dir, name) = file.parent().zip(file.file_stem()).context("no file")?;
            let table = Results::read(&file)?.write(dir, &name.to_string_lossy())?;
            println!("{}", table.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list() {
    println!("Workloads (links, tools):");
    for workload in workload::ALL {
        let tools: Vec<&str> = tool::of(workload).map(|tool| tool.id).collect();
        let (links, tools) = (workload.links.join(","), tools.join(","));
        println!("  {:4} {} ({links}; {tools})", workload.id, workload.title);
    }
    println!("Tools:");
    for tool in tool::ALL {
        println!("  {:15} {}", tool.id, tool.said);
    }
}

fn hash(trees: &[PathBuf]) -> Result<()> {
    let digests: Vec<Result<blake3::Hash>> = thread::scope(|scope| {
        let threads: Vec<_> = trees
            .iter()
            .map(|tree| scope.spawn(|| anyhow::Ok(Manifest::read(tree)?.digest())))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|result| result.unwrap_or_else(|_| anyhow::bail!("a panic")))
            .collect()
    });
    for (tree, digest) in trees.iter().zip(digests) {
        println!("{} {}", digest?, tree.display());
    }
    Ok(())
}
