//! Pods and containers as a test describes them, and the objects that the API shows of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

/// A pod: a name, some containers, and what the API says about them.
#[derive(Debug, Clone)]
pub struct Pod {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) containers: Vec<Container>,
    pub(crate) successor: Option<Box<Pod>>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    owner: Option<Owner>,
    phase: String,
    is_ready: bool,
    is_terminating: bool,
    created: Option<String>,
}

#[derive(Debug, Clone)]
struct Owner {
    api_version: &'static str,
    kind: String,
    name: String,
}

impl Pod {
    /// A running, ready pod without containers in the namespace `default`.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: "default".to_owned(),
            containers: Vec::new(),
            successor: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            owner: None,
            phase: "Running".to_owned(),
            is_ready: true,
            is_terminating: false,
            created: None,
        }
    }

    /// A running pod with one container of busybox, named `app`.
    pub fn busybox(name: &str) -> Self {
        Self::new(name).container(Container::busybox("app"))
    }

    /// Puts it into another namespace.
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self
    }

    /// Adds a container.
    pub fn container(mut self, container: Container) -> Self {
        self.containers.push(container);
        self
    }

    /// Adds a label.
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds an annotation, such as `kubectl.kubernetes.io/default-container`.
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Says which workload made it: `ReplicaSet`, `StatefulSet`, `DaemonSet` or `Job`.
    pub fn owned_by(mut self, kind: &str, name: &str) -> Self {
        let api_version = if kind == "Job" { "batch/v1" } else { "apps/v1" };
        self.owner = Some(Owner {
            api_version,
            kind: kind.to_owned(),
            name: name.to_owned(),
        });
        self
    }

    /// `Pending`, `Running`, `Succeeded` or `Failed`. Only a running pod is ready.
    pub fn phase(mut self, phase: &str) -> Self {
        self.phase = phase.to_owned();
        self
    }

    /// Runs, but its readiness probe fails.
    pub fn not_ready(mut self) -> Self {
        self.is_ready = false;
        self
    }

    /// Has been deleted and has not ended yet.
    pub fn terminating(mut self) -> Self {
        self.is_terminating = true;
        self
    }

    /// When it was made, as RFC 3339. Otherwise pods are a second apart, in order of their making.
    pub fn created(mut self, time: &str) -> Self {
        self.created = Some(time.to_owned());
        self
    }

    /// Which pod takes its place when it is replaced. Otherwise one like it, with fresh roots.
    pub fn successor(mut self, pod: Pod) -> Self {
        self.successor = Some(Box::new(pod));
        self
    }

    /// The object that the API shows.
    pub(crate) fn object(&self, uid: &str, created: &str) -> Value {
        let is_running = self.phase == "Running";
        let readiness = |holds: bool| if holds { "True" } else { "False" };
        let is_ready = readiness(is_running && self.is_ready);
        let mut metadata = json!({
            "name": self.name,
            "namespace": self.namespace,
            "uid": uid,
            "creationTimestamp": self.created.as_deref().unwrap_or(created),
            "labels": self.labels,
            "annotations": self.annotations,
        });
        if self.is_terminating {
            metadata["deletionTimestamp"] = created.into();
            metadata["deletionGracePeriodSeconds"] = 30.into();
        }
        if let Some(owner) = &self.owner {
            metadata["ownerReferences"] = json!([{
                "apiVersion": owner.api_version,
                "kind": owner.kind,
                "name": owner.name,
                "uid": format!("{}-{}", owner.kind.to_lowercase(), owner.name),
                "controller": true,
                "blockOwnerDeletion": true,
            }]);
        }
        let specs: Vec<Value> = self.containers.iter().map(Container::spec).collect();
        let statuses: Vec<Value> = self
            .containers
            .iter()
            .map(|container| container.status(uid, created, &self.phase, self.is_ready))
            .collect();
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {
                "containers": specs,
                "nodeName": "node-1",
                "restartPolicy": "Always",
                "dnsPolicy": "ClusterFirst",
                "schedulerName": "default-scheduler",
                // Empty, but always there: kubectl 1.33 relies on it.
                "securityContext": {},
                "serviceAccountName": "default",
                "terminationGracePeriodSeconds": 30,
            },
            "status": {
                "phase": self.phase,
                "podIP": "10.0.0.1",
                "hostIP": "10.0.0.2",
                "startTime": created,
                "qosClass": "BestEffort",
                "conditions": [
                    {"type": "PodScheduled", "status": "True"},
                    {"type": "Initialized", "status": "True"},
                    {"type": "ContainersReady", "status": is_ready},
                    {"type": "Ready", "status": is_ready},
                ],
                "containerStatuses": statuses,
            },
        })
    }
}

/// What a container's root directory holds at first.
#[derive(Debug, Clone)]
pub(crate) enum Image {
    /// busybox under all of its names.
    Busybox,
    /// One static program, and not even a shell.
    Program(PathBuf),
    /// A directory of the test's, used as it is.
    Directory(PathBuf),
}

/// A container: a root directory and the limits under which commands run in it.
#[derive(Debug, Clone)]
pub struct Container {
    pub(crate) name: String,
    pub(crate) image: Image,
    pub(crate) user: Option<(u32, u32)>,
    pub(crate) is_read_only: bool,
    pub(crate) writable: Vec<String>,
    pub(crate) no_execution: Vec<String>,
    pub(crate) is_32_bit: bool,
    pub(crate) working_directory: String,
    pub(crate) environment: Vec<(String, String)>,
}

impl Container {
    /// One with the programs of busybox, and the directories `/tmp`, `/data`, `/etc`, `/root`.
    pub fn busybox(name: &str) -> Self {
        Self::new(name, Image::Busybox)
    }

    /// One whose image holds a static program at `/program`, and no shell.
    pub fn program(name: &str, file: impl Into<PathBuf>) -> Self {
        Self::new(name, Image::Program(file.into()))
    }

    /// One with a directory of the test's as its root.
    pub fn directory(name: &str, root: impl Into<PathBuf>) -> Self {
        Self::new(name, Image::Directory(root.into()))
    }

    fn new(name: &str, image: Image) -> Self {
        Self {
            name: name.to_owned(),
            image,
            user: None,
            is_read_only: false,
            writable: Vec::new(),
            no_execution: Vec::new(),
            is_32_bit: false,
            working_directory: "/".to_owned(),
            environment: Vec::new(),
        }
    }

    /// The user and group that commands run as, instead of root.
    pub fn user(mut self, uid: u32, gid: u32) -> Self {
        self.user = Some((uid, gid));
        self
    }

    /// Nothing can be written but what [`Self::writable`] allows.
    pub fn read_only(mut self) -> Self {
        self.is_read_only = true;
        self
    }

    /// A directory that everybody may write to, as an emptyDir volume is.
    pub fn writable(mut self, directory: &str) -> Self {
        self.writable.push(directory.to_owned());
        self
    }

    /// A directory below which nothing may be executed.
    pub fn no_execution(mut self, directory: &str) -> Self {
        self.no_execution.push(directory.to_owned());
        self
    }

    /// Commands see a machine of 32 bits (`uname -m` says `i686`).
    pub fn of_32_bits(mut self) -> Self {
        self.is_32_bit = true;
        self
    }

    /// Where commands start, instead of `/`.
    pub fn working_directory(mut self, directory: &str) -> Self {
        self.working_directory = directory.to_owned();
        self
    }

    /// An environment variable for commands.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn image_name(&self) -> &'static str {
        match self.image {
            Image::Busybox => "testkit/busybox:latest",
            Image::Program(_) => "testkit/program:latest",
            Image::Directory(_) => "testkit/directory:latest",
        }
    }

    fn spec(&self) -> Value {
        let mut security = json!({"readOnlyRootFilesystem": self.is_read_only});
        if let Some((uid, gid)) = self.user {
            security["runAsUser"] = uid.into();
            security["runAsGroup"] = gid.into();
        }
        let mounts: Vec<Value> = self
            .writable
            .iter()
            .enumerate()
            .map(|(number, path)| json!({"name": format!("volume-{number}"), "mountPath": path}))
            .collect();
        json!({
            "name": self.name,
            "image": self.image_name(),
            "imagePullPolicy": "IfNotPresent",
            "workingDir": self.working_directory,
            "securityContext": security,
            "volumeMounts": mounts,
        })
    }

    fn status(&self, uid: &str, created: &str, phase: &str, is_ready: bool) -> Value {
        let is_running = phase == "Running";
        let state = match phase {
            "Running" => json!({"running": {"startedAt": created}}),
            "Pending" => json!({"waiting": {"reason": "ContainerCreating"}}),
            "Succeeded" => json!({"terminated": {"exitCode": 0, "reason": "Completed"}}),
            _ => json!({"terminated": {"exitCode": 1, "reason": "Error"}}),
        };
        json!({
            "name": self.name,
            "image": self.image_name(),
            "imageID": self.image_name(),
            "containerID": container_id(uid, &self.name, 0),
            "ready": is_running && is_ready,
            "started": is_running,
            "restartCount": 0,
            "state": state,
        })
    }
}

/// The name of one run of a container: another after each restart.
pub(crate) fn container_id(uid: &str, name: &str, restarts: u64) -> String {
    format!("containerd://{}-{name}-{restarts}", uid.replace('-', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_has_ended_is_not_ready() {
        let object = Pod::busybox("web").phase("Succeeded").object("u", "t");
        assert_eq!(object["status"]["conditions"][3]["status"], "False");
        assert_eq!(object["status"]["containerStatuses"][0]["ready"], false);
        let object = Pod::busybox("web").object("u", "t");
        assert_eq!(object["status"]["conditions"][3]["status"], "True");
    }

    #[test]
    fn an_owner_and_a_deletion_are_shown() {
        let pod = Pod::busybox("web-1")
            .owned_by("ReplicaSet", "web")
            .terminating();
        let metadata = &pod.object("u", "t")["metadata"];
        assert_eq!(metadata["ownerReferences"][0]["uid"], "replicaset-web");
        assert_eq!(metadata["deletionTimestamp"], "t");
    }
}
