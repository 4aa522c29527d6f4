//! The places where an agent can run, and what they are called in messages.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use rsync_core::path::escape;

use crate::kubernetes::Via;

/// A place where an agent can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This computer.
    Local {
        /// A program that is an agent when called with `args`.
        program: PathBuf,
        /// Its arguments.
        args: Vec<OsString>,
    },
    /// Wherever a remote shell command leads.
    RemoteShell {
        /// The command's words; not empty.
        command: Vec<OsString>,
        /// `[USER@]HOST`, the command's next argument; without it the command needs none.
        host: Option<String>,
    },
    /// A host, through the user's `ssh` and its configuration.
    Ssh {
        /// The user there, if not the configured one.
        user: Option<String>,
        /// The host, or its alias in the configuration.
        host: String,
        /// The port, if not the configured one.
        port: Option<u16>,
        /// More options for `ssh`.
        options: Vec<OsString>,
    },
    /// A container of this computer's engine.
    Container {
        /// Whose it is.
        engine: Engine,
        /// Its name or identifier.
        name: String,
        /// The user there, if not the container's.
        user: Option<String>,
    },
    /// A container of a service of compose: the first one that runs.
    Compose {
        /// Whose it is.
        engine: Engine,
        /// The project, if several have a service of this name.
        project: Option<String>,
        /// The service.
        service: String,
        /// The user there, if not the container's.
        user: Option<String>,
    },
    /// A volume of this computer's engine, beside which a container is started for a while.
    Volume {
        /// Whose it is.
        engine: Engine,
        /// Its name.
        name: String,
        /// The image of that container; it has to have a shell.
        image: String,
    },
    /// A container in a pod.
    Pod {
        /// How the cluster is reached.
        kubectl: Kubectl,
        /// Which pod, or pods.
        pods: Pods,
    },
}

/// How a pod is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pods {
    /// By its name.
    Named(String),
    /// By what it belongs to: `deploy/web`.
    Of {
        /// The kind, in any of kubectl's spellings.
        kind: String,
        /// Its name.
        name: String,
    },
    /// By its labels.
    Selected(String),
}

impl fmt::Display for Pods {
    /// As kubectl's command line has it, except for labels.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Of { kind, name } => write!(f, "{kind}/{name}"),
            Self::Selected(selector) => write!(f, "pods with {}", escape(selector.as_bytes())),
        }
    }
}

/// A container engine with a command line like docker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// `docker`.
    Docker,
    /// `podman`.
    Podman,
}

impl Engine {
    /// The name of its program, which is also its prefix in a location.
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// How a cluster is reached, in the terms of `kubectl`. What is absent is as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubectl {
    /// The program.
    pub program: PathBuf,
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`.
    pub context: Option<OsString>,
    /// `--namespace`; a DNS label.
    pub namespace: Option<String>,
    /// `--container`; a DNS label.
    pub container: Option<String>,
    /// `--as`: the user to act for.
    pub user: Option<String>,
    /// By which way.
    pub via: Via,
    /// The image of a container that is started beside one in which no agent can be started.
    pub agent_image: Option<String>,
}

impl Default for Kubectl {
    fn default() -> Self {
        let program = "kubectl".into();
        Self {
            program,
            kubeconfig: None,
            context: None,
            namespace: None,
            container: None,
            user: None,
            via: Via::Auto,
            agent_image: None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { .. } => f.write_str("this computer"),
            Self::RemoteShell {
                host: Some(host), ..
            } => f.write_str(host),
            Self::RemoteShell {
                command,
                host: None,
            } => {
                let words = command.iter().map(|word| escape(word.as_encoded_bytes()));
                f.write_str(&words.collect::<Vec<_>>().join(" "))
            }
            Self::Ssh {
                user: Some(user),
                host,
                ..
            } => write!(f, "ssh:{user}@{host}"),
            Self::Ssh {
                user: None, host, ..
            } => write!(f, "ssh:{host}"),
            Self::Container { engine, name, .. } => write!(f, "{}:{name}", engine.program()),
            Self::Compose {
                project: Some(project),
                service,
                ..
            } => write!(f, "compose:{project}/{service}"),
            Self::Compose {
                project: None,
                service,
                ..
            } => write!(f, "compose:{service}"),
            Self::Volume { name, .. } => write!(f, "volume:{name}"),
            Self::Pod { kubectl, pods } => match &kubectl.namespace {
                Some(namespace) => write!(f, "{namespace}/{pods}"),
                None => write!(f, "{pods}"),
            },
        }
    }
}
