//! A Kubernetes API server with one pod, to be tried by hand and measured.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use testkit::{Cluster, Container, Error, Pod, Server};

/// Serves the Kubernetes API with the pod `web` until it is interrupted, and prints its URL.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Where to write a kubeconfig that leads here
    #[arg(long, value_name = "FILE")]
    kubeconfig: PathBuf,
    /// The root directory of the container; without it, one with busybox is made
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The pod's name
    #[arg(long, default_value = "web")]
    pod: String,
    /// The container's name
    #[arg(long, default_value = "app")]
    container: String,
    /// Which minor version of Kubernetes to be
    #[arg(long, default_value_t = 33)]
    minor: u32,
    /// Refuse WebSocket, so that clients fall back to SPDY
    #[arg(long)]
    no_websocket: bool,
    /// Refuse the WebSocket protocol in which standard input can be closed
    #[arg(long)]
    no_v5: bool,
    /// Refuse SPDY
    #[arg(long)]
    no_spdy: bool,
    /// Refuse a verb on a resource, as in get:pods/exec
    #[arg(long, value_name = "VERB:RESOURCE")]
    deny: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(reason) = testkit::unavailable() {
        return fail(&reason);
    }
    match start(&args) {
        Ok(server) => {
            let root = server.root(&args.pod, &args.container).unwrap_or_default();
            // Whoever closed standard output can read the kubeconfig instead.
            let _ = writeln!(io::stdout(), "{}\n{}", server.url(), root.display());
            wait();
            drop(server);
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

fn start(args: &Args) -> Result<Server, Error> {
    let container = match &args.root {
        Some(root) => Container::directory(&args.container, root),
        None => Container::busybox(&args.container),
    };
    let mut cluster = Cluster::new()
        .minor(args.minor)
        .pod(Pod::new(&args.pod).container(container));
    if args.no_websocket {
        cluster = cluster.without_websocket();
    }
    if args.no_v5 {
        cluster = cluster.without_v5();
    }
    if args.no_spdy {
        cluster = cluster.without_spdy();
    }
    for denied in &args.deny {
        let (verb, resource) = denied.split_once(':').unwrap_or(("*", denied));
        cluster = cluster.deny(verb, resource);
    }
    let server = Server::start(cluster)?;
    server.kubeconfig(&args.kubeconfig)?;
    Ok(server)
}

/// Waits for a signal that ends the program.
fn wait() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    if let Ok(runtime) = runtime {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut interrupt), Ok(mut terminate)) = (
                signal(SignalKind::interrupt()),
                signal(SignalKind::terminate()),
            ) else {
                return;
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
    }
}

fn fail(why: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "ksyncd-testkit: {why}");
    ExitCode::FAILURE
}
