//! Options that rsync has and ksyncd has not, with what to do instead.
//!
//! They are refused by name (exit code 4) instead of as misspelt (exit code 1), so that a command
//! line brought over from rsync says what has to change in it.

/// An option of rsync that ksyncd does not have.
#[derive(Debug)]
pub(crate) struct Unsupported {
    long: &'static str,
    short: Option<char>,
    /// What to do instead, as half a sentence.
    pub(crate) advice: &'static str,
}

/// Finds the option that `word` of a command line names: `--relative`, `--link-dest=DIR` or `-R`.
pub(crate) fn find(word: &str) -> Option<&'static Unsupported> {
    if let Some(long) = word.strip_prefix("--") {
        let name = long.split('=').next().unwrap_or(long);
        return TABLE.iter().find(|option| option.long == name);
    }
    let short = word.strip_prefix('-')?.chars().next()?;
    TABLE.iter().find(|option| option.short == Some(short))
}

const fn long(long: &'static str, advice: &'static str) -> Unsupported {
    Unsupported {
        long,
        short: None,
        advice,
    }
}

const fn both(long: &'static str, short: char, advice: &'static str) -> Unsupported {
    Unsupported {
        long,
        short: Some(short),
        advice,
    }
}

const SERVER: &str = "ksyncd brings its own agent and does not speak rsync's protocol";
const DAEMON: &str = "ksyncd does not talk to rsync daemons";
const BASIS: &str = "compare with the destination itself, or keep old versions with --backup-dir";
const TIMES: &str = "only modification times are preserved";
const ANYWAY: &str = "leave it out: ksyncd always works that way";
const CHECKSUMS: &str = "leave it out: ksyncd always uses BLAKE3";
const STOP: &str =
    "run ksyncd under timeout(1); an interrupted run continues where it was with --partial";

static TABLE: &[Unsupported] = &[
    both(
        "relative",
        'R',
        "name the directory in SOURCE and DEST, or list paths with --files-from",
    ),
    long("no-relative", ANYWAY),
    long(
        "no-implied-dirs",
        "name the directory in SOURCE and DEST, or list paths with --files-from",
    ),
    long("compare-dest", BASIS),
    long("copy-dest", BASIS),
    long("link-dest", BASIS),
    both(
        "fuzzy",
        'y',
        "leave it out: files that were moved are found without it",
    ),
    both(
        "one-file-system",
        'x',
        "leave out other file systems with --exclude",
    ),
    long("daemon", DAEMON),
    long("config", DAEMON),
    long("no-motd", DAEMON),
    long("password-file", DAEMON),
    long("early-input", DAEMON),
    long("port", DAEMON),
    long("address", DAEMON),
    long("sockopts", DAEMON),
    long("server", SERVER),
    long("sender", SERVER),
    long("rsync-path", SERVER),
    long("protocol", SERVER),
    both("remote-option", 'M', SERVER),
    both("secluded-args", 's', ANYWAY),
    long("protect-args", ANYWAY),
    long("old-args", "names are never passed through a remote shell"),
    long("trust-sender", "the other end is never trusted"),
    long(
        "insecure-links",
        "links at the destination are never followed",
    ),
    long("confine-root", ANYWAY),
    long("blocking-io", ANYWAY),
    long("inc-recursive", ANYWAY),
    long("i-r", ANYWAY),
    long(
        "no-inc-recursive",
        "the listing always goes on while content is transferred",
    ),
    long(
        "no-i-r",
        "the listing always goes on while content is transferred",
    ),
    long("iconv", "names are carried byte by byte"),
    both(
        "8-bit-output",
        '8',
        "text is printed as it is, and --json carries the exact bytes",
    ),
    long("read-batch", "sync again, or use tar for files to carry"),
    long("write-batch", "sync again, or use tar for files to carry"),
    long(
        "only-write-batch",
        "sync again, or use tar for files to carry",
    ),
    long(
        "list-only",
        "list what a sync would do with --dry-run --itemize-changes",
    ),
    long("info", "choose from -v, -i, --stats, --progress and --json"),
    long(
        "debug",
        "choose from -v, -i, --stats, --progress and --json",
    ),
    long(
        "stderr",
        "standard output carries what was asked for, standard error the rest",
    ),
    long(
        "msgs2stderr",
        "standard output carries what was asked for, standard error the rest",
    ),
    long("outbuf", "use --json for output that programs read"),
    long(
        "out-format",
        "use -i, or --json for output that programs read",
    ),
    long(
        "log-format",
        "use -i, or --json for output that programs read",
    ),
    long(
        "log-file-format",
        "use --log-file alone, or --json for output that programs read",
    ),
    long("super", "run as root"),
    long(
        "fake-super",
        "run as root, or leave owners out with --no-owner --no-group",
    ),
    long("copy-as", "run as that user"),
    long("usermap", "give everything one owner with --chown"),
    long("groupmap", "give everything one group with --chown"),
    both(
        "executability",
        'E',
        "preserve permissions, which is the default",
    ),
    both("atimes", 'U', TIMES),
    both(
        "crtimes",
        'N',
        "only modification times are preserved; a namespace is given with --namespace",
    ),
    long("open-noatime", TIMES),
    both(
        "omit-link-times",
        'J',
        "leave out all times with --no-times",
    ),
    both(
        "modify-window",
        '@',
        "compare sizes only with --size-only, or content with --checksum",
    ),
    long("force", "delete what is in the way first, or use --delete"),
    long(
        "remove-source-files",
        "delete them yourself once ksyncd has succeeded",
    ),
    long(
        "remove-sent-files",
        "delete them yourself once ksyncd has succeeded",
    ),
    long("ignore-missing-args", "check that the source exists first"),
    long(
        "delete-missing-args",
        "delete them yourself at the destination",
    ),
    both(
        "prune-empty-dirs",
        'm',
        "leave out directories with --exclude",
    ),
    long("mkpath", "create the directory above DEST first"),
    long("old-dirs", "use --dirs"),
    long("old-d", "use --dirs"),
    both("keep-dirlinks", 'K', "name the link's target as DEST"),
    long(
        "munge-links",
        "leave out links with --no-links or --safe-links",
    ),
    long("copy-devices", "read the device with dd(1)"),
    long("write-devices", "write the device with dd(1)"),
    long("drop-D", ANYWAY),
    long(
        "preallocate",
        "leave it out: a full disk is reported and nothing half-written stays",
    ),
    both(
        "temp-dir",
        'T',
        "temporary files lie beside the file they become, so that it appears at once",
    ),
    long("partial-dir", "use --partial"),
    long(
        "delay-updates",
        "each file appears at once and complete, but not all at the same moment",
    ),
    long(
        "max-alloc",
        "leave it out: memory does not grow with the tree",
    ),
    long("checksum-choice", CHECKSUMS),
    long("cc", CHECKSUMS),
    long("checksum-seed", CHECKSUMS),
    long(
        "compress-choice",
        "leave it out: both ends agree on the best algorithm",
    ),
    long("zc", "leave it out: both ends agree on the best algorithm"),
    long("compress-threads", "choose a lower --compress-level"),
    long("zt", "choose a lower --compress-level"),
    long(
        "skip-compress",
        "leave it out: what does not shrink is not compressed",
    ),
    long("new-compress", "use --compress"),
    long("old-compress", "use --compress"),
    long("stop-after", STOP),
    long("stop-at", STOP),
    long("time-limit", STOP),
    both("ipv4", '4', "name the host by its address"),
    both("ipv6", '6', "name the host by its address"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::definition;

    #[test]
    fn an_option_is_found_in_every_form_it_can_be_written() {
        assert!(find("--relative").is_some());
        assert!(find("--link-dest=../old").is_some());
        assert!(find("-R").is_some());
        assert!(find("--relativ").is_none());
        assert!(find("-!").is_none());
        assert!(find("R").is_none());
    }

    #[test]
    fn nothing_is_both_supported_and_not() {
        for command in definition().get_subcommands() {
            for arg in command.get_arguments() {
                for long in arg.get_long_and_visible_aliases().unwrap_or_default() {
                    assert!(find(&format!("--{long}")).is_none(), "--{long}");
                }
                for short in arg.get_short_and_visible_aliases().unwrap_or_default() {
                    assert!(find(&format!("-{short}")).is_none(), "-{short}");
                }
            }
        }
    }
}
