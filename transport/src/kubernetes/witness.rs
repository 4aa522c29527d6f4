//! Whether a pod is still the one that was chosen.
//!
//! Names of pods come back: that of a stateful set's pod the moment the old one is gone. What was
//! read before and after is then not one state of anything.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::api::Api;
use super::explain;
use super::problem::{Identity, Problem};
use super::resolve::identity;
use crate::carrier::Witness;
use crate::error::Error;
use crate::target::{Kubectl, Target};

/// Which pod it was at the beginning.
pub(crate) enum Known {
    /// It is known, and its namespace.
    Now(String, Identity),
    /// It is being asked for, or nobody can say.
    Soon(Option<JoinHandle<Option<(String, Identity)>>>),
}

impl Known {
    pub(crate) fn now(namespace: String, identity: Identity) -> Self {
        Self::Now(namespace, identity)
    }

    /// Asks on another thread. Whoever may not ask goes without an answer.
    pub(crate) fn soon(api: &Arc<dyn Api>, options: &Kubectl, pod: &str) -> Self {
        let (api, options, pod) = (Arc::clone(api), options.clone(), pod.to_owned());
        let ask = move || {
            let namespace = match options.namespace {
                Some(namespace) => namespace,
                None => api.namespace().ok()?,
            };
            let container = options.container.as_deref();
            let found = identity(api.as_ref(), &namespace, &pod, container).ok()?;
            Some((namespace, found))
        };
        Self::Soon(thread::Builder::new().spawn(ask).ok())
    }

    fn get(&mut self) -> Option<(&str, &Identity)> {
        if let Self::Soon(asking) = self {
            let answer = asking
                .take()
                .and_then(|asking| asking.join().ok().flatten());
            if let Some((namespace, identity)) = answer {
                *self = Self::Now(namespace, identity);
            }
        }
        match self {
            Self::Now(namespace, identity) => Some((namespace, identity)),
            Self::Soon(_) => None,
        }
    }
}

struct PodWitness {
    target: Target,
    api: Arc<dyn Api>,
    known: Known,
}

/// Watches over the pod of `target`.
pub(crate) fn of(target: &Target, api: &Arc<dyn Api>, known: Known) -> Box<dyn Witness> {
    Box::new(PodWitness {
        target: target.clone(),
        api: Arc::clone(api),
        known,
    })
}

impl Witness for PodWitness {
    fn check(&mut self, broken: bool) -> Result<(), Error> {
        let Some((namespace, before)) = self.known.get() else {
            return Ok(());
        };
        let container = before.container.as_ref().map(|(name, _)| name.as_str());
        let after = identity(self.api.as_ref(), namespace, &before.pod, container);
        match difference(before, after, broken) {
            Some(problem) => Err(explain(&self.target, problem)),
            None => Ok(()),
        }
    }
}

/// What has changed, if it matters: after a complete conversation only another pod does.
fn difference(
    before: &Identity,
    after: Result<Identity, Problem>,
    broken: bool,
) -> Option<Problem> {
    match after {
        Ok(after) if after.uid != before.uid => Some(Problem::Replaced {
            before: Box::new(before.clone()),
            after: Some(Box::new(after)),
        }),
        Ok(after) if broken && after.container != before.container => {
            let (container, _) = before.container.clone()?;
            Some(Problem::Restarted {
                pod: before.pod.clone(),
                container,
            })
        }
        Err(Problem::NoSuch { .. }) if broken => Some(Problem::Replaced {
            before: Box::new(before.clone()),
            after: None,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(uid: &str, container: &str) -> Identity {
        Identity {
            pod: "web-0".into(),
            uid: uid.into(),
            container: Some(("app".into(), container.into())),
        }
    }

    #[test]
    fn the_same_pod_is_no_difference() {
        for broken in [true, false] {
            let before = pod("u1", "c1");
            assert_eq!(difference(&before, Ok(before.clone()), broken), None);
        }
    }

    #[test]
    fn another_pod_of_the_same_name_is_always_an_error_that_names_both() {
        for broken in [true, false] {
            let problem = difference(&pod("u1", "c1"), Ok(pod("u2", "c2")), broken).unwrap();
            assert_eq!(
                problem.to_string(),
                "the pod was replaced meanwhile: web-0 (UID u1) was chosen, now it is \
                 web-0 (UID u2)"
            );
        }
    }

    #[test]
    fn a_container_that_started_again_explains_a_broken_stream_only() {
        let after = || Ok(pod("u1", "c2"));
        assert_eq!(difference(&pod("u1", "c1"), after(), false), None);
        let problem = difference(&pod("u1", "c1"), after(), true).unwrap();
        assert_eq!(
            problem.to_string(),
            "container app of pod web-0 was restarted meanwhile"
        );
    }

    #[test]
    fn a_pod_that_is_gone_explains_a_broken_stream_only() {
        let gone = || Err(Problem::NoSuch { what: "pod".into() });
        assert_eq!(difference(&pod("u1", "c1"), gone(), false), None);
        assert!(difference(&pod("u1", "c1"), gone(), true).is_some());
    }

    #[test]
    fn no_answer_proves_nothing() {
        let no_answer = Err(Problem::Unreachable {
            message: String::new(),
        });
        assert_eq!(difference(&pod("u1", "c1"), no_answer, true), None);
    }
}
