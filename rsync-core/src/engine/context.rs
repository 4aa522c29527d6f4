//! What both ends of a run need to know beside their tree.

use std::path::Path;

use crate::checksum::BlockKey;
use crate::engine::care::Care;
use crate::engine::error::Error;
use crate::filter::Filter;
use crate::monitor::Monitor;
use crate::options::Options;
use crate::session::Agreed;
use crate::wire::hello::Features;
use crate::wire::message::Role;

/// What one end of a run needs to know beside its tree.
pub(crate) struct Context<'a> {
    /// Everything that steers the sync.
    pub(crate) options: &'a Options,
    /// What both ends can do.
    pub(crate) features: Features,
    /// Which paths take part.
    pub(crate) filter: &'a Filter,
    /// Key of block sums.
    pub(crate) key: &'a BlockKey,
    /// Who listens.
    pub(crate) monitor: &'a dyn Monitor,
    /// This process gives up what it does not need once its root is open.
    pub(crate) confined: bool,
    /// What only this end knows.
    pub(crate) care: Care<'a>,
    /// The client pulls, and leaves as soon as it knows that the sender's account agrees with its own.
    pub(crate) client_leaves: bool,
}

impl<'a> Context<'a> {
    /// What is known once both ends have agreed, and the agent has been asked for this role.
    pub(crate) fn new(
        options: &'a Options,
        filter: &'a Filter,
        key: &'a BlockKey,
        monitor: &'a dyn Monitor,
        (agreed, role): (&Agreed, Role),
    ) -> Self {
        let features = agreed.features;
        Self {
            options,
            features,
            filter,
            key,
            monitor,
            confined: false,
            care: Care::default(),
            client_leaves: role == Role::Sender && features.contains(Features::INTERIM),
        }
    }
}

/// The filter of a run, for the end whose root is at `root`.
pub(crate) fn filter(options: &Options, root: &Path) -> Result<Filter, Error> {
    use std::os::unix::ffi::OsStrExt;
    // Without a working directory relative paths have no absolute form, and nothing will open.
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    let root = root.as_os_str().as_bytes();
    Ok(Filter::with_absolute_root(
        &options.filter,
        options.delete.excluded,
        root,
    )?)
}
