//! `pods/ephemeralcontainers`: a container is added to a pod that runs, as `kubectl debug` does it.

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde_json::Value;

use super::{Answer, json_answer, objects, status};
use crate::state::{State, pod_key};

/// More than any container needs.
const MAX_PATCH_LEN: usize = 256 * 1024;

/// Answers a patch, of which only new ephemeral containers count: nothing else may be changed.
pub(super) async fn answer(
    state: &State,
    namespace: &str,
    pod: &str,
    request: Request<Incoming>,
) -> Answer {
    let verb = if request.method() == Method::PATCH {
        "patch"
    } else {
        "get"
    };
    let resource = "pods/ephemeralcontainers";
    if !state.access().allows(verb, resource) {
        let user = objects::user(&request);
        return status::forbidden(user, verb, resource, "", pod, namespace);
    }
    let key = pod_key(namespace, pod);
    if state.store.get(&key).is_none() {
        return status::not_found("pods", "", pod);
    }
    if verb == "patch" {
        let body = Limited::new(request.into_body(), MAX_PATCH_LEN)
            .collect()
            .await;
        let patch = body
            .ok()
            .and_then(|body| serde_json::from_slice::<Value>(&body.to_bytes()).ok());
        let Some(patch) = patch else {
            return status::bad_request("the patch can not be understood");
        };
        let containers = patch["spec"]["ephemeralContainers"].as_array();
        for container in containers.into_iter().flatten() {
            if let Err(error) = state.add_ephemeral(namespace, pod, container) {
                let code = StatusCode::UNPROCESSABLE_ENTITY;
                return status::answer(code, "Invalid", &error.to_string());
            }
        }
    }
    match state.store.get(&key) {
        Some(object) => json_answer(&object),
        None => status::not_found("pods", "", pod),
    }
}
