//! Flags that say how the other end is found and reached.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::size;

/// How the other end is found and reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reaching the other end")]
pub(crate) struct Reach {
    /// Namespace of the pod (default: the context's)
    #[arg(long, visible_alias = "ns", value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Container of the pod (default: the pod's default container)
    #[arg(long, value_name = "NAME")]
    pub(crate) container: Option<String>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<OsString>,
    /// Kubeconfig file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// User to act for in the cluster, as in kubectl
    #[arg(long = "as", value_name = "USER")]
    pub(crate) as_user: Option<String>,
    /// Labels of the pods that a location like :PATH leads to
    ///
    /// As in kubectl: app=web,tier!=cache. The pods have to belong to one workload, unless all of
    /// them are meant (--pod-policy).
    #[arg(long, value_name = "LABELS", conflicts_with = "rsh")]
    pub(crate) selector: Option<String>,
    /// Which pods of a workload, service or selector take part
    #[arg(long, value_enum, value_name = "POLICY", default_value_t)]
    pub(crate) pod_policy: PodPolicy,
    /// How to get into a cluster
    #[arg(long, value_enum, value_name = "WAY", default_value_t)]
    pub(crate) via: Via,
    /// Image of a container that is added to a pod in which no agent can be started
    ///
    /// It has to have a shell; busybox will do. It is added as an ephemeral container, which shares
    /// the processes of the container that is meant and reads its files as the same user, or as one
    /// who may trace it. It stays in the pod's specification and ends after a day. This takes the
    /// right to patch pods/ephemeralcontainers.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) agent_image: Option<String>,
    /// User in a docker:, podman: or compose: container (default: the container's)
    #[arg(long, value_name = "NAME")]
    pub(crate) container_user: Option<String>,
    /// Image of the container that is started beside a volume: target (default: busybox)
    #[arg(long, value_name = "IMAGE")]
    pub(crate) helper_image: Option<String>,
    /// Port of ssh: targets
    #[arg(long, value_name = "PORT")]
    pub(crate) ssh_port: Option<u16>,
    /// Remote shell; what is before the colon is then a host, as with rsync
    ///
    /// The command gets the host as its next argument, or none for a location like :PATH. The
    /// variable RSYNC_RSH takes the place of ssh for ssh: targets, and changes no others.
    #[arg(short = 'e', long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub(crate) rsh: Option<OsString>,
    /// Give up after so many seconds of silence, at either end; 60 if not given, 0 for never
    ///
    /// Both ends ask for a sign of life long before. At most a day.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    /// Give up if the other end can not be reached within so many seconds; 0 for never
    #[arg(long, value_name = "SECONDS")]
    pub(crate) contimeout: Option<u64>,
    /// Try N times more when the connection breaks or can not be made
    ///
    /// The pauses before are 1 s, 2 s, 4 s and so on, up to a minute. Each attempt goes on from what
    /// the one before brought.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) retries: u32,
    /// Wait as long as another run writes to DEST, instead of a few seconds
    #[arg(long)]
    pub(crate) wait: bool,
    /// Send at most so much a second; K, M and G are powers of 1024, KB, MB and GB of 1000
    ///
    /// A number without a unit counts in units of 1024 bytes, as in rsync. 0 is no limit.
    #[arg(long, value_name = "RATE", value_parser = size::kibibytes)]
    pub(crate) bwlimit: Option<u64>,
    /// Compress what travels; by default where that is faster
    #[arg(short = 'z', long, overrides_with = "no_compress")]
    pub(crate) compress: bool,
    /// Compress at this level; 0 is --no-compress
    #[arg(
        long,
        visible_alias = "zl",
        value_name = "LEVEL",
        allow_negative_numbers = true,
        overrides_with = "no_compress"
    )]
    pub(crate) compress_level: Option<i32>,
    /// Do not compress
    #[arg(long, alias = "no-z", overrides_with_all = ["compress", "compress_level"])]
    pub(crate) no_compress: bool,
}

/// Which pods take part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PodPolicy {
    /// One: ready if any is, of the newest revision, the youngest
    #[default]
    Newest,
    /// Push: every pod gets the same
    All,
    /// Every pod has a directory of its own on this machine, with the pod's name
    Each,
}

/// How to get into a cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Via {
    /// By ksyncd's own client, or by kubectl where that does not work
    #[default]
    Auto,
    /// By ksyncd's own client, over a WebSocket
    Native,
    /// By the kubectl program
    Kubectl,
}
