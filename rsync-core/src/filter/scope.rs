//! The rules in force inside one directory: what merge files and `.gitignore` files added on
//! the way down.
//!
//! Every `:` rule owns a slot in the filter's list. A directory's merge file puts a layer of
//! rules into the slot, in front of those of the directories above it; leaving the directory
//! means dropping its [`Scope`].

use std::sync::Arc;

use super::error::{FilterError, RuleFault};
use super::gitignore::GitIgnore;
use super::lists::CVS_PATTERNS;
use super::parse::{Modifiers, Parsed, merge_name, parse, rules_of};
use super::rule::{Rule, Side, Subject};
use super::{MAX_MERGE_FILE_LEN, MAX_MERGES};
use crate::path::{FileName, RelPath};

/// The per-directory rules in force inside one directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Scope(pub(super) Arc<State>);

impl Scope {
    /// Why the rules of this directory or of one above it can not be used.
    ///
    /// While this is not `None` nothing below the directory takes part, neither in listing nor
    /// in deleting; whoever walks the tree has to report it.
    pub fn error(&self) -> Option<&FilterError> {
        self.0.error.as_ref()
    }
}

/// What a [`Scope`] points to.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) slots: Vec<Slot>,
    pub(super) gitignore: Option<Arc<GitIgnore>>,
    pub(super) error: Option<FilterError>,
}

/// One `:` rule and what its files said so far.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) name: FileName,
    modifiers: Modifiers,
    layer: Option<Arc<Layer>>,
}

/// The rules of one merge file, followed by those of the directories above.
#[derive(Debug)]
struct Layer {
    items: Vec<Item>,
    parent: Option<Arc<Layer>>,
}

/// One place in a list of rules.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Rule(Box<Rule>),
    /// The rules of the merge files of this slot.
    Slot(usize),
}

impl State {
    /// What the first rule that matches says: included, excluded, or nothing.
    pub(super) fn verdict(
        &self,
        items: &[Item],
        side: Side,
        subject: &Subject<'_>,
    ) -> Option<bool> {
        items.iter().find_map(|item| match item {
            Item::Rule(rule) => rule.verdict(side, subject),
            Item::Slot(index) => {
                let first = self.slots.get(*index)?.layer.as_deref();
                let mut layers = std::iter::successors(first, |layer| layer.parent.as_deref());
                layers.find_map(|layer| self.verdict(&layer.items, side, subject))
            }
        })
    }

    /// Reads the merge files of `dir` through `read` and puts their rules in force.
    pub(super) fn enter(
        &mut self,
        dir: &RelPath,
        policy: Policy,
        read: &mut dyn FnMut(&FileName) -> Option<Vec<u8>>,
    ) -> Result<(), FilterError> {
        let mut index = 0;
        while let Some(slot) = self.slots.get_mut(index) {
            let Slot {
                name, modifiers, ..
            } = slot.clone();
            let inherited = slot.layer.take().filter(|_| !modifiers.local);
            slot.layer = inherited.clone();
            if let Some(content) = read(&name) {
                let mut list = List::new(&mut self.slots, policy);
                list.inherited = inherited;
                let file = MergeFile {
                    dir,
                    name: &name,
                    content: &content,
                };
                list.read_file(&file, &modifiers, read)?;
                let (items, parent) = (list.items, list.inherited);
                self.slots[index].layer = if items.is_empty() {
                    parent
                } else {
                    Some(Arc::new(Layer { items, parent }))
                };
            }
            index += 1;
        }
        Ok(())
    }
}

/// What holds for all rules of a filter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    pub(super) delete_excluded: bool,
    /// The absolute path of the root is known.
    pub(super) knows_root: bool,
}

/// A list of rules while it is read.
pub(super) struct List<'s> {
    pub(super) items: Vec<Item>,
    inherited: Option<Arc<Layer>>,
    slots: &'s mut Vec<Slot>,
    policy: Policy,
    /// How many `.` rules were followed.
    merged: usize,
}

/// A merge file in a directory.
struct MergeFile<'a> {
    dir: &'a RelPath,
    name: &'a FileName,
    content: &'a [u8],
}

impl<'s> List<'s> {
    /// An empty list whose `:` rules go to `slots`.
    pub(super) fn new(slots: &'s mut Vec<Slot>, policy: Policy) -> Self {
        Self {
            items: Vec::new(),
            inherited: None,
            slots,
            policy,
            merged: 0,
        }
    }

    /// Adds a rule of the client.
    pub(super) fn push_rule(&mut self, rule: &[u8]) -> Result<(), RuleFault> {
        match parse(rule, &Modifiers::default(), self.policy.delete_excluded)? {
            Parsed::Merge(..) => Err(RuleFault::MergeOnTheWire),
            Parsed::Clear => {
                self.items.clear();
                self.slots.clear();
                Ok(())
            }
            parsed => self.push(parsed, None),
        }
    }

    /// Adds the rules of a merge file.
    fn read_file(
        &mut self,
        file: &MergeFile<'_>,
        container: &Modifiers,
        read: &mut dyn FnMut(&FileName) -> Option<Vec<u8>>,
    ) -> Result<(), FilterError> {
        let path = file.dir.join(file.name);
        if file.content.len() > MAX_MERGE_FILE_LEN {
            return Err(FilterError::FileTooLarge { file: path });
        }
        for (line, rule) in rules_of(file.content, container) {
            let in_file = |fault| FilterError::InFile {
                file: path.clone(),
                line,
                fault,
            };
            match parse(rule, container, self.policy.delete_excluded).map_err(in_file)? {
                Parsed::Merge(modifiers, name) => {
                    let name = merge_name(&modifiers, name).map_err(in_file)?;
                    self.merged += 1;
                    if self.merged > MAX_MERGES {
                        return Err(in_file(RuleFault::TooManyMerges));
                    }
                    let content = read(&name)
                        .ok_or(RuleFault::MergeMissing)
                        .map_err(in_file)?;
                    self.exclude_itself(&modifiers, &name);
                    let merged = MergeFile {
                        dir: file.dir,
                        name: &name,
                        content: &content,
                    };
                    self.read_file(&merged, &modifiers, read)?;
                }
                parsed => self.push(parsed, Some(file.dir)).map_err(in_file)?,
            }
        }
        Ok(())
    }

    fn push(&mut self, parsed: Parsed<'_>, merge_dir: Option<&RelPath>) -> Result<(), RuleFault> {
        match parsed {
            Parsed::Clear => {
                self.items.clear();
                self.inherited = None;
            }
            Parsed::Pattern(modifiers, pattern) => {
                if modifiers.absolute && !self.policy.knows_root {
                    return Err(RuleFault::NoAbsoluteRoot);
                }
                self.items.push(Item::Rule(Box::new(Rule::new(
                    pattern, modifiers, merge_dir,
                ))));
            }
            Parsed::CvsDefaults(modifiers) => {
                let modifiers = Modifiers {
                    perishable: true,
                    ..modifiers
                };
                let rule = |pattern: &&[u8]| {
                    Item::Rule(Box::new(Rule::new(pattern, modifiers.clone(), None)))
                };
                self.items.extend(CVS_PATTERNS.iter().map(rule));
            }
            Parsed::Merge(..) => return Err(RuleFault::MergeOnTheWire),
            Parsed::DirMerge(modifiers, name) => {
                let name = merge_name(&modifiers, name)?;
                self.exclude_itself(&modifiers, &name);
                if self.slots.iter().any(|slot| slot.name == name) {
                    return Ok(());
                }
                if self.slots.len() >= MAX_MERGES {
                    return Err(RuleFault::TooManyMerges);
                }
                self.items.push(Item::Slot(self.slots.len()));
                self.slots.push(Slot {
                    name,
                    modifiers,
                    layer: None,
                });
            }
        }
        Ok(())
    }

    /// The modifier `e`: an exclude for the merge file's own name.
    fn exclude_itself(&mut self, modifiers: &Modifiers, name: &FileName) {
        if modifiers.excludes_itself {
            let default = Modifiers {
                sender: self.policy.delete_excluded,
                ..Modifiers::default()
            };
            self.items.push(Item::Rule(Box::new(Rule::new(
                name.as_bytes(),
                default,
                None,
            ))));
        }
    }
}
