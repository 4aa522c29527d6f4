//! Several pods, one sync each (`--pod-policy`).
//!
//! - `newest`: one pod, chosen by the transport.
//! - `all`: a push brings the same to every pod. A pull can not: several sources for one name.
//! - `each`: every pod has a directory with its name below the end on this machine.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use transport::kubernetes::replicas;
use transport::{Location, Target};

use crate::args::{PodPolicy, Sync};
use crate::conversation::patience;
use crate::errors::Failure;
use crate::locate::Ends;
use crate::mapping::Verb;

/// One sync among several.
#[derive(Debug)]
pub(crate) struct Part {
    /// The pod's name, if there are several.
    pub(crate) pod: Option<String>,
    /// Its ends.
    pub(crate) ends: Ends,
}

/// The syncs that the command line asks for.
pub(crate) fn parts(args: &Sync, ends: Ends, verb: Verb) -> Result<Vec<Part>, Failure> {
    let policy = args.reach.pod_policy;
    if policy == PodPolicy::Newest || !matches!(ends.there.target, Target::Pod { .. }) {
        return Ok(vec![Part { pod: None, ends }]);
    }
    if policy == PodPolicy::All && verb == Verb::Pull {
        return Err(Failure::BadValue {
            option: "--pod-policy",
            value: "all".into(),
            reason: "a pull from all pods into one directory would mix them; use each".to_owned(),
        });
    }
    let (timeouts, _) = patience(&args.reach);
    let replicas = replicas(&ends.there.target, timeouts.answer).map_err(Failure::Transport)?;
    if policy == PodPolicy::Each && verb == Verb::Pull && !args.essential.dry_run {
        make(&ends.here)?;
    }
    let parts = replicas.into_iter().map(|(pod, target)| {
        let here = match policy {
            PodPolicy::Each => below(&ends.here, &pod, verb),
            _ => ends.here.clone(),
        };
        let path = ends.there.path.clone();
        let there = Location { target, path };
        Part {
            pod: Some(pod),
            ends: Ends { here, there },
        }
    });
    Ok(parts.collect())
}

/// The directory of a pod. A push is from what is in it.
fn below(here: &Path, pod: &str, verb: Verb) -> PathBuf {
    let mut path = OsString::from(here.join(pod));
    if verb == Verb::Push {
        path.push("/");
    }
    path.into()
}

fn make(dir: &Path) -> Result<(), Failure> {
    match fs::create_dir(dir) {
        Err(cause) if !dir.is_dir() => Err(Failure::WriteFile {
            path: dir.into(),
            cause,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{self, Command};
    use crate::locate;

    fn parts_of(line: &str) -> Result<Vec<Part>, Failure> {
        match args::parse(line.split(' ').map(OsString::from))
            .unwrap()
            .command
        {
            Command::Pull(args) => parts(&args, locate::ends(&args, Verb::Pull)?, Verb::Pull),
            Command::Push(args) => parts(&args, locate::ends(&args, Verb::Push)?, Verb::Push),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_target_that_is_no_pod_is_one_sync_whatever_the_policy() {
        for policy in ["newest", "each"] {
            let parts = parts_of(&format!("ksyncd pull --pod-policy={policy} ssh:h:/x d"));
            let parts = parts.unwrap();
            assert_eq!((parts.len(), parts[0].pod.as_deref()), (1, None));
            assert_eq!(parts[0].ends.here, PathBuf::from("d"));
        }
    }

    #[test]
    fn a_pull_from_all_pods_into_one_directory_is_refused_before_anything_is_asked() {
        let failure = parts_of("ksyncd pull --pod-policy=all deploy/web:/x d").unwrap_err();
        assert!(failure.to_string().contains("use each"), "{failure}");
    }

    #[test]
    fn each_pod_has_its_own_directory_here() {
        assert_eq!(
            below(Path::new("d"), "web-0", Verb::Pull),
            PathBuf::from("d/web-0")
        );
        let pushed = below(Path::new("s"), "web-0", Verb::Push);
        assert_eq!(pushed.as_os_str(), "s/web-0/");
    }
}
