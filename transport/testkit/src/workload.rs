//! Objects that select pods or make them, as far as clients look at them to find a pod.
//!
//! Give them to [`crate::Cluster::object`] or [`crate::Server::put`].

use serde_json::{Value, json};

/// The annotation by which replica sets of a deployment are ordered.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// A deployment of pods that have this label.
pub fn deployment(name: &str, label: (&str, &str)) -> Value {
    workload("apps/v1", "Deployment", name, label)
}

/// A replica set of a deployment, with its revision.
pub fn replica_set(name: &str, deployment: &str, revision: u64, label: (&str, &str)) -> Value {
    let mut object = workload("apps/v1", "ReplicaSet", name, label);
    object["metadata"]["uid"] = format!("replicaset-{name}").into();
    object["metadata"]["annotations"] = json!({REVISION: revision.to_string()});
    object["metadata"]["ownerReferences"] = owner("apps/v1", "Deployment", deployment);
    object
}

/// A stateful set of pods that have this label.
pub fn stateful_set(name: &str, label: (&str, &str)) -> Value {
    workload("apps/v1", "StatefulSet", name, label)
}

/// A daemon set of pods that have this label.
pub fn daemon_set(name: &str, label: (&str, &str)) -> Value {
    workload("apps/v1", "DaemonSet", name, label)
}

/// A job of pods that have this label.
pub fn job(name: &str, label: (&str, &str)) -> Value {
    workload("batch/v1", "Job", name, label)
}

/// A job that a cron job has made.
pub fn job_of(name: &str, cron_job: &str, label: (&str, &str)) -> Value {
    let mut object = job(name, label);
    object["metadata"]["ownerReferences"] = owner("batch/v1", "CronJob", cron_job);
    object
}

/// A cron job.
pub fn cron_job(name: &str) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "uid": format!("cronjob-{name}")},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {"containers": []}}}}},
        "status": {},
    })
}

/// A service in front of pods that have this label.
pub fn service(name: &str, label: (&str, &str)) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {label.0: label.1}, "ports": [{"port": 80}], "clusterIP": "10.96.0.1"},
        "status": {"loadBalancer": {}},
    })
}

fn workload(api_version: &str, kind: &str, name: &str, label: (&str, &str)) -> Value {
    let labels = json!({label.0: label.1});
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "uid": format!("{}-{name}", kind.to_lowercase()),
            "labels": labels,
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": []}},
        },
        "status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1},
    })
}

fn owner(api_version: &str, kind: &str, name: &str) -> Value {
    json!([{
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": format!("{}-{name}", kind.to_lowercase()),
        "controller": true,
    }])
}
