//! One end's view of its tree: the confined root seen through the request (filters, the single
//! entry asked for, mode changes), and ways to go through all of it.

mod digest;
mod kept;
mod summary;
mod view;
mod walk;

pub(crate) use digest::DirectorySum;
pub use digest::tree_digest;
pub(crate) use summary::{Agreement, Counts, Marks, Node, Summary, path_item};
pub(crate) use view::{DirListing, Side, Tree, digest_of};
pub(crate) use walk::{Visit, Word, problem, walk};
