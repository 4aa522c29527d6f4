//! Who is told of every change to a destination before it happens.
//!
//! The receiver does what it does with or without a keeper. A keeper that can not keep something
//! remembers that: it never stands in the way of a run. The static agent is built without the
//! feature `keep` and has none of this.

use std::ops::Range;

use crate::entry::Kind;
use crate::path::FileName;
use crate::root::{self, Dir, Metadata, Root, Stamp};

/// Keeps what a run replaces, removes or changes. Called from several threads.
pub trait Keeper: Sync {
    /// The run is going to write beneath `root`, which was made for it if `created`.
    fn open(&self, root: &Root, created: bool);
    /// `new` is about to be put in place as `name` of `dir`, where something may be only if it
    /// `replaces` that: otherwise it is put nowhere.
    fn put(&self, dir: &Dir, name: &FileName, new: New<'_>, replaces: bool);
    /// Files that are like this are about to be put in place in `dir`, each where nothing is, and
    /// otherwise nowhere.
    fn put_new(&self, dir: &Dir, files: &[(&FileName, Stamp)]);
    /// A directory `name` is about to be made in `dir`.
    fn make_dir(&self, dir: &Dir, name: &FileName);
    /// The entry `name` of `dir` is about to get other metadata. A directory is also announced
    /// this way before anything in it is removed together with it.
    fn change(&self, dir: &Dir, name: &FileName, to: &Metadata);
    /// A directory is about to get other metadata, or a change in it will give it another time.
    fn change_dir(&self, dir: &Dir);
    /// All content of the file `name` is about to be changed where it is.
    fn rewrite(&self, dir: &Dir, name: &FileName);
    /// The content of the file `name` is about to be changed where it is, piece by piece, or only its
    /// metadata.
    fn change_content<'a>(&'a self, dir: &Dir, name: &FileName) -> Box<dyn ContentKeeper + 'a>;
    /// The content of the file `name` has been changed where it is.
    fn rewritten(&self, dir: &Dir, name: &FileName, stamp: &Stamp);
    /// The entry `from` is about to be renamed to `to`, where something may be.
    fn rename(&self, from_dir: &Dir, from: &FileName, to_dir: &Dir, to: &FileName);
    /// Removes the entry `name`, which is not a directory, from `dir`.
    ///
    /// # Errors
    /// It is still there.
    fn remove(&self, dir: &Dir, name: &FileName) -> Result<(), root::Error>;
    /// The empty directory `name` is about to be removed from `dir`.
    fn remove_dir(&self, dir: &Dir, name: &FileName);
}

/// Keeps what one file loses that is changed where it is.
pub trait ContentKeeper {
    /// These bytes of the file are about to be overwritten or cut off, as far as it had them when its
    /// keeper was told of it. Each range begins where the one before ended or later.
    fn overwrite(&mut self, range: Range<u64>);
}

/// What is about to be put in place.
#[derive(Debug, Clone, Copy)]
pub enum New<'a> {
    /// A regular file, as it will be.
    File(Stamp),
    /// A link or a special file.
    Other(&'a Kind),
    /// A further name of this entry.
    NameOf(&'a Dir, &'a FileName),
}
