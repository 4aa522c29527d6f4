//! What can be wrong with a pod or with the way to it, each as one sentence.

use std::fmt;

use rsync_core::path::escape;

/// Why a container of a pod can not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The object does not exist.
    #[error("there is no {}", escape(.what.as_bytes()))]
    NoSuch {
        /// The kind and name: `deployment web in namespace prod`.
        what: String,
    },
    /// The user lacks a permission.
    #[error("access was denied: {}", escape(.message.as_bytes()))]
    Forbidden {
        /// What the server said.
        message: String,
    },
    /// The server does not know the user.
    #[error("the cluster does not accept the credentials; they may have expired ({})", escape(.message.as_bytes()))]
    Unauthorized {
        /// What the server said.
        message: String,
    },
    /// The credentials can not be obtained.
    #[error("there are no credentials for the cluster: {}", escape(.message.as_bytes()))]
    Credentials {
        /// What went wrong.
        message: String,
    },
    /// The server does not answer.
    #[error("the cluster can not be reached: {}", escape(.message.as_bytes()))]
    Unreachable {
        /// What the system said.
        message: String,
    },
    /// The configuration can not be used.
    #[error("the Kubernetes configuration can not be used: {}", escape(.message.as_bytes()))]
    Configuration {
        /// What is wrong with it.
        message: String,
    },
    /// The server answered with another error.
    #[error("the cluster answered: {} (status {code})", escape(.message.as_bytes()))]
    Server {
        /// The HTTP status.
        code: u16,
        /// What it said.
        message: String,
    },
    /// The server's answer makes no sense.
    #[error("the cluster's answer can not be understood: {}", escape(.message.as_bytes()))]
    Answer {
        /// What is wrong with it.
        message: String,
    },
    /// The kubectl program can not be started.
    #[error("{}", escape(.message.as_bytes()))]
    NoProgram {
        /// What the system said.
        message: String,
    },
    /// The kubectl program failed, and what it says is not known here.
    #[error("kubectl said: {}", escape(.said.as_bytes()))]
    Kubectl {
        /// What it said.
        said: String,
    },
    /// The server does not let this program in by a WebSocket of the version that is needed.
    #[error("the cluster refuses a WebSocket: {}", escape(.message.as_bytes()))]
    Refused {
        /// In which way.
        message: String,
    },
    /// The user may execute nothing, by neither way.
    #[error(
        "access was denied: you may neither get nor create pods/exec in namespace {}",
        escape(.namespace.as_bytes())
    )]
    NoExec {
        /// The pod's namespace.
        namespace: String,
    },
    /// No pod matches at all.
    #[error("no pod matches")]
    NoPods,
    /// There are pods, and none can be used.
    #[error("none of its pods can be used: {others}")]
    NoneFit {
        /// How many are in which state.
        others: String,
    },
    /// A label selector matches pods of different things.
    #[error("the pods belong to different things: {}", Listed(.families))]
    Ambiguous {
        /// What they belong to.
        families: Vec<String>,
    },
    /// A workload or service that selects no pods.
    #[error("it selects no pods")]
    NoSelector,
    /// Not a kind of object that leads to pods.
    #[error("{} is no kind of object that leads to a pod", escape(.kind.as_bytes()))]
    UnknownKind {
        /// As it was written.
        kind: String,
    },
    /// A label selector that can not be understood.
    #[error("`{}` is no label selector", escape(.selector.as_bytes()))]
    BadSelector {
        /// As it was written.
        selector: String,
    },
    /// The pod has no container of this name.
    #[error("pod {pod} has no container {container}; it has {}", Listed(.has))]
    NoSuchContainer {
        /// The pod.
        pod: String,
        /// The container.
        container: String,
        /// Those that there are.
        has: Vec<String>,
    },
    /// The container is not running.
    #[error("container {container} of pod {pod} is not running: {state}")]
    NotRunning {
        /// The pod.
        pod: String,
        /// The container.
        container: String,
        /// What it is instead.
        state: String,
    },
    /// Neither way into the cluster works.
    #[error("{}, and {}", escape(.message.as_bytes()), escape(.native.as_bytes()))]
    NoWay {
        /// Why not by kubectl.
        message: String,
        /// Why not natively.
        native: String,
    },
    /// The container was started again while the run went on.
    #[error("container {container} of pod {pod} was restarted meanwhile")]
    Restarted {
        /// The pod.
        pod: String,
        /// The container.
        container: String,
    },
    /// The pod was replaced while the run went on.
    #[error("the pod was replaced meanwhile: {before} was chosen, {}", now(.after.as_deref()))]
    Replaced {
        /// The pod that was chosen.
        before: Box<Identity>,
        /// The one that has its name now.
        after: Option<Box<Identity>>,
    },
}

/// Which pod it is, beyond its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The pod's name.
    pub pod: String,
    /// The pod's UID: another one is another pod.
    pub uid: String,
    /// The container, and its identifier if it runs: another one is another start of it.
    pub container: Option<(String, String)>,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pod, uid) = (escape(self.pod.as_bytes()), escape(self.uid.as_bytes()));
        write!(f, "{pod} (UID {uid})")
    }
}

fn now(after: Option<&Identity>) -> String {
    match after {
        Some(after) => format!("now it is {after}"),
        None => "now there is no pod of that name".to_owned(),
    }
}

/// Names, parted by commas and escaped.
struct Listed<'a>(&'a [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|name| escape(name.as_bytes()));
        f.write_str(&names.collect::<Vec<_>>().join(", "))
    }
}
