//! Pods: finding the right one, and a byte stream into one of its containers.
//!
//! There are two ways in. The **native** one is this program's own client: a WebSocket, pumped by
//! ourselves. The other is the **kubectl** program, which also gets in where only SPDY is allowed,
//! and knows every kind of configuration. Both find pods by the same rules (`resolve.rs`,
//! `select.rs`), because both can ask the API (`api.rs`).
//!
//! Invariants:
//! - A pod is chosen once, and known by its UID from then on. If another one has its name at the
//!   end, or when the stream breaks, that is the error (`witness.rs`). Where kubectl alone looks for
//!   a pod by its name, what is copied is of the one it entered, and only a stream that breaks is
//!   asked about.
//! - Only `client.rs` and `stack.rs` know the crate `kube`; without the feature `kube` kubectl remains.
//!
//! What this is not: a cache or a watch. Every run asks anew.

mod api;
#[cfg(feature = "kube")]
mod client;
mod ephemeral;
mod examine;
mod kubectl;
mod objects;
mod problem;
#[cfg(feature = "kube")]
mod pump;
mod resolve;
mod rights;
mod select;
#[cfg(feature = "kube")]
mod stack;
#[cfg(feature = "kube")]
mod status;
mod way;
mod witness;

pub(crate) use ephemeral::{DIRECTORY, ROOT};
pub(crate) use examine::examine;
pub use problem::{Identity, Problem};
pub use resolve::Chosen;
pub use select::Reason;
pub use way::{Route, Via};

use std::time::Duration;

use crate::error::Error;
use crate::opened::Opened;
use crate::target::{Kubectl, Pods, Target};
use resolve::Count;
use way::Way;

/// A command that runs in a container, and how it came to that.
pub(crate) struct Entered {
    pub(crate) opened: Opened,
    pub(crate) route: Route,
    /// Absent where kubectl chose.
    pub(crate) chosen: Option<Chosen>,
}

/// Executes `command` in the container that `target` means.
pub(crate) fn enter(
    target: &Target,
    options: &Kubectl,
    pods: &Pods,
    command: &[String],
    patience: Duration,
) -> Result<Entered, Error> {
    let explain = |problem| explain(target, problem);
    let way = Way::open(options, patience).map_err(explain)?;
    way.enter(target, options, pods, command)
}

/// Executes `command` in a container of the image that `options` name beside the one that `target` means, from where the
/// files of that are in [`ROOT`].
pub(crate) fn enter_beside(
    target: &Target,
    options: &Kubectl,
    pods: &Pods,
    command: &[String],
    patience: Duration,
) -> Result<Entered, Error> {
    let image = options.agent_image.as_deref().unwrap_or_default();
    let explain = |problem| explain(target, problem);
    let way = Way::open(options, patience).map_err(explain)?;
    let chosen = way.resolve(options, pods, Count::One).map_err(explain)?;
    let chosen = chosen.first().ok_or_else(|| explain(Problem::NoPods))?;
    let beside = ephemeral::beside(way.api.as_ref(), chosen, image, patience);
    let beside = beside.map_err(explain)?;
    let options = Kubectl {
        namespace: Some(beside.namespace.clone()),
        container: Some(beside.container.clone()),
        ..options.clone()
    };
    let pod = Pods::Named(beside.identity.pod.clone());
    way.enter(target, &options, &pod, command)
}

/// One target for each pod of `target` that can be used, the best first.
///
/// # Errors
/// [`Error::Kubernetes`] if there is none, or if what `target` names is not there.
pub fn replicas(target: &Target, patience: Duration) -> Result<Vec<(String, Target)>, Error> {
    let Target::Pod { kubectl, pods } = target else {
        return Ok(vec![(target.to_string(), target.clone())]);
    };
    let explain = |problem| explain(target, problem);
    let way = Way::open(kubectl, patience).map_err(explain)?;
    let chosen = way.resolve(kubectl, pods, Count::All).map_err(explain)?;
    let targets = chosen.into_iter().map(|chosen| {
        let kubectl = Kubectl {
            namespace: Some(chosen.namespace),
            container: Some(chosen.container),
            ..kubectl.clone()
        };
        let pod = chosen.identity.pod;
        let pods = Pods::Named(pod.clone());
        (pod, Target::Pod { kubectl, pods })
    });
    Ok(targets.collect())
}

fn explain(target: &Target, problem: Problem) -> Error {
    Error::Kubernetes {
        target: target.to_string(),
        problem,
    }
}
