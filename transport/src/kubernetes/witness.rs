//! Whether a pod is still the one that was chosen.
//!
//! Names of pods come back: that of a stateful set's pod the moment the old one is gone. What was
//! read before and after is then not one state of anything.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::api::Api;
use super::explain;
use super::problem::{Identity, Problem};
use super::resolve::{Standing, standing};
use crate::carrier::Witness;
use crate::error::Error;
use crate::target::{Kubectl, Target};

/// How long it may take to learn which pod it is.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the next pod of a name may take to be there.
const SUCCESSION: Duration = Duration::from_secs(3);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// Which pod it was at the beginning.
pub(crate) enum Known {
    /// It is known, and its namespace.
    Now(String, Identity),
    /// It is being asked for.
    Soon(Receiver<(String, Identity)>),
    /// Nobody can say.
    Never,
}

impl Known {
    pub(crate) fn now(namespace: String, identity: Identity) -> Self {
        Self::Now(namespace, identity)
    }

    /// Asks on another thread. Whoever may not ask goes without an answer.
    pub(crate) fn soon(api: &Arc<dyn Api>, options: &Kubectl, pod: &str) -> Self {
        let (api, options, pod) = (Arc::clone(api), options.clone(), pod.to_owned());
        let (answer, answers) = mpsc::channel();
        let ask = move || {
            let namespace = match options.namespace {
                Some(namespace) => namespace,
                None => api.namespace().ok()?,
            };
            let container = options.container.as_deref();
            let found = standing(api.as_ref(), &namespace, &pod, container).ok()?;
            answer.send((namespace, found.identity)).ok()
        };
        // Without a thread nobody answers.
        drop(thread::Builder::new().spawn(ask));
        Self::Soon(answers)
    }

    fn get(&mut self) -> Option<(&str, &Identity)> {
        if let Self::Soon(answers) = self {
            *self = match answers.recv_timeout(PATIENCE) {
                Ok((namespace, identity)) => Self::Now(namespace, identity),
                Err(_) => Self::Never,
            };
        }
        match self {
            Self::Now(namespace, identity) => Some((namespace, identity)),
            Self::Soon(_) | Self::Never => None,
        }
    }
}

struct PodWitness {
    target: Target,
    api: Arc<dyn Api>,
    known: Known,
    /// Whether it was known which pod it is before anything was executed there. Where the name alone
    /// was, all of a conversation that was complete is of one pod of that name, whichever.
    is_chosen: bool,
}

/// Watches over the pod of `target`.
pub(crate) fn of(target: &Target, api: &Arc<dyn Api>, known: Known) -> Box<dyn Witness> {
    Box::new(PodWitness {
        is_chosen: matches!(known, Known::Now(..)),
        target: target.clone(),
        api: Arc::clone(api),
        known,
    })
}

impl Witness for PodWitness {
    fn remember(&mut self) {
        self.known.get();
    }

    fn check(&mut self, broken: bool) -> Result<(), Error> {
        if !broken && !self.is_chosen {
            return Ok(());
        }
        let Some((namespace, before)) = self.known.get() else {
            return Ok(());
        };
        let container = before.container.as_ref().map(|(name, _)| name.as_str());
        let patience = Instant::now() + SUCCESSION;
        let after = loop {
            let after = standing(self.api.as_ref(), namespace, &before.pod, container);
            if !(broken && is_undecided(before, &after)) || Instant::now() > patience {
                break after;
            }
            thread::sleep(PAUSE);
        };
        match difference(before, after, broken) {
            Some(problem) => Err(explain(&self.target, problem)),
            None => Ok(()),
        }
    }
}

/// Whether a pod is on its way out, or gone, and the next one of its name not there yet.
fn is_undecided(before: &Identity, after: &Result<Standing, Problem>) -> bool {
    match after {
        Ok(after) => after.is_terminating && after.identity.uid == before.uid,
        Err(problem) => matches!(problem, Problem::NoSuch { .. }),
    }
}

/// What has changed, if it matters: after a complete conversation only another pod does.
fn difference(
    before: &Identity,
    after: Result<Standing, Problem>,
    broken: bool,
) -> Option<Problem> {
    let replaced_by = |after: Option<Identity>| Problem::Replaced {
        before: Box::new(before.clone()),
        after: after.map(Box::new),
    };
    match after {
        Ok(after) if after.identity.uid != before.uid => Some(replaced_by(Some(after.identity))),
        Ok(after) if broken && after.is_terminating => Some(replaced_by(None)),
        Ok(after) if broken && after.identity.container != before.container => {
            let (container, _) = before.container.clone()?;
            Some(Problem::Restarted {
                pod: before.pod.clone(),
                container,
            })
        }
        Err(Problem::NoSuch { .. }) if broken => Some(replaced_by(None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(uid: &str, container: &str) -> Standing {
        Standing {
            identity: pod(uid, container),
            is_terminating: false,
        }
    }

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
            let same = Ok(now("u1", "c1"));
            assert_eq!(difference(&pod("u1", "c1"), same, broken), None);
        }
    }

    #[test]
    fn another_pod_of_the_same_name_is_always_an_error_that_names_both() {
        for broken in [true, false] {
            let problem = difference(&pod("u1", "c1"), Ok(now("u2", "c2")), broken).unwrap();
            assert_eq!(
                problem.to_string(),
                "the pod was replaced meanwhile: web-0 (UID u1) was chosen, now it is \
                 web-0 (UID u2)"
            );
        }
    }

    #[test]
    fn a_container_that_started_again_explains_a_broken_stream_only() {
        let after = || Ok(now("u1", "c2"));
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
    fn a_pod_that_is_on_its_way_out_explains_a_broken_stream_only_and_is_waited_for() {
        let before = pod("u1", "c1");
        let going = || {
            Ok(Standing {
                is_terminating: true,
                ..now("u1", "c1")
            })
        };
        assert!(is_undecided(&before, &going()));
        assert!(!is_undecided(&before, &Ok(now("u1", "c1"))));
        assert!(!is_undecided(&before, &Ok(now("u2", "c2"))));
        assert_eq!(difference(&before, going(), false), None);
        assert!(difference(&before, going(), true).is_some());
    }

    #[test]
    fn no_answer_proves_nothing() {
        let no_answer = Err(Problem::Unreachable {
            message: String::new(),
        });
        assert_eq!(difference(&pod("u1", "c1"), no_answer, true), None);
    }
}
