//! Flags that say how the other end is found and reached.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

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
    /// User in a docker: or podman: container (default: the container's)
    #[arg(long, value_name = "NAME")]
    pub(crate) container_user: Option<String>,
    /// Port of ssh: targets
    #[arg(long, value_name = "PORT")]
    pub(crate) ssh_port: Option<u16>,
    /// Remote shell; what is before the colon is then a host, as with rsync
    ///
    /// The command gets the host as its next argument, or none for a location like :PATH. The
    /// variable RSYNC_RSH takes the place of ssh for ssh: targets, and changes no others.
    #[arg(short = 'e', long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub(crate) rsh: Option<OsString>,
    /// Give up after so many seconds of silence
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    /// Give up if the other end can not be reached within so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) contimeout: Option<u64>,
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
