//! The few fields of Kubernetes' objects that finding a pod takes.
//!
//! Everything may be absent: the answers come from servers of any version. Names are checked by
//! whoever puts one on a command line or into an address.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A list of anything.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(crate) struct List<T> {
    #[serde(default = "Vec::new")]
    pub(crate) items: Vec<T>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) uid: String,
    /// RFC 3339 in UTC: earlier times sort before later ones as texts.
    pub(crate) creation_timestamp: Option<String>,
    pub(crate) deletion_timestamp: Option<String>,
    pub(crate) generation: Option<i64>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) owner_references: Vec<Owner>,
}

impl Metadata {
    /// What made this object and looks after it.
    pub(crate) fn controller(&self) -> Option<&Owner> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Owner {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) controller: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: Metadata,
    pub(crate) spec: PodSpec,
    pub(crate) status: PodStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PodSpec {
    pub(crate) containers: Vec<Named>,
    pub(crate) init_containers: Vec<Named>,
    pub(crate) ephemeral_containers: Vec<Named>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub(crate) name: String,
    #[serde(rename = "securityContext")]
    pub(crate) security_context: Option<serde_json::Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PodStatus {
    pub(crate) phase: String,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) container_statuses: Vec<ContainerStatus>,
    pub(crate) init_container_statuses: Vec<ContainerStatus>,
    pub(crate) ephemeral_container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ContainerStatus {
    pub(crate) name: String,
    pub(crate) image: String,
    #[serde(rename = "containerID")]
    pub(crate) container_id: Option<String>,
    pub(crate) state: ContainerState,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerState {
    pub(crate) running: Option<Moment>,
    pub(crate) waiting: Option<Reason>,
    pub(crate) terminated: Option<Reason>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Moment {}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reason {
    pub(crate) reason: String,
}

impl Pod {
    /// The condition of this name holds.
    pub(crate) fn is(&self, condition: &str) -> bool {
        let conditions = &self.status.conditions;
        conditions
            .iter()
            .any(|it| it.kind == condition && it.status == "True")
    }

    /// What is known of this container, of whichever sort it is.
    pub(crate) fn container_status(&self, name: &str) -> Option<&ContainerStatus> {
        let status = &self.status;
        [
            &status.container_statuses,
            &status.init_container_statuses,
            &status.ephemeral_container_statuses,
        ]
        .into_iter()
        .flatten()
        .find(|container| container.name == name)
    }
}

/// A deployment, stateful set, daemon set, replica set, job, cron job or service.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Workload {
    pub(crate) metadata: Metadata,
    pub(crate) spec: WorkloadSpec,
    pub(crate) status: WorkloadStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WorkloadSpec {
    /// A [`Selector`], or for services and replication controllers the labels themselves.
    pub(crate) selector: serde_json::Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct WorkloadStatus {
    /// The newest revision of a stateful set.
    pub(crate) update_revision: Option<String>,
}

/// Which labels a pod must have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Selector {
    pub(crate) match_labels: BTreeMap<String, String>,
    pub(crate) match_expressions: Vec<Requirement>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Requirement {
    pub(crate) key: String,
    pub(crate) operator: String,
    pub(crate) values: Vec<String>,
}

impl Selector {
    /// As it is written in a request. `None` if it selects everything, or says what is not known.
    pub(crate) fn to_query(&self) -> Option<String> {
        let mut terms: Vec<String> = self
            .match_labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        for Requirement {
            key,
            operator,
            values,
        } in &self.match_expressions
        {
            terms.push(match operator.as_str() {
                "In" => format!("{key} in ({})", values.join(",")),
                "NotIn" => format!("{key} notin ({})", values.join(",")),
                "Exists" => key.clone(),
                "DoesNotExist" => format!("!{key}"),
                _ => return None,
            });
        }
        (!terms.is_empty()).then(|| terms.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_written_as_kubectl_writes_it() {
        let selector: Selector = serde_json::from_str(
            r#"{"matchLabels": {"app": "web", "tier": "x"}, "matchExpressions": [
                {"key": "env", "operator": "In", "values": ["a", "b"]},
                {"key": "old", "operator": "DoesNotExist"}]}"#,
        )
        .unwrap();
        assert_eq!(
            selector.to_query().as_deref(),
            Some("app=web,tier=x,env in (a,b),!old")
        );
    }

    #[test]
    fn a_selector_for_everything_or_of_unknown_meaning_is_none() {
        assert_eq!(Selector::default().to_query(), None);
        let unknown = r#"{"matchExpressions": [{"key": "a", "operator": "Near"}]}"#;
        let unknown: Selector = serde_json::from_str(unknown).unwrap();
        assert_eq!(unknown.to_query(), None);
    }

    #[test]
    fn a_pod_of_which_little_is_said_is_still_a_pod() {
        let pod: Pod = serde_json::from_str(r#"{"metadata": {"name": "web"}}"#).unwrap();
        assert_eq!(pod.metadata.name, "web");
        assert!(!pod.is("Ready"));
    }
}
