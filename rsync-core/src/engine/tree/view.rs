//! A tree as one run sees it.

use std::io::Read;

use crate::checksum::Hasher;
use crate::entry::{Entry, Kind};
use crate::filter::{Filter, MAX_MERGE_FILE_LEN, Scope};
use crate::options::{Compare, Options, chmod};
use crate::path::{FileName, RelPath};
use crate::plan::{self, Guard};
use crate::root::{self, Detail, Dir, Root};
use crate::wire::message::{ProblemKind, SystemError};

/// Which end of the sync a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Files are read here.
    Source,
    /// Files are written here.
    Destination,
}

/// A root and what of it takes part in one run.
pub(crate) struct Tree<'a> {
    /// The root held open.
    pub(crate) root: Root,
    /// Only this entry of the root takes part.
    pub(crate) only: Option<FileName>,
    /// Which paths take part.
    pub(crate) filter: &'a Filter,
    /// Everything else that was asked for.
    pub(crate) options: &'a Options,
    /// Which end this is.
    pub(crate) side: Side,
    /// What is left alone here.
    pub(crate) guard: Guard,
}

/// One directory as one run sees it.
#[derive(Debug, Default)]
pub(crate) struct DirListing {
    /// What takes part, sorted by name.
    pub(crate) entries: Vec<Entry>,
    /// How many entries filters leave out.
    pub(crate) excluded: u64,
    /// Entries that could not be looked at.
    pub(crate) problems: Vec<(Vec<u8>, ProblemKind)>,
    /// Left-overs of an interrupted run.
    pub(crate) temporaries: Vec<FileName>,
}

impl DirListing {
    /// Takes out what has a path that can not travel, and says so once.
    fn refuse_long_paths(&mut self, path: &RelPath) {
        let all = self.entries.len();
        self.entries.retain(|entry| path.fits(&entry.name));
        if self.entries.len() < all {
            // Without a name: it is the directory's problem.
            self.problems.push((Vec::new(), ProblemKind::TooDeep));
        }
    }
}

impl Tree<'_> {
    /// What has to be known of each entry.
    pub(crate) fn detail(&self) -> Detail {
        let attributes = &self.options.attributes;
        Detail {
            owner: attributes.owner || attributes.group,
            xattrs: attributes.xattrs,
            acls: attributes.acls,
            // What has several names is not changed where it is, whatever was asked for.
            hard_links: attributes.hard_links || self.side == Side::Destination,
        }
    }

    /// The rules in force inside `dir`, given those of its parent.
    ///
    /// # Errors
    /// A merge file is there but can not be read, or holds what is no rule: then nobody knows
    /// what takes part below.
    pub(crate) fn enter(
        &self,
        parent: &Scope,
        dir: &Dir,
        path: &RelPath,
    ) -> Result<Scope, root::Error> {
        if self.filter.is_trivial() {
            return Ok(parent.clone());
        }
        let mut unreadable = None;
        let scope = self
            .filter
            .enter(parent, path, &mut |name| match read_merge_file(dir, name) {
                Ok(content) => content,
                Err(error) => {
                    unreadable.get_or_insert(error);
                    None
                }
            });
        if let Some(error) = unreadable {
            return Err(error);
        }
        match scope.error() {
            None => Ok(scope),
            Some(error) => Err(root::Error {
                operation: "apply the filter rules of",
                path: path.as_bytes().to_vec(),
                source: std::io::Error::other(error.clone()),
            }),
        }
    }

    /// The rules in force inside the directory at `path`.
    pub(crate) fn scope_at(&self, path: &RelPath) -> Result<Scope, root::Error> {
        let mut scope = self.filter.root_scope();
        if self.filter.merge_files().is_empty() {
            return Ok(scope);
        }
        let mut way: Vec<RelPath> =
            std::iter::successors(Some(path.clone()), RelPath::parent).collect();
        way.reverse();
        for at in way {
            let dir = self.root.top().open_beneath(&at)?;
            scope = self.enter(&scope, &dir, &at)?;
        }
        Ok(scope)
    }

    /// True if the file `name` in `dir` is one that a listing shows: a peer gets nothing else.
    pub(crate) fn may_serve(&self, dir: &RelPath, name: &FileName) -> bool {
        let not_asked_for = dir.is_root() && self.only.as_ref().is_some_and(|only| only != name);
        !not_asked_for
            && !root::is_own_name(name.as_bytes())
            && (self.filter.is_trivial()
                || self
                    .scope_at(dir)
                    .is_ok_and(|scope| !self.filter.sender_hides(&scope, dir, name, false)))
    }

    /// Lists `dir` as far as it takes part. At the destination that is everything but what the
    /// rules keep both from being replaced and from being deleted.
    pub(crate) fn list(
        &self,
        dir: &Dir,
        path: &RelPath,
        scope: &Scope,
    ) -> Result<DirListing, root::Error> {
        self.list_without(dir, path, &|name, is_dir| {
            let hidden = self.filter.sender_hides(scope, path, name, is_dir);
            hidden
                && (self.side == Side::Source
                    || self.filter.receiver_protects(scope, path, name, is_dir))
        })
    }

    /// Lists what may be deleted of a directory that is being deleted itself.
    pub(crate) fn list_to_delete(
        &self,
        dir: &Dir,
        path: &RelPath,
        scope: &Scope,
    ) -> Result<DirListing, root::Error> {
        let mut listing = self.list_without(dir, path, &|name, is_dir| {
            self.filter
                .receiver_protects_in_deleted(scope, path, name, is_dir)
        })?;
        let all = listing.entries.len();
        listing
            .entries
            .retain(|entry| !self.is_kept(path, &entry.name));
        listing.excluded += (all - listing.entries.len()) as u64;
        Ok(listing)
    }

    /// True if the entry `name` of `dir` must not be deleted.
    pub(crate) fn protects(
        &self,
        scope: &Scope,
        dir: &RelPath,
        name: &FileName,
        is_dir: bool,
    ) -> bool {
        self.is_kept(dir, name)
            || (!self.filter.is_trivial()
                && self.filter.receiver_protects(scope, dir, name, is_dir))
    }

    fn list_without(
        &self,
        dir: &Dir,
        path: &RelPath,
        left_out: &dyn Fn(&FileName, bool) -> bool,
    ) -> Result<DirListing, root::Error> {
        let mut listing = DirListing::default();
        let only = self.only.as_ref().filter(|_| path.is_root());
        let (mut excluded, mut temporaries) = (0, Vec::new());
        let listed = dir.list_with(&self.detail(), &mut |name, is_dir| {
            if only.is_some_and(|only| only != name) {
                return false;
            }
            if self.is_backup_directory(path, name) {
                excluded += 1;
                return false;
            }
            if root::is_own_name(name.as_bytes()) {
                if root::is_temporary_name(name.as_bytes()) {
                    temporaries.push(name.clone());
                }
                return false;
            }
            let out =
                !self.filter.is_trivial() && is_dir.is_some_and(|is_dir| left_out(name, is_dir));
            excluded += u64::from(out);
            !out
        })?;
        listing.entries = listed.entries;
        listing.problems = listed.problems;
        if !self.filter.is_trivial() {
            // Only now is the kind known of entries whose file system does not tell with the name.
            listing.entries.retain(|entry| {
                let out = left_out(&entry.name, entry.is_dir());
                excluded += u64::from(out);
                !out
            });
            listing.problems.retain(|(name, problem)| {
                let out = FileName::new(name).is_ok_and(|name| {
                    left_out(&name, false) && (leads_nowhere(problem) || left_out(&name, true))
                });
                excluded += u64::from(out);
                !out
            });
        }
        listing.excluded = excluded;
        listing.temporaries = temporaries;
        listing.refuse_long_paths(path);
        for entry in &mut listing.entries {
            if self.side == Side::Source {
                self.adjust_mode(entry);
            }
        }
        if self.options.compare == Compare::Checksum {
            self.add_digests(dir, path, &mut listing);
        }
        Ok(listing)
    }

    /// True for what earlier runs put aside at the destination.
    fn is_backup(&self, dir: &RelPath, name: &FileName) -> bool {
        match &self.options.backup {
            Some(backup) if self.side == Side::Destination => {
                let has_suffix =
                    !backup.suffix.is_empty() && name.as_bytes().ends_with(&backup.suffix);
                (backup.directory.is_none() && has_suffix) || self.is_backup_directory(dir, name)
            }
            _ => false,
        }
    }

    /// True for the directory of the destination that takes old versions.
    fn is_backup_directory(&self, dir: &RelPath, name: &FileName) -> bool {
        let backup = self.options.backup.as_ref();
        let directory = backup.and_then(|backup| backup.directory.as_ref());
        self.side == Side::Destination
            && directory.is_some_and(|directory| dir.join(name) == *directory)
    }

    /// True for what is never deleted, whatever the rules say.
    fn is_kept(&self, dir: &RelPath, name: &FileName) -> bool {
        self.is_backup(dir, name) || self.guard.covers(&dir.join(name))
    }

    /// Changes an entry's mode on the way, and its access list with it.
    pub(crate) fn adjust_mode(&self, entry: &mut Entry) {
        let attributes = &self.options.attributes;
        if matches!(entry.kind, Kind::Symlink { .. }) {
            return;
        }
        let is_dir = entry.is_dir();
        if !attributes.special_bits && !is_dir {
            entry.mode &= 0o777;
        }
        if attributes.chmod.is_empty() {
            return;
        }
        entry.mode = chmod::apply(&attributes.chmod, entry.mode, is_dir);
        for list in entry
            .xattrs
            .iter_mut()
            .filter(|xattr| xattr.is_access_list())
        {
            list.value = root::acl_under_mode(&list.value, entry.mode);
        }
    }

    fn add_digests(&self, dir: &Dir, path: &RelPath, listing: &mut DirListing) {
        let mut buffer = vec![0; 256 << 10];
        let DirListing {
            entries, problems, ..
        } = listing;
        for entry in entries {
            if entry.file_size().is_none() || plan::left_out(entry, path, self.options).is_some() {
                continue;
            }
            match digest_of(dir, &entry.name, &mut buffer) {
                Ok(digest) => entry.digest = Some(Box::new(digest)),
                // The receiver reports it when it asks for the content; at the destination a
                // file that can not be read simply does not agree.
                Err(error) if self.side == Side::Source => problems.push((
                    entry.name.as_bytes().to_vec(),
                    ProblemKind::System(SystemError {
                        operation: "read".into(),
                        code: error.raw_os_error().unwrap_or(0),
                    }),
                )),
                Err(_) => {}
            }
        }
    }
}

/// True for a link that is no directory, whatever else: its target is missing, or itself.
fn leads_nowhere(problem: &ProblemKind) -> bool {
    matches!(problem, ProblemKind::System(error) if root::leads_nowhere(error.code))
}

/// A merge file's content, if there is such a file. One byte more than a merge file may have is
/// enough for the filter to refuse it.
fn read_merge_file(dir: &Dir, name: &FileName) -> Result<Option<Vec<u8>>, root::Error> {
    let file = match dir.open_file(name) {
        Ok(file) => file,
        Err(error) if error.is_not_found() || error.is_not_a_file() => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut content = Vec::new();
    match file
        .take(MAX_MERGE_FILE_LEN as u64 + 1)
        .read_to_end(&mut content)
    {
        Ok(_) => Ok(Some(content)),
        Err(source) => Err(root::Error {
            operation: "read",
            path: name.as_bytes().to_vec(),
            source,
        }),
    }
}

/// Digest of a file's content.
pub(crate) fn digest_of(
    dir: &Dir,
    name: &FileName,
    buffer: &mut [u8],
) -> std::io::Result<crate::checksum::Digest> {
    let mut file = dir.open_file(name).map_err(root::Error::into_io)?;
    let mut hasher = Hasher::new();
    loop {
        match file.read(buffer)? {
            0 => return Ok(hasher.digest()),
            len => hasher.update(&buffer[..len]),
        }
    }
}
