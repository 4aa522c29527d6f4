//! Rules and paths from lists: what the command line reads from files and hands on as data.
//!
//! Not here: reading the files.

use super::error::FilterError;
use crate::path::{BadPath, RelPath, escape};

/// The rules of an `--exclude-from` or, with `include`, an `--include-from` file, with their
/// prefixes.
///
/// As in rsync(1): one pattern a line (or up to a zero byte), empty lines and those that begin
/// with `#` or `;` are skipped, `- ` and `+ ` at the front say what the pattern is, and `!`
/// alone clears the rules before it.
pub fn rules_from_file(content: &[u8], include: bool, zero_separated: bool) -> Vec<Vec<u8>> {
    let separates = |byte: &u8| {
        if zero_separated {
            *byte == 0
        } else {
            matches!(byte, b'\n' | b'\r')
        }
    };
    let lines = content.split(separates);
    let rules = lines.filter(|line| !matches!(line.first(), None | Some(b'#' | b';')));
    rules
        .map(|rule| match rule {
            b"!" | [b'-' | b'+', b' ', ..] => rule.to_vec(),
            pattern if include => [b"+ ", pattern].concat(),
            pattern => [b"- ", pattern].concat(),
        })
        .collect()
}

/// The paths of a `--files-from` list.
///
/// Paths are below the source: a leading slash or `./` goes, as do doubled slashes, inner `.`
/// and trailing slashes; `.` alone is the root. Read by lines, empty lines and those that begin
/// with `#` or `;` are skipped; separated by zero bytes, every name counts as it is.
///
/// # Errors
/// A path with `..`, with a zero byte or longer than any path can be.
pub fn paths_from_file(content: &[u8], zero_separated: bool) -> Result<Vec<RelPath>, FilterError> {
    let separates = |byte: &u8| {
        if zero_separated {
            *byte == 0
        } else {
            matches!(byte, b'\n' | b'\r')
        }
    };
    let mut paths = Vec::new();
    for (index, line) in content.split(separates).enumerate() {
        let comment = !zero_separated && matches!(line.first(), Some(b'#' | b';'));
        if line.is_empty() || comment {
            continue;
        }
        let path = below_root(line).map_err(|fault| FilterError::ListedPath {
            line: index + 1,
            path: escape(line),
            fault,
        })?;
        paths.push(path);
    }
    Ok(paths)
}

fn below_root(text: &[u8]) -> Result<RelPath, BadPath> {
    let names: Vec<&[u8]> = text
        .split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty() && *name != b".")
        .collect();
    RelPath::try_from(names.join(&b'/'))
}

/// What `-C` excludes without any `.cvsignore`, as rules; they are perishable, as in rsync(1).
///
/// `$HOME/.cvsignore`, the variable `CVSIGNORE` and the rule `:C` complete `-C`; they are the
/// command line's business.
pub fn cvs_rules() -> Vec<Vec<u8>> {
    CVS_PATTERNS
        .iter()
        .map(|pattern| [b"-p ", *pattern].concat())
        .collect()
}

/// rsync(1), `--cvs-exclude`.
pub(super) const CVS_PATTERNS: [&[u8]; 36] = [
    b"RCS",
    b"SCCS",
    b"CVS",
    b"CVS.adm",
    b"RCSLOG",
    b"cvslog.*",
    b"tags",
    b"TAGS",
    b".make.state",
    b".nse_depinfo",
    b"*~",
    b"#*",
    b".#*",
    b",*",
    b"_$*",
    b"*$",
    b"*.old",
    b"*.bak",
    b"*.BAK",
    b"*.orig",
    b"*.rej",
    b".del-*",
    b"*.a",
    b"*.olb",
    b"*.o",
    b"*.obj",
    b"*.so",
    b"*.exe",
    b"*.Z",
    b"*.elc",
    b"*.ln",
    b"core",
    b".svn/",
    b".git/",
    b".hg/",
    b".bzr/",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_patterns_becomes_rules_with_prefixes() {
        let content = b"# note\n*.o\r\n; note\n\n+ keep\n- drop\n!\n!x\n -y\n";
        let rules = rules_from_file(content, false, false);
        let expected: [&[u8]; 6] = [b"- *.o", b"+ keep", b"- drop", b"!", b"- !x", b"-  -y"];
        assert_eq!(rules, expected);
        assert_eq!(
            rules_from_file(b"a\nb\0c\0#d", true, true),
            [b"+ a\nb".as_slice(), b"+ c"]
        );
    }

    #[test]
    fn a_list_of_files_becomes_paths_below_the_root() {
        let paths = paths_from_file(b"/etc//hosts\n./a/./b/\n#c\n\n.\na b \n", false).unwrap();
        let paths: Vec<&[u8]> = paths.iter().map(RelPath::as_bytes).collect();
        assert_eq!(paths, [&b"etc/hosts"[..], b"a/b", b"", b"a b "]);
        assert_eq!(paths_from_file(b"#c\0;d\0e\nf\0", true).unwrap().len(), 3);
    }

    #[test]
    fn a_listed_path_that_climbs_is_refused_by_its_line() {
        let error = paths_from_file(b"a\nb/../../c\n", false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2 of the list of files, `b/../../c`: the name is `.` or `..`"
        );
    }
}
