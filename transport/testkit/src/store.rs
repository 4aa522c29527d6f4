//! The objects of the cluster, by version, and what has happened to them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The plural name, such as `pods`.
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// What has happened to an object.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) version: u64,
    pub(crate) key: Key,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// All objects. Nothing that has happened is forgotten: tests are short.
#[derive(Debug)]
pub(crate) struct Store {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<Key, Value>,
    events: Vec<Event>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            inner: Mutex::default(),
            changed: watch::channel(0).0,
        }
    }
}

impl Store {
    /// Adds the object or puts it in the place of the one that is there.
    pub(crate) fn put(&self, key: Key, object: Value) {
        self.record(key, Some(object));
    }

    /// Removes an object; false if it is not there.
    pub(crate) fn remove(&self, key: &Key) -> bool {
        let is_there = self.get(key).is_some();
        if is_there {
            self.record(key.clone(), None);
        }
        is_there
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Value> {
        self.lock().objects.get(key).cloned()
    }

    /// All objects of a resource, in one namespace or all, and the version this holds for.
    pub(crate) fn list(&self, resource: &str, namespace: Option<&str>) -> (Vec<Value>, u64) {
        let inner = self.lock();
        let objects = inner
            .objects
            .iter()
            .filter(|(key, _)| key.resource == resource)
            .filter(|(key, _)| namespace.is_none_or(|namespace| key.namespace == namespace))
            .map(|(_, object)| object.clone())
            .collect();
        (objects, inner.version())
    }

    /// What happened after `version`.
    pub(crate) fn since(&self, version: u64) -> Vec<Event> {
        let inner = self.lock();
        let start = usize::try_from(version).unwrap_or(usize::MAX);
        inner.events.get(start..).unwrap_or_default().to_vec()
    }

    /// Tells when something has happened.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn record(&self, key: Key, mut after: Option<Value>) {
        let mut inner = self.lock();
        let version = inner.version() + 1;
        if let Some(object) = &mut after {
            object["metadata"]["resourceVersion"] = version.to_string().into();
        }
        let before = match &after {
            Some(object) => inner.objects.insert(key.clone(), object.clone()),
            None => inner.objects.remove(&key),
        };
        inner.events.push(Event {
            version,
            key,
            before,
            after,
        });
        drop(inner);
        self.changed.send_replace(version);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn version(&self) -> u64 {
        self.events.len() as u64
    }
}
