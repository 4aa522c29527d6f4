//! `SelfSubjectAccessReview`: a client asks what it may do.

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use super::{Answer, json_answer_with, status};
use crate::state::State;

/// More than any review needs.
const MAX_REVIEW_LEN: usize = 64 * 1024;

pub(super) async fn answer(state: &State, request: Request<Incoming>) -> Answer {
    let body = Limited::new(request.into_body(), MAX_REVIEW_LEN)
        .collect()
        .await;
    let review = body
        .ok()
        .and_then(|body| serde_json::from_slice::<Value>(&body.to_bytes()).ok());
    let Some(mut review) = review else {
        return status::bad_request("the review can not be understood");
    };
    let attributes = &review["spec"]["resourceAttributes"];
    let text = |field: &str| attributes[field].as_str().unwrap_or_default();
    let resource = match text("subresource") {
        "" => text("resource").to_owned(),
        sub => format!("{}/{sub}", text("resource")),
    };
    let is_allowed = state.access().allows(text("verb"), &resource);
    review["status"] = if is_allowed {
        json!({"allowed": true, "reason": "RBAC: allowed by ClusterRoleBinding \"testkit\""})
    } else {
        json!({"allowed": false})
    };
    json_answer_with(StatusCode::CREATED, &review)
}
