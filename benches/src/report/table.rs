//! The results as Markdown: first what matters, then everything.

use std::fmt::Write;

use super::units::{bytes, memory, ratio, seconds};
use super::{Group, Results, Row};
use crate::run::Sample;

/// All of it.
pub(super) fn markdown(results: &Results, name: &str) -> String {
    let mut text = String::new();
    let machine = &results.machine;
    let _ = write!(
        text,
        "# Measurements\n\n    {}\n\n{}\n\n\
         {} processors ({}), {} GiB of memory, Linux {}, {}. {}.\n\n\
         Medians; ratios below 1 mean that ksyncd is faster or smaller. Every run that counts ended \
         with the right tree.\n\n![Time of ksyncd as a part of rsync's]({name}.svg)\n\n",
        results.command,
        results.settings,
        machine.processors,
        machine.model,
        machine.memory_gib,
        machine.kernel,
        machine.file_system,
        machine.versions.join("; "),
    );
    summary(&mut text, results);
    for group in results.groups() {
        details(&mut text, &group);
    }
    text
}

fn summary(text: &mut String, results: &Results) {
    text.push_str(
        "| | workload | link | ksyncd | rsync | ratio | to the best rsync | bytes, ratio | floor |\n\
         |---|---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for group in results.groups() {
        let first = group.first();
        let wall = |tool| group.find(tool).and_then(Row::wall).map(|wall| wall.median);
        let (ours, theirs) = (wall("ksyncd"), wall("rsync"));
        let sent = |tool| group.find(tool).and_then(Row::bytes);
        let cells = [
            first.workload.clone(),
            cell(&first.title),
            first.place(),
            shown(ours, seconds),
            shown(theirs, seconds),
            format!("**{}**", shown(part(ours, theirs), ratio)),
            shown(part(ours, group.best_rsync()), ratio),
            shown(part(sent("ksyncd"), sent("rsync")), ratio),
            shown(wall("floor"), seconds),
        ];
        line(text, &cells);
    }
    text.push('\n');
}

fn details(text: &mut String, group: &Group<'_>) {
    let first = group.first();
    let _ = write!(
        text,
        "## {}: {}, over {}\n\n\
         | | wall | least–most | spread | ratio | runs | CPU here | CPU there | memory here | \
         memory there | received | sent | bytes, ratio | round trips |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        first.workload,
        first.title,
        first.place()
    );
    let rsync = group.find("rsync");
    for row in &group.rows {
        let median = |value: &dyn Fn(&Sample) -> Option<f64>| {
            row.summary(value).map(|summary| summary.median)
        };
        let wall = row.wall();
        let base = rsync.and_then(Row::wall).map(|wall| wall.median);
        let wire = |value: fn(&crate::run::Wire) -> u64| {
            median(&move |sample: &Sample| sample.wire.as_ref().map(|wire| value(wire) as f64))
        };
        let cells = [
            format!("`{}`", cell(&row.said)),
            shown(wall.map(|wall| wall.median), seconds),
            wall.map_or_else(none, |wall| {
                format!("{}–{}", seconds(wall.least), seconds(wall.most))
            }),
            wall.map_or_else(none, |wall| format!("{:.0} %", wall.spread() * 100.0)),
            shown(part(wall.map(|wall| wall.median), base), ratio),
            row.samples.len().to_string(),
            shown(median(&|sample| Some(sample.near.cpu)), seconds),
            shown(median(&|sample| sample.far.map(|far| far.cpu)), seconds),
            shown(median(&|sample| Some(sample.near.peak as f64)), memory),
            shown(
                median(&|sample| sample.far.map(|far| far.peak as f64)),
                memory,
            ),
            shown(wire(|wire| wire.down), bytes),
            shown(wire(|wire| wire.up), bytes),
            shown(part(row.bytes(), rsync.and_then(Row::bytes)), ratio),
            shown(wire(|wire| wire.exchanges), |count| format!("{count:.0}")),
        ];
        line(text, &cells);
    }
    text.push('\n');
    for row in &group.rows {
        if let Some(failure) = &row.failure {
            let _ = writeln!(text, "- `{}` **failed**: {}", row.tool, cell(failure));
        }
    }
    text.push('\n');
}

fn line(text: &mut String, cells: &[String]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn none() -> String {
    "–".to_owned()
}

fn shown(value: Option<f64>, how: impl Fn(f64) -> String) -> String {
    value.map_or_else(none, how)
}

fn part(value: Option<f64>, of: Option<f64>) -> Option<f64> {
    match (value, of) {
        (Some(value), Some(of)) if of > 0.0 => Some(value / of),
        _ => None,
    }
}

/// Text that can not leave its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::results;

    #[test]
    fn the_summary_compares_with_rsync_and_its_best_form() {
        let text = markdown(&results(), "quick");
        let row = text.lines().find(|line| line.starts_with("| W1 ")).unwrap();
        assert_eq!(
            row,
            "| W1 | a \\| title | pipe | 0.500 s | 1.00 s | **0.50** | 0.50 | 0.10 | – |"
        );
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        let text = markdown(&results(), "quick");
        let row = text.lines().find(|line| line.starts_with("| W2 ")).unwrap();
        assert_eq!(
            row,
            "| W2 | a \\| title | pipe | 3.00 s | – | **–** | – | – | – |"
        );
    }

    #[test]
    fn the_details_have_spread_and_every_cost() {
        let text = markdown(&results(), "quick");
        assert!(text.contains(
            "| `ksyncd -a` | 0.500 s | 0.400 s–0.600 s | 40 % | 0.50 | 3 | 0.500 s | – | 8 MiB | – | \
             900 B | 100 B | 0.10 | 3 |"
        ));
    }

    #[test]
    fn a_tool_that_failed_is_named_with_its_reason() {
        let text = markdown(&results(), "quick");
        assert!(text.contains("- `tar` **failed**: exit status: 2: no \\| pipe\n"));
    }

    #[test]
    fn all_rows_of_a_table_have_as_many_cells_as_its_head() {
        let text = markdown(&results(), "quick").replace("\\|", "");
        let mut expected = 0;
        for line in text.lines() {
            let cells = line.matches('|').count();
            if cells == 0 {
                expected = 0;
            } else if expected == 0 {
                expected = cells;
            }
            assert_eq!(cells, expected, "{line}");
        }
    }
}
