//! A container beside the one that is meant, for images in which no agent can be started.
//!
//! An ephemeral container of an image with a shell is added to the pod. It shares the processes of
//! the container that is meant, so it sees the files of that under [`ROOT`]. What it takes, and
//! what is left:
//!
//! - The right to patch `pods/ephemeralcontainers`, and the native way in.
//! - The kernel's leave to look at the other's files: both run as the same user, or this one may
//!   trace processes. It gets the user that the pod's specification names for its target, and no
//!   right that the target has not.
//! - It can not be taken out of the pod's specification again; it ends by itself after a day. The
//!   next run uses it again.

use std::thread;
use std::time::{Duration, Instant};

use rsync_core::path::escape;
use serde_json::json;

use super::api::{Api, Method, object};
use super::objects::Pod;
use super::problem::Problem;
use super::resolve::Chosen;
use crate::delivery::token;

/// Where the files of the container that is meant are, seen from the one beside it: its first
/// process is the first of both.
pub(crate) const ROOT: &str = "/proc/1/root";
/// Where that process is; relative paths begin there.
pub(crate) const DIRECTORY: &str = "/proc/1/cwd";

/// How our containers are called: this, the target's name, and something unique.
const PREFIX: &str = "ksyncd";
/// How long one lives, in seconds.
const LIFE: &str = "86400";
/// How often the server is asked whether it runs.
const POLL: Duration = Duration::from_millis(250);
/// States that a container does not come out of by itself.
const HOPELESS: [&str; 5] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
];

/// A container of `image` beside `chosen`, which runs when this returns.
///
/// # Errors
/// If it may not be added, or does not come to run in time.
pub(crate) fn beside(
    api: &dyn Api,
    chosen: &Chosen,
    image: &str,
    patience: Duration,
) -> Result<Chosen, Problem> {
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}",
        chosen.namespace, chosen.identity.pod
    );
    let pod: Pod = object(api, &path)?;
    let prefix = format!("{PREFIX}-{}-", short(&chosen.container));
    let running =
        pod.status.ephemeral_container_statuses.iter().find(|it| {
            it.name.starts_with(&prefix) && it.image == image && it.state.running.is_some()
        });
    let name = match running {
        Some(running) => running.name.clone(),
        None => {
            let unique = token().map_err(|error| Problem::Answer {
                message: error.to_string(),
            })?;
            let name = format!("{prefix}{}", &unique[..8]);
            add(api, &path, chosen, &pod, &name, image)?;
            name
        }
    };
    wait(api, &path, &name, patience)?;
    Ok(Chosen {
        container: name,
        ..chosen.clone()
    })
}

/// So much of a name that one with a prefix and something unique is still a label.
fn short(name: &str) -> &str {
    name.get(..40).unwrap_or(name).trim_end_matches('-')
}

fn add(
    api: &dyn Api,
    path: &str,
    chosen: &Chosen,
    pod: &Pod,
    name: &str,
    image: &str,
) -> Result<(), Problem> {
    let target = pod
        .spec
        .containers
        .iter()
        .find(|container| container.name == chosen.container);
    let context = target.and_then(|target| target.security_context.as_ref());
    let mut security = json!({});
    for field in ["runAsUser", "runAsGroup", "runAsNonRoot"] {
        if let Some(value) = context.and_then(|context| context.get(field)) {
            security[field] = value.clone();
        }
    }
    let patch = json!({"spec": {"ephemeralContainers": [{
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", LIFE],
        "targetContainerName": chosen.container,
        "securityContext": security,
    }]}});
    let path = format!("{path}/ephemeralcontainers");
    api.send(Method::Patch, &path, patch.to_string().as_bytes())
        .map(drop)
}

fn wait(api: &dyn Api, path: &str, name: &str, patience: Duration) -> Result<(), Problem> {
    let until = Instant::now() + patience;
    loop {
        let pod: Pod = object(api, path)?;
        let state = pod.container_status(name).map(|status| &status.state);
        let mut reason = "it has not started";
        if let Some(state) = state {
            if state.running.is_some() {
                return Ok(());
            }
            let why = state.waiting.as_ref().or(state.terminated.as_ref());
            reason = why.map_or(reason, |why| why.reason.as_str());
            let is_hopeless = state.terminated.is_some() || HOPELESS.contains(&reason);
            if !is_hopeless && Instant::now() < until {
                thread::sleep(POLL);
                continue;
            }
        } else if Instant::now() < until {
            thread::sleep(POLL);
            continue;
        }
        return Err(Problem::NotRunning {
            pod: pod.metadata.name.clone(),
            container: name.to_owned(),
            state: escape(reason.as_bytes()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::api::testing::Table;
    use super::super::problem::Identity;
    use super::*;

    const POD: &str = "/api/v1/namespaces/home/pods/web";

    fn chosen() -> Chosen {
        Chosen {
            namespace: "home".into(),
            container: "app".into(),
            identity: Identity {
                pod: "web".into(),
                uid: "u1".into(),
                container: None,
            },
            why: None,
        }
    }

    fn pod(state: serde_json::Value) -> serde_json::Value {
        json!({
            "metadata": {"name": "web"},
            "spec": {"containers": [{"name": "app"}]},
            "status": {"ephemeralContainerStatuses": [
                {"name": "ksyncd-app-0", "image": "busybox", "state": state}]},
        })
    }

    #[test]
    fn one_that_runs_already_is_used_again() {
        let api = Table::default().with(POD, pod(json!({"running": {}})));
        let beside = beside(&api, &chosen(), "busybox", Duration::ZERO).unwrap();
        assert_eq!(beside.container, "ksyncd-app-0");
        let asked = api.asked.lock().unwrap();
        assert!(asked.iter().all(|path| path == POD), "{asked:?}");
    }

    #[test]
    fn who_may_not_add_one_is_told_so() {
        let no = Problem::Forbidden {
            message: "no".into(),
        };
        let api = Table::default()
            .with(POD, pod(json!({"terminated": {"reason": "Completed"}})))
            .refusing(&format!("{POD}/ephemeralcontainers"), no.clone());
        let problem = beside(&api, &chosen(), "busybox", Duration::ZERO).unwrap_err();
        assert_eq!(problem, no);
    }

    #[test]
    fn an_image_that_is_not_there_is_not_waited_for() {
        let state = json!({"waiting": {"reason": "ErrImagePull"}});
        let api = Table::default().with(POD, pod(state));
        let long = Duration::from_secs(1000);
        let problem = wait(&api, POD, "ksyncd-app-0", long).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "container ksyncd-app-0 of pod web is not running: ErrImagePull"
        );
    }

    #[test]
    fn names_stay_labels_however_long_the_targets_is() {
        let name = format!("{PREFIX}-{}-01234567", short(&"a".repeat(63)));
        assert!(crate::name::is_dns_label(&name), "{name}");
    }
}
