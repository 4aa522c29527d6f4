//! What came out, as data, as a table and as a picture.

mod plot;
mod table;
mod units;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::run::Sample;
use crate::stats::Summary;

/// Everything that a suite measured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Results {
    /// How it was called.
    pub command: String,
    /// What it means, in a few words: scale, seed, repetitions, limits.
    pub settings: String,
    /// Where.
    pub machine: Machine,
    /// All rows in the order in which they were measured.
    pub rows: Vec<Row>,
}

/// One tool on one workload over one link.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Short name of the workload.
    pub workload: String,
    /// What it is.
    pub title: String,
    /// Name of the link.
    pub link: String,
    /// What the destination was on, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_system: Option<String>,
    /// Name of the tool.
    pub tool: String,
    /// How it was called.
    pub said: String,
    /// All runs that came to a right end.
    pub samples: Vec<Sample>,
    /// Why there are no more of them.
    pub failure: Option<String>,
}

impl Row {
    /// Where it ran: the link, and the file system if that was asked for.
    pub fn place(&self) -> String {
        match &self.file_system {
            Some(kind) => format!("{}, on {kind}", self.link),
            None => self.link.clone(),
        }
    }

    fn summary(&self, value: impl Fn(&Sample) -> Option<f64>) -> Option<Summary> {
        Summary::of(self.samples.iter().filter_map(value))
    }

    fn wall(&self) -> Option<Summary> {
        self.summary(|sample| Some(sample.wall))
    }

    /// Bytes in both directions.
    fn bytes(&self) -> Option<f64> {
        let bytes = |sample: &Sample| sample.wire.map(|wire| (wire.up + wire.down) as f64);
        self.summary(bytes).map(|summary| summary.median)
    }
}

/// The rows of one workload over one link, and on one file system.
struct Group<'a> {
    rows: Vec<&'a Row>,
}

impl<'a> Group<'a> {
    fn first(&self) -> &'a Row {
        self.rows[0]
    }

    fn find(&self, tool: &str) -> Option<&'a Row> {
        self.rows.iter().copied().find(|row| row.tool == tool)
    }

    /// The fastest form of rsync.
    fn best_rsync(&self) -> Option<f64> {
        let rows = self.rows.iter().filter(|row| row.tool.starts_with("rsync"));
        rows.filter_map(|row| row.wall())
            .map(|wall| wall.median)
            .min_by(f64::total_cmp)
    }
}

impl Results {
    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for row in &self.rows {
            let same = |group: &&mut Group<'_>| {
                let first = group.first();
                (&first.workload, first.place()) == (&row.workload, row.place())
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.rows.push(row),
                None => groups.push(Group { rows: vec![row] }),
            }
        }
        groups
    }

    /// Writes `NAME.json`, `NAME.md` and `NAME.svg` into a directory, and tells where.
    ///
    /// # Errors
    /// If one of them can not be written.
    pub fn write(&self, dir: &Path, name: &str) -> Result<PathBuf> {
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        let put = |suffix: &str, text: String| {
            let path = dir.join(format!("{name}.{suffix}"));
            fs::write(&path, text).with_context(|| path.display().to_string())?;
            anyhow::Ok(path)
        };
        put("json", serde_json::to_string_pretty(self)? + "\n")?;
        put("svg", plot::svg(self))?;
        put("md", table::markdown(self, name))
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// If the file can not be read or is none of these.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read(path).with_context(|| path.display().to_string())?;
        serde_json::from_slice(&text).with_context(|| path.display().to_string())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::run::Wire;
    use crate::usage::Usage;

    pub(crate) fn row(workload: &str, tool: &str, walls: &[f64], down: u64) -> Row {
        let sample = |&wall: &f64| Sample {
            wall,
            near: Usage {
                cpu: 0.5,
                peak: 8 << 20,
            },
            far: None,
            wire: Some(Wire {
                up: 100,
                down,
                exchanges: 3,
            }),
        };
        Row {
            workload: workload.into(),
            title: "a | title".into(),
            link: "pipe".into(),
            file_system: None,
            tool: tool.into(),
            said: format!("{tool} -a"),
            samples: walls.iter().map(sample).collect(),
            failure: None,
        }
    }

    pub(crate) fn results() -> Results {
        let mut failed = row("W1", "tar", &[], 0);
        failed.failure = Some("exit status: 2: no | pipe".into());
        Results {
            rows: vec![
                row("W1", "ksyncd", &[0.5, 0.6, 0.4], 900),
                row("W1", "rsync", &[1.0, 1.2, 1.0], 9_900),
                row("W1", "rsync-z", &[2.0], 900),
                failed,
                row("W2", "ksyncd", &[3.0], 900),
            ],
            ..Results::default()
        }
    }

    #[test]
    fn what_was_written_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = results().write(dir.path(), "quick").unwrap();
        assert_eq!(path, dir.path().join("quick.md"));
        let again = Results::read(&dir.path().join("quick.json")).unwrap();
        assert_eq!(again.rows.len(), 5);
        assert_eq!(again.rows[0].samples, results().rows[0].samples);
    }

    #[test]
    fn rows_of_one_workload_and_link_belong_together() {
        let results = results();
        let groups = results.groups();
        let lens: Vec<usize> = groups.iter().map(|group| group.rows.len()).collect();
        assert_eq!(lens, [4, 1]);
        assert_eq!(groups[0].best_rsync(), Some(1.0));
        assert_eq!(groups[1].best_rsync(), None);
    }

    #[test]
    fn rows_on_different_file_systems_are_not_compared() {
        let on = |kind: &str, wall| {
            let mut row = row("W5", "ksyncd", &[wall], 900);
            row.file_system = Some(kind.into());
            row
        };
        let results = Results {
            rows: vec![on("xfs", 0.5), on("btrfs", 0.6)],
            ..Results::default()
        };
        let groups = results.groups();
        let places: Vec<String> = groups.iter().map(|group| group.first().place()).collect();
        assert_eq!(places, ["pipe, on xfs", "pipe, on btrfs"]);
    }
}
