//! What may only happen once all content is in place: what replaces whole directories, hard
//! links, deletions, and last the metadata of directories.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::thread;

use crate::engine::error::Error;
use crate::engine::handles::Handles;
use crate::engine::keeper::New;
use crate::engine::receiver::listing::Group;
use crate::engine::receiver::parent::Parent;
use crate::engine::receiver::shared::Shared;
use crate::engine::receiver::{backup, content, delete};
use crate::entry::{Entry, LinkId};
use crate::monitor::{Change, Update};
use crate::options::chmod::SET_GID;
use crate::path::{FileName, RelPath};
use crate::plan::{self, Verdict};
use crate::root::{self, Detail, Dir, Metadata, WaitingFile};

/// Directories that are worth a thread of their own.
const WORTH_A_THREAD: usize = 200;

/// What waits for the end.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// Entries that only the destination has, with their directories.
    pub(super) extraneous: Vec<(RelPath, Entry)>,
    /// Such entries that must stay because the source's listing has a hole there.
    pub(super) not_deleted: u64,
    /// Entries that take the place of directories.
    pub(super) replacements: Vec<Replacement>,
    /// Hard links to be made.
    pub(super) links: Vec<Group>,
    /// The whole source could be listed.
    pub(super) listing_complete: bool,
    /// The source holds nothing.
    pub(super) source_is_empty: bool,
}

/// An entry that takes the place of a directory.
#[derive(Debug)]
pub(super) struct Replacement {
    pub(super) dir: Parent,
    pub(super) path: RelPath,
    pub(super) entry: Entry,
    pub(super) found: Option<Entry>,
    pub(super) change: Change,
    pub(super) metadata: Metadata,
    /// Verified content with its metadata, for a regular file.
    pub(super) staged: Option<WaitingFile>,
}

/// Does everything that comes last.
pub(super) fn finish(
    shared: &Shared<'_>,
    temporaries: &[(RelPath, FileName)],
) -> Result<(), Error> {
    let mut late = std::mem::take(&mut *shared.late());
    for replacement in late.replacements.drain(..) {
        replace(shared, replacement);
    }
    for group in &late.links {
        link(shared, group);
    }
    let Late {
        extraneous,
        not_deleted,
        listing_complete,
        source_is_empty,
        ..
    } = late;
    delete::delete(
        shared,
        extraneous,
        not_deleted,
        listing_complete,
        source_is_empty,
    );
    if !shared.options.dry_run {
        remove_temporaries(shared, temporaries);
        let directories = std::mem::take(
            &mut *shared
                .directories
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        finish_directories(shared, directories);
        if shared.options.write.durable
            && let Some(tree) = shared.tree
            && let Err(error) = tree.root.top().sync()
        {
            return Err(Error::Destination(error));
        }
    }
    Ok(())
}

fn replace(shared: &Shared<'_>, replacement: Replacement) {
    let Replacement {
        dir,
        path,
        entry,
        found,
        change,
        metadata,
        staged,
    } = replacement;
    let parent = path.parent().unwrap_or_default();
    let put = dir.open(shared).and_then(|dir| {
        // Whatever fails from here on, the file under its temporary name goes.
        let file = staged.map(|file| file.take_up(&dir));
        if let Some(found) = &found {
            delete::clear(shared, &dir, &parent, found)?;
        }
        if shared.options.dry_run {
            return Ok(());
        }
        let Some((staged, stamp)) = file else {
            return content::put_special(shared, &dir, &entry, found.as_ref(), &metadata);
        };
        if let Some(keeper) = shared.keeper() {
            keeper.put(&dir, &entry.name, New::File(stamp), true);
        }
        staged.commit(&dir, &entry.name)
    });
    match put {
        Ok(()) => shared.account.transferred(&path, &entry, change),
        Err(error) => shared.account.destination_failed(&path, error),
    }
}

fn link(shared: &Shared<'_>, group: &Group) {
    let leader = find_leader(shared, group);
    for member in &group.members {
        let (path, entry) = (&member.path, &member.entry);
        let found = member.found.as_ref();
        let Ok((place, id)) = &leader else {
            let error = root::Error::without_leader(path, &group.leader);
            shared.account.destination_failed(path, error);
            continue;
        };
        if id.is_some() && found.and_then(Entry::link_id) == *id {
            shared.account.unchanged(path, entry);
            continue;
        }
        let made = match (place, &shared.handles, path.parent()) {
            (Some((dir, name)), Some(handles), Some(parent)) => {
                handles.get(&parent).and_then(|to| {
                    let announce = || {
                        if let Some(keeper) = shared.keeper() {
                            let new = New::NameOf(dir, name);
                            keeper.put(&to, &entry.name, new, found.is_some());
                        }
                    };
                    match found {
                        None => {
                            announce();
                            return dir.create_hard_link(name, &to, &entry.name);
                        }
                        Some(found) if found.is_dir() => {
                            delete::clear(shared, &to, &parent, found)?;
                        }
                        found => backup::keep(shared, path, found)?,
                    }
                    announce();
                    dir.stage_hard_link(name, &to, &entry.name)
                })
            }
            (None, Some(handles), Some(parent)) => match found.filter(|found| found.is_dir()) {
                None => Ok(()),
                Some(found) => handles
                    .get(&parent)
                    .and_then(|to| delete::clear(shared, &to, &parent, found)),
            },
            _ => Ok(()),
        };
        match made {
            Ok(()) => shared
                .account
                .transferred(path, entry, link_change(shared, entry, found)),
            Err(error) => content::not_put(shared, path, found, error),
        }
    }
}

/// What a name that becomes a link to another differs in from what it was.
fn link_change(shared: &Shared<'_>, entry: &Entry, found: Option<&Entry>) -> Change {
    let change = match plan::verdict(entry, found, shared.options) {
        Verdict::Unchanged => Change::default(),
        Verdict::Metadata(change) | Verdict::Content(change) | Verdict::Create(change) => change,
    };
    Change {
        update: Update::HardLink,
        ..change
    }
}

type Leader = (Option<(Arc<Dir>, FileName)>, Option<LinkId>);

/// The leading name as it is now, after its content came. If that did not come, the others stay
/// what they are too.
fn find_leader(shared: &Shared<'_>, group: &Group) -> Result<Leader, ()> {
    if !group.stays && !shared.account.is_in_place(group.id) {
        return Err(());
    }
    if shared.options.dry_run {
        return Ok((None, group.kept));
    }
    let (Some(handles), Some(parent), Some(name)) = (
        &shared.handles,
        group.leader.parent(),
        group.leader.file_name(),
    ) else {
        return Err(());
    };
    let found = handles.get(&parent).and_then(|dir| {
        let detail = Detail {
            hard_links: true,
            ..Detail::default()
        };
        Ok((dir.entry(&name, &detail)?, dir))
    });
    match found {
        Ok((Some(entry), dir)) if !entry.is_dir() => Ok((Some((dir, name)), entry.link_id())),
        _ => Err(()),
    }
}

fn remove_temporaries(shared: &Shared<'_>, temporaries: &[(RelPath, FileName)]) {
    let Some(handles) = &shared.handles else {
        return;
    };
    for (parent, name) in temporaries {
        // Best effort: they may be gone with their directory.
        if let Ok(dir) = handles.get(parent) {
            let _ = dir.remove_file(name);
        }
    }
}

/// Deepest first, because what a directory gets may close it; those that are as deep at the same
/// time.
fn finish_directories(shared: &Shared<'_>, directories: HashMap<RelPath, Metadata>) {
    let Some(handles) = &shared.handles else {
        return;
    };
    let finish = |level: &[(usize, RelPath, Metadata)]| {
        for (_, path, metadata) in level {
            finish_directory(shared, handles, path, metadata);
        }
    };
    let mut directories: Vec<_> = directories
        .into_iter()
        .map(|(path, metadata)| (path.components().count(), path, metadata))
        .collect();
    directories.sort_unstable_by(|a, b| (b.0, &b.1).cmp(&(a.0, &a.1)));
    for level in directories.chunk_by(|a, b| a.0 == b.0) {
        let share = level.len().div_ceil(shared.writers.len().max(1));
        let (own, others) = level.split_at(share.max(WORTH_A_THREAD).min(level.len()));
        thread::scope(|scope| {
            for others in others.chunks(share.max(WORTH_A_THREAD)) {
                let helper = thread::Builder::new().spawn_scoped(scope, || finish(others));
                if helper.is_err() {
                    finish(others);
                }
            }
            finish(own);
        });
    }
}

fn finish_directory(
    shared: &Shared<'_>,
    handles: &Handles<'_>,
    path: &RelPath,
    metadata: &Metadata,
) {
    match handles
        .get(path)
        .and_then(|dir| set_unless_set(shared, &dir, metadata))
    {
        Ok(()) => {}
        // Deleted or replaced meanwhile.
        Err(error) if error.is_not_found() || error.is_not_a_directory() => {}
        Err(error) => {
            shared.account.count(|receipt| receipt.metadata_failed += 1);
            shared.account.trouble(path, error);
        }
    }
}

/// A directory in which nothing happened is as it was, and is not touched.
fn set_unless_set(shared: &Shared<'_>, dir: &Dir, metadata: &Metadata) -> Result<(), root::Error> {
    let detail = Detail {
        owner: metadata.uid.is_some() || metadata.gid.is_some(),
        ..Detail::default()
    };
    let found = dir.own_entry(&detail)?;
    let mut wanted = Cow::Borrowed(metadata);
    if !shared.options.attributes.permissions {
        // A new directory has it from the one that holds it, whose group is to have all of the tree.
        wanted.to_mut().mode = metadata.mode.map(|mode| mode | found.mode & SET_GID);
    }
    let mut lacking = wanted.lacking(found.mode, found.owner);
    lacking.mtime = lacking.mtime.filter(|&mtime| mtime != found.mtime);
    if lacking == Metadata::default() {
        Ok(())
    } else {
        shared.set_own_metadata(dir, &lacking)
    }
}
