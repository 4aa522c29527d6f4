//! The tools: how each is told to make the destination like the source.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::tree::Precision;
use crate::workload::{Floor, Workload};

/// A tool with its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Name in tables and on the command line.
    pub id: &'static str,
    /// What it is called as, in words.
    pub said: &'static str,
    /// The program that has to be there.
    pub program: &'static str,
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Ksyncd(&'static [&'static str]),
    Rsync(&'static [&'static str]),
    Tar(&'static str),
    Unison,
    Floor,
    Clone,
}

const fn tool(id: &'static str, said: &'static str, program: &'static str, how: How) -> Tool {
    Tool {
        id,
        said,
        program,
        how,
    }
}

/// All tools. Those before the first gap run on every workload.
pub const ALL: &[Tool] = &[
    tool("ksyncd", "ksyncd pull --delete", "ksyncd", How::Ksyncd(&[])),
    tool("rsync", "rsync -a --delete", "rsync", How::Rsync(&[])),
    tool(
        "rsync-z",
        "rsync -a --delete -z --zc=zstd",
        "rsync",
        How::Rsync(&["-z", "--zc=zstd"]),
    ),
    tool("floor", "what the machine needs", "find", How::Floor),
    tool(
        "ksyncd-inplace",
        "ksyncd pull --delete --inplace",
        "ksyncd",
        How::Ksyncd(&["--inplace"]),
    ),
    tool(
        "rsync-W",
        "rsync -a --delete -W",
        "rsync",
        How::Rsync(&["-W"]),
    ),
    tool(
        "rsync-inplace",
        "rsync -a --delete --inplace",
        "rsync",
        How::Rsync(&["--inplace"]),
    ),
    tool(
        "rsync-append",
        "rsync -a --append-verify",
        "rsync",
        How::Rsync(&["--append-verify"]),
    ),
    tool("tar", "tar -c | tar -x", "tar", How::Tar("")),
    tool(
        "tar-zstd",
        "tar -c --zstd | tar -x --zstd",
        "zstd",
        How::Tar("--zstd"),
    ),
    tool(
        "unison",
        "unison -batch -force SOURCE",
        "unison",
        How::Unison,
    ),
    tool(
        "clone",
        "cp --reflink=always of the old version",
        "cp",
        How::Clone,
    ),
];

/// How many of [`ALL`] run on every workload.
const USUAL: usize = 4;

/// The tools that a workload is measured with.
pub fn of(workload: &Workload) -> impl Iterator<Item = &'static Tool> {
    let (usual, others) = ALL.split_at(USUAL);
    usual.iter().chain(
        others
            .iter()
            .filter(|tool| workload.also.contains(&tool.id)),
    )
}

/// Where things are in one run.
#[derive(Debug)]
pub struct Place<'a> {
    /// The tree that is wanted.
    pub source: &'a Path,
    /// The tree that is made like it.
    pub destination: &'a Path,
    /// The remote shell, without a command: words without blanks in them.
    pub link: &'a [String],
    /// A directory for whatever the tool wants to remember from run to run.
    pub memory: &'a Path,
    /// The release binary.
    pub ksyncd: &'a Path,
    /// This program.
    pub own: &'a Path,
}

impl Tool {
    /// Whether it is the machine's own speed and not a tool.
    pub fn is_floor(&self) -> bool {
        matches!(self.how, How::Floor | How::Clone)
    }

    /// Whether it is of use only where files can share blocks.
    pub fn shares_blocks(&self) -> bool {
        self.how == How::Clone
    }

    /// What of the result may be expected.
    pub fn precision(&self) -> Precision {
        match self.how {
            // Its default format has whole seconds.
            How::Tar(_) => Precision::Seconds,
            How::Unison => Precision::Content,
            _ => Precision::Nanoseconds,
        }
    }

    /// The command line for a run.
    ///
    /// # Errors
    /// If a path can not be said to a tool, or something can not be prepared.
    pub fn command(&self, workload: &Workload, place: &Place<'_>) -> Result<Command> {
        let words = self.words(workload, place)?;
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .env("UNISON", place.memory)
            .env("XDG_STATE_HOME", place.memory);
        Ok(command)
    }

    fn words(&self, workload: &Workload, place: &Place<'_>) -> Result<Vec<String>> {
        let (source, destination) = (text(place.source)?, text(place.destination)?);
        let shell = |skip: &[&str]| {
            let words = place.link.iter().map(String::as_str);
            words
                .chain(skip.iter().copied())
                .chain(["--"])
                .collect::<Vec<_>>()
                .join(" ")
        };
        let words: Vec<String> = match self.how {
            How::Ksyncd(options) => {
                let mut words = vec![text(place.ksyncd)?, "pull".into(), "-q".into()];
                words.push("--delete".into());
                words.extend(options.iter().map(|&option| option.into()));
                let rsh = format!("--rsh={}", shell(&[]));
                words.extend([rsh, format!(":{source}/"), format!("{destination}/")]);
                words
            }
            How::Rsync(options) => {
                let mut words = vec!["rsync".to_owned(), "-a".to_owned()];
                if self.id != "rsync-append" {
                    words.push("--delete".into());
                }
                words.extend(options.iter().map(|&option| option.into()));
                let rsh = format!("--rsh={}", shell(&["--skip-host"]));
                words.extend([rsh, format!("host:{source}/"), format!("{destination}/")]);
                words
            }
            How::Tar(option) => {
                let link = shell(&[]);
                let pipe = format!(
                    "{link} tar {option} -C {source} -cf - . | tar {option} -C {destination} -xpf -"
                );
                ["bash", "-o", "pipefail", "-c", &pipe]
                    .map(str::to_owned)
                    .to_vec()
            }
            How::Unison => {
                let wrapper = wrapper(place, &shell(&[]))?;
                let root = format!("ssh://host/{source}");
                let words = format!(
                    "unison {destination} {root} -force {root} -batch -silent -times -perms -1 \
                     -confirmbigdel=false -sshcmd {wrapper}"
                );
                words.split_whitespace().map(str::to_owned).collect()
            }
            How::Floor => floor(workload.floor, &source, &destination, &text(place.own)?),
            How::Clone => {
                let script = format!(
                    "for old in {destination}/*; do cp -a --reflink=always $old $old.clone || exit; done"
                );
                ["sh", "-c", &script].map(str::to_owned).to_vec()
            }
        };
        Ok(words)
    }
}

/// A remote shell for unison, which takes a program without arguments and passes options of ssh.
fn wrapper(place: &Place<'_>, shell: &str) -> Result<String> {
    use std::os::unix::fs::PermissionsExt;
    let path: PathBuf = place.memory.join("remote-shell");
    let script = format!(
        "#!/bin/sh\nwhile [ \"$1\" != host ]; do shift; done\nshift\n\
         [ \"$1\" = -e ] && shift 2\nexec {shell} sh -c \"$*\"\n"
    );
    std::fs::write(&path, script)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    text(&path)
}

fn floor(floor: Floor, source: &str, destination: &str, own: &str) -> Vec<String> {
    let script = match floor {
        Floor::Copy => format!("cp -a {source}/. {destination}/"),
        Floor::Scan => {
            let find = |tree| format!("find {tree} -printf '%p %s %T@ %m\\n' >/dev/null");
            format!("{} & {}; wait", find(source), find(destination))
        }
        Floor::Hash => format!("{own} hash {source} {destination}"),
        Floor::Rename(from, to) => format!("mv {destination}/{from} {destination}/{to}"),
    };
    vec!["sh".into(), "-c".into(), script]
}

/// A path as text that needs no quotes anywhere.
fn text(path: &Path) -> Result<String> {
    let text = path.to_string_lossy().into_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=@".contains(c);
    ensure!(
        text.chars().all(plain),
        "{text} has characters that a remote shell could misunderstand; choose another --dir"
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;

    fn words(id: &str, source: &str) -> Result<String> {
        let tool = ALL.iter().find(|tool| tool.id == id).unwrap();
        let place = Place {
            source: Path::new(source),
            destination: Path::new("/w/dest"),
            link: &["bench".to_owned(), "link".to_owned()],
            memory: Path::new("/w/memory"),
            ksyncd: Path::new("/bin/ksyncd"),
            own: Path::new("/bin/bench"),
        };
        Ok(tool.words(&workload::ALL[0], &place)?.join(" "))
    }

    #[test]
    fn every_tool_is_given_the_same_link_and_the_same_trees() {
        assert_eq!(
            words("ksyncd", "/w/s").unwrap(),
            "/bin/ksyncd pull -q --delete --rsh=bench link -- :/w/s/ /w/dest/"
        );
        assert_eq!(
            words("rsync-W", "/w/s").unwrap(),
            "rsync -a --delete -W --rsh=bench link --skip-host -- host:/w/s/ /w/dest/"
        );
        assert!(
            words("tar", "/w/s")
                .unwrap()
                .contains("bench link -- tar  -C /w/s -cf - .")
        );
    }

    #[test]
    fn a_path_that_would_need_quotes_is_refused() {
        assert!(words("rsync", "/w/a b").is_err());
        assert!(words("tar", "/w/$(id)").is_err());
    }

    #[test]
    fn the_usual_tools_run_everywhere_and_others_where_they_make_sense() {
        let ids = |id| -> Vec<_> {
            let workload = workload::ALL
                .iter()
                .find(|workload| workload.id == id)
                .unwrap();
            of(workload).map(|tool| tool.id).collect()
        };
        assert_eq!(ids("W3"), ["ksyncd", "rsync", "rsync-z", "floor"]);
        assert!(ids("W9").contains(&"tar-zstd") && !ids("W3").contains(&"tar"));
    }

    #[test]
    fn what_workloads_ask_for_is_there() {
        for also in workload::ALL.iter().flat_map(|workload| workload.also) {
            assert!(ALL[USUAL..].iter().any(|tool| tool.id == *also), "{also}");
        }
    }
}
