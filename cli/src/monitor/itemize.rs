//! One line per change, letter for letter as rsync prints it (rsync(1), `--itemize-changes`).

use rsync_core::entry::{Entry, Kind};
use rsync_core::monitor::{Change, Update};
use rsync_core::path::{RelPath, escape};

/// Which way content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// To this machine, or within it (`>`).
    Received,
    /// To another machine (`<`).
    Sent,
}

/// What the letters depend on besides the change itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Which way content goes.
    pub(crate) direction: Direction,
    /// Modification times are preserved; without it a file gets the time of its transfer (`T`).
    pub(crate) times: bool,
}

impl Style {
    /// The whole line: `>f.st...... name`.
    pub(crate) fn line(self, path: &RelPath, entry: &Entry, change: &Change) -> String {
        format!(
            "{} {}",
            self.letters(&entry.kind, change),
            name(path, &entry.kind)
        )
    }

    /// The eleven characters that say what changed.
    fn letters(self, kind: &Kind, change: &Change) -> String {
        let is_link = matches!(kind, Kind::Symlink { .. });
        let dated_now = !self.times && matches!(change.update, Update::Transfer | Update::Local);
        let first = self.update_letter(change.update);
        let flags = [
            (change.content, 'c'),
            (change.size && !is_link, 's'),
            (change.time || dated_now, if self.times { 't' } else { 'T' }),
            (change.permissions, 'p'),
            (change.owner, 'o'),
            (change.group, 'g'),
            // Access times are not preserved, so never differ.
            (false, 'u'),
            (change.acl, 'a'),
            (change.xattr, 'x'),
        ];
        let mut letters = String::from_iter([first, kind.letter()]);
        let blank = match first {
            _ if change.created => '+',
            '.' | 'h' if flags.iter().all(|(set, _)| !set) => ' ',
            _ => '.',
        };
        letters.extend(flags.map(|(set, letter)| {
            if set && !change.created {
                letter
            } else {
                blank
            }
        }));
        letters
    }

    fn update_letter(self, update: Update) -> char {
        match (update, self.direction) {
            (Update::None, _) => '.',
            // Where content is taken from is not known before it is taken; a dry run and a real
            // one say the same.
            (Update::Transfer | Update::Moved, Direction::Received) => '>',
            (Update::Transfer | Update::Moved, Direction::Sent) => '<',
            (Update::Local, _) => 'c',
            (Update::HardLink, _) => 'h',
        }
    }
}

/// The line of a deletion: `*deleting   name`.
pub(super) fn deleted(path: &RelPath, kind: &Kind) -> String {
    format!("*deleting   {}", plain_name(path, kind))
}

/// A name as rsync shows it: `dir/`, `./` for the root, `link -> target`; fit for a terminal.
pub(super) fn name(path: &RelPath, kind: &Kind) -> String {
    match kind {
        Kind::Symlink { target } => format!("{path} -> {}", escape(target.as_bytes())),
        _ => plain_name(path, kind),
    }
}

/// A name without a link's target.
pub(super) fn plain_name(path: &RelPath, kind: &Kind) -> String {
    match kind {
        Kind::Dir => format!("{path}/"),
        _ => path.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use rsync_core::entry::{LinkTarget, Timestamp};
    use rsync_core::path::FileName;

    pub(crate) fn entry(kind: Kind) -> Entry {
        Entry {
            name: FileName::new(b"name").unwrap(),
            kind,
            mode: 0o644,
            mtime: Timestamp::default(),
            owner: None,
            link: None,
            xattrs: Vec::new(),
            digest: None,
        }
    }

    const PULL: Style = Style {
        direction: Direction::Received,
        times: true,
    };
    const FILE: Kind = Kind::File { size: 1 };

    fn line(style: Style, path: &str, kind: Kind, change: Change) -> String {
        style.line(
            &RelPath::new(path.as_bytes()).unwrap(),
            &entry(kind),
            &change,
        )
    }

    fn link(target: &str) -> Kind {
        Kind::Symlink {
            target: LinkTarget::new(target.as_bytes()).unwrap(),
        }
    }

    #[test]
    fn new_entries_have_a_plus_for_every_attribute() {
        let new = |update| Change {
            update,
            created: true,
            time: true,
            size: true,
            ..Change::default()
        };
        assert_eq!(
            line(PULL, "a", FILE, new(Update::Transfer)),
            ">f+++++++++ a"
        );
        assert_eq!(
            line(PULL, "d", Kind::Dir, new(Update::Local)),
            "cd+++++++++ d/"
        );
        assert_eq!(
            line(PULL, "", Kind::Dir, new(Update::Local)),
            "cd+++++++++ ./"
        );
        assert_eq!(
            line(PULL, "l", link("a b"), new(Update::Local)),
            "cL+++++++++ l -> a b"
        );
        assert_eq!(
            line(PULL, "h", FILE, new(Update::HardLink)),
            "hf+++++++++ h"
        );
        assert_eq!(
            line(PULL, "p", Kind::Fifo, new(Update::Local)),
            "cS+++++++++ p"
        );
    }

    #[test]
    fn each_attribute_has_its_letter_and_place() {
        let change = Change {
            update: Update::Transfer,
            size: true,
            time: true,
            ..Change::default()
        };
        assert_eq!(line(PULL, "a", FILE, change), ">f.st...... a");
        let change = Change {
            time: true,
            permissions: true,
            owner: true,
            group: true,
            ..Change::default()
        };
        assert_eq!(line(PULL, "d", Kind::Dir, change), ".d..tpog... d/");
        let change = Change {
            content: true,
            acl: true,
            xattr: true,
            update: Update::Transfer,
            ..Change::default()
        };
        assert_eq!(line(PULL, "a", FILE, change), ">fc......ax a");
        let change = Change {
            content: true,
            size: true,
            time: true,
            update: Update::Local,
            ..Change::default()
        };
        assert_eq!(line(PULL, "l", link("t"), change), "cLc.t...... l -> t");
    }

    #[test]
    fn a_push_to_another_machine_points_the_other_way() {
        let style = Style {
            direction: Direction::Sent,
            ..PULL
        };
        let change = Change {
            update: Update::Transfer,
            size: true,
            ..Change::default()
        };
        assert_eq!(line(style, "a", FILE, change), "<f.s....... a");
    }

    #[test]
    fn a_file_that_gets_the_time_of_its_transfer_says_so() {
        let style = Style {
            times: false,
            ..PULL
        };
        let change = Change {
            update: Update::Transfer,
            size: true,
            ..Change::default()
        };
        assert_eq!(line(style, "a", FILE, change), ">f.sT...... a");
    }

    #[test]
    fn unchanged_entries_are_blank() {
        assert_eq!(line(PULL, "a", FILE, Change::default()), ".f          a");
    }

    #[test]
    fn what_is_moved_here_is_shown_as_it_is_in_a_dry_run() {
        let made_by = |update| Change {
            update,
            created: true,
            ..Change::default()
        };
        assert_eq!(
            line(PULL, "a", FILE, made_by(Update::Moved)),
            line(PULL, "a", FILE, made_by(Update::Transfer))
        );
    }

    #[test]
    fn deletions_line_up_with_the_rest() {
        let path = RelPath::new(b"old/x").unwrap();
        assert_eq!(deleted(&path, &FILE), "*deleting   old/x");
        assert_eq!(deleted(&path, &Kind::Dir), "*deleting   old/x/");
    }

    #[test]
    fn names_and_link_targets_can_not_forge_a_line() {
        let change = Change {
            update: Update::Local,
            created: true,
            ..Change::default()
        };
        let path = RelPath::new(b"a\nb\x1b[2J").unwrap();
        let shown = PULL.line(&path, &entry(link("x\r\ny")), &change);
        assert_eq!(shown, "cL+++++++++ a\\#012b\\#033[2J -> x\\#015\\#012y");
    }
}
