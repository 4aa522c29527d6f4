//! From the filter options of the command line to one list of rules, in the order they were given.
//!
//! Files named on the command line are read here and travel as rules: the other end never opens a
//! file because a rule says so, except per-directory merge files inside the tree itself.
//! The language is rsync's (rsync(1), FILTER RULES); checking single rules is the filter's work.

mod merge;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use clap::ArgMatches;
use rsync_core::filter::{Filter, cvs_rules, paths_from_file, rules_from_file};
use rsync_core::options::FilterSpec;

use crate::args::Sync;
use crate::errors::Failure;

/// What is read besides the command line, so that tests can do without.
pub(crate) struct Surroundings<'a> {
    /// Gives the content of a file; `-` is standard input.
    pub(crate) read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    /// The user's home directory.
    pub(crate) home: Option<OsString>,
    /// The variable `CVSIGNORE`.
    pub(crate) cvsignore: Option<OsString>,
}

impl Surroundings<'_> {
    /// The real ones.
    pub(crate) fn real() -> Self {
        Self {
            read: &read_file,
            home: std::env::var_os("HOME"),
            cvsignore: std::env::var_os("CVSIGNORE"),
        }
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if path != Path::new("-") {
        return fs::read(path);
    }
    let mut content = Vec::new();
    io::stdin().lock().read_to_end(&mut content)?;
    Ok(content)
}

/// Builds the list, and checks every rule in it.
pub(crate) fn spec(
    args: &Sync,
    matches: &ArgMatches,
    around: &Surroundings<'_>,
) -> Result<FilterSpec, Failure> {
    let mut rules = Rules {
        around,
        zero_separated: args.choose.from0,
        rules: Vec::new(),
    };
    let alone = args.choose.no_recursive || args.choose.dirs;
    if alone && args.choose.files_from.is_none() {
        rules.push(b"- /*/*");
    }
    for (given, value) in in_order(matches) {
        rules.add(given, value)?;
    }
    if args.choose.cvs_exclude {
        rules.push(b":C");
        rules.add_cvs()?;
    }
    let only = match &args.choose.files_from {
        None => None,
        Some(file) => {
            let content = rules.read(file, "--files-from")?;
            let paths = paths_from_file(&content, args.choose.from0).map_err(|error| {
                bad(
                    "--files-from",
                    file,
                    format!("{error}; every path has to lie below SOURCE"),
                )
            })?;
            Some(paths)
        }
    };
    let spec = FilterSpec {
        rules: rules.rules,
        only,
        recurse_into_listed: args.choose.recursive,
        gitignore: args.choose.gitignore,
    };
    // The root stands for any: which one it is matters to what a rule matches, not to its form.
    match Filter::with_absolute_root(&spec, args.change.delete_excluded, b"/") {
        Ok(_) => Ok(spec),
        Err(error) => Err(Failure::BadFilter(error)),
    }
}

/// The options that add rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Exclude,
    Include,
    Filter,
    ExcludeFrom,
    IncludeFrom,
    PerDirectory { again: bool },
}

/// Every option that adds rules, in the order of the command line.
fn in_order(matches: &ArgMatches) -> Vec<(Given, &OsStr)> {
    let mut found: Vec<(usize, Given, &OsStr)> = Vec::new();
    for (id, given) in [
        ("exclude", Given::Exclude),
        ("include", Given::Include),
        ("filter", Given::Filter),
        ("exclude_from", Given::ExcludeFrom),
        ("include_from", Given::IncludeFrom),
    ] {
        let values = matches.get_many::<OsString>(id).unwrap_or_default();
        let indices = matches.indices_of(id).unwrap_or_default();
        found.extend(
            indices
                .zip(values)
                .map(|(index, value)| (index, given, value.as_os_str())),
        );
    }
    let times = matches.indices_of("per_directory").unwrap_or_default();
    found.extend(
        times
            .zip([false, true])
            .map(|(index, again)| (index, Given::PerDirectory { again }, OsStr::new(""))),
    );
    found.sort_by_key(|(index, ..)| *index);
    found
        .into_iter()
        .map(|(_, given, value)| (given, value))
        .collect()
}

/// The list as it grows.
struct Rules<'a> {
    around: &'a Surroundings<'a>,
    zero_separated: bool,
    rules: Vec<Vec<u8>>,
}

impl Rules<'_> {
    fn add(&mut self, given: Given, value: &OsStr) -> Result<(), Failure> {
        match given {
            Given::Exclude => self.rules.extend(pattern(value.as_bytes(), false)),
            Given::Include => self.rules.extend(pattern(value.as_bytes(), true)),
            Given::ExcludeFrom => self.add_patterns(value, false, "--exclude-from")?,
            Given::IncludeFrom => self.add_patterns(value, true, "--include-from")?,
            Given::Filter => self.add_rule(value.as_bytes(), 0)?,
            Given::PerDirectory { again: false } => self.push(b": /.rsync-filter"),
            Given::PerDirectory { again: true } => self.push(b"- .rsync-filter"),
        }
        Ok(())
    }

    fn add_patterns(
        &mut self,
        file: &OsStr,
        include: bool,
        option: &'static str,
    ) -> Result<(), Failure> {
        let content = self.read(file, option)?;
        self.rules
            .extend(rules_from_file(&content, include, self.zero_separated));
        Ok(())
    }

    /// What `-C` stands for as a rule: CVS's own list, the user's and the environment's.
    fn add_cvs(&mut self) -> Result<(), Failure> {
        self.rules.extend(cvs_rules());
        if let Some(home) = &self.around.home {
            let file = Path::new(home).join(".cvsignore");
            match (self.around.read)(&file) {
                Ok(content) => self.rules.extend(merge::words(&content)),
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => {
                    return Err(Failure::ReadFile {
                        path: file,
                        option: "-C",
                        cause,
                    });
                }
            }
        }
        if let Some(words) = &self.around.cvsignore {
            self.rules.extend(merge::words(words.as_bytes()));
        }
        Ok(())
    }

    fn read(&self, file: &OsStr, option: &'static str) -> Result<Vec<u8>, Failure> {
        (self.around.read)(Path::new(file)).map_err(|cause| Failure::ReadFile {
            path: file.into(),
            option,
            cause,
        })
    }

    fn push(&mut self, rule: &[u8]) {
        self.rules.push(rule.to_vec());
    }
}

/// A pattern of `--exclude` or `--include`: `+ ` and `- ` at its front override the option, and `!`
/// alone clears the list. An empty pattern says nothing.
fn pattern(pattern: &[u8], include: bool) -> Option<Vec<u8>> {
    match pattern {
        b"" => None,
        b"!" | [b'-' | b'+', b' ', ..] => Some(pattern.to_vec()),
        _ if include => Some([b"+ ", pattern].concat()),
        _ => Some([b"- ", pattern].concat()),
    }
}

fn bad(option: &'static str, value: &OsStr, reason: String) -> Failure {
    Failure::BadValue {
        option,
        value: value.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests;
