//! The cluster as a test describes it before the server starts.

use serde_json::Value;

use crate::access::Access;
use crate::fault::Fault;
use crate::pod::Pod;

/// What the server is to show, and how it behaves.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(crate) pods: Vec<Pod>,
    pub(crate) objects: Vec<Value>,
    pub(crate) access: Access,
    pub(crate) protocols: Protocols,
    pub(crate) minor: u32,
    pub(crate) faults: Vec<Fault>,
}

/// The ways into a container that the server understands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocols {
    /// WebSocket with `v5.channel.k8s.io`, which can close one stream.
    pub(crate) v5: bool,
    /// WebSocket with `v4.channel.k8s.io`.
    pub(crate) v4: bool,
    /// SPDY/3.1.
    pub(crate) spdy: bool,
}

impl Default for Cluster {
    fn default() -> Self {
        Self::new()
    }
}

impl Cluster {
    /// An empty cluster of version 1.33 that understands every protocol and allows everything.
    pub fn new() -> Self {
        Self {
            pods: Vec::new(),
            objects: Vec::new(),
            access: Access::default(),
            protocols: Protocols {
                v5: true,
                v4: true,
                spdy: true,
            },
            minor: 33,
            faults: Vec::new(),
        }
    }

    /// Adds a pod.
    pub fn pod(mut self, pod: Pod) -> Self {
        self.pods.push(pod);
        self
    }

    /// Adds any object of a kind that the server knows, such as a [`crate::workload`]. What its
    /// metadata lacks (`uid`, `creationTimestamp`, `namespace`) is filled in.
    pub fn object(mut self, object: Value) -> Self {
        self.objects.push(object);
        self
    }

    /// The minor version, which also decides which `kubectl` a dispatching one takes.
    pub fn minor(mut self, minor: u32) -> Self {
        self.minor = minor;
        self
    }

    /// Refuses every WebSocket, as some proxies do.
    pub fn without_websocket(mut self) -> Self {
        (self.protocols.v5, self.protocols.v4) = (false, false);
        self
    }

    /// Understands only the older `v4.channel.k8s.io` over WebSocket, in which standard input can
    /// not be closed.
    pub fn without_v5(mut self) -> Self {
        self.protocols.v5 = false;
        self
    }

    /// Refuses SPDY.
    pub fn without_spdy(mut self) -> Self {
        self.protocols.spdy = false;
        self
    }

    /// Refuses `verb` on `resource`, as in `deny("get", "pods/exec")`; `*` stands for any.
    pub fn deny(mut self, verb: &str, resource: &str) -> Self {
        self.access.deny(verb, resource);
        self
    }

    /// A fault of every exec.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }
}
