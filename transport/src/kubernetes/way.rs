//! The two ways into a cluster, and which of them is taken.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::api::Api;
#[cfg(feature = "kube")]
use super::client::Cluster;
use super::explain;
use super::problem::{Identity, Problem};
use super::resolve::{Chosen, Count, resolve};
#[cfg(feature = "kube")]
use super::rights;
use super::witness::Known;
use super::{Entered, witness};
use crate::carrier::Carrier;
use crate::error::Error;
use crate::opened::Opened;
use crate::process::Process;
use crate::target::{Kubectl, Pods, Target};

/// Which way into a cluster the user wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Via {
    /// The native one if it works, otherwise kubectl.
    #[default]
    Auto,
    /// The native one.
    Native,
    /// kubectl.
    Kubectl,
}

/// Which way was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// A child process, whose name this is.
    Child(String),
    /// This program's own client.
    Native,
    /// kubectl, because the native way does not work here.
    Instead(Problem),
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Child(program) => write!(f, "by {program}"),
            Self::Native => f.write_str("by WebSocket (v5.channel.k8s.io)"),
            Self::Instead(problem) => write!(f, "by kubectl, because {problem}"),
        }
    }
}

/// A way into a cluster.
pub(crate) struct Way {
    pub(crate) api: Arc<dyn Api>,
    #[cfg(feature = "kube")]
    native: Option<Arc<Cluster>>,
    /// Why the native way is not taken, though it was to be tried.
    instead: Option<Problem>,
}

impl Way {
    pub(crate) fn open(options: &Kubectl, patience: Duration) -> Result<Self, Problem> {
        if options.via == Via::Kubectl {
            return Ok(Self::kubectl(options, None));
        }
        match Self::native(options, patience) {
            Err(problem) if options.via == Via::Auto => Ok(Self::kubectl(options, Some(problem))),
            way => way,
        }
    }

    #[cfg(feature = "kube")]
    fn native(options: &Kubectl, patience: Duration) -> Result<Self, Problem> {
        let cluster = Arc::new(Cluster::open(options, patience)?);
        Ok(Self {
            api: Arc::clone(&cluster) as Arc<dyn Api>,
            native: Some(cluster),
            instead: None,
        })
    }

    #[cfg(not(feature = "kube"))]
    fn native(_: &Kubectl, _: Duration) -> Result<Self, Problem> {
        let message = "this program was built without a client of its own".to_owned();
        Err(Problem::Configuration { message })
    }

    fn kubectl(options: &Kubectl, instead: Option<Problem>) -> Self {
        Self {
            api: Arc::new(options.clone()),
            #[cfg(feature = "kube")]
            native: None,
            instead,
        }
    }

    /// The containers that are meant.
    pub(crate) fn resolve(
        &self,
        options: &Kubectl,
        pods: &Pods,
        count: Count,
    ) -> Result<Vec<Chosen>, Problem> {
        let (namespace, container) = (options.namespace.as_deref(), options.container.as_deref());
        let chosen = resolve(self.api.as_ref(), namespace, pods, container, count);
        chosen.map_err(|problem| self.no_way(problem))
    }

    /// If neither way works, both have to be spoken of.
    fn no_way(&self, problem: Problem) -> Problem {
        match (problem, &self.instead) {
            (Problem::NoProgram { message }, Some(native)) => Problem::NoWay {
                message,
                native: native.to_string(),
            },
            (problem, _) => problem,
        }
    }

    /// Executes `command` in the container that is meant.
    pub(crate) fn enter(
        self,
        target: &Target,
        options: &Kubectl,
        pods: &Pods,
        command: &[String],
    ) -> Result<Entered, Error> {
        #[cfg(feature = "kube")]
        if let Some(cluster) = &self.native {
            let explain = |problem| explain(target, problem);
            let chosen = self.choose(options, pods).map_err(explain)?;
            let refused = |problem| match problem {
                problem @ Problem::Refused { .. } => {
                    rights::of_refused(cluster.as_ref(), &chosen.namespace, problem)
                }
                problem => problem,
            };
            return match cluster.exec(&chosen, command).map_err(refused) {
                Ok(ends) => {
                    let carrier = Carrier::new(target.to_string(), Box::new(ends.link));
                    let opened = Opened {
                        carrier: carrier.watched_by(self.witness(target, &chosen)),
                        reader: Box::new(ends.reader),
                        writer: Box::new(ends.writer),
                    };
                    Ok(Entered {
                        opened,
                        route: Route::Native,
                        chosen: Some(chosen),
                    })
                }
                Err(refused @ Problem::Refused { .. }) if options.via == Via::Auto => {
                    self.enter_by_kubectl(target, options, chosen, command, Some(refused))
                }
                Err(problem) => Err(explain(problem)),
            };
        }
        if let Pods::Named(name) = pods {
            // kubectl looks for the pod itself; meanwhile it is asked which one that is.
            let known = Known::soon(&self.api, options, name);
            return self.enter_named(target, options, name, command, known);
        }
        let chosen = self.choose(options, pods);
        let chosen = chosen.map_err(|problem| explain(target, problem))?;
        self.enter_by_kubectl(target, options, chosen, command, None)
    }

    fn choose(&self, options: &Kubectl, pods: &Pods) -> Result<Chosen, Problem> {
        let mut chosen = self.resolve(options, pods, Count::One)?;
        chosen.pop().ok_or(Problem::NoPods)
    }

    fn witness(
        &self,
        target: &Target,
        chosen: &Chosen,
    ) -> Option<Box<dyn crate::carrier::Witness>> {
        let known = Known::now(chosen.namespace.clone(), chosen.identity.clone());
        Some(witness::of(target, &self.api, known))
    }

    fn enter_by_kubectl(
        &self,
        target: &Target,
        options: &Kubectl,
        chosen: Chosen,
        command: &[String],
        refused: Option<Problem>,
    ) -> Result<Entered, Error> {
        let options = Kubectl {
            namespace: Some(chosen.namespace.clone()),
            container: Some(chosen.container.clone()),
            ..options.clone()
        };
        let Identity { pod, .. } = &chosen.identity;
        let (process, stdout, stdin) =
            Process::start(options.exec(pod, command)).map_err(|error| {
                match &refused {
                    // Without kubectl the refusal is what matters.
                    Some(refused) => explain(target, refused.clone()),
                    None => error,
                }
            })?;
        let carrier = Carrier::new(target.to_string(), Box::new(process));
        let opened = Opened {
            carrier: carrier.watched_by(self.witness(target, &chosen)),
            reader: Box::new(stdout),
            writer: Box::new(stdin),
        };
        Ok(Entered {
            opened,
            route: self.route(refused),
            chosen: Some(chosen),
        })
    }

    fn enter_named(
        &self,
        target: &Target,
        options: &Kubectl,
        pod: &str,
        command: &[String],
        known: Known,
    ) -> Result<Entered, Error> {
        let started = Process::start(options.exec(pod, command));
        let (process, stdout, stdin) = started.map_err(|error| match &self.instead {
            Some(native) => explain(
                target,
                Problem::NoWay {
                    message: error.to_string(),
                    native: native.to_string(),
                },
            ),
            None => error,
        })?;
        let carrier = Carrier::new(target.to_string(), Box::new(process));
        let opened = Opened {
            carrier: carrier.watched_by(Some(witness::of(target, &self.api, known))),
            reader: Box::new(stdout),
            writer: Box::new(stdin),
        };
        Ok(Entered {
            opened,
            route: self.route(None),
            chosen: None,
        })
    }

    fn route(&self, refused: Option<Problem>) -> Route {
        let instead = refused.or_else(|| self.instead.clone());
        instead.map_or_else(|| Route::Child("kubectl".into()), Route::Instead)
    }
}
