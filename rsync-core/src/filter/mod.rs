//! Includes, excludes, ignore files: does this path take part?
//!
//! A [`Filter`] is a compiled [`FilterSpec`]. Whoever walks a tree, on either side, carries a
//! [`Scope`] down with it: [`Filter::enter`] gives the rules in force inside a directory, and
//! with them [`Filter::sender_hides`] and [`Filter::receiver_protects`] answer for one name.
//!
//! The language is rsync's (rsync(1), "FILTER RULES"); the first rule that matches decides, and
//! what no rule matches takes part. `.gitignore` files come after all rules. A directory that
//! is hidden is not entered, so everything below it is hidden as well.
//!
//! Rules come from the client alone. Merge files come from the tree that is walked, through a
//! callback: this module reads no file.
//!
//! ```
//! use rsync_core::filter::Filter;
//! use rsync_core::options::FilterSpec;
//! use rsync_core::path::{FileName, RelPath};
//!
//! let rules = vec![b"+ /src/***".to_vec(), b": .rules".to_vec(), b"P *.log".to_vec()];
//! let filter = Filter::new(&FilterSpec { rules, ..FilterSpec::default() }, false)?;
//! let name = |text: &str| FileName::new(text.as_bytes());
//!
//! // The root holds a merge file; everything else would come from its directory too.
//! let mut read = |file: &FileName| (file.as_bytes() == b".rules").then(|| b"- *.o\n".to_vec());
//! let root = RelPath::root();
//! let scope = filter.enter(&filter.root_scope(), &root, &mut read);
//! assert!(scope.error().is_none());
//!
//! assert!(filter.sender_hides(&scope, &root, &name("main.o")?, false));
//! assert!(!filter.sender_hides(&scope, &root, &name("src")?, true));
//! assert!(!filter.sender_hides(&scope, &RelPath::new(b"src")?, &name("main.o")?, false));
//! assert!(filter.receiver_protects(&scope, &root, &name("run.log")?, false));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod class;
mod error;
mod gitignore;
mod lists;
mod only;
mod parse;
mod rule;
mod scope;
mod wildmatch;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use error::{FilterError, RuleFault};
pub use lists::{cvs_rules, paths_from_file, rules_from_file};
pub use scope::Scope;

use crate::options::FilterSpec;
use crate::path::{FileName, RelPath, escape};
use gitignore::GitIgnore;
use only::Only;
use rule::{Side, Subject};
use scope::{Item, List, Policy, State};

/// Largest merge file that is read, in bytes.
pub const MAX_MERGE_FILE_LEN: usize = 1 << 20;
/// Most `:` rules that are in force at once, and most `.` rules that one merge file leads to.
pub const MAX_MERGES: usize = 64;

/// A compiled [`FilterSpec`].
#[derive(Debug)]
pub struct Filter {
    items: Vec<Item>,
    only: Option<Only>,
    merge_files: Vec<FileName>,
    gitignore: Option<FileName>,
    policy: Policy,
    absolute_root: Vec<u8>,
    root_scope: Scope,
}

impl Filter {
    /// Compiles `spec`. With `delete_excluded`, rules that name no side apply to the sender only.
    ///
    /// # Errors
    /// The first rule that is wrong. The modifier `/` needs [`Filter::with_absolute_root`].
    pub fn new(spec: &FilterSpec, delete_excluded: bool) -> Result<Self, FilterError> {
        Self::compile(
            spec,
            Policy {
                delete_excluded,
                knows_root: false,
            },
            b"",
        )
    }

    /// As [`Filter::new`], for a root whose absolute path is known, so that rules with the
    /// modifier `/` can be compared with absolute paths.
    ///
    /// # Errors
    /// The first rule that is wrong.
    pub fn with_absolute_root(
        spec: &FilterSpec,
        delete_excluded: bool,
        root: &[u8],
    ) -> Result<Self, FilterError> {
        Self::compile(
            spec,
            Policy {
                delete_excluded,
                knows_root: true,
            },
            root,
        )
    }

    fn compile(spec: &FilterSpec, policy: Policy, root: &[u8]) -> Result<Self, FilterError> {
        let mut slots = Vec::new();
        let mut list = List::new(&mut slots, policy);
        for rule in &spec.rules {
            list.push_rule(rule).map_err(|fault| FilterError::Rule {
                rule: escape(rule),
                fault,
            })?;
        }
        let items = list.items;
        let gitignore = if spec.gitignore {
            FileName::new(b".gitignore").ok()
        } else {
            None
        };
        let merge_files = slots
            .iter()
            .map(|slot| slot.name.clone())
            .chain(gitignore.clone())
            .collect();
        let only = spec
            .only
            .as_deref()
            .map(|paths| Only::new(paths, spec.recurse_into_listed));
        let absolute_root = root
            .split(|&byte| byte == b'/')
            .filter(|name| !name.is_empty())
            .collect::<Vec<_>>();
        Ok(Self {
            items,
            only,
            merge_files,
            gitignore,
            policy,
            absolute_root: absolute_root.join(&b'/'),
            root_scope: Scope(Arc::new(State {
                slots,
                ..State::default()
            })),
        })
    }

    /// True if there are no rules at all: everything takes part.
    pub fn is_trivial(&self) -> bool {
        self.items.is_empty() && self.only.is_none() && self.gitignore.is_none()
    }

    /// The scope above the root: hand it to [`Filter::enter`] with [`RelPath::root`].
    pub fn root_scope(&self) -> Scope {
        self.root_scope.clone()
    }

    /// The names of the merge files that [`Filter::enter`] asks for in every directory, such as
    /// `.rsync-filter` or `.gitignore`. A merge file can name further ones.
    pub fn merge_files(&self) -> &[FileName] {
        &self.merge_files
    }

    /// The rules in force inside `dir`, given those in its parent.
    ///
    /// `read` gives the content of a file in `dir`, or nothing if there is none. If a rule in
    /// one is wrong, [`Scope::error`] says so and nothing below `dir` takes part.
    pub fn enter(
        &self,
        parent: &Scope,
        dir: &RelPath,
        read: &mut dyn FnMut(&FileName) -> Option<Vec<u8>>,
    ) -> Scope {
        let nothing_to_read = parent.0.slots.is_empty() && self.gitignore.is_none();
        if nothing_to_read || parent.error().is_some() {
            return parent.clone();
        }
        let mut state = State::clone(&parent.0);
        state.error = self.read_merge_files(&mut state, dir, read).err();
        Scope(Arc::new(state))
    }

    fn read_merge_files(
        &self,
        state: &mut State,
        dir: &RelPath,
        read: &mut dyn FnMut(&FileName) -> Option<Vec<u8>>,
    ) -> Result<(), FilterError> {
        state.enter(dir, self.policy, read)?;
        let Some(name) = &self.gitignore else {
            return Ok(());
        };
        if let Some(content) = read(name) {
            if content.len() > MAX_MERGE_FILE_LEN {
                return Err(FilterError::FileTooLarge {
                    file: dir.join(name),
                });
            }
            let file = GitIgnore::parse(&content, dir.as_bytes().len(), state.gitignore.take());
            state.gitignore = Some(Arc::new(file));
        }
        Ok(())
    }

    /// True if the source leaves out its entry `name` of `dir`.
    pub fn sender_hides(
        &self,
        scope: &Scope,
        dir: &RelPath,
        name: &FileName,
        is_dir: bool,
    ) -> bool {
        self.excludes(scope, Side::Sender, dir, name, is_dir)
    }

    /// True if the destination's entry `name` of `dir` must not be deleted and takes no part in
    /// comparing.
    pub fn receiver_protects(
        &self,
        scope: &Scope,
        dir: &RelPath,
        name: &FileName,
        is_dir: bool,
    ) -> bool {
        self.excludes(
            scope,
            Side::Receiver { in_deleted: false },
            dir,
            name,
            is_dir,
        )
    }

    /// As [`Filter::receiver_protects`], for an entry of a directory that is itself being
    /// deleted: there, perishable rules (`-p`, those of `-C`) do not hold.
    pub fn receiver_protects_in_deleted(
        &self,
        scope: &Scope,
        dir: &RelPath,
        name: &FileName,
        is_dir: bool,
    ) -> bool {
        self.excludes(
            scope,
            Side::Receiver { in_deleted: true },
            dir,
            name,
            is_dir,
        )
    }

    fn excludes(
        &self,
        scope: &Scope,
        side: Side,
        dir: &RelPath,
        name: &FileName,
        is_dir: bool,
    ) -> bool {
        if scope.error().is_some() {
            return true;
        }
        if self
            .only
            .as_ref()
            .is_some_and(|only| !only.takes(&dir.join(name), is_dir))
        {
            return true;
        }
        let subject = Subject::entry(&self.absolute_root, dir, name, is_dir);
        if let Some(included) = scope.0.verdict(&self.items, side, &subject) {
            return !included;
        }
        let both_sides = side == Side::Sender || !self.policy.delete_excluded;
        both_sides
            && scope.0.gitignore.as_ref().is_some_and(|file| {
                file.ignores(dir.join(name).as_bytes(), name.as_bytes(), is_dir)
            })
    }

    /// What the rules for extended attributes (`x`) say about the sender's attribute `name`:
    /// included, excluded, or nothing.
    pub fn sender_xattr(&self, scope: &Scope, name: &[u8]) -> Option<bool> {
        scope.0.verdict(
            &self.items,
            Side::Sender,
            &Subject::xattr(&self.absolute_root, name),
        )
    }

    /// As [`Filter::sender_xattr`], for an attribute of the receiver.
    pub fn receiver_xattr(&self, scope: &Scope, name: &[u8]) -> Option<bool> {
        let side = Side::Receiver { in_deleted: false };
        scope.0.verdict(
            &self.items,
            side,
            &Subject::xattr(&self.absolute_root, name),
        )
    }
}
