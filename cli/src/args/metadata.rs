//! Flags that say which metadata is preserved.

use clap::Args;

/// Which metadata is preserved.
#[derive(Debug, Args)]
#[command(next_help_heading = "Metadata")]
pub(crate) struct Metadata {
    /// Preserve permissions (default)
    #[arg(short, long, overrides_with = "no_perms")]
    pub(crate) perms: bool,
    /// Do not preserve permissions
    #[arg(long, alias = "no-p", overrides_with = "perms")]
    pub(crate) no_perms: bool,
    /// Preserve modification times (default)
    #[arg(short, long, overrides_with = "no_times")]
    pub(crate) times: bool,
    /// Do not preserve modification times
    #[arg(long, alias = "no-t", overrides_with = "times")]
    pub(crate) no_times: bool,
    /// Leave the times of directories alone
    #[arg(short = 'O', long)]
    pub(crate) omit_dir_times: bool,
    /// Preserve the owner (default for root)
    #[arg(short, long, overrides_with = "no_owner")]
    pub(crate) owner: bool,
    /// Do not preserve the owner
    #[arg(long, alias = "no-o", overrides_with = "owner")]
    pub(crate) no_owner: bool,
    /// Preserve the group (default for root)
    #[arg(short, long, overrides_with = "no_group")]
    pub(crate) group: bool,
    /// Do not preserve the group
    #[arg(long, alias = "no-g", overrides_with = "group")]
    pub(crate) no_group: bool,
    /// Match owners and groups by number instead of by name
    #[arg(long)]
    pub(crate) numeric_ids: bool,
    /// Give everything this owner, group or both
    #[arg(long, value_name = "USER:GROUP")]
    pub(crate) chown: Option<String>,
    /// Change permissions on the way, as in rsync: D755,F644 or u+w,go-rwx
    #[arg(long, value_name = "CHANGES")]
    pub(crate) chmod: Vec<String>,
    /// Keep set-uid, set-gid and sticky bits of files (default for push)
    ///
    /// What a container calls set-uid is not trusted on this machine, so pull clears these bits.
    #[arg(long, overrides_with = "no_keep_special_bits")]
    pub(crate) keep_special_bits: bool,
    /// Clear set-uid, set-gid and sticky bits of files (default for pull)
    #[arg(long, overrides_with = "keep_special_bits")]
    pub(crate) no_keep_special_bits: bool,
    /// Preserve access control lists; implies -p
    #[arg(short = 'A', long, overrides_with = "no_acls")]
    pub(crate) acls: bool,
    /// Do not preserve access control lists (default)
    #[arg(long, alias = "no-A", overrides_with = "acls", hide = true)]
    pub(crate) no_acls: bool,
    /// Preserve extended attributes
    #[arg(short = 'X', long, overrides_with = "no_xattrs")]
    pub(crate) xattrs: bool,
    /// Do not preserve extended attributes (default)
    #[arg(long, alias = "no-X", overrides_with = "xattrs", hide = true)]
    pub(crate) no_xattrs: bool,
    /// Preserve hard links
    #[arg(short = 'H', long, overrides_with = "no_hard_links")]
    pub(crate) hard_links: bool,
    /// Do not preserve hard links (default)
    #[arg(long, alias = "no-H", overrides_with = "hard_links", hide = true)]
    pub(crate) no_hard_links: bool,
    /// Preserve devices, pipes and sockets: --devices --specials
    #[arg(short = 'D', overrides_with = "no_devices_specials")]
    pub(crate) devices_specials: bool,
    /// Do not preserve devices, pipes and sockets (default)
    #[arg(long = "no-D", overrides_with_all = ["devices_specials", "devices", "specials"], hide = true)]
    pub(crate) no_devices_specials: bool,
    /// Preserve device files
    #[arg(long, overrides_with_all = ["no_devices", "no_devices_specials"])]
    pub(crate) devices: bool,
    /// Do not preserve device files (default)
    #[arg(long, overrides_with = "devices", hide = true)]
    pub(crate) no_devices: bool,
    /// Preserve named pipes and sockets
    #[arg(long, overrides_with_all = ["no_specials", "no_devices_specials"])]
    pub(crate) specials: bool,
    /// Do not preserve named pipes and sockets (default)
    #[arg(long, overrides_with = "specials", hide = true)]
    pub(crate) no_specials: bool,

    /// Copy symbolic links as links (default)
    #[arg(short, long, overrides_with = "no_links")]
    pub(crate) links: bool,
    /// Leave out symbolic links
    #[arg(long, alias = "no-l", overrides_with = "links")]
    pub(crate) no_links: bool,
    /// Leave out symbolic links that point out of the tree
    #[arg(long)]
    pub(crate) safe_links: bool,
    /// Copy what symbolic links point to in their place
    #[arg(short = 'L', long, group = "followed", conflicts_with_all = ["no_links", "safe_links"])]
    pub(crate) copy_links: bool,
    /// Copy what symbolic links out of the tree point to in their place
    #[arg(long, group = "followed", conflicts_with_all = ["no_links", "safe_links"])]
    pub(crate) copy_unsafe_links: bool,
    /// Copy directories in place of symbolic links to them
    #[arg(short = 'k', long, group = "followed", conflicts_with_all = ["no_links", "safe_links"])]
    pub(crate) copy_dirlinks: bool,
}
