//! A server that lies at random points of a run: no run reports success with a wrong tree, none
//! hangs, none leaves a process or a file behind for longer than a minute, beside a whole agent, and
//! every file is its old version or its new one.
//!
//! Each lie is told every way into a cluster, to pulls and to pushes, with an agent that is there
//! or one that has to be delivered. `KSYNCD_LIES=13` makes 104 runs of each lie instead of 8,
//! `KSYNCD_SEED=…` tells them at the points of an earlier time.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use testkit::{Fault, Lie, Way as Direction};

use super::site::{Site, web};
use super::tree::{differences, files, plant};

/// Runs of each lie, way and verb, if `KSYNCD_LIES` does not say.
const RUNS: u64 = 1;
/// More bytes than the script has that delivers an agent.
const SCRIPT: u64 = 4096;
/// Exit codes of runs that fail, and say why.
const FAILURES: [i32; 9] = [3, 5, 10, 12, 23, 24, 25, 30, 35];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Pull,
    Push,
}

impl Verb {
    fn original(self, site: &Site) -> PathBuf {
        match self {
            Self::Pull => site.there("data"),
            Self::Push => site.path("tree"),
        }
    }

    fn copy(self, site: &Site) -> PathBuf {
        match self {
            Self::Pull => site.path("tree"),
            Self::Push => site.there("data"),
        }
    }

    fn line(self) -> &'static str {
        match self {
            Self::Pull => "pull -aH --delete web:/data/ tree",
            Self::Push => "push -aH --delete tree/ web:/data",
        }
    }
}

/// Numbers that differ from run to run (SplitMix64, Steele and others 2014).
struct Dice(u64);

impl Dice {
    /// Those of this seed for what is to be tested.
    fn of(seed: u64, what: &str) -> Self {
        let mix = |sum: u64, byte: u8| sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte);
        Self(what.bytes().fold(seed, mix))
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The points of this time.
fn seed() -> u64 {
    number("KSYNCD_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap().as_micros() as u64
    })
}

/// What came of the runs of one lie.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    runs: u64,
    /// Runs in which the lie was told.
    told: u64,
    /// Those of them that succeeded, with the right tree.
    right: u64,
}

/// Runs with the lie that `roll` makes, at random points.
fn tally(name: &str, options: &str, roll: impl Fn(&mut Dice) -> Lie + Sync) -> Tally {
    let seed = seed();
    let tallies = Site::each_at_once(web, |site| {
        let mut tally = Tally::default();
        for verb in [Verb::Pull, Verb::Push] {
            let what = format!("{name}: {}: {verb:?}: KSYNCD_SEED={seed}", site.way.name);
            let mut dice = Dice::of(seed, &what);
            let mut lengths = BTreeMap::new();
            for _ in 0..number("KSYNCD_LIES").unwrap_or(RUNS) {
                let is_delivered = dice.below(2) == 0;
                let lengths = lengths
                    .entry(is_delivered)
                    .or_insert_with(|| length(&site, verb, is_delivered));
                let up = dice.below(2) == 0;
                let (direction, len) = if up {
                    (Direction::Up, lengths[0])
                } else {
                    (Direction::Down, lengths[1])
                };
                let lie = roll(&mut dice);
                // A shell that waits for the rest of its script knows nothing of time.
                let first = match (&lie, direction) {
                    (Lie::Silence, Direction::Up) => SCRIPT,
                    _ => 1,
                };
                let at = first + dice.below(len.saturating_sub(first).max(1));
                let fault = Fault::new(lie).after(direction, at);
                prepare(&site, verb, is_delivered);
                let (told, right) = survives(&site, verb, options, &fault, &what);
                tally.runs += 1;
                tally.told += u64::from(told);
                tally.right += u64::from(told && right);
            }
        }
        assert_eq!(site.left(), [], "{}", site.way.name);
        tally
    });
    let all = tallies
        .into_iter()
        .fold(Tally::default(), |all, one| Tally {
            runs: all.runs + one.runs,
            told: all.told + one.told,
            right: all.right + one.right,
        });
    let _ = writeln!(
        std::io::stderr(),
        "{name}: {} runs, {} with the lie told, {} of them succeeded with the right tree \
         (KSYNCD_SEED={seed})",
        all.runs,
        all.told,
        all.right
    );
    all
}

/// Makes both trees and the agent's place what they are before each run.
fn prepare(site: &Site, verb: Verb, is_delivered: bool) {
    for (root, version) in [(verb.original(site), 2), (verb.copy(site), 1)] {
        // There is nothing to remove before the first run.
        let _ = fs::remove_dir_all(&root);
        plant(&root, version);
    }
    if !is_delivered {
        let _ = fs::remove_dir_all(site.there("tmp/.ksyncd-0"));
    }
}

/// Bytes of a run with which nothing is wrong, up and down.
fn length(site: &Site, verb: Verb, is_delivered: bool) -> [u64; 2] {
    if is_delivered {
        prepare(site, verb, is_delivered);
        site.run(verb.line()).assert(0, &[]);
    }
    prepare(site, verb, is_delivered);
    let before = site.server.counts();
    site.run(verb.line()).assert(0, &[]);
    let after = site.server.counts();
    [after.up - before.up, after.down - before.down]
}

/// A run with a fault, and one without it afterwards. Whether the lie was told, and whether the run
/// succeeded, which it may do with the right tree only.
fn survives(site: &Site, verb: Verb, options: &str, fault: &Fault, what: &str) -> (bool, bool) {
    let what = &format!("{what}: {fault:?}");
    let versions = [files(&verb.copy(site)), files(&verb.original(site))];
    site.server.lie([fault.clone()]);
    let ended = site.run(&format!("{}{options}", verb.line()));
    let told = site.server.told().contains(fault);
    let is_replaced = told && *fault.lie() == Lie::Replace;

    match ended.code {
        Some(0) => {
            assert!(!is_replaced, "success: {what}");
            let differences = differences(&verb.original(site), &verb.copy(site));
            assert_eq!(differences, "", "success: {what}");
        }
        Some(code) if FAILURES.contains(&code) => {
            assert!(told, "without a lie: {what}: {ended:?}");
            ended.assert_plain();
        }
        _ => panic!("{what}: {ended:?}"),
    }
    // Before any file is read: an agent at the end of a broken connection still takes some away. What
    // one was writing when it was killed, and what had arrived of a large file, stays until the next
    // push.
    let may_stay = told && (verb == Verb::Push || matches!(fault.lie(), Lie::Kill | Lie::Die));
    let excused = may_stay.then_some("data/");
    assert_eq!(site.litter(excused), [""; 0], "{what}");
    if !(is_replaced && verb == Verb::Push) {
        assert_old_or_new(&verb.copy(site), &versions, what);
    }

    site.await_server();
    if is_replaced {
        // The next pod begins with nothing.
        plant(&site.there("data"), 2);
    }
    let again = site.run(verb.line());
    assert_eq!(again.code, Some(0), "afterwards: {what}: {again:?}");
    let differences = differences(&verb.original(site), &verb.copy(site));
    assert_eq!(differences, "", "afterwards: {what}");
    assert_eq!(site.litter(None), [""; 0], "afterwards: {what}");
    (told, ended.code == Some(0))
}

/// What is left of a file that did not arrive has a name of its own.
fn assert_old_or_new(copy: &Path, versions: &[BTreeMap<String, Vec<u8>>], what: &str) {
    for (name, content) in files(copy) {
        let is_a_version = versions
            .iter()
            .any(|files| files.get(&name) == Some(&content));
        let is_temporary = name.contains(".ksyncd.");
        assert!(is_a_version || is_temporary, "{name:?}: {what}");
    }
}

/// Some runs fail: most points are before the end.
#[track_caller]
fn assert_some_failed(tally: Tally) {
    assert!(tally.right < tally.told, "{tally:?}");
}

/// All runs succeed.
#[track_caller]
fn assert_none_failed(tally: Tally) {
    assert_eq!(tally.right, tally.told, "{tally:?}");
}

#[test]
fn output_that_ends_early_with_a_success() {
    assert_some_failed(tally("EndEarly", "", |_| Lie::EndEarly));
}

#[test]
fn a_connection_that_breaks() {
    assert_some_failed(tally("Drop", "", |_| Lie::Drop));
}

#[test]
fn a_container_that_dies() {
    assert_some_failed(tally("Die", "", |_| Lie::Die));
}

#[test]
fn an_agent_that_is_killed_for_its_memory() {
    assert_some_failed(tally("Kill", "", |_| Lie::Kill));
}

#[test]
fn a_server_that_starts_again() {
    assert_some_failed(tally("Restart", "", |_| Lie::Restart));
}

#[test]
fn a_pod_that_is_replaced() {
    // Every run fails: `survives` has seen to it.
    let tally = tally("Replace", "", |_| Lie::Replace);
    assert_eq!(tally.right, 0);
}

#[test]
fn a_connection_on_which_nothing_arrives_any_more() {
    assert_some_failed(tally("Silence", " --timeout=3 --contimeout=9", |_| {
        Lie::Silence
    }));
}

#[test]
fn a_stall_in_either_direction() {
    assert_none_failed(tally("Stall", "", |dice| {
        let way = [Direction::Up, Direction::Down, Direction::Either][dice.below(3) as usize];
        Lie::Stall(way, Duration::from_millis(100 + dice.below(400)))
    }));
}

#[test]
fn output_that_loses_its_tail() {
    tally("CutTail", "", |dice| {
        Lie::CutTail(1 + dice.below(1 << 20) as usize)
    });
}

#[test]
fn noise_before_the_first_word() {
    assert_none_failed(tally("Noise", "", |dice| {
        let len = 1 + dice.below(16 << 10);
        Lie::Noise((0..len).map(|_| dice.below(256) as u8).collect())
    }));
}
