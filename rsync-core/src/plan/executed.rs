//! Names that make programs of this machine do something as soon as a file has them.
//!
//! Git runs hooks and obeys its configuration, shells and editors read files of a directory that
//! somebody enters or opens. Whoever may choose what is in them may choose what is executed here.
//! What is only executed when somebody says so (a Makefile, a script) is not among them.

use crate::path::RelPath;

/// Directories: everything in them counts, and they themselves, whatever they are.
const DIRECTORIES: &[&str] = &[
    ".devcontainer",
    ".git",
    ".hg",
    ".husky",
    ".idea",
    ".jj",
    ".ssh",
    ".vscode",
];

/// Files, wherever they are.
const FILES: &[&str] = &[
    ".bash_aliases",
    ".bash_login",
    ".bash_logout",
    ".bash_profile",
    ".bashrc",
    ".cshrc",
    ".envrc",
    ".exrc",
    ".gdbinit",
    ".gitconfig",
    ".lldbinit",
    ".login",
    ".mise.toml",
    ".nvimrc",
    ".profile",
    ".tcshrc",
    ".tmux.conf",
    ".vimrc",
    ".xinitrc",
    ".xprofile",
    ".xsession",
    ".zlogin",
    ".zprofile",
    ".zshenv",
    ".zshrc",
];

/// Two names in a row, and everything below.
const PLACES: &[[&str; 2]] = &[
    [".cargo", "config"],
    [".cargo", "config.toml"],
    [".config", "autostart"],
    [".config", "fish"],
    [".config", "git"],
    [".config", "systemd"],
];

/// True if a program that finds `path` here obeys it without being asked. Names are compared as a
/// file system does that takes upper and lower case for the same and drops what can not be seen.
pub fn runs_by_itself(path: &RelPath) -> bool {
    if !path.components().any(may_be_listed) {
        return false;
    }
    let names: Vec<String> = path.components().map(folded).collect();
    let is_any = |name: &String, list: &[&str]| list.contains(&name.as_str());
    names.iter().any(|name| is_any(name, DIRECTORIES))
        || names.last().is_some_and(|name| is_any(name, FILES))
        || names
            .windows(2)
            .any(|pair| PLACES.iter().any(|place| pair == place))
}

/// False for most names, and at a glance: those listed begin with a dot, which only what is not
/// ASCII can precede unseen.
fn may_be_listed(name: &[u8]) -> bool {
    name.first()
        .is_some_and(|&first| first == b'.' || !first.is_ascii())
}

/// What a source that is not trusted must neither make, nor change, nor delete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Guard {
    /// It covers something at all.
    pub stands: bool,
    /// The source was asked for by name, as one entry: that name is what the user wants.
    pub asked_by_name: bool,
}

impl Guard {
    /// True if the entry at `path` is to be left alone.
    pub fn covers(self, path: &RelPath) -> bool {
        if !self.stands {
            false
        } else if self.asked_by_name {
            path.below_first()
                .is_some_and(|below| runs_by_itself(&below))
        } else {
            runs_by_itself(path)
        }
    }
}

/// A name as the most forgiving file system would compare it (HFS+: Apple technical note 1150;
/// git's list of what it must not check out).
fn folded(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let visible = name.chars().filter(|char| !is_ignored(*char));
    let folded: String = visible.flat_map(char::to_lowercase).collect();
    folded.trim_end_matches(['.', ' ']).to_owned()
}

/// Code points that HFS+ ignores in a name.
fn is_ignored(char: char) -> bool {
    matches!(char, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(path: &str) -> bool {
        runs_by_itself(&RelPath::new(path.as_bytes()).unwrap())
    }

    #[test]
    fn p11_what_git_shells_and_editors_obey_is_recognised_at_any_depth() {
        for path in [
            ".git",
            ".git/hooks/post-checkout",
            "vendor/lib/.git/config",
            "a/.envrc",
            ".vscode/tasks.json",
            ".ssh/authorized_keys",
            "home/.bashrc",
            ".config/autostart/x.desktop",
            "sub/.cargo/config.toml",
        ] {
            assert!(runs(path), "{path}");
        }
    }

    #[test]
    fn p9_other_spellings_of_these_names_are_recognised_too() {
        for path in [
            ".GIT/config",
            ".Git",
            ".g\u{200c}it/hooks/x",
            ".git.",
            ".git /x",
            ".ENVRC",
        ] {
            assert!(runs(path), "{path}");
        }
    }

    #[test]
    fn every_listed_name_begins_with_what_is_looked_for_first() {
        let places = PLACES.iter().map(|[first, _]| first);
        for name in DIRECTORIES.iter().chain(FILES).chain(places) {
            assert!(may_be_listed(name.as_bytes()), "{name}");
        }
        assert!(runs("\u{feff}.git/config"));
        assert!(!runs("git/config"));
    }

    #[test]
    fn a_guard_lets_pass_what_was_asked_for_by_name() {
        let path = |path: &[u8]| RelPath::new(path).unwrap();
        let guard = Guard {
            stands: true,
            asked_by_name: true,
        };
        assert!(!guard.covers(&path(b".git/config")));
        assert!(guard.covers(&path(b"app/.git/config")));
        assert!(!Guard::default().covers(&path(b".git/config")));
    }

    #[test]
    fn ordinary_names_are_not_among_them() {
        for path in [
            "git",
            ".github/workflows/ci.yml",
            ".gitignore",
            "src/config.toml",
            ".config/app/settings",
            ".envrc/below",
            "Makefile",
            ".vscode-server",
        ] {
            assert!(!runs(path), "{path}");
        }
    }
}
