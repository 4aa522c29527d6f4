//! From what the user wrote to containers of pods that run.
//!
//! Nothing but reading requests: `get` for the object, `list` for its pods, and where the user may
//! list replica sets, their revisions. Whoever may not is told nothing of it: age decides then.

use std::collections::BTreeMap;

use super::api::{Api, list, object};
use super::objects::{Metadata, Pod, Selector, Workload};
use super::problem::{Identity, Problem};
use super::select::{Reason, Revisions, rank};
use crate::name::{is_dns_label, is_dns_subdomain};
use crate::target::Pods;

/// Names the container that is meant if none is named.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// A container of a pod, chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The pod's namespace.
    pub namespace: String,
    /// The container's name.
    pub container: String,
    /// Which pod it is.
    pub identity: Identity,
    /// Why this one, if there was a choice.
    pub why: Option<Reason>,
}

/// How many pods are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// The best one.
    One,
    /// All that can be used, the best first.
    All,
}

/// The containers that `pods` and `container` name; at least one.
pub(crate) fn resolve(
    api: &dyn Api,
    namespace: Option<&str>,
    pods: &Pods,
    container: Option<&str>,
    count: Count,
) -> Result<Vec<Chosen>, Problem> {
    let namespace = match namespace {
        Some(namespace) => namespace.to_owned(),
        None => api.namespace()?,
    };
    let place = Place { api, namespace };
    let (found, revisions) = match pods {
        Pods::Named(name) => {
            let pod = place.pod(name)?;
            return Ok(vec![place.choose(&pod, container, None)?]);
        }
        Pods::Selected(selector) => (place.selected(selector)?, Revisions::Unknown),
        Pods::Of { kind, name } => match Kind::parse(kind)? {
            Kind::Pod => {
                let pod = place.pod(name)?;
                return Ok(vec![place.choose(&pod, container, None)?]);
            }
            Kind::Workload(kind) => place.pods_of(kind, name)?,
        },
    };
    let is_empty = found.is_empty();
    let ranking = rank(found, &revisions);
    if ranking.fit().is_empty() {
        let others = ranking.others();
        return Err(if is_empty {
            Problem::NoPods
        } else {
            Problem::NoneFit { others }
        });
    }
    if count == Count::All {
        let fit = ranking.into_fit();
        return fit
            .iter()
            .map(|pod| place.choose(pod, container, None))
            .collect();
    }
    // Behind a service or within a workload pods are alike. A selector promises nothing.
    let families = ranking.families();
    if matches!(pods, Pods::Selected(_)) && families.len() > 1 {
        let families = families.into_iter().collect();
        return Err(Problem::Ambiguous { families });
    }
    let reason = ranking.reason();
    match ranking.fit().first() {
        Some(pod) => Ok(vec![place.choose(pod, container, Some(reason))?]),
        None => Err(Problem::NoPods),
    }
}

/// A pod as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) identity: Identity,
    /// Whether it is about to be gone.
    pub(crate) is_terminating: bool,
}

/// How it stands with a pod.
pub(crate) fn standing(
    api: &dyn Api,
    namespace: &str,
    pod: &str,
    container: Option<&str>,
) -> Result<Standing, Problem> {
    let pod: Pod = object(api, &format!("/api/v1/namespaces/{namespace}/pods/{pod}"))?;
    Ok(Standing {
        identity: identity_of(&pod, container),
        is_terminating: pod.metadata.deletion_timestamp.is_some(),
    })
}

fn identity_of(pod: &Pod, container: Option<&str>) -> Identity {
    let id = |name: &str| {
        let status = pod.container_status(name);
        status.and_then(|status| status.container_id.clone())
    };
    Identity {
        pod: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
        container: container.map(|name| (name.to_owned(), id(name).unwrap_or_default())),
    }
}

/// A kind of object that leads to pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pod,
    Workload(WorkloadKind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WorkloadKind {
    /// In words.
    name: &'static str,
    /// Where its objects are: the beginning of the path, and the end.
    group: &'static str,
    plural: &'static str,
    rollout: Rollout,
}

/// How a workload brings about a new revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rollout {
    /// By replica sets with this annotation.
    ReplicaSets(&'static str),
    StatefulSet,
    DaemonSet,
    /// By jobs, each with pods of its own.
    Jobs,
    None,
}

impl Kind {
    /// In all spellings that kubectl knows: `deploy`, `deployments`, `deployment.v1.apps`.
    fn parse(text: &str) -> Result<Self, Problem> {
        let base = text.split('.').next().unwrap_or_default();
        let workload = |name, group, plural, rollout| {
            Ok(Self::Workload(WorkloadKind {
                name,
                group,
                plural,
                rollout,
            }))
        };
        let (apps, batch) = ("/apis/apps/v1", "/apis/batch/v1");
        match base {
            "pod" | "pods" | "po" => Ok(Self::Pod),
            "deploy" | "deployment" | "deployments" => workload(
                "deployment",
                apps,
                "deployments",
                Rollout::ReplicaSets("deployment.kubernetes.io/revision"),
            ),
            "rollout" | "rollouts" => workload(
                "rollout",
                "/apis/argoproj.io/v1alpha1",
                "rollouts",
                Rollout::ReplicaSets("rollout.argoproj.io/revision"),
            ),
            "sts" | "statefulset" | "statefulsets" => {
                workload("stateful set", apps, "statefulsets", Rollout::StatefulSet)
            }
            "ds" | "daemonset" | "daemonsets" => {
                workload("daemon set", apps, "daemonsets", Rollout::DaemonSet)
            }
            "rs" | "replicaset" | "replicasets" => {
                workload("replica set", apps, "replicasets", Rollout::None)
            }
            "rc" | "replicationcontroller" | "replicationcontrollers" => workload(
                "replication controller",
                "/api/v1",
                "replicationcontrollers",
                Rollout::None,
            ),
            "job" | "jobs" => workload("job", batch, "jobs", Rollout::None),
            "cj" | "cronjob" | "cronjobs" => workload("cron job", batch, "cronjobs", Rollout::Jobs),
            "svc" | "service" | "services" => {
                workload("service", "/api/v1", "services", Rollout::None)
            }
            _ => Err(Problem::UnknownKind { kind: text.into() }),
        }
    }
}

/// A namespace of a cluster.
struct Place<'a> {
    api: &'a dyn Api,
    namespace: String,
}

impl Place<'_> {
    fn path(&self, group: &str, plural: &str) -> String {
        format!("{group}/namespaces/{}/{plural}", self.namespace)
    }

    fn pod(&self, name: &str) -> Result<Pod, Problem> {
        let path = format!("{}/{name}", self.path("/api/v1", "pods"));
        object(self.api, &path).map_err(|problem| self.named(problem, "pod", name))
    }

    /// A missing object is named as the user calls it.
    fn named(&self, problem: Problem, kind: &str, name: &str) -> Problem {
        match problem {
            Problem::NoSuch { .. } => Problem::NoSuch {
                what: format!("{kind} {name} in namespace {}", self.namespace),
            },
            problem => problem,
        }
    }

    fn selected(&self, selector: &str) -> Result<Vec<Pod>, Problem> {
        let pods = list(self.api, &self.path("/api/v1", "pods"), selector);
        pods.map_err(|problem| match problem {
            Problem::Server { code: 400, .. } => Problem::BadSelector {
                selector: selector.to_owned(),
            },
            problem => problem,
        })
    }

    fn pods_of(&self, kind: WorkloadKind, name: &str) -> Result<(Vec<Pod>, Revisions), Problem> {
        let path = format!("{}/{name}", self.path(kind.group, kind.plural));
        let workload: Workload =
            object(self.api, &path).map_err(|problem| self.named(problem, kind.name, name))?;
        if kind.rollout == Rollout::Jobs {
            let job = self.latest_job(&workload.metadata)?;
            return Ok((self.pods_selected_by(&job)?, Revisions::Unknown));
        }
        let mut pods = self.pods_selected_by(&workload)?;
        let revisions = match kind.rollout {
            Rollout::ReplicaSets(annotation) => {
                let numbers = self.revisions(&workload, annotation);
                // Another deployment's pods may have these labels too.
                if !numbers.is_empty() {
                    pods.retain(|pod| {
                        let owner = pod.metadata.controller();
                        owner.is_some_and(|owner| numbers.contains_key(&owner.uid))
                    });
                }
                Revisions::ByOwner(numbers)
            }
            Rollout::StatefulSet => workload
                .status
                .update_revision
                .clone()
                .map_or(Revisions::Unknown, Revisions::Newest),
            Rollout::DaemonSet => Revisions::ByGeneration,
            Rollout::Jobs | Rollout::None => Revisions::Unknown,
        };
        Ok((pods, revisions))
    }

    fn pods_selected_by(&self, workload: &Workload) -> Result<Vec<Pod>, Problem> {
        let query = query_of(&workload.spec.selector).ok_or(Problem::NoSelector)?;
        list(self.api, &self.path("/api/v1", "pods"), &query)
    }

    /// The revision of each replica set of a workload, by UID. Empty if they can not be listed.
    fn revisions(&self, workload: &Workload, annotation: &str) -> BTreeMap<String, u64> {
        let Some(query) = query_of(&workload.spec.selector) else {
            return BTreeMap::new();
        };
        let sets: Result<Vec<Workload>, _> =
            list(self.api, &self.path("/apis/apps/v1", "replicasets"), &query);
        let owned = sets.unwrap_or_default().into_iter().filter(|set| {
            let owner = set.metadata.controller();
            owner.is_some_and(|owner| owner.uid == workload.metadata.uid)
        });
        let number = |set: &Metadata| {
            let number = set.annotations.get(annotation);
            number.and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        owned
            .map(|set| (set.metadata.uid.clone(), number(&set.metadata)))
            .collect()
    }

    fn latest_job(&self, cron_job: &Metadata) -> Result<Workload, Problem> {
        let jobs: Vec<Workload> = list(self.api, &self.path("/apis/batch/v1", "jobs"), "")?;
        let own = jobs.into_iter().filter(|job| {
            let owner = job.metadata.controller();
            owner.is_some_and(|owner| owner.uid == cron_job.uid)
        });
        own.max_by_key(|job| job.metadata.creation_timestamp.clone())
            .ok_or_else(|| Problem::NoSuch {
                what: format!("job of cron job {}: it has not started one", cron_job.name),
            })
    }

    fn choose(
        &self,
        pod: &Pod,
        container: Option<&str>,
        why: Option<Reason>,
    ) -> Result<Chosen, Problem> {
        let container = choose_container(pod, container)?;
        // They become part of addresses, command lines and local paths.
        if !is_dns_subdomain(&pod.metadata.name) || !is_dns_label(&container) {
            let (pod, container) = (&pod.metadata.name, &container);
            let message = format!("a pod is called `{pod}`, its container `{container}`");
            return Err(Problem::Answer { message });
        }
        Ok(Chosen {
            namespace: self.namespace.clone(),
            identity: identity_of(pod, Some(&container)),
            container,
            why,
        })
    }
}

/// The query for a selector, or for the labels that take its place in older kinds.
fn query_of(selector: &serde_json::Value) -> Option<String> {
    let is_selector = ["matchLabels", "matchExpressions"]
        .iter()
        .any(|field| selector.get(field).is_some());
    let selector = if is_selector {
        serde_json::from_value(selector.clone()).ok()?
    } else {
        Selector {
            match_labels: serde_json::from_value(selector.clone()).ok()?,
            ..Selector::default()
        }
    };
    selector.to_query()
}

fn choose_container(pod: &Pod, wanted: Option<&str>) -> Result<String, Problem> {
    let spec = &pod.spec;
    let has = |name: &str| {
        [
            &spec.containers,
            &spec.init_containers,
            &spec.ephemeral_containers,
        ]
        .into_iter()
        .flatten()
        .any(|container| container.name == name)
    };
    let annotated = pod.metadata.annotations.get(DEFAULT_CONTAINER);
    let name = match wanted {
        Some(name) if has(name) => name,
        Some(name) => {
            return Err(Problem::NoSuchContainer {
                pod: pod.metadata.name.clone(),
                container: name.to_owned(),
                has: spec.containers.iter().map(|it| it.name.clone()).collect(),
            });
        }
        None => annotated
            .filter(|name| has(name))
            .or(spec.containers.first().map(|container| &container.name))
            .map_or("", String::as_str),
    };
    // A server that says nothing of the state will say so when the container is entered.
    if let Some(status) = pod.container_status(name)
        && status.state.running.is_none()
    {
        let state = &status.state;
        let (what, reason) = match (&state.waiting, &state.terminated) {
            (_, Some(ended)) => ("it has ended", &ended.reason),
            (Some(waiting), _) => ("it is waiting", &waiting.reason),
            (None, None) => ("it has not started", &String::new()),
        };
        let reason = rsync_core::path::escape(reason.as_bytes());
        return Err(Problem::NotRunning {
            pod: pod.metadata.name.clone(),
            container: name.to_owned(),
            state: if reason.is_empty() {
                what.to_owned()
            } else {
                format!("{what} ({reason})")
            },
        });
    }
    Ok(name.to_owned())
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
