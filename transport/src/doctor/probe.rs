//! What the probing script says, put in order: pure judgement.
//!
//! | words                   | meaning                                                      |
//! |-------------------------|--------------------------------------------------------------|
//! | `machine SYSTEM`        | what `uname -sm` says                                        |
//! | `user UID`              | who runs commands there                                      |
//! | `lacks TOOL`            | a program that the delivery needs is missing                 |
//! | `place STATE DIRECTORY` | whether the agent could live there                           |
//! | `watches FILES USERS`   | limits of inotify                                            |
//! | `path STATE`            | whether the path is there, and can be read or written        |
//! | `unreadable PATH`       | something below it that can not be read                      |
//! | `looked COUNT BAD`      | how much was looked at, and how much of it can not be read   |
//! | `done`                  | the end                                                      |

use rsync_core::path::escape;

use super::finding::Finding;
use crate::delivery::split_word;

/// Watches below which a tree of ordinary size can not be watched.
const FEW_WATCHES: u64 = 8192;

/// What has been said so far.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    machine: Option<String>,
    user: Option<String>,
    lacks: Vec<String>,
    places: Vec<(String, String)>,
    watches: Option<(u64, u64)>,
    path: Option<String>,
    writable: bool,
    unreadable: Vec<String>,
    looked: Option<(u64, u64)>,
}

impl Heard {
    /// Takes a line; true if it was the last one.
    pub(crate) fn take(&mut self, line: &[u8]) -> bool {
        let (word, rest) = split_word(line);
        let (first, second) = split_word(rest);
        let number = |text: &[u8]| String::from_utf8_lossy(text).parse().unwrap_or(0);
        match word {
            b"machine" => self.machine = Some(escape(rest)),
            b"user" => self.user = Some(escape(rest)),
            b"lacks" => self.lacks.push(escape(rest)),
            b"place" => self.places.push((escape(second), escape(first))),
            b"watches" => self.watches = Some((number(first), number(second))),
            b"path" if rest == b"writable" => self.writable = true,
            b"path" => self.path = Some(escape(rest)),
            b"unreadable" => self.unreadable.push(escape(rest)),
            b"looked" => self.looked = Some((number(first), number(second))),
            b"done" => return true,
            _ => {}
        }
        false
    }

    /// What it means for a pull of `path`, with agents for `machines`.
    pub(crate) fn findings(self, path: &[u8], machines: &[String]) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(machine) = &self.machine {
            findings.push(architecture(machine, machines));
        }
        if !self.lacks.is_empty() {
            let lacks = self.lacks.join(", ");
            findings.push(Finding::fail(
                format!("the image has no {lacks}"),
                "the agent is put in place by these; add busybox to the image",
            ));
        }
        findings.extend(self.places());
        findings.extend(self.watches.map(watches));
        findings.extend(self.path(path));
        findings
    }

    fn places(&self) -> Vec<Finding> {
        let user = self.user.as_deref().unwrap_or("?");
        let state = |state: &str| match state {
            "0" => "is writable and executable".to_owned(),
            "126" => "does not allow execution".to_owned(),
            "unwritable" => format!("is not writable for user {user}"),
            "absent" => "is not there".to_owned(),
            "full" => "is full".to_owned(),
            other => format!("does not work ({other})"),
        };
        let mut seen: Vec<&str> = Vec::new();
        let mut told = Vec::new();
        let mut usable = None;
        for (place, word) in &self.places {
            if seen.contains(&place.as_str()) {
                continue;
            }
            seen.push(place);
            if word == "0" && usable.is_none() {
                usable = Some(place);
            }
            told.push(format!("{place} {}", state(word)));
        }
        let all = told.join("; ");
        vec![match usable {
            Some(place) => Finding::pass(format!("the agent can live in {place} ({all})")),
            None => Finding::fail(
                format!("there is no place for the agent: {all}"),
                "mount an emptyDir at /tmp (docker: --tmpfs=/tmp:exec), choose another container \
                 with --container, or add one with --agent-image",
            ),
        }]
    }

    fn path(&self, path: &[u8]) -> Vec<Finding> {
        let name = escape(path);
        let Some(state) = &self.path else {
            return Vec::new();
        };
        let user = self.user.as_deref().unwrap_or("?");
        let mut findings = vec![match state.as_str() {
            "readable" => Finding::pass(format!(
                "{name} can be read{}",
                if self.writable {
                    " and written"
                } else {
                    ", not written"
                }
            )),
            "absent" => Finding::fail(
                format!("{name} does not exist"),
                "check the path; a push would make it",
            ),
            _ => Finding::fail(
                format!("{name} can not be read by user {user}"),
                "pull as a user who may read it, or change its mode",
            ),
        }];
        match self.looked {
            Some((seen, 0)) if state == "readable" => {
                findings.push(Finding::pass(format!("all of {seen} entries can be read")));
            }
            Some((seen, bad)) if bad > 0 => findings.push(Finding::fail(
                format!(
                    "{bad} of {seen} entries can not be read, such as {}",
                    self.unreadable.join(", ")
                ),
                format!("let user {user} read them, or --exclude them"),
            )),
            _ => {}
        }
        findings
    }
}

pub(super) fn architecture(machine: &str, machines: &[String]) -> Finding {
    let known = machine.strip_prefix("Linux ");
    match known {
        Some(known) if machines.iter().any(|have| have == known) => {
            Finding::pass(format!("there is an agent for {machine}"))
        }
        _ => Finding::fail(
            format!("there is no agent for {machine}"),
            format!("there are some for Linux on {}", machines.join(" and ")),
        ),
    }
}

fn watches((files, users): (u64, u64)) -> Finding {
    let what = format!("{files} files can be watched, by {users} programs");
    if files < FEW_WATCHES {
        Finding::note(
            what,
            "raise fs.inotify.max_user_watches on the node to watch larger trees",
        )
    } else {
        Finding::pass(what)
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn findings(lines: &[&str]) -> Vec<Finding> {
        let mut heard = Heard::default();
        for line in lines {
            assert!(!heard.take(line.as_bytes()), "{line}");
        }
        assert!(heard.take(b"done"));
        heard.findings(b"/data/", &["x86_64".into(), "aarch64".into()])
    }

    const GOOD: &[&str] = &[
        "machine Linux x86_64",
        "user 999",
        "place absent /my tmp",
        "place 0 /tmp",
        "watches 190000 128",
        "path readable",
        "looked 7 0",
    ];

    #[test]
    fn an_ordinary_container_passes_in_everything() {
        let findings = findings(GOOD);
        assert!(
            findings.iter().all(|one| one.verdict == Verdict::Pass),
            "{findings:?}"
        );
        let text: String = findings.iter().map(|one| format!("{one}\n")).collect();
        assert!(text.contains("can live in /tmp (/my tmp is not there; /tmp is writable"));
        assert!(text.contains("/data/ can be read, not written"));
    }

    fn fails(lines: &[&str], words: &str) {
        let mut all: Vec<&str> = GOOD.to_vec();
        all.extend(lines);
        let findings = findings(&all);
        let failed = findings.iter().find(|one| one.verdict == Verdict::Fail);
        let failed = failed.map(ToString::to_string).unwrap_or_default();
        assert!(failed.contains(words), "{failed:?}");
    }

    #[test]
    fn each_thing_that_stops_a_pull_fails_with_what_to_do() {
        fails(
            &["machine Linux riscv64"],
            "some for Linux on x86_64 and aarch64",
        );
        fails(&["lacks chmod"], "no chmod: ");
        fails(&["path absent"], "/data/ does not exist");
        fails(&["path unreadable"], "can not be read by user 999");
        fails(
            &["unreadable /data/k\x1b", "looked 7 1"],
            "such as /data/k\\#033: let user 999",
        );
    }

    #[test]
    fn no_place_for_the_agent_fails_and_names_them_all() {
        let findings = findings(&[
            "machine Linux x86_64",
            "user 1",
            "place 126 /tmp",
            "place unwritable /run",
        ]);
        let place = findings[1].to_string();
        assert!(
            place.starts_with("FAIL")
                && place.contains("/tmp does not allow execution")
                && place.contains("/run is not writable for user 1"),
            "{place}"
        );
    }
}
