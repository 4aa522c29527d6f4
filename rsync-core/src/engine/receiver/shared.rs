//! What the receiver's threads share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::checksum::BlockKey;
use crate::engine::care::{Care, Incarnation};
use crate::engine::connection::{ConnectionError, Outbox};
use crate::engine::content_digest::ContentDigest;
use crate::engine::context::Context;
use crate::engine::error::Error;
use crate::engine::handles::Handles;
use crate::engine::keeper::Keeper;
use crate::engine::queue::ByteQueue;
use crate::engine::receiver::Opening;
use crate::engine::receiver::account::Account;
use crate::engine::receiver::content::Job;
use crate::engine::receiver::finish::Late;
use crate::engine::receiver::metadata::metadata;
use crate::engine::receiver::pending::Pendings;
use crate::engine::receiver::signing::Signing;
use crate::engine::settle::Said;
use crate::engine::threads::threads_that_wait;
use crate::engine::tree::{Summary, Tree};
use crate::entry::{Entry, Timestamp};
use crate::filter::Filter;
use crate::monitor::Event;
use crate::options::Options;
use crate::path::{FileName, RelPath};
use crate::plan::{Guard, Modes, Precision};
use crate::root::{self, Dir, Metadata, StagedFile};
use crate::wire::hello::Features;
use crate::wire::message::{Caution, FileId, FromReceiver, How, SenderTotals, TreeDigest};

/// Most threads that write content.
const WRITERS: usize = 3;
/// Bytes of content that may wait for one writer.
const WRITER_QUEUE_BYTES: usize = 512 << 10;

/// State shared by the receiver's threads.
pub(super) struct Shared<'a> {
    /// The destination; nothing in a dry run that would create it.
    pub(super) tree: Option<&'a Tree<'a>>,
    pub(super) options: &'a Options,
    pub(super) filter: &'a Filter,
    pub(super) key: &'a BlockKey,
    pub(super) outbox: &'a Outbox<FromReceiver>,
    /// What only this end knows.
    care: Care<'a>,
    /// What the client that pushes to this end forbids to delete.
    caution: OnceLock<Caution>,
    /// What both ends can do.
    pub(super) features: Features,
    /// The digest of what this end has of the source; nothing if that could not all be listed.
    pub(super) tree_digest: Mutex<Option<TreeDigest>>,
    /// What the sender says of its tree.
    pub(super) sent_tree: Mutex<Said>,
    /// What is here at first.
    pub(super) summary: Option<&'a Summary>,
    /// The life of the source that there is now.
    incarnation: Incarnation,
    pub(super) account: Account<'a>,
    pub(super) pending: Pendings,
    pub(super) handles: Option<Handles<'a>>,
    /// One queue a writer; a file always goes to the same.
    pub(super) writers: Vec<ByteQueue<Job>>,
    /// So many of them there are.
    writing: AtomicUsize,
    pub(super) signing: Signing,
    /// What has to wait until all content is there.
    late: Mutex<Late>,
    /// Metadata that directories get at the end.
    pub(super) directories: Mutex<HashMap<RelPath, Metadata>>,
    /// What arrived.
    pub(super) received: Mutex<Received>,
    /// The sender's account.
    pub(super) sent: Mutex<Option<SenderTotals>>,
    /// Content that was asked for or comes unasked.
    pub(super) wanted: Mutex<Wanted>,
    /// Name under which the source lists the single entry that has another name here.
    pub(super) listed_name: Mutex<Option<FileName>>,
    closed: AtomicBool,
    umask: u32,
    /// What the destination's file system keeps, once it was tried out.
    precision: OnceLock<Precision>,
    /// What is left alone.
    pub(super) guard: Guard,
    /// This end asked for the run.
    is_client: bool,
    /// This end leaves as soon as it knows that both agree.
    pub(super) client_leaves: bool,
}

/// How much content is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    pub(super) bytes: u64,
    pub(super) files: u64,
}

/// What arrived.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Received {
    pub(super) listed: u64,
    pub(super) files: u64,
    pub(super) failed: u64,
    pub(super) content_digest: ContentDigest,
}

impl<'a> Shared<'a> {
    pub(super) fn new(
        tree: Option<&'a Tree<'a>>,
        context: &Context<'a>,
        opening: &Opening,
        summary: Option<&'a Summary>,
        outbox: &'a Outbox<FromReceiver>,
    ) -> Self {
        Self {
            tree,
            options: context.options,
            filter: context.filter,
            key: context.key,
            outbox,
            care: context.care,
            caution: OnceLock::new(),
            features: context.features,
            tree_digest: Mutex::default(),
            sent_tree: Mutex::default(),
            summary,
            incarnation: opening.source.incarnation,
            account: Account::new(context.monitor),
            pending: Pendings::new(),
            handles: tree.map(|tree| Handles::new(&tree.root)),
            writers: (0..threads_that_wait(WRITERS))
                .map(|_| ByteQueue::new(WRITER_QUEUE_BYTES))
                .collect(),
            writing: AtomicUsize::new(0),
            signing: Signing::default(),
            late: Mutex::default(),
            directories: Mutex::default(),
            received: Mutex::default(),
            sent: Mutex::default(),
            wanted: Mutex::default(),
            listed_name: Mutex::default(),
            closed: AtomicBool::new(false),
            umask: opening.umask,
            precision: OnceLock::new(),
            guard: opening.guard,
            is_client: opening.is_client,
            client_leaves: context.client_leaves,
        }
    }

    /// Takes what a client forbids to delete. This end's own limits are nobody else's to set.
    ///
    /// # Errors
    /// This end is the client.
    pub(super) fn be_cautious(&self, caution: Caution) -> Result<(), Error> {
        if self.is_client {
            return Err(Error::Protocol("it gives orders to its client".into()));
        }
        // The order of messages lets it come once.
        self.caution.get_or_init(|| caution);
        Ok(())
    }

    /// True if the source is not the one that earlier runs came from.
    pub(super) fn source_is_new(&self) -> bool {
        let told = self
            .caution
            .get()
            .is_some_and(|caution| caution.source_is_new);
        let agreed = self.care.incarnation;
        told || agreed.is_some_and(|agreed| agreed != self.incarnation)
    }

    /// Most of the destination's entries, in percent, that may be deleted.
    pub(super) fn max_delete_percent(&self) -> Option<u8> {
        let told = self
            .caution
            .get()
            .and_then(|caution| caution.max_delete_percent);
        told.or(self.care.max_delete_percent)
    }

    /// Who keeps what this run changes; nobody in the agent, which has no code for it.
    pub(super) fn keeper(&self) -> Option<&'a dyn Keeper> {
        self.care.keeper.filter(|_| cfg!(feature = "keep"))
    }

    /// Creates a temporary in `dir`, which changes that.
    pub(super) fn stage(&self, dir: &Dir) -> Result<StagedFile, root::Error> {
        self.announce_change_of(dir);
        dir.stage()
    }

    /// Something is going to be made or removed in `dir`, which changes that.
    pub(super) fn announce_change_of(&self, dir: &Dir) {
        if let Some(keeper) = self.keeper() {
            keeper.change_dir(dir);
        }
    }

    /// What waits for the end.
    pub(super) fn late(&self) -> MutexGuard<'_, Late> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the entry `name` of `dir` other metadata.
    pub(super) fn set_metadata(
        &self,
        dir: &Dir,
        name: &FileName,
        metadata: &Metadata,
    ) -> Result<(), root::Error> {
        if let Some(keeper) = self.keeper() {
            keeper.change(dir, name, metadata);
        }
        dir.set_metadata(name, metadata)
    }

    /// Gives a directory itself other metadata.
    pub(super) fn set_own_metadata(
        &self,
        dir: &Dir,
        metadata: &Metadata,
    ) -> Result<(), root::Error> {
        self.announce_change_of(dir);
        dir.set_own_metadata(metadata)
    }

    /// Gives a job to the writer of `file`, who may go on sleeping until [`Self::wake_writers`].
    /// Neighbours go to the same writer, because creating files in one directory is what the kernel
    /// does one at a time anyway.
    pub(super) fn hand_over(&self, file: FileId, job: Job) {
        let bytes = job.weight();
        let writers = self.writing.load(Ordering::Relaxed).max(1);
        if let Some(queue) = self.writers.get(file.dir.0 as usize % writers) {
            queue.push(job, bytes);
        }
    }

    /// There are so many writers. For the time before anything is handed over.
    pub(super) fn writers_are(&self, number: usize) {
        self.writing.store(number, Ordering::Relaxed);
    }

    /// Lets the writers go on with what was handed over.
    pub(super) fn wake_writers(&self) {
        self.writers.iter().for_each(ByteQueue::wake);
    }

    /// Asks for a file's content, once the outbox is flushed.
    pub(super) fn want(
        &self,
        file: FileId,
        name: &FileName,
        how: How,
    ) -> Result<(), ConnectionError> {
        let listed = self
            .listed_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        self.outbox.push(&FromReceiver::Want {
            file,
            name: listed.unwrap_or_else(|| name.clone()),
            how,
        })
    }

    /// Metadata for `entry`, which takes the place of `found`.
    pub(super) fn metadata(
        &self,
        entry: &Entry,
        found: Option<&Entry>,
        mtime: Timestamp,
    ) -> Metadata {
        let attributes = &self.options.attributes;
        let mut metadata = metadata(attributes, self.umask, entry, found, mtime);
        metadata.mode = metadata
            .mode
            .filter(|_| self.precision().modes == Modes::Kept);
        metadata
    }

    /// What the destination's file system keeps. Tried out at the first call, which comes before the
    /// first change: it leaves no trace, so whoever keeps old versions is not told.
    pub(super) fn precision(&self) -> Precision {
        let try_out = |tree: &Tree<'_>| match tree.root.top().precision() {
            Ok(precision) => Some(precision),
            // Where nothing can be tried out nothing else can be done, which is reported then.
            Err(error) if !error.leaves_something() => None,
            Err(error) => {
                self.account.count(|receipt| receipt.deletes_failed += 1);
                self.account.trouble(&RelPath::root(), error);
                None
            }
        };
        *self.precision.get_or_init(|| {
            let tree = self.tree.filter(|_| !self.options.dry_run);
            let precision = tree.and_then(try_out).unwrap_or(Precision::FULL);
            if precision.modes == Modes::Refused && self.options.attributes.permissions {
                self.account.count(|receipt| receipt.metadata_failed += 1);
                self.account
                    .trouble(&RelPath::root(), root::Error::no_modes());
            }
            precision
        })
    }

    /// Lets `entry` be as what was `found`, as far as they differ only in what this file system can
    /// not keep. A dry run, which tries nothing out, takes a time that looks cut for cut.
    pub(super) fn overlook(&self, entry: &mut Entry, found: &Entry) {
        if !Precision::is_in_doubt(entry, found, &self.options.attributes) {
            return;
        }
        let precision = if self.options.dry_run {
            Precision {
                time_unit: Precision::time_unit_of(entry.mtime, found.mtime),
                ..Precision::FULL
            }
        } else {
            self.precision()
        };
        precision.overlook(entry, found);
    }

    /// Tells how much there is, now that it is known.
    pub(super) fn tell_listed(&self) {
        let wanted = *self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = self.account.receipt().entries;
        self.account.tell(&Event::Listed {
            entries,
            wanted_bytes: wanted.bytes,
            wanted_files: wanted.files,
        });
    }

    /// True once nothing more is to be written: either everything is, or the run has failed.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Lets all helping threads come to their end.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.writers.iter().for_each(ByteQueue::close);
        self.signing.close();
    }
}
