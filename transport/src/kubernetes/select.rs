//! Which of several pods is taken: pure judgement, no requests.
//!
//! A pod that is going away, has not started or has come to its end is never taken. Among the
//! others the order is: ready before not ready, then the newer revision, then the younger pod,
//! then the name, so that the same pods always give the same answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::objects::{Metadata, Pod};

/// What is known of the revisions of a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Revisions {
    /// Nothing: age alone decides.
    #[default]
    Unknown,
    /// A higher number is newer, by the UID of the replica set that a pod belongs to.
    ByOwner(BTreeMap<String, u64>),
    /// The newest one has this hash; a pod has its own in the label `controller-revision-hash`.
    Newest(String),
    /// A higher number in the label `pod-template-generation` is newer.
    ByGeneration,
}

impl Revisions {
    fn of(&self, pod: &Metadata) -> u64 {
        match self {
            Self::Unknown => 0,
            Self::ByOwner(numbers) => pod
                .controller()
                .and_then(|owner| numbers.get(&owner.uid))
                .copied()
                .unwrap_or(0),
            Self::Newest(hash) => {
                u64::from(pod.labels.get("controller-revision-hash") == Some(hash))
            }
            Self::ByGeneration => pod
                .labels
                .get("pod-template-generation")
                .and_then(|number| number.parse().ok())
                .unwrap_or(0),
        }
    }
}

/// Why a pod is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unfit {
    Terminating,
    NotStarted,
    Ended,
}

impl Unfit {
    fn of(pod: &Pod) -> Option<Self> {
        if pod.metadata.deletion_timestamp.is_some() {
            return Some(Self::Terminating);
        }
        match pod.status.phase.as_str() {
            "Succeeded" | "Failed" => Some(Self::Ended),
            "Running" => None,
            _ => Some(Self::NotStarted),
        }
    }
}

/// Pods that can be taken, the best first, and why the others can not.
#[derive(Debug, Clone)]
pub(crate) struct Ranking {
    fit: Vec<Pod>,
    /// How many are ready, of those that are fit.
    ready: usize,
    /// The best pod is of the newest revision that any pod has, fit or not.
    newest_revision: bool,
    unfit: BTreeMap<Unfit, usize>,
}

/// Puts pods in order.
pub(crate) fn rank(pods: Vec<Pod>, revisions: &Revisions) -> Ranking {
    let revision = |pod: &Pod| revisions.of(&pod.metadata);
    let newest = pods
        .iter()
        .filter(|pod| Unfit::of(pod) != Some(Unfit::Terminating))
        .map(revision)
        .max();
    let mut unfit = BTreeMap::new();
    let mut fit = Vec::with_capacity(pods.len());
    for pod in pods {
        match Unfit::of(&pod) {
            Some(why) => *unfit.entry(why).or_default() += 1,
            None => fit.push(pod),
        }
    }
    fit.sort_by(|one, other| {
        let order = |pod: &Pod| {
            let created = pod.metadata.creation_timestamp.clone().unwrap_or_default();
            (pod.is("Ready"), revision(pod), created)
        };
        order(other)
            .cmp(&order(one))
            .then_with(|| one.metadata.name.cmp(&other.metadata.name))
    });
    Ranking {
        ready: fit.iter().filter(|pod| pod.is("Ready")).count(),
        newest_revision: fit.first().map(revision) == newest,
        fit,
        unfit,
    }
}

impl Ranking {
    /// The pods that can be taken, the best first.
    pub(crate) fn into_fit(self) -> Vec<Pod> {
        self.fit
    }

    pub(crate) fn fit(&self) -> &[Pod] {
        &self.fit
    }

    /// Why the first pod is the one to take.
    pub(crate) fn reason(&self) -> Reason {
        Reason {
            fit: self.fit.len(),
            ready: self.ready,
            newest_revision: self.newest_revision,
            others: self.others(),
        }
    }

    /// The pods that can not be taken, in words: `2 terminating, 1 not started`. Empty if there
    /// are none.
    pub(crate) fn others(&self) -> String {
        let words = self.unfit.iter().map(|(why, count)| {
            let why = match why {
                Unfit::Terminating => "terminating",
                Unfit::NotStarted => "not started",
                Unfit::Ended => "ended",
            };
            format!("{count} {why}")
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// What the pods belong to, if to different things: `ReplicaSet web, StatefulSet db`.
    pub(crate) fn families(&self) -> BTreeSet<String> {
        self.fit.iter().map(|pod| family(&pod.metadata)).collect()
    }
}

/// What a pod belongs to. All replica sets of a deployment are one family: they differ in the
/// hash of their template, which their pods have as a label.
fn family(pod: &Metadata) -> String {
    let Some(owner) = pod.controller() else {
        return format!("pod {}", pod.name);
    };
    let hash = pod.labels.get("pod-template-hash");
    let base = hash.and_then(|hash| owner.name.strip_suffix(hash)?.strip_suffix('-'));
    match base {
        Some(deployment) => format!("deployment {deployment}"),
        None => format!("{} {}", owner.kind.to_lowercase(), owner.name),
    }
}

/// Why a pod was taken, among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    fit: usize,
    ready: usize,
    newest_revision: bool,
    others: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ready, self.fit) {
            (0, 1) => f.write_str("the only one that runs, though it is not ready")?,
            (0, fit) => write!(f, "the newest of {fit} that run; none is ready")?,
            (1, 1) => f.write_str("the only one")?,
            (1, fit) => write!(f, "the only one that is ready, of {fit}")?,
            (ready, _) => write!(f, "the newest of {ready} that are ready")?,
        }
        if !self.newest_revision {
            f.write_str("; the newest revision has none to take")?;
        }
        if !self.others.is_empty() {
            write!(f, "; passed over: {}", self.others)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::objects::{Condition, Owner};
    use super::*;

    fn pod(name: &str, created: &str) -> Pod {
        let mut pod = Pod::default();
        pod.metadata.name = name.into();
        pod.metadata.creation_timestamp = Some(created.into());
        pod.status.phase = "Running".into();
        pod.status.conditions = vec![Condition {
            kind: "Ready".into(),
            status: "True".into(),
        }];
        pod
    }

    fn unready(mut pod: Pod) -> Pod {
        pod.status.conditions.clear();
        pod
    }

    fn terminating(mut pod: Pod) -> Pod {
        pod.metadata.deletion_timestamp = Some("2026-01-01T00:00:00Z".into());
        pod
    }

    fn in_phase(mut pod: Pod, phase: &str) -> Pod {
        pod.status.phase = phase.into();
        pod
    }

    fn owned(mut pod: Pod, kind: &str, name: &str, hash: &str) -> Pod {
        pod.metadata.owner_references = vec![Owner {
            kind: kind.into(),
            name: name.into(),
            uid: format!("uid-{name}"),
            controller: true,
        }];
        for label in ["pod-template-hash", "controller-revision-hash"] {
            pod.metadata.labels.insert(label.into(), hash.into());
        }
        pod
    }

    fn first(pods: Vec<Pod>, revisions: &Revisions) -> String {
        rank(pods, revisions).fit()[0].metadata.name.clone()
    }

    const OLD: &str = "2026-01-01T00:00:00Z";
    const YOUNG: &str = "2026-01-02T00:00:00Z";

    #[test]
    fn the_youngest_ready_pod_is_taken() {
        let pods = vec![
            pod("old", OLD),
            pod("young", YOUNG),
            unready(pod("younger", "2026-01-03T00:00:00Z")),
        ];
        let ranking = rank(pods, &Revisions::Unknown);
        assert_eq!(ranking.fit()[0].metadata.name, "young");
        assert_eq!(
            ranking.reason().to_string(),
            "the newest of 2 that are ready"
        );
    }

    #[test]
    fn a_terminating_pod_is_never_taken_not_even_alone() {
        let ranking = rank(vec![terminating(pod("a", OLD))], &Revisions::Unknown);
        assert!(ranking.fit().is_empty());
        assert_eq!(ranking.others(), "1 terminating");
        let pods = vec![terminating(pod("ready", YOUNG)), unready(pod("slow", OLD))];
        assert_eq!(first(pods, &Revisions::Unknown), "slow");
    }

    #[test]
    fn a_pod_that_has_not_started_or_has_ended_can_not_be_entered() {
        let pods = vec![
            in_phase(pod("a", OLD), "Pending"),
            in_phase(pod("b", OLD), "Succeeded"),
            in_phase(pod("c", OLD), "Failed"),
        ];
        let ranking = rank(pods, &Revisions::Unknown);
        assert!(ranking.fit().is_empty());
        assert_eq!(ranking.others(), "1 not started, 2 ended");
    }

    #[test]
    fn the_newest_revision_wins_over_age() {
        let revisions = Revisions::ByOwner(
            [("uid-web-a".into(), 9), ("uid-web-b".into(), 10)]
                .into_iter()
                .collect(),
        );
        let pods = vec![
            owned(pod("rescheduled", YOUNG), "ReplicaSet", "web-a", "a"),
            owned(pod("current", OLD), "ReplicaSet", "web-b", "b"),
        ];
        assert_eq!(first(pods, &revisions), "current");

        let pods = vec![
            owned(pod("db-0", YOUNG), "StatefulSet", "db", "old"),
            owned(pod("db-1", OLD), "StatefulSet", "db", "new"),
        ];
        assert_eq!(first(pods, &Revisions::Newest("new".into())), "db-1");

        let [mut one, mut other] = [pod("ds-1", YOUNG), pod("ds-2", OLD)];
        let label = "pod-template-generation".to_owned();
        one.metadata.labels.insert(label.clone(), "9".into());
        other.metadata.labels.insert(label, "10".into());
        assert_eq!(first(vec![one, other], &Revisions::ByGeneration), "ds-2");
    }

    #[test]
    fn a_ready_pod_of_an_older_revision_is_better_than_one_that_does_not_work_yet() {
        let revisions = Revisions::Newest("new".into());
        let pods = vec![
            unready(owned(pod("broken", YOUNG), "StatefulSet", "db", "new")),
            owned(pod("good", OLD), "StatefulSet", "db", "old"),
        ];
        let ranking = rank(pods, &revisions);
        assert_eq!(ranking.fit()[0].metadata.name, "good");
        let reason = ranking.reason().to_string();
        assert_eq!(
            reason,
            "the only one that is ready, of 2; the newest revision has none to take"
        );
    }

    #[test]
    fn what_was_passed_over_is_said() {
        let pods = vec![
            terminating(pod("a", OLD)),
            terminating(pod("b", OLD)),
            unready(pod("c", OLD)),
        ];
        let reason = rank(pods, &Revisions::Unknown).reason().to_string();
        assert_eq!(
            reason,
            "the only one that runs, though it is not ready; passed over: 2 terminating"
        );
    }

    #[test]
    fn the_same_pods_in_another_order_give_the_same_pod() {
        let pods = vec![pod("b", OLD), pod("a", OLD), pod("c", OLD)];
        let mut reversed = pods.clone();
        reversed.reverse();
        assert_eq!(first(pods, &Revisions::Unknown), "a");
        assert_eq!(first(reversed, &Revisions::Unknown), "a");
    }

    #[test]
    fn two_revisions_of_a_deployment_are_one_family_and_two_workloads_are_two() {
        let web = vec![
            owned(pod("web-1", OLD), "ReplicaSet", "web-5f6", "5f6"),
            owned(pod("web-2", OLD), "ReplicaSet", "web-7c8", "7c8"),
        ];
        let families = rank(web.clone(), &Revisions::Unknown).families();
        assert_eq!(families.into_iter().collect::<Vec<_>>(), ["deployment web"]);

        let mut mixed = web;
        mixed.push(owned(pod("db-0", OLD), "StatefulSet", "db", "x"));
        mixed.push(pod("lone", OLD));
        let families = rank(mixed, &Revisions::Unknown).families();
        assert_eq!(
            families.into_iter().collect::<Vec<_>>(),
            ["deployment web", "pod lone", "statefulset db"]
        );
    }
}
