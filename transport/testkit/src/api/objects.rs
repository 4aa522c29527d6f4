//! Getting, listing and watching objects.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Answer, json_answer, query, status};
use crate::resource::{self, Resource};
use crate::selector::Selector;
use crate::state::State;
use crate::store::{Event, Key};

/// Watches end after this long if they do not say how long they want to last.
const WATCH_PATIENCE: Duration = Duration::from_secs(1800);
/// Events that wait for a client to read them.
const QUEUE: usize = 16;

/// Which objects.
struct Place<'a> {
    resource: Resource,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
}

/// Answers for `rest`, which is the path after the group and the version.
pub(super) fn answer(
    state: &Arc<State>,
    group: &str,
    rest: &[&str],
    request: &Request<Incoming>,
) -> Answer {
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
        rest => (None, rest),
    };
    let (plural, name) = match rest {
        [plural] => (*plural, None),
        [plural, name] => (*plural, Some(*name)),
        _ => return status::no_such_path(),
    };
    let Some(resource) = resource::of_plural(group, plural) else {
        return status::no_such_path();
    };
    if request.method() != Method::GET {
        let message = "the server does not allow this method on the requested resource";
        return status::answer(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
    }
    let place = Place {
        resource,
        namespace,
        name,
    };
    let query = query(request);
    let is_watch = query
        .get("watch")
        .is_some_and(|value| matches!(value.as_str(), "" | "1" | "true"));
    let verb = match (is_watch, name) {
        (true, _) => "watch",
        (false, Some(_)) => "get",
        (false, None) => "list",
    };
    if !state.access().allows(verb, plural) {
        let name = name.unwrap_or_default();
        let namespace = namespace.unwrap_or_default();
        return status::forbidden(user(request), verb, plural, group, name, namespace);
    }
    let text = |name: &str| query.get(name).map_or("", String::as_str);
    let selector = match Selector::parse(text("labelSelector"), text("fieldSelector")) {
        Ok(selector) => selector,
        Err(part) => {
            return status::bad_request(&format!("unable to parse requirement: {part}"));
        }
    };
    match verb {
        "watch" => {
            let patience = text("timeoutSeconds").parse().map(Duration::from_secs);
            let patience = patience.unwrap_or(WATCH_PATIENCE);
            let since = text("resourceVersion")
                .parse()
                .ok()
                .filter(|&version| version > 0);
            watch(state, &place, selector, since, patience)
        }
        "get" => get(state, &place),
        _ => list(state, &place, &selector),
    }
}

/// Who asks, as far as is known.
pub(super) fn user(request: &Request<Incoming>) -> &str {
    let name = request.headers().get("impersonate-user");
    name.and_then(|name| name.to_str().ok())
        .unwrap_or("developer")
}

fn get(state: &State, place: &Place<'_>) -> Answer {
    let name = place.name.unwrap_or_default();
    let key = Key {
        resource: place.resource.plural.to_owned(),
        namespace: place.namespace.unwrap_or_default().to_owned(),
        name: name.to_owned(),
    };
    match state.store.get(&key) {
        Some(object) => json_answer(&object),
        None => status::not_found(place.resource.plural, place.resource.group, name),
    }
}

fn list(state: &State, place: &Place<'_>, selector: &Selector) -> Answer {
    let (mut items, version) = state.store.list(place.resource.plural, place.namespace);
    items.retain(|object| selector.matches(object));
    json_answer(&json!({
        "kind": format!("{}List", place.resource.kind),
        "apiVersion": place.resource.api_version(),
        "metadata": {"resourceVersion": version.to_string()},
        "items": items,
    }))
}

fn watch(
    state: &Arc<State>,
    place: &Place<'_>,
    selector: Selector,
    since: Option<u64>,
    patience: Duration,
) -> Answer {
    let (sender, receiver) = mpsc::channel::<Bytes>(QUEUE);
    let (plural, name) = (place.resource.plural, place.name.map(str::to_owned));
    let namespace = place.namespace.map(str::to_owned);
    let state = Arc::clone(state);
    tokio::spawn(async move {
        let is_asked_for = |key: &Key| {
            key.resource == plural
                && namespace
                    .as_ref()
                    .is_none_or(|namespace| *namespace == key.namespace)
                && name.as_ref().is_none_or(|name| *name == key.name)
        };
        let mut changes = state.store.subscribe();
        let mut restarts = state.restarts();
        let mut version = since.unwrap_or(0);
        if since.is_none() {
            let (objects, now) = state.store.list(plural, namespace.as_deref());
            version = now;
            let is_named = |object: &Value| {
                name.as_ref()
                    .is_none_or(|name| object["metadata"]["name"] == **name)
            };
            for object in objects
                .iter()
                .filter(|object| is_named(object) && selector.matches(object))
            {
                if sender.send(line("ADDED", object)).await.is_err() {
                    return;
                }
            }
        }
        let deadline = tokio::time::sleep(patience);
        tokio::pin!(deadline);
        loop {
            for event in state.store.since(version) {
                version = event.version;
                let line = is_asked_for(&event.key)
                    .then(|| tell(&event, &selector))
                    .flatten();
                if let Some(line) = line
                    && sender.send(line).await.is_err()
                {
                    return;
                }
            }
            tokio::select! {
                _ = changes.changed() => {}
                _ = restarts.changed() => return,
                () = sender.closed() => return,
                () = &mut deadline => return,
            }
        }
    });
    let mut answer = Response::new(Lines(receiver).boxed());
    let json = hyper::header::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}

/// An event as somebody sees it who asks for `selector` only.
fn tell(event: &Event, selector: &Selector) -> Option<Bytes> {
    let matching =
        |object: &Option<Value>| object.clone().filter(|object| selector.matches(object));
    match (matching(&event.before), matching(&event.after)) {
        (None, Some(after)) => Some(line("ADDED", &after)),
        (Some(_), Some(after)) => Some(line("MODIFIED", &after)),
        (Some(mut before), None) => {
            before["metadata"]["resourceVersion"] = event.version.to_string().into();
            Some(line("DELETED", &before))
        }
        (None, None) => None,
    }
}

fn line(kind: &str, object: &Value) -> Bytes {
    let mut line = json!({"type": kind, "object": object}).to_string();
    line.push('\n');
    line.into()
}

/// The lines of a watch as a body that ends when their sender does.
struct Lines(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let line = self.0.poll_recv(context);
        line.map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}
