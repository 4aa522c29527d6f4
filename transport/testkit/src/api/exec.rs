//! `pods/exec`: who is asked for, by which protocol, and the upgrade to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use hyper::header::{SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};

use super::{Answer, failure, full, json_answer_with, objects, pairs, status};
use crate::exec::{self, Session, spdy, websocket};
use crate::fault::Faults;
use crate::state::{State, pod_key};

/// What RFC 6455 has a server add to the client's key.
const WEBSOCKET_KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const V5: &str = "v5.channel.k8s.io";
const V4: &str = "v4.channel.k8s.io";

const STREAM_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("x-stream-protocol-version");

/// How client and container are to be joined.
enum Protocol {
    WebSocket(&'static str),
    Spdy,
}

pub(super) fn answer(
    state: &Arc<State>,
    namespace: &str,
    pod: &str,
    mut request: Request<Incoming>,
) -> Answer {
    let verb = if request.method() == Method::POST {
        "create"
    } else {
        "get"
    };
    if !state.access().allows(verb, "pods/exec") {
        let user = objects::user(&request);
        return status::forbidden(user, verb, "pods/exec", "", pod, namespace);
    }
    let protocol = match negotiate(state, &request) {
        Ok(protocol) => protocol,
        Err(answer) => return *answer,
    };
    // Not before: a client that is refused tries again, and is the same exec.
    let mut faults = state.next_faults();
    if faults.replaces_first()
        && let Err(error) = state.replace_pod(namespace, pod)
    {
        return status::answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            &error.to_string(),
        );
    }
    let session = match session(state, namespace, pod, faults, &request) {
        Ok(session) => session,
        Err(answer) => return *answer,
    };
    let answer = switching(&protocol, &request);
    let upgrade = hyper::upgrade::on(&mut request);
    let mut restarts = state.restarts();
    let state = Arc::clone(state);
    tokio::spawn(async move {
        let joined = async {
            let Ok(upgraded) = upgrade.await else { return };
            let connection = TokioIo::new(upgraded);
            match protocol {
                Protocol::WebSocket(version) => {
                    state.counts.websocket.fetch_add(1, Ordering::Relaxed);
                    let (from, to) = websocket::new(connection, version == V5);
                    exec::run(session, from, to).await;
                }
                Protocol::Spdy => {
                    state.counts.spdy.fetch_add(1, Ordering::Relaxed);
                    // A client that opens no streams wants nothing.
                    if let Ok((from, to)) = spdy::open(connection, &session).await {
                        exec::run(session, from, to).await;
                    }
                }
            }
        };
        tokio::select! {
            () = joined => {}
            _ = restarts.changed() => {}
        }
    });
    answer
}

/// What is to be executed, if it is there.
fn session(
    state: &Arc<State>,
    namespace: &str,
    name: &str,
    faults: Faults,
    request: &Request<Incoming>,
) -> Result<Session, Box<Answer>> {
    let Some(pod) = state.store.get(&pod_key(namespace, name)) else {
        return Err(status::not_found("pods", "", name).into());
    };
    let names = |kind: &str| -> Vec<&str> {
        let containers = pod["spec"][kind].as_array().into_iter().flatten();
        containers
            .filter_map(|container| container["name"].as_str())
            .collect()
    };
    let containers = names("containers");
    let pairs = pairs(request);
    let last = |name: &str| {
        pairs
            .iter()
            .rfind(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let container = match (last("container").unwrap_or_default(), &containers[..]) {
        ("", [only]) => only,
        ("", _) => {
            let message = format!(
                "a container name must be specified for pod {name}, choose one of: [{}]",
                containers.join(" ")
            );
            return Err(status::bad_request(&message).into());
        }
        (container, all) if all.contains(&container) => container,
        (container, _) if names("ephemeralContainers").contains(&container) => container,
        (container, _) => {
            let message = format!("container {container} is not valid for pod {name}");
            return Err(status::bad_request(&message).into());
        }
    };
    let is_running = pod["status"]["phase"] == "Running";
    let Some(sandbox) = state
        .sandbox(namespace, name, container)
        .filter(|_| is_running)
    else {
        let mut answer = Response::new(full(format!("container not found (\"{container}\")")));
        *answer.status_mut() = StatusCode::NOT_FOUND;
        return Err(answer.into());
    };
    let is_wanted = |stream: &str| last(stream).is_some_and(|value| matches!(value, "1" | "true"));
    Ok(Session {
        state: Arc::clone(state),
        namespace: namespace.to_owned(),
        pod: name.to_owned(),
        container: container.to_owned(),
        sandbox,
        command: pairs
            .iter()
            .filter(|(key, _)| key == "command")
            .map(|(_, word)| word.clone())
            .collect(),
        stdin: is_wanted("stdin"),
        stdout: is_wanted("stdout"),
        stderr: is_wanted("stderr"),
        faults,
    })
}

/// The protocol that both ends speak.
fn negotiate(state: &State, request: &Request<Incoming>) -> Result<Protocol, Box<Answer>> {
    let supported = state.protocols;
    let refuse = |why: &str| {
        let status = failure(StatusCode::BAD_REQUEST, "BadRequest", why);
        Err(json_answer_with(StatusCode::BAD_REQUEST, &status).into())
    };
    let upgrade = request
        .headers()
        .get(UPGRADE)
        .and_then(|value| value.to_str().ok());
    match upgrade.map(str::to_ascii_lowercase).as_deref() {
        Some("websocket") if supported.v5 || supported.v4 => {
            let offered = words(request, &SEC_WEBSOCKET_PROTOCOL);
            let speaks = |version: &str| offered.iter().any(|offer| offer == version);
            if supported.v5 && speaks(V5) {
                Ok(Protocol::WebSocket(V5))
            } else if supported.v4 && speaks(V4) {
                Ok(Protocol::WebSocket(V4))
            } else {
                let mut answer = Response::new(full(""));
                *answer.status_mut() = StatusCode::FORBIDDEN;
                Err(answer.into())
            }
        }
        Some("websocket") => refuse("unable to upgrade: WebSocket is not supported here"),
        Some("spdy/3.1") if supported.spdy => {
            let offered = words(request, &STREAM_PROTOCOL_VERSION);
            if offered.iter().any(|offer| offer == V4) {
                Ok(Protocol::Spdy)
            } else {
                refuse("unable to negotiate protocol: client supports none of [v4.channel.k8s.io]")
            }
        }
        _ => refuse("Upgrade request required"),
    }
}

/// The comma-separated words of all headers of a name.
fn words(request: &Request<Incoming>, name: &HeaderName) -> Vec<String> {
    let values = request.headers().get_all(name).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|word| word.trim().to_owned())
        .collect()
}

fn switching(protocol: &Protocol, request: &Request<Incoming>) -> Answer {
    let mut answer = Response::new(full(""));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    match protocol {
        Protocol::WebSocket(version) => {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(version));
            let key = request.headers().get(SEC_WEBSOCKET_KEY);
            let key = key.map_or(&b""[..], HeaderValue::as_bytes);
            let digest = Sha1::new()
                .chain_update(key)
                .chain_update(WEBSOCKET_KEY_SUFFIX)
                .finalize();
            if let Ok(accept) = HeaderValue::from_str(&STANDARD.encode(digest)) {
                headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
            }
        }
        Protocol::Spdy => {
            headers.insert(UPGRADE, HeaderValue::from_static("SPDY/3.1"));
            headers.insert(STREAM_PROTOCOL_VERSION, HeaderValue::from_static(V4));
        }
    }
    answer
}
