//! A Kubernetes API server for tests and measurements of ksyncd.
//!
//! Real clients get in: kubectl (1.27 to 1.33 are known to), kube-rs, curl. It knows pods, their
//! workloads and services, and executes commands in pods over WebSocket and SPDY. A container is a
//! small root directory in namespaces of its own, so that what a client leaves behind can be
//! counted. It can lie: cut the output and report success, drop connections, stall, replace a pod.
//!
//! It runs on threads of its own; tests need no runtime. Containers take root and a static busybox:
//! where [`unavailable`] gives a reason, tests say so and pass.
//!
//! It is no place for anything but tests: it has no authentication, no encryption, and commands run
//! as root of this computer.
//!
//! ```
//! use testkit::{Cluster, Container, Fault, Lie, Pod, Server, Way};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! if let Some(reason) = testkit::unavailable() {
//!     eprintln!("skipped: {reason}");
//!     return Ok(());
//! }
//! let cluster = Cluster::new()
//!     .pod(Pod::busybox("web").label("app", "web"))
//!     .pod(Pod::new("db").container(Container::busybox("postgres").user(999, 999)));
//! let server = Server::start(cluster)?;
//!
//! // Its address and credentials, for any client.
//! let place = tempfile::tempdir()?;
//! server.kubeconfig(place.path().join("kubeconfig"))?;
//!
//! // The container's files, to be filled before and looked at after a run.
//! std::fs::write(server.root("web", "app")?.join("data/hello"), "hello")?;
//!
//! // The next exec loses its connection after a megabyte.
//! server.lie([Fault::new(Lie::Drop).after(Way::Down, 1 << 20)]);
//!
//! // … a client runs here …
//! assert_eq!(server.counts().execs(), 0);
//! assert!(server.leftovers().is_empty());
//! # Ok(())
//! # }
//! ```

mod access;
mod api;
mod cluster;
mod error;
mod exec;
mod fault;
mod image;
mod pod;
mod resource;
mod sandbox;
mod selector;
mod server;
mod state;
mod store;
pub mod workload;

pub use cluster::Cluster;
pub use error::Error;
pub use fault::{Fault, Lie, Way};
pub use pod::{Container, Pod};
pub use sandbox::{Process, unavailable};
pub use server::{Counts, Server};
