//! Why a filter can not be used.

use crate::path::{BadPath, RelPath};

/// Why a filter can not be used. One sentence, with the rule and the cause.
///
/// A rule that came from the client is shown. Of a rule that came from a file in a tree only
/// the place is named: the file may be a link to something its reader has no business with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A rule of the client is wrong.
    #[error("filter rule `{rule}`: {fault}")]
    Rule {
        /// The rule, fit for a terminal.
        rule: String,
        /// What is wrong with it.
        fault: RuleFault,
    },
    /// A rule in a per-directory merge file is wrong.
    #[error("filter rule in line {line} of `{file}`: {fault}")]
    InFile {
        /// The merge file, below the root.
        file: RelPath,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        fault: RuleFault,
    },
    /// A per-directory merge file is larger than [`super::MAX_MERGE_FILE_LEN`].
    #[error(
        "filter file `{file}` is larger than {} bytes",
        super::MAX_MERGE_FILE_LEN
    )]
    FileTooLarge {
        /// The merge file, below the root.
        file: RelPath,
    },
    /// A path of a list (`--files-from`) is not one that can lie below a root.
    #[error("line {line} of the list of files, `{path}`: {fault}")]
    ListedPath {
        /// The entry, counted from 1.
        line: usize,
        /// The path, fit for a terminal.
        path: String,
        /// What is wrong with it.
        fault: BadPath,
    },
}

/// What is wrong with a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// It has no text.
    #[error("the rule is empty")]
    Empty,
    /// It begins with none of rsync's prefixes.
    #[error("it does not begin with a rule such as `-`, `+`, `exclude` or `include`")]
    UnknownRule,
    /// A modifier is unknown or does not go with the rule or with another modifier.
    #[error("the modifier at byte {at} is unknown or not allowed here")]
    Modifier {
        /// Where in the rule, counted from 0.
        at: usize,
    },
    /// There is nothing behind the prefix.
    #[error("the pattern or file name is missing")]
    NoPattern,
    /// There is something behind a prefix that takes nothing: `!` or `-C`.
    #[error("nothing may follow this rule")]
    TrailingText,
    /// Both the rule and the merge rule that reads it name a side.
    #[error("it names a side, and so does the merge rule of its file")]
    SideTwice,
    /// The pattern is longer than any path.
    #[error("the pattern is longer than any path")]
    TooLong,
    /// A `.` rule of the client: whoever builds the request reads the file.
    #[error("a merge file can not be named here, its rules have to be given")]
    MergeOnTheWire,
    /// The name of a merge file is not a plain file name.
    #[error("the merge file has to be a plain name, it is looked for in each directory")]
    MergeName,
    /// A `.` rule in a merge file names a file that is not there.
    #[error("the file to merge does not exist in this directory")]
    MergeMissing,
    /// Merge files name merge files too often.
    #[error("merge files name too many further merge files")]
    TooManyMerges,
    /// The modifier `/` without a root whose absolute path is known.
    #[error(
        "the absolute path of the root is not known here, so `/` can not be used as a modifier"
    )]
    NoAbsoluteRoot,
}
