//! Runs that are ended from outside: by a signal, or by the death of either end.

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::place::{Ended, Place, VERBS};
use super::stream::noise;

/// Longer than an agent may live without its client.
const PATIENCE: Duration = Duration::from_secs(30);

/// A run in the middle of a file that replaces an old one.
struct Running {
    place: Place,
    client: Child,
    agent: Pid,
}

impl Running {
    fn start(verb: &str) -> Self {
        let place = Place::new();
        place.file("s/large", noise(32 << 20));
        place.file("d/large", "old and precious");
        let line = format!("{verb} --bwlimit=1M --no-compress --delete s/ d");
        let mut command = place.command(line.split(' '));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let client = command.spawn().unwrap();
        wait_until(|| {
            place
                .names("d")
                .iter()
                .any(|name| name.starts_with(".ksyncd."))
        });
        let agent = children(client.id())[..].first().copied().unwrap();
        Self {
            place,
            client,
            agent,
        }
    }

    fn signal_client(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.client), signal).unwrap();
    }

    /// Waits for the end of both, and looks at what they leave.
    fn end(self) -> (Place, Ended) {
        let Self {
            place,
            client,
            agent,
        } = self;
        let ended: Ended = client.wait_with_output().unwrap().into();
        wait_until(|| !is_alive(agent));
        assert_eq!(place.read("d/large"), "old and precious");
        assert_eq!(place.read("d/mine"), "precious");
        (place, ended)
    }
}

fn assert_no_temporaries(place: &Place) {
    let names = place.names("d");
    assert!(
        !names.iter().any(|name| name.starts_with(".ksyncd.")),
        "{names:?}"
    );
}

fn wait_until(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "it does not happen");
        sleep(Duration::from_millis(10));
    }
}

/// Fields of `/proc/PID/stat` after the name: state, parent, …
fn stat(pid: &str) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let rest = stat.rsplit_once(')')?.1;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn children(parent: u32) -> Vec<Pid> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Ok(pid) = name.parse() else { continue };
        let is_child = stat(&name).is_some_and(|stat| stat[1] == parent.to_string());
        found.extend(Pid::from_raw(pid).filter(|_| is_child));
    }
    found
}

fn is_alive(pid: Pid) -> bool {
    let pid = pid.as_raw_nonzero().to_string();
    stat(&pid).is_some_and(|stat| stat[0] != "Z")
}

#[test]
fn a_signal_ends_both_ends_and_leaves_the_old_file() {
    for verb in VERBS {
        for signal in [Signal::INT, Signal::HUP] {
            let running = Running::start(verb);
            running.signal_client(signal);
            let (place, ended) = running.end();
            ended.assert(20, &["interrupted; run again"]);
            assert_no_temporaries(&place);
        }
    }
}

#[test]
fn a3_an_agent_whose_client_is_killed_ends_by_itself() {
    for verb in VERBS {
        let running = Running::start(verb);
        running.signal_client(Signal::KILL);
        let (place, ended) = running.end();
        assert_eq!(ended.code, None);
        if verb == "push" {
            // The agent was the one that wrote.
            assert_no_temporaries(&place);
        }
        assert_next_run_finishes(&place, verb);
    }
}

#[test]
fn a_killed_agent_is_a_broken_connection_and_harms_nothing() {
    for verb in VERBS {
        let running = Running::start(verb);
        kill_process(running.agent, Signal::KILL).unwrap();
        let (place, ended) = running.end();
        ended.assert(12, &["was killed", "run again"]);
        if verb == "pull" {
            assert_no_temporaries(&place);
        }
        assert_next_run_finishes(&place, verb);
    }
}

/// What was left behind goes with the next run.
fn assert_next_run_finishes(place: &Place, verb: &str) {
    let ended = place.line(&format!("{verb} --delete s/ d"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(place.names("d"), ["a", "large", "sub"]);
    assert_eq!(fs::read(place.path("d/large")).unwrap(), noise(32 << 20));
}
