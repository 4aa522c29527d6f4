//! The HTTP side: what is asked for, whether it is allowed, and the answer.

mod access_review;
mod ephemeral;
mod exec;
mod objects;
mod status;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::resource;
use crate::state::State;

pub(crate) use status::{failure, success};

pub(crate) type Body = BoxBody<Bytes, Infallible>;
pub(crate) type Answer = Response<Body>;

/// Answers a request.
pub(crate) async fn answer(state: Arc<State>, request: Request<Incoming>) -> Answer {
    state.counts.requests.fetch_add(1, Ordering::Relaxed);
    if state.access().is_expired {
        return status::unauthorized();
    }
    let path = request.uri().path().to_owned();
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    match words[..] {
        ["version"] => json_answer(&version(state.minor)),
        ["healthz" | "readyz" | "livez"] => Response::new(full("ok")),
        ["api"] => json_answer(&json!({"kind": "APIVersions", "versions": ["v1"]})),
        ["apis"] => json_answer(&groups()),
        ["api", "v1"] => json_answer(&resource::discovery("")),
        ["apis", group, "v1"] if resource::GROUPS.contains(&group) => {
            json_answer(&resource::discovery(group))
        }
        [
            "apis",
            "authorization.k8s.io",
            "v1",
            "selfsubjectaccessreviews",
        ] if request.method() == Method::POST => access_review::answer(&state, request).await,
        ["api", "v1", "namespaces", namespace, "pods", pod, "exec"] => {
            exec::answer(&state, namespace, pod, request)
        }
        [
            "api",
            "v1",
            "namespaces",
            namespace,
            "pods",
            pod,
            "ephemeralcontainers",
        ] => ephemeral::answer(&state, namespace, pod, request).await,
        ["api", "v1", ref rest @ ..] => objects::answer(&state, "", rest, &request),
        ["apis", group, "v1", ref rest @ ..] => objects::answer(&state, group, rest, &request),
        _ => status::no_such_path(),
    }
}

/// The parameters of a query. The last of several with one name counts.
fn query(request: &Request<Incoming>) -> BTreeMap<String, String> {
    pairs(request).into_iter().collect()
}

fn pairs(request: &Request<Incoming>) -> Vec<(String, String)> {
    let query = request.uri().query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

fn json_answer(value: &Value) -> Answer {
    json_answer_with(StatusCode::OK, value)
}

fn json_answer_with(code: StatusCode, value: &Value) -> Answer {
    let mut answer = Response::new(full(value.to_string()));
    *answer.status_mut() = code;
    let json = hyper::header::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}

fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed()
}

fn version(minor: u32) -> Value {
    json!({
        "major": "1",
        "minor": minor.to_string(),
        "gitVersion": format!("v1.{minor}.0"),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": "linux/amd64",
    })
}

fn groups() -> Value {
    let groups: Vec<Value> = resource::GROUPS
        .iter()
        .map(|group| {
            let version = json!({"groupVersion": format!("{group}/v1"), "version": "v1"});
            json!({"name": group, "versions": [version], "preferredVersion": version})
        })
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}
