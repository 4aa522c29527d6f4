//! `metav1.Status`: how the API says that something failed, or how a command ended.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{Answer, json_answer_with};

/// A failure as an object.
pub(crate) fn failure(code: StatusCode, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code.as_u16(),
    })
}

/// A success as an object.
pub(crate) fn success() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
}

pub(super) fn answer(code: StatusCode, reason: &str, message: &str) -> Answer {
    json_answer_with(code, &failure(code, reason, message))
}

pub(super) fn unauthorized() -> Answer {
    answer(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
}

pub(super) fn forbidden(
    user: &str,
    verb: &str,
    resource: &str,
    group: &str,
    name: &str,
    namespace: &str,
) -> Answer {
    let plural = resource.split('/').next().unwrap_or_default();
    let group_suffix = if group.is_empty() {
        String::new()
    } else {
        format!(".{group}")
    };
    let object = if name.is_empty() {
        String::new()
    } else {
        format!(" \"{name}\"")
    };
    answer(
        StatusCode::FORBIDDEN,
        "Forbidden",
        &format!(
            "{plural}{group_suffix}{object} is forbidden: User \"{user}\" cannot {verb} resource \
             \"{resource}\" in API group \"{group}\" in the namespace \"{namespace}\""
        ),
    )
}

pub(super) fn not_found(resource: &str, group: &str, name: &str) -> Answer {
    let group = if group.is_empty() {
        String::new()
    } else {
        format!(".{group}")
    };
    let message = format!("{resource}{group} \"{name}\" not found");
    let mut status = failure(StatusCode::NOT_FOUND, "NotFound", &message);
    status["details"] = json!({"name": name, "kind": resource});
    json_answer_with(StatusCode::NOT_FOUND, &status)
}

pub(super) fn bad_request(message: &str) -> Answer {
    answer(StatusCode::BAD_REQUEST, "BadRequest", message)
}

pub(super) fn no_such_path() -> Answer {
    answer(
        StatusCode::NOT_FOUND,
        "NotFound",
        "the server could not find the requested resource",
    )
}
