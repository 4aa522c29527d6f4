//! The command line: one definition per flag.
//!
//! Help, man pages and completions all come from the definitions below. The words are rsync's
//! wherever rsync has a word; its short options win over kubectl's (`-n` is `--dry-run`, `-c` is
//! `--checksum`, `-l` is `--links`), so namespace, container and selector have long names only.
//!
//! What the flags mean for a sync is in [`crate::mapping`]; options of rsync that are missing here
//! are in [`unsupported`].

mod change;
mod choose;
mod keep;
mod metadata;
mod output;
mod reach;
pub(crate) mod size;
pub(crate) mod unsupported;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub(crate) use change::Change;
pub(crate) use choose::Choose;
pub(crate) use keep::{Keep, Log, Undo};
pub(crate) use metadata::Metadata;
pub(crate) use output::Output;
pub(crate) use reach::{PodPolicy, Reach, Via};

use crate::errors::Failure;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "ksyncd",
    version,
    about = "Bring files out of running containers, and into them, as if rsync were already inside",
    long_about = "Brings files out of running containers, and into them, as if rsync were already inside.\n\n\
        Only what differs travels. Nothing has to be installed at the other end, and every entry of \
        the source is accounted for when the run is over.",
    after_help = "Examples:\n  \
        ksyncd pull web-0:/var/log/ ./logs         the log files of pod web-0\n  \
        ksyncd pull deploy/web:/app/data/ ./data   from a pod of a deployment\n  \
        ksyncd push ./site/ docker:nginx:/srv/     into a container of the local engine\n  \
        ksyncd pull -n -i --delete a/ b            what would change between two directories",
    styles = STYLES,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default().dimmed());

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring files from a container, a host or a directory to this machine
    #[command(disable_help_flag = true, args_override_self = true)]
    Pull(Box<Sync>),
    /// Bring files from this machine to a container, a host or a directory
    ///
    /// A push can not be undone: nothing is kept at the other end, which is a container that may be
    /// gone tomorrow. --backup-dir keeps old versions in the tree there, --max-delete and
    /// --max-delete-percent bound what a push deletes.
    #[command(disable_help_flag = true, args_override_self = true)]
    Push(Box<Sync>),
    /// Find out whether a pull would work, and what is in the way
    ///
    /// Looks at permissions, the way into the cluster, the machine there, places where the agent
    /// could live, what of PATH can not be read, and limits for watching. Copies nothing. The exit
    /// code is 0 if a pull would work.
    #[command(args_override_self = true)]
    Doctor(Box<Doctor>),
    /// Find out whether DEST is still what a receipt says, or what the source holds, and change nothing
    ///
    /// SOURCE is a file that --receipt wrote, and DEST then wherever that run wrote to; or a source
    /// as for pull, the content of which is compared. Each difference is named; the exit code is 23 if there is one.
    #[command(disable_help_flag = true, args_override_self = true)]
    Verify(Box<Sync>),
    /// List the runs that are remembered, the newest first
    Log(Log),
    /// Take a run back: what it replaced, deleted or changed is as it was
    ///
    /// What was changed after the run stays and is named; the exit code is 23 then. An undo is a
    /// run of its own, and can be undone. A push can not: nothing of it is kept.
    Undo(Undo),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages
    Man {
        /// Directory that takes one page per command; without it the main page is printed
        dir: Option<PathBuf>,
    },
    /// The other end of a sync on the same machine
    #[command(hide = true, disable_help_flag = true)]
    Agent {
        /// Arguments of the agent
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// What is to be looked at.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Where the files are: TARGET:PATH as for pull, or TARGET: without a path
    #[arg(value_name = "TARGET")]
    pub(crate) target: OsString,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// One sync: from where, to where, and how.
#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// Where the files are; a trailing slash means "what is in it"
    ///
    /// One end is on this machine. The other is TARGET:PATH with TARGET one of: POD, deploy/NAME,
    /// sts/NAME, job/NAME, cronjob/NAME, svc/NAME, each with NAMESPACE/ before it if need be,
    /// docker:NAME, podman:NAME, compose:SERVICE, volume:NAME, ssh:USER@HOST or USER@HOST, or nothing but a colon with
    /// --selector. Without a TARGET both ends are on this machine.
    ///
    /// As in rsync, `src` copies the directory itself and `src/` copies what it holds.
    #[arg(value_name = "SOURCE", value_hint = clap::ValueHint::AnyPath)]
    pub(crate) source: OsString,
    /// Where they go
    #[arg(value_name = "DEST", value_hint = clap::ValueHint::AnyPath)]
    pub(crate) dest: OsString,
    #[command(flatten)]
    pub(crate) essential: Essential,
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(flatten)]
    pub(crate) choose: Choose,
    #[command(flatten)]
    pub(crate) metadata: Metadata,
    #[command(flatten)]
    pub(crate) change: Change,
    #[command(flatten)]
    pub(crate) keep: Keep,
    #[command(flatten)]
    pub(crate) output: Output,
    /// Any difference is a failure.
    #[arg(skip)]
    pub(crate) is_verification: bool,
}

/// The heading whose options the short help shows.
const ESSENTIAL: &str = "Essential options";

/// What a newcomer needs.
#[derive(Debug, Args)]
#[command(next_help_heading = ESSENTIAL)]
pub(crate) struct Essential {
    /// Show what would be done and change nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Delete what is at the destination and not at the source
    ///
    /// Happens last, and only if the whole source could be read. See also --max-delete and
    /// --backup-dir.
    #[arg(long)]
    pub(crate) delete: bool,
    /// Leave out what matches PATTERN
    ///
    /// Patterns are rsync's. Together with --include, --filter, --exclude-from, --include-from and
    /// -F they form one list in the order of the command line; the first match decides.
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(crate) exclude: Vec<OsString>,
    /// List what changes, with one letter per kind of change
    ///
    /// The lines are those of rsync: `>f.st...... name` is a file whose size and time differ.
    /// Given twice, unchanged entries are listed too.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) itemize_changes: u8,
    /// Name what is transferred; twice: also what is skipped, and why
    #[arg(short, long, action = ArgAction::Count, overrides_with = "quiet")]
    pub(crate) verbose: u8,
    /// Preserve what can be preserved: links, permissions, times, and owners as root (default)
    ///
    /// As rsync's -rlptgo. Owner and group are preserved when ksyncd runs as root, or with -o and
    /// -g. Devices, pipes and sockets need -D: what a container offers under such names is rarely
    /// wanted on this machine. Undoes --no-... options that come before it.
    #[arg(short, long, overrides_with_all = [
        "no_recursive", "no_links", "no_perms", "no_times", "no_owner", "no_group",
    ])]
    pub(crate) archive: bool,
    /// Show the essential options
    #[arg(long = "short-help", action = ArgAction::HelpShort, hide = true)]
    short_help: Option<bool>,
    /// Show all options
    ///
    /// Alone, -h shows the essential options; together with others it is --human-readable.
    #[arg(long, action = ArgAction::HelpLong)]
    help: Option<bool>,
}

/// A parsed command line with the matches it came from, which know the order of the options.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// The values.
    pub(crate) command: Command,
    /// Their positions, for options whose order counts.
    pub(crate) matches: ArgMatches,
}

/// Reads a command line, program name first.
///
/// Help and version come back as [`Failure::Clap`] with the exit code of a success.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Parsed, Failure> {
    let args = lone_h_is_help(args.into_iter().collect());
    let matches = called(definition(), args.first())
        .try_get_matches_from(args)
        .map_err(Failure::from_clap)?;
    let cli = Cli::from_arg_matches(&matches).map_err(Failure::from_clap)?;
    let matches = matches
        .subcommand()
        .map(|(_, matches)| matches.clone())
        .unwrap_or_default();
    Ok(Parsed {
        command: cli.command,
        matches,
    })
}

/// The definition from which parsing, help, man pages and completions come.
pub(crate) fn definition() -> clap::Command {
    Cli::command().mut_subcommands(|command| {
        command.mut_args(|arg| {
            let essential = arg.is_positional() || arg.get_help_heading() == Some(ESSENTIAL);
            arg.hide_short_help(!essential)
        })
    })
}

/// As a plugin of kubectl the program is called by two words, and says so in its help.
fn called(definition: clap::Command, program: Option<&OsString>) -> clap::Command {
    let name = program.and_then(|program| Path::new(program).file_name());
    match name {
        Some(name) if name == "kubectl-ksyncd" => definition.bin_name("kubectl ksyncd"),
        _ => definition,
    }
}

/// `-h` is rsync's `--human-readable`, except alone, where it is a call for help.
fn lone_h_is_help(mut args: Vec<OsString>) -> Vec<OsString> {
    let is_sync = args
        .get(1)
        .is_some_and(|word| word == "pull" || word == "push");
    if is_sync && args.len() == 3 && args[2] == "-h" {
        args[2] = "--short-help".into();
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sync(line: &str) -> Sync {
        let args = line.split(' ').map(OsString::from);
        match parse(args).unwrap().command {
            Command::Pull(sync) | Command::Push(sync) => *sync,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_has_no_contradictions() {
        definition().debug_assert();
    }

    #[test]
    fn options_of_rsync_can_be_bundled() {
        let args = sync("ksyncd pull -avzPh --delete web:/srv/ out");
        assert!(args.essential.archive && args.essential.delete && args.change.partial_progress);
        assert_eq!(args.output.human_readable, 1);
        assert_eq!(args.source, "web:/srv/");
    }

    #[test]
    fn an_option_given_twice_takes_its_last_value() {
        let args = sync("ksyncd push -a -a --timeout=5 --timeout=7 a b");
        assert_eq!(args.reach.timeout, Some(7));
    }

    #[test]
    fn the_later_of_an_option_and_its_negation_wins() {
        assert!(sync("ksyncd pull -p --no-perms a b").metadata.no_perms);
        assert!(sync("ksyncd pull --no-p -p a b").metadata.perms);
        assert!(!sync("ksyncd pull --no-perms -a a b").metadata.no_perms);
        assert!(sync("ksyncd pull -a --no-perms a b").metadata.no_perms);
    }

    #[test]
    fn every_option_is_explained() {
        for command in definition().get_subcommands() {
            for arg in command.get_arguments() {
                assert!(
                    arg.get_help().is_some(),
                    "{} of {}",
                    arg.get_id(),
                    command.get_name()
                );
            }
        }
    }
}
