//! Permissions by name, and whether the user has them.
//!
//! Anybody may ask about himself (`SelfSubjectAccessReview`), so this works where nothing else
//! does.

use serde::Deserialize;

use super::api::{Api, Method, parse};
use super::problem::Problem;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// A verb on a resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Right {
    verb: &'static str,
    group: &'static str,
    pub(crate) resource: &'static str,
    subresource: &'static str,
}

pub(crate) const fn right(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
) -> Right {
    Right {
        verb,
        group,
        resource,
        subresource: "",
    }
}

pub(crate) const GET_PODS: Right = right("get", "", "pods");
pub(crate) const LIST_PODS: Right = right("list", "", "pods");
pub(crate) const LIST_SETS: Right = right("list", "apps", "replicasets");
pub(crate) const LIST_JOBS: Right = right("list", "batch", "jobs");
pub(crate) const GET_EXEC: Right = Right {
    subresource: "exec",
    ..right("get", "", "pods")
};
pub(crate) const ADD_CONTAINER: Right = Right {
    subresource: "ephemeralcontainers",
    ..right("patch", "", "pods")
};
pub(crate) const CREATE_EXEC: Right = Right {
    subresource: "exec",
    ..right("create", "", "pods")
};

impl Right {
    pub(crate) fn name(self) -> String {
        match self.subresource {
            "" => format!("{} {}", self.verb, self.resource),
            subresource => format!("{} {}/{subresource}", self.verb, self.resource),
        }
    }

    /// The command that gives it, for whoever runs the cluster.
    pub(crate) fn fix(self, namespace: &str) -> String {
        self.fix_for(self.verb, namespace)
    }

    /// The same for other verbs on this resource, parted by commas.
    pub(crate) fn fix_for(self, verbs: &str, namespace: &str) -> String {
        let resource = match (self.subresource, self.group) {
            ("", "") => self.resource.to_owned(),
            ("", group) => format!("{}.{group}", self.resource),
            (subresource, _) => format!("{}/{subresource}", self.resource),
        };
        format!(
            "ask for it: kubectl create role ksyncd --namespace={namespace} --verb={verbs} \
             --resource={resource}, and a rolebinding"
        )
    }

    pub(crate) fn is_granted(self, api: &dyn Api, namespace: &str) -> Result<bool, Problem> {
        let review = serde_json::json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "namespace": namespace, "verb": self.verb, "group": self.group,
                "resource": self.resource, "subresource": self.subresource,
            }},
        });
        let answer = api.send(Method::Create, REVIEWS, review.to_string().as_bytes())?;
        parse::<Review>(&answer).map(|review| review.status.allowed)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Review {
    status: ReviewStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ReviewStatus {
    allowed: bool,
}

/// Why a WebSocket was refused, if the user may not open one: with one verb more kubectl gets in, with
/// none nobody does.
#[cfg(feature = "kube")]
pub(crate) fn of_refused(api: &dyn Api, namespace: &str, refused: Problem) -> Problem {
    let lacks = |right: Right| matches!(right.is_granted(api, namespace), Ok(false));
    if lacks(GET_EXEC) && lacks(CREATE_EXEC) {
        Problem::NoExec {
            namespace: namespace.to_owned(),
        }
    } else {
        refused
    }
}

#[cfg(all(test, feature = "kube"))]
mod tests {
    use super::*;
    use crate::kubernetes::api::testing::Table;
    use serde_json::json;

    #[test]
    fn a_refusal_stays_one_where_a_verb_is_allowed_or_nobody_says() {
        let refused = Problem::Refused {
            message: "forbidden".into(),
        };
        let answer = |allowed| json!({"status": {"allowed": allowed}});
        let (may, may_not) = (Table::default(), Table::default());
        let tables = [
            (may.with(REVIEWS, answer(true)), refused.clone()),
            (Table::default(), refused.clone()),
            (
                may_not.with(REVIEWS, answer(false)),
                Problem::NoExec {
                    namespace: "prod".into(),
                },
            ),
        ];
        for (api, expected) in tables {
            assert_eq!(of_refused(&api, "prod", refused.clone()), expected);
        }
    }
}
