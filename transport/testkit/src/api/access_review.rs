//! `SelfSubjectAccessReview`: a client asks what it may do.
//!
//! kubectl asks in protocol buffers, others in JSON. All are answered in JSON, which all accept.

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use super::{Answer, json_answer_with, status};
use crate::state::State;

/// More than any review needs.
const MAX_REVIEW_LEN: usize = 64 * 1024;
/// What an object in protocol buffers begins with.
const MAGIC: &[u8] = b"k8s\0";
/// Fields by their numbers in `k8s.io/api/authorization/v1/generated.proto`.
const ATTRIBUTES: [(u64, &str); 5] = [
    (1, "namespace"),
    (2, "verb"),
    (3, "group"),
    (5, "resource"),
    (6, "subresource"),
];

pub(super) async fn answer(state: &State, request: Request<Incoming>) -> Answer {
    let body = Limited::new(request.into_body(), MAX_REVIEW_LEN)
        .collect()
        .await;
    let Some(mut review) = body.ok().and_then(|body| read(&body.to_bytes())) else {
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

fn read(body: &[u8]) -> Option<Value> {
    let Some(unknown) = body.strip_prefix(MAGIC) else {
        return serde_json::from_slice(body).ok();
    };
    // The object is the field `raw` of an envelope, and its `spec` has the attributes.
    let attributes = [2, 2, 1]
        .iter()
        .try_fold(unknown, |message, &number| field(message, number))?;
    let mut review = json!({
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
    });
    for (number, name) in ATTRIBUTES {
        let text = field(attributes, number).unwrap_or_default();
        review["spec"]["resourceAttributes"][name] = String::from_utf8_lossy(text).into();
    }
    Some(review)
}

/// The first field of a message that has this number and a length, as all have that are needed.
fn field(mut message: &[u8], number: u64) -> Option<&[u8]> {
    loop {
        let tag = varint(&mut message)?;
        match tag & 7 {
            0 => drop(varint(&mut message)?),
            2 => {
                let len = usize::try_from(varint(&mut message)?).ok()?;
                let (content, rest) = message.split_at_checked(len)?;
                if tag >> 3 == number {
                    return Some(content);
                }
                message = rest;
            }
            _ => return None,
        }
    }
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_is_read_in_both_forms() {
        let attributes = b"\x12\x03get\x2a\x04pods\x32\x04exec";
        let nested = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
        let object = nested(0x12, &nested(0x0a, attributes));
        let envelope = [nested(0x0a, b"type"), nested(0x12, &object)].concat();
        let buffers = read(&[MAGIC, &envelope].concat()).unwrap();
        let json = br#"{"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}"#;
        for review in [buffers, read(json).unwrap()] {
            assert_eq!(review["spec"]["resourceAttributes"]["verb"], "get");
            assert_eq!(review["spec"]["resourceAttributes"]["resource"], "pods");
        }
    }

    #[test]
    fn a_review_that_ends_early_is_refused() {
        assert_eq!(read(b"k8s\0\x12\x7fabc"), None);
        assert_eq!(read(b"k8s\0\xff"), None);
        assert_eq!(read(b"{"), None);
    }
}
