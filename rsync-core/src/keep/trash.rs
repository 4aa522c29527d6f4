//! Where the old versions of one run are kept, each under its number.
//!
//! That is a directory of the run where it is on the destination's file system: keeping is one
//! link or rename then. Otherwise it is [`KEPT_NAME`] beside the destination, or in its root where
//! that is a file system of its own; no run lists, sends or deletes it. Where neither can be had, old
//! versions are copied to the directory of the run.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::copy::{copy, share};
use super::record::Number;
use crate::path::FileName;
use crate::root::{Detail, Dir, Error, KEPT_NAME, Metadata, Root, StagedFile, is_own_directory};

/// Mode of directories that hold what is kept.
const PRIVATE: u32 = 0o700;
/// Name of the directory in that of the run.
const IN_RUN: &str = "kept";

/// Where the old versions of one run are.
#[derive(Debug)]
pub(super) struct Trash {
    /// In the order in which they are tried.
    places: [Place; 3],
}

/// One place where old versions can be.
#[derive(Debug)]
struct Place {
    at: At,
    opened: Option<Dir>,
    /// False once it turned out that nothing can be linked to or renamed into it.
    is_near: bool,
}

#[derive(Debug)]
enum At {
    /// In the directory of the run.
    Run(PathBuf),
    /// In `KEPT_NAME` of this directory, under the name of the run.
    Root(Option<Root>, FileName),
}

impl Trash {
    /// For the run whose directory is `run`, which writes beneath `root`.
    pub(super) fn new(run: &Path, root: &Root) -> Result<Self, Error> {
        use std::os::unix::ffi::OsStrExt;
        let name = run.file_name().unwrap_or_default().as_bytes();
        let id = FileName::new(name).map_err(bad)?;
        let there = root.identity()?.device;
        let above = std::fs::canonicalize(root.path())
            .ok()
            .and_then(|path| Root::open(path.parent()?).ok());
        let is_near = |root: &Root| root.identity().is_ok_and(|found| found.device == there);
        let place = |at, is_near| Place {
            at,
            opened: None,
            is_near,
        };
        let beside_is_near = above.as_ref().is_some_and(is_near);
        Ok(Self {
            places: [
                place(At::Run(run.join(IN_RUN)), is_near(&Root::open(run)?)),
                place(At::Root(above, id.clone()), beside_is_near),
                place(At::Root(Some(root.clone()), id), true),
            ],
        })
    }

    /// Where old versions are kept at once, if that is known.
    pub(super) fn opened(&self) -> Option<Dir> {
        self.places.iter().find(|it| it.is_near)?.opened.clone()
    }

    /// Gives the entry `name` of `dir` another name here, or copies it.
    pub(super) fn link(&mut self, dir: &Dir, name: &FileName, to: Number) -> Result<(), Error> {
        self.nearby(&mut |trash| link(dir, name, trash, to))
            .or_else(|_| copy(dir, name, self.places[0].open()?, &name_of(to)?, false))
    }

    /// Moves the entry `name` of `dir` here.
    pub(super) fn take(&mut self, dir: &Dir, name: &FileName, to: Number) -> Result<(), Error> {
        let to = name_of(to)?;
        self.nearby(&mut |trash| dir.rename_no_replace(name, trash, &to))
            .or_else(|_| {
                copy(dir, name, self.places[0].open()?, &to, false)?;
                dir.remove_file(name)
            })
    }

    /// Copies the file `name` of `dir` here, sharing its blocks where the file system can.
    pub(super) fn copy(&mut self, dir: &Dir, name: &FileName, to: Number) -> Result<(), Error> {
        let to = name_of(to)?;
        self.nearby(&mut |trash| copy(dir, name, trash, &to, false))
            .or_else(|_| copy(dir, name, self.places[0].open()?, &to, false))
    }

    /// Copies the file `name` of `dir` here if that takes no room: the file system shares its blocks.
    pub(super) fn share(&mut self, dir: &Dir, name: &FileName, to: Number) -> Result<(), Error> {
        let to = name_of(to)?;
        self.nearby(&mut |trash| share(dir, name, trash, &to))
    }

    /// Makes a file here for parts of an old version.
    pub(super) fn create(&mut self, to: Number) -> Result<StagedFile, Error> {
        let to = name_of(to)?;
        self.nearby(&mut |trash| trash.open_in_place(&to))
            .or_else(|_| self.places[0].open()?.open_in_place(&to))
    }

    /// Where the old version of this number is; nothing if it is not here (any more).
    pub(super) fn find(&mut self, number: Number) -> Result<Option<(Dir, FileName)>, Error> {
        self.find_name(name_of(number)?)
    }

    /// The same for an old version that was put together from the parts that have this number.
    pub(super) fn find_whole(&mut self, parts: Number) -> Result<Option<(Dir, FileName)>, Error> {
        self.find_name(whole_of(parts)?)
    }

    fn find_name(&mut self, name: FileName) -> Result<Option<(Dir, FileName)>, Error> {
        for place in &mut self.places {
            if let Some(dir) = place.open_existing()
                && dir.stamp(&name)?.is_some()
            {
                return Ok(Some((dir.clone(), name)));
            }
        }
        Ok(None)
    }

    /// Keeps something in the first place on the same file system.
    fn nearby<T>(&mut self, keep: &mut dyn FnMut(&Dir) -> Result<T, Error>) -> Result<T, Error> {
        for place in &mut self.places {
            if !place.is_near {
                continue;
            }
            match place.open().and_then(&mut *keep) {
                // What can not be linked for another reason can not be linked elsewhere either.
                Err(error) if place.opened.is_none() || is_elsewhere(&error) => {
                    place.is_near = false;
                }
                result => return result,
            }
        }
        Err(Error {
            operation: "keep",
            path: Vec::new(),
            source: Errno::XDEV.into(),
        })
    }
}

impl Place {
    fn open(&mut self) -> Result<&Dir, Error> {
        let dir = match (self.opened.take(), &self.at) {
            (Some(dir), _) => dir,
            (None, At::Run(path)) => Root::open_or_create(path, PRIVATE)?.top().clone(),
            (None, At::Root(root, id)) => make_inside(root.as_ref(), id)?,
        };
        Ok(self.opened.insert(dir))
    }

    fn open_existing(&mut self) -> Option<&Dir> {
        if self.opened.is_none() {
            self.opened = match &self.at {
                At::Run(path) => Root::open(path).ok().map(|root| root.top().clone()),
                At::Root(root, id) => {
                    let top = root.as_ref()?.top();
                    let kept = FileName::new(KEPT_NAME.as_bytes()).ok()?;
                    top.open_dir(&kept)
                        .and_then(|kept| own(kept)?.open_dir(id))
                        .ok()
                }
            };
        }
        self.opened.as_ref()
    }
}

/// Makes the directory `id` in `KEPT_NAME` of a root, which looks as if nothing was made in it.
fn make_inside(root: Option<&Root>, id: &FileName) -> Result<Dir, Error> {
    let top = root.ok_or_else(missing)?.top();
    let name = FileName::new(KEPT_NAME.as_bytes()).map_err(bad)?;
    let kept = match top.open_dir(&name) {
        Ok(kept) => kept,
        Err(_) => {
            let mtime = top.own_entry(&Detail::default())?.mtime;
            let kept = open_or_create(top, &name)?;
            // Whoever may write here may not be its owner.
            let _ = top.set_own_metadata(&Metadata {
                mtime: Some(mtime),
                ..Metadata::default()
            });
            kept
        }
    };
    open_or_create(&own(kept)?, id)
}

/// Refuses a directory that others may have prepared.
fn own(dir: Dir) -> Result<Dir, Error> {
    if is_own_directory(&dir)? {
        Ok(dir)
    } else {
        Err(Error {
            operation: "keep old versions in",
            path: KEPT_NAME.as_bytes().to_vec(),
            source: std::io::ErrorKind::PermissionDenied.into(),
        })
    }
}

fn missing() -> Error {
    Error {
        operation: "keep old versions beside",
        path: Vec::new(),
        source: std::io::ErrorKind::NotFound.into(),
    }
}

fn open_or_create(dir: &Dir, name: &FileName) -> Result<Dir, Error> {
    match dir.create_dir(name, PRIVATE) {
        Err(error) if !error.is_already_there() => Err(error),
        _ => dir.open_dir(name),
    }
}

fn is_elsewhere(error: &Error) -> bool {
    error.code() == Errno::XDEV.raw_os_error()
}

/// Gives the entry `name` of `dir` another name in the directory where old versions are.
pub(super) fn link(dir: &Dir, name: &FileName, trash: &Dir, to: Number) -> Result<(), Error> {
    dir.create_hard_link(name, trash, &name_of(to)?)
}

fn name_of(number: Number) -> Result<FileName, Error> {
    FileName::new(format!("{number:08x}").as_bytes()).map_err(bad)
}

/// Name of an old version that was put together from the parts that have this number.
pub(super) fn whole_of(parts: Number) -> Result<FileName, Error> {
    FileName::new(format!("{parts:08x}-whole").as_bytes()).map_err(bad)
}

fn bad(_: crate::path::BadPath) -> Error {
    Error {
        operation: "name",
        path: Vec::new(),
        source: std::io::ErrorKind::InvalidFilename.into(),
    }
}
