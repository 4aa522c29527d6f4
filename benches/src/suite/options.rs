//! What of the suite is run, and how.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::links::{self, LinkKind};
use super::volume::FileSystem;
use crate::tool::{self, Tool};
use crate::workload::{self, Scale, Workload};

/// Compare ksyncd with other tools, side by side, and write tables.
///
/// Everything is made below --dir, up to 25 GiB in full; each row's trees are made from the seed,
/// brought back to how they were before every run, and compared with the source after it.
#[derive(Debug, Args)]
pub struct Suite {
    /// A thirtieth of everything, three times: a few minutes
    #[arg(long)]
    pub quick: bool,
    /// Only these workloads, such as W1,W4; `list` shows all
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Only over these links, instead of the ones that belong to each workload: pipe, 100m (100
    /// Mbit/s, 40 ms), 1g (1 Gbit/s, 40 ms), or one that --link names
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub links: Vec<String>,
    /// Only these tools, such as ksyncd,rsync; `list` shows all
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub tools: Vec<String>,
    /// Another link: a command that gets a command line and runs it where the same directories are
    #[arg(long = "link", value_name = "NAME=COMMAND")]
    pub others: Vec<LinkKind>,
    /// Have all destinations on file systems of these kinds, in turn; each is made in a file, as
    /// the super-user [default: what --dir lies on, and a new ext4 for each run into an empty
    /// destination]
    #[arg(
        long = "file-system",
        value_name = "KINDS",
        value_delimiter = ',',
        value_enum
    )]
    pub file_systems: Vec<FileSystem>,
    /// How often everything is repeated
    #[arg(long, value_name = "NUMBER")]
    pub repeat: Option<usize>,
    /// Divide all sizes by this number
    #[arg(long, value_name = "NUMBER")]
    pub scale: Option<u64>,
    /// What the trees are made from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Let the far end use so many processors at most, such as 0.5
    #[arg(long, value_name = "NUMBER")]
    pub agent_cpu: Option<f64>,
    /// Stop a run after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,
    /// Where the trees are made
    #[arg(long, value_name = "DIRECTORY", default_value = "target/bench")]
    pub dir: PathBuf,
    /// Leave the trees for the next time
    #[arg(long)]
    pub keep: bool,
    /// The ksyncd to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    pub ksyncd: Option<PathBuf>,
    /// Where the results go
    #[arg(long, value_name = "DIRECTORY", default_value = "benches/results")]
    pub results: PathBuf,
    /// What the files of results are called [default: full or quick]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

impl Suite {
    /// How large everything is.
    pub fn size(&self) -> Scale {
        Scale::by(self.divisor())
    }

    /// How much smaller than in full everything is.
    pub fn divisor(&self) -> u64 {
        match self.scale {
            Some(divisor) => divisor.max(1),
            None if self.quick => Scale::QUICK,
            None => 1,
        }
    }

    /// How often everything is repeated.
    pub fn times(&self) -> usize {
        self.repeat.unwrap_or(if self.quick { 3 } else { 5 }).max(1)
    }

    /// The chosen workloads.
    ///
    /// # Errors
    /// If one is not known.
    pub fn workloads(&self) -> Result<Vec<&'static Workload>> {
        let all: Vec<&'static Workload> = workload::ALL.iter().collect();
        choose(&self.only, all, |workload| workload.id, "workload")
    }

    /// The chosen ones of the tools that a workload is measured with.
    ///
    /// # Errors
    /// If one is not known.
    pub fn tools(&self, workload: &Workload) -> Result<Vec<&'static Tool>> {
        let known: Vec<&'static Tool> = tool::ALL.iter().collect();
        let chosen = choose(&self.tools, known, |tool| tool.id, "tool")?;
        Ok(tool::of(workload)
            .filter(|tool| chosen.contains(tool))
            .filter(|tool| !tool.shares_blocks() || !self.file_systems.is_empty())
            .collect())
    }

    /// What destinations lie on, one after another; nothing is whatever is there.
    pub fn grounds(&self) -> Vec<Option<FileSystem>> {
        match self.file_systems.as_slice() {
            [] => vec![None],
            kinds => kinds.iter().copied().map(Some).collect(),
        }
    }

    /// The links that a workload is measured over.
    ///
    /// # Errors
    /// If one is not known.
    pub fn links(&self, workload: &Workload) -> Result<Vec<LinkKind>> {
        let mut known = links::known();
        known.extend(self.others.iter().cloned());
        let own: Vec<String> = workload.links.iter().map(|&name| name.to_owned()).collect();
        let names = if self.links.is_empty() {
            &own
        } else {
            &self.links
        };
        choose(names, known, |link| &link.name, "link")
    }
}

fn choose<T>(
    names: &[String],
    known: Vec<T>,
    name_of: impl Fn(&T) -> &str,
    what: &str,
) -> Result<Vec<T>> {
    let same = |name: &String, thing: &T| name.eq_ignore_ascii_case(name_of(thing));
    if let Some(name) = names
        .iter()
        .find(|name| !known.iter().any(|thing| same(name, thing)))
    {
        let all: Vec<&str> = known.iter().map(name_of).collect();
        bail!(
            "there is no {what} named {name}; there are {}",
            all.join(", ")
        );
    }
    let chosen = |thing: &T| names.is_empty() || names.iter().any(|name| same(name, thing));
    Ok(known.into_iter().filter(chosen).collect())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        suite: Suite,
    }

    fn suite(args: &str) -> Suite {
        Line::parse_from(std::iter::once("x").chain(args.split_whitespace())).suite
    }

    #[test]
    fn rows_can_be_chosen_by_name() {
        let ids = |args| -> Vec<&str> {
            suite(args)
                .workloads()
                .unwrap()
                .iter()
                .map(|workload| workload.id)
                .collect()
        };
        assert_eq!(ids("--only w4,W1"), ["W1", "W4"]);
        assert_eq!(ids("").len(), workload::ALL.len());
    }

    #[test]
    fn links_belong_to_workloads_unless_they_are_chosen() {
        let names = |args, id| -> Vec<String> {
            let workload = workload::ALL
                .iter()
                .find(|workload| workload.id == id)
                .unwrap();
            suite(args)
                .links(workload)
                .unwrap()
                .into_iter()
                .map(|link| link.name)
                .collect()
        };
        assert_eq!(names("", "W1"), ["pipe", "1g"]);
        assert_eq!(names("--links 100m", "W1"), ["100m"]);
        assert_eq!(names("--link e=sh --links e", "W9"), ["e"]);
    }

    #[test]
    fn file_systems_are_what_is_there_unless_they_are_chosen() {
        use FileSystem::{Btrfs, Xfs};
        assert_eq!(suite("").grounds(), [None]);
        assert_eq!(
            suite("--file-system xfs,btrfs").grounds(),
            [Some(Xfs), Some(Btrfs)]
        );
    }

    #[test]
    fn clones_are_measured_only_where_a_file_system_is_chosen() {
        let has_clone = |args| {
            let suite = suite(args);
            let workload = suite.workloads().unwrap()[0];
            let tools = suite.tools(workload).unwrap();
            tools.iter().any(|tool| tool.id == "clone")
        };
        assert!(has_clone("--only W5 --file-system xfs"));
        assert!(!has_clone("--only W5"));
    }

    #[test]
    fn what_is_not_known_is_named() {
        let error = suite("--only W77").workloads().unwrap_err().to_string();
        assert!(
            error.starts_with("there is no workload named W77; there are W1, W2"),
            "{error}"
        );
        assert!(suite("--tools cp").tools(&workload::ALL[0]).is_err());
    }
}
