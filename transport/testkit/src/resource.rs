//! The kinds of objects that the server knows.

use serde_json::{Value, json};

/// One kind of object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resource {
    /// Empty for the core group.
    pub(crate) group: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    singular: &'static str,
    short: &'static str,
}

const fn resource(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    short: &'static str,
) -> Resource {
    Resource {
        group,
        kind,
        plural,
        singular,
        short,
    }
}

const RESOURCES: [Resource; 8] = [
    resource("", "Pod", "pods", "pod", "po"),
    resource("", "Service", "services", "service", "svc"),
    resource("apps", "Deployment", "deployments", "deployment", "deploy"),
    resource("apps", "ReplicaSet", "replicasets", "replicaset", "rs"),
    resource("apps", "StatefulSet", "statefulsets", "statefulset", "sts"),
    resource("apps", "DaemonSet", "daemonsets", "daemonset", "ds"),
    resource("batch", "Job", "jobs", "job", ""),
    resource("batch", "CronJob", "cronjobs", "cronjob", "cj"),
];

/// The groups beside the core one.
pub(crate) const GROUPS: [&str; 3] = ["apps", "batch", "authorization.k8s.io"];

pub(crate) fn of_kind(kind: &str) -> Option<Resource> {
    RESOURCES.into_iter().find(|resource| resource.kind == kind)
}

pub(crate) fn of_plural(group: &str, plural: &str) -> Option<Resource> {
    RESOURCES
        .into_iter()
        .find(|resource| resource.group == group && resource.plural == plural)
}

impl Resource {
    /// `v1`, `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        group_version(self.group)
    }
}

pub(crate) fn group_version(group: &str) -> String {
    if group.is_empty() {
        "v1".to_owned()
    } else {
        format!("{group}/v1")
    }
}

/// The list of resources of a group, as clients discover it.
pub(crate) fn discovery(group: &str) -> Value {
    let mut resources: Vec<Value> = RESOURCES
        .iter()
        .filter(|resource| resource.group == group)
        .map(|resource| {
            let names: Vec<&str> = Some(resource.short)
                .filter(|name| !name.is_empty())
                .into_iter()
                .collect();
            json!({
                "name": resource.plural,
                "singularName": resource.singular,
                "namespaced": true,
                "kind": resource.kind,
                "verbs": ["get", "list", "watch"],
                "shortNames": names,
                "categories": ["all"],
            })
        })
        .collect();
    let other = |name: &str, kind: &str, is_namespaced: bool, verbs: &[&str]| json!({"name": name, "singularName": "", "namespaced": is_namespaced, "kind": kind, "verbs": verbs});
    match group {
        "" => {
            resources.push(other(
                "pods/exec",
                "PodExecOptions",
                true,
                &["create", "get"],
            ));
            resources.push(other(
                "pods/ephemeralcontainers",
                "Pod",
                true,
                &["get", "patch"],
            ));
        }
        "authorization.k8s.io" => resources.push(other(
            "selfsubjectaccessreviews",
            "SelfSubjectAccessReview",
            false,
            &["create"],
        )),
        _ => {}
    }
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version(group),
        "resources": resources,
    })
}
