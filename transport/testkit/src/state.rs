//! What all connections share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::access::Access;
use crate::cluster::{Cluster, Protocols};
use crate::error::Error;
use crate::fault::{Fault, Faults, Told};
use crate::pod::{Container, Pod, container_id};
use crate::resource;
use crate::sandbox::{Process, Sandbox};
use crate::store::{Key, Store};

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) protocols: Protocols,
    pub(crate) minor: u32,
    pub(crate) counts: Counters,
    access: Mutex<Access>,
    /// Pods by namespace and name.
    pods: Mutex<BTreeMap<(String, String), Running>>,
    /// Faults of every exec, and of the next ones.
    faults: Mutex<(Vec<Fault>, VecDeque<Vec<Fault>>)>,
    /// Those that have come to happen.
    pub(crate) told: Told,
    /// Counts restarts; each ends all connections.
    restarts: watch::Sender<u64>,
    /// How many objects were made.
    made: AtomicU64,
}

/// A pod that is there.
#[derive(Debug, Clone)]
struct Running {
    spec: Pod,
    sandboxes: BTreeMap<String, Arc<Sandbox>>,
}

/// What is counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    pub(crate) websocket: AtomicU64,
    pub(crate) spdy: AtomicU64,
    pub(crate) up: AtomicU64,
    pub(crate) down: AtomicU64,
}

impl State {
    pub(crate) fn new(cluster: Cluster) -> Result<Self, Error> {
        let state = Self {
            store: Store::default(),
            protocols: cluster.protocols,
            minor: cluster.minor,
            counts: Counters::default(),
            access: Mutex::new(cluster.access),
            pods: Mutex::default(),
            faults: Mutex::new((cluster.faults, VecDeque::new())),
            told: Told::default(),
            restarts: watch::channel(0).0,
            made: AtomicU64::new(0),
        };
        for object in cluster.objects {
            state.put(object);
        }
        for pod in cluster.pods {
            state.add_pod(pod)?;
        }
        Ok(state)
    }

    /// Puts an object into the store. One of an unknown kind is left out.
    pub(crate) fn put(&self, mut object: Value) {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let Some(resource) = resource::of_kind(&kind) else {
            return;
        };
        let (uid, created) = self.birth();
        let metadata = &mut object["metadata"];
        for (field, value) in [
            ("uid", uid.as_str()),
            ("creationTimestamp", &created),
            ("namespace", "default"),
        ] {
            if metadata[field].is_null() {
                metadata[field] = value.into();
            }
        }
        let text = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
        let key = Key {
            resource: resource.plural.to_owned(),
            namespace: text("namespace"),
            name: text("name"),
        };
        self.store.put(key, object);
    }

    pub(crate) fn add_pod(&self, pod: Pod) -> Result<(), Error> {
        let sandboxes = pod
            .containers
            .iter()
            .map(|container| {
                let sandbox = Sandbox::new(&pod.name, container.clone(), None)?;
                Ok((container.name.clone(), Arc::new(sandbox)))
            })
            .collect::<Result<_, Error>>()?;
        let (uid, created) = self.birth();
        let object = pod.object(&uid, &created);
        let key = (pod.namespace.clone(), pod.name.clone());
        let running = Running {
            spec: pod,
            sandboxes,
        };
        lock(&self.pods).insert(key, running);
        self.put(object);
        Ok(())
    }

    /// Kills what runs in a pod and forgets it; false if it is not there.
    pub(crate) fn remove_pod(&self, namespace: &str, name: &str) -> bool {
        self.store.remove(&pod_key(namespace, name));
        let removed = lock(&self.pods).remove(&(namespace.to_owned(), name.to_owned()));
        let is_there = removed.is_some();
        if let Some(pod) = removed {
            pod.sandboxes.values().for_each(|sandbox| sandbox.kill());
        }
        is_there
    }

    /// Puts its successor in the place of a pod; false if the pod is not there.
    pub(crate) fn replace_pod(&self, namespace: &str, name: &str) -> Result<bool, Error> {
        let key = (namespace.to_owned(), name.to_owned());
        let Some(spec) = lock(&self.pods).get(&key).map(|pod| pod.spec.clone()) else {
            return Ok(false);
        };
        self.remove_pod(namespace, name);
        let successor = spec.successor.clone().map_or(spec, |successor| *successor);
        self.add_pod(successor)?;
        Ok(true)
    }

    /// Kills what runs in a container; the API shows that it was started again.
    pub(crate) fn kill_container(&self, namespace: &str, name: &str, container: &str) {
        let Some(sandbox) = self.sandbox(namespace, name, container) else {
            return;
        };
        sandbox.kill();
        let key = pod_key(namespace, name);
        let Some(mut object) = self.store.get(&key) else {
            return;
        };
        let uid = uid(&object);
        let statuses = object["status"]["containerStatuses"].as_array_mut();
        for status in statuses.into_iter().flatten() {
            if status["name"] == container {
                let restarts = status["restartCount"].as_u64().unwrap_or(0) + 1;
                status["restartCount"] = restarts.into();
                status["containerID"] = container_id(&uid, container, restarts).into();
            }
        }
        self.store.put(key, object);
    }

    /// Adds an ephemeral container, which shares the processes of its target and holds busybox,
    /// whatever image it names. One that is there already stays as it is.
    pub(crate) fn add_ephemeral(
        &self,
        namespace: &str,
        name: &str,
        spec: &Value,
    ) -> Result<(), Error> {
        let text = |field: &str| spec[field].as_str().unwrap_or_default();
        let (container, target) = (text("name"), text("targetContainerName"));
        if self.sandbox(namespace, name, container).is_some() {
            return Ok(());
        }
        let missing = |name: &str| Error::NoSuchContainer(name.to_owned());
        let target = match target {
            "" => None,
            target => Some(
                self.sandbox(namespace, name, target)
                    .ok_or_else(|| missing(target))?,
            ),
        };
        let mut own = Container::busybox(container);
        let user = spec["securityContext"]["runAsUser"].as_u64();
        if let Some(uid) = user.and_then(|uid| u32::try_from(uid).ok()) {
            own = own.user(uid, uid);
        }
        let sandbox = Arc::new(Sandbox::new(name, own, target)?);
        let place = (namespace.to_owned(), name.to_owned());
        let mut pods = lock(&self.pods);
        let pod = pods.get_mut(&place).ok_or_else(|| missing(name))?;
        pod.sandboxes.insert(container.to_owned(), sandbox);
        drop(pods);

        let key = pod_key(namespace, name);
        let mut object = self.store.get(&key).ok_or_else(|| missing(name))?;
        let status = json!({
            "name": container,
            "image": spec["image"],
            "containerID": container_id(&uid(&object), container, 0),
            "ready": false,
            "restartCount": 0,
            "state": {"running": {"startedAt": object["status"]["startTime"]}},
        });
        push(&mut object["spec"]["ephemeralContainers"], spec.clone());
        push(&mut object["status"]["ephemeralContainerStatuses"], status);
        self.store.put(key, object);
        Ok(())
    }

    pub(crate) fn sandbox(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
    ) -> Option<Arc<Sandbox>> {
        let pods = lock(&self.pods);
        let pod = pods.get(&(namespace.to_owned(), pod.to_owned()))?;
        pod.sandboxes.get(container).cloned()
    }

    /// What runs in all containers beside their first processes.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let pods = lock(&self.pods).clone();
        let sandboxes = || pods.values().flat_map(|pod| pod.sandboxes.values());
        let first: Vec<u32> = sandboxes().filter_map(|sandbox| sandbox.first()).collect();
        let mut processes: Vec<Process> = sandboxes()
            .flat_map(|sandbox| sandbox.processes())
            .collect();
        processes.retain(|process| !first.contains(&process.pid));
        processes
    }

    /// Ends everything that runs in containers.
    pub(crate) fn kill_all(&self) {
        let pods = std::mem::take(&mut *lock(&self.pods));
        for pod in pods.values() {
            pod.sandboxes.values().for_each(|sandbox| sandbox.kill());
        }
    }

    pub(crate) fn access(&self) -> MutexGuard<'_, Access> {
        lock(&self.access)
    }

    /// Adds the faults of one of the next execs, after those that are waiting.
    pub(crate) fn add_faults(&self, faults: Vec<Fault>) {
        lock(&self.faults).1.push_back(faults);
    }

    /// The faults of the exec that starts now.
    pub(crate) fn next_faults(&self) -> Faults {
        let mut faults = lock(&self.faults);
        let own = faults.1.pop_front().unwrap_or_default();
        let all = faults.0.iter().cloned().chain(own).collect();
        Faults::new(all, self.told.clone())
    }

    /// Ends all connections, and has the server listen again.
    pub(crate) fn restart(&self) {
        self.restarts.send_modify(|count| *count += 1);
    }

    pub(crate) fn restarts(&self) -> watch::Receiver<u64> {
        self.restarts.subscribe()
    }

    /// A name that no other object has, and a time: each object is made a second after the last.
    fn birth(&self) -> (String, String) {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let (hours, minutes, seconds) = (number / 3600 % 24, number / 60 % 60, number % 60);
        (
            format!("00000000-0000-4000-8000-{number:012x}"),
            format!("2026-01-01T{hours:02}:{minutes:02}:{seconds:02}Z"),
        )
    }
}

pub(crate) fn pod_key(namespace: &str, name: &str) -> Key {
    Key {
        resource: "pods".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

fn uid(object: &Value) -> String {
    let uid = object["metadata"]["uid"].as_str();
    uid.unwrap_or_default().to_owned()
}

/// Adds to a list that may not be there yet.
fn push(list: &mut Value, value: Value) {
    match list {
        Value::Array(values) => values.push(value),
        _ => *list = json!([value]),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
