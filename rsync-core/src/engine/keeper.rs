//! Who is told of every change to a destination before it happens.
//!
//! The receiver does what it does with or without a keeper. A keeper that can not keep something
//! remembers that: it never stands in the way of a run. The static agent is built without the
//! feature `keep` and has none of this.

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
    /// The content of the file `name` is about to be changed where it is.
    fn rewrite(&self, dir: &Dir, name: &FileName);
    /// Something is about to be written behind the content of the file `name`, or nothing at all,
    /// and its metadata to be changed.
    fn lengthen(&self, dir: &Dir, name: &FileName);
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
