//! Where SOURCE and DEST are: one on this machine, the other wherever the command line says.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use transport::kubernetes::Via;
use transport::{Context, Kubectl, Location, Target, split_command};

use crate::args::{self, Reach, Sync};
use crate::errors::Failure;
use crate::mapping::Verb;

/// Both ends of a sync.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// The end on this machine.
    pub(crate) here: PathBuf,
    /// The end that an agent looks after; it may be on this machine too.
    pub(crate) there: Location,
}

impl Ends {
    /// True if both are on this machine.
    pub(crate) fn are_local(&self) -> bool {
        is_local(&self.there)
    }
}

/// Understands SOURCE and DEST.
pub(crate) fn ends(args: &Sync, verb: Verb) -> Result<Ends, Failure> {
    let (here, there, name) = match verb {
        Verb::Pull => (&args.dest, &args.source, "DEST"),
        Verb::Push => (&args.source, &args.dest, "SOURCE"),
    };
    let context = context(&args.reach)?;
    let here = location(here, &context)?;
    if !is_local(&here) {
        let other = if verb == Verb::Pull {
            "push brings files there"
        } else {
            "pull brings files from there"
        };
        let place = here.target.to_string();
        return Err(Failure::NotHere { name, place, other });
    }
    let here = OsString::from_vec(here.path).into();
    Ok(Ends {
        here,
        there: location(there, &context)?,
    })
}

/// Understands DEST alone.
pub(crate) fn destination(args: &Sync) -> Result<Location, Failure> {
    location(&args.dest, &context(&args.reach)?)
}

/// Understands the one end that a command is about. A path may be missing.
pub(crate) fn there(text: &OsStr, reach: &Reach) -> Result<Location, Failure> {
    let context = context(reach)?;
    let mut with_path = text.to_owned();
    with_path.push(":");
    match location(text, &context) {
        Ok(found) if !is_local(&found) => Ok(found),
        found => match location(&with_path, &context) {
            Ok(target) if !is_local(&target) => Ok(target),
            _ => found,
        },
    }
}

fn location(text: &OsStr, context: &Context) -> Result<Location, Failure> {
    let parsed = Location::parse(text.as_bytes(), context).map_err(Failure::BadLocation)?;
    if !matches!(parsed.target, Target::Ssh { .. }) {
        return Ok(parsed);
    }
    // RSYNC_RSH says which program leads to hosts. Set once for all of a user's commands, it must
    // not turn the name of a pod into that of a host, as -e does.
    let Some(shell) = env::var_os("RSYNC_RSH").filter(|shell| !shell.is_empty()) else {
        return Ok(parsed);
    };
    let host = text
        .as_bytes()
        .strip_prefix(b"ssh:")
        .unwrap_or(text.as_bytes());
    let context = Context {
        remote_shell: Some(words("RSYNC_RSH", &shell)?),
        ..context.clone()
    };
    Location::parse(host, &context).map_err(Failure::BadLocation)
}

fn context(reach: &Reach) -> Result<Context, Failure> {
    let program = env::current_exe().map_err(Failure::OwnProgram)?;
    Ok(Context {
        local: (program, vec!["agent".into(), "serve".into()]),
        remote_shell: reach
            .rsh
            .as_deref()
            .map(|shell| words("--rsh", shell))
            .transpose()?,
        kubectl: Kubectl {
            kubeconfig: reach.kubeconfig.clone(),
            context: reach.context.clone(),
            namespace: reach.namespace.clone(),
            container: reach.container.clone(),
            user: reach.as_user.clone(),
            agent_image: reach.agent_image.clone(),
            via: match reach.via {
                args::Via::Auto => Via::Auto,
                args::Via::Native => Via::Native,
                args::Via::Kubectl => Via::Kubectl,
            },
            ..Kubectl::default()
        },
        selector: reach.selector.clone(),
        ssh_port: reach.ssh_port,
        container_user: reach.container_user.clone(),
        helper_image: reach.helper_image.clone(),
        ..Context::default()
    })
}

fn words(option: &'static str, shell: &OsStr) -> Result<Vec<OsString>, Failure> {
    split_command(shell).map_err(|error| Failure::BadValue {
        option,
        value: shell.to_owned(),
        reason: format!("{error}; write a program and its arguments"),
    })
}

fn is_local(location: &Location) -> bool {
    matches!(location.target, Target::Local { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Command;
    use crate::exit::Exit;

    fn ends_of(line: &str) -> Result<Ends, Failure> {
        match args::parse(line.split(' ').map(OsString::from))
            .unwrap()
            .command
        {
            Command::Pull(args) => ends(&args, Verb::Pull),
            Command::Push(args) => ends(&args, Verb::Push),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_end_is_here_and_the_other_may_be_anywhere() {
        let ends = ends_of("ksyncd pull --ns=prod --container=app web-0:/srv/ out").unwrap();
        assert_eq!(ends.here, PathBuf::from("out"));
        assert_eq!(ends.there.path, b"/srv/");
        let Target::Pod { kubectl, pods } = ends.there.target else {
            panic!("not a pod")
        };
        assert_eq!(
            (
                pods.to_string().as_str(),
                kubectl.namespace.as_deref(),
                kubectl.container.as_deref()
            ),
            ("web-0", Some("prod"), Some("app"))
        );
    }

    #[test]
    fn two_local_ends_are_a_sync_within_this_machine() {
        let ends = ends_of("ksyncd push a/ ./b:c").unwrap();
        assert!(ends.are_local());
        assert_eq!(ends.there.path, b"./b:c");
        let Target::Local { args, .. } = ends.there.target else {
            panic!("not local")
        };
        assert_eq!(args, ["agent", "serve"]);
    }

    #[test]
    fn the_wrong_end_elsewhere_names_the_right_command() {
        let failure = ends_of("ksyncd pull out web-0:/srv").unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.to_string().contains("push"), "{failure}");
        let failure = ends_of("ksyncd push web-0:/srv out").unwrap_err();
        assert!(failure.to_string().contains("pull"), "{failure}");
    }

    #[test]
    fn a_remote_shell_makes_hosts_of_names() {
        let ends = ends_of("ksyncd pull -e rsh me@box:/x out").unwrap();
        let Target::RemoteShell { command, host } = ends.there.target else {
            panic!("no remote shell")
        };
        assert_eq!(
            (command, host.as_deref()),
            (vec![OsString::from("rsh")], Some("me@box"))
        );
    }

    #[test]
    fn t1_a_name_that_could_be_an_option_or_a_command_is_refused() {
        for source in ["--x:/y", "a;b:/y", "web:-x/y:z"] {
            let args = ["ksyncd", "pull", "--", source, "out"].map(OsString::from);
            let Command::Pull(args) = args::parse(args).unwrap().command else {
                panic!("not a pull")
            };
            if let Ok(ends) = ends(&args, Verb::Pull) {
                assert!(ends.there.path.starts_with(b"-x"), "{source}");
            }
        }
        assert_eq!(
            ends_of("ksyncd pull rsync://h/m out").unwrap_err().exit(),
            Exit::Usage
        );
    }
}
