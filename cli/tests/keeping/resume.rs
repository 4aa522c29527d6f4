//! A run that is cut leaves what arrived, and the next one goes on from there.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::place::{Place, text};

/// Length of the file that is cut, in bytes.
const LEN: u64 = 48 << 20;
/// Longest wait for most of it to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Client,
    Agent,
}

/// A source with one large file that can not be compressed.
fn place() -> Place {
    let place = Place::new();
    place.shell(&format!("mkdir s d; head -c {LEN} /dev/urandom > s/large"));
    place
}

fn temporaries(place: &Place) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.path("d")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(".ksyncd.") && name.ends_with(".tmp")
        })
        .collect()
}

/// Kills a pull with these options once nine tenths of the file are there.
fn cut(place: &Place, options: &str, victim: Victim) {
    cut_run(place, &format!("pull {options}"), victim);
}

fn cut_run(place: &Place, run: &str, victim: Victim) {
    let mut command = place.command(&format!("{run} --bwlimit=24M"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut client = command.spawn().unwrap();
    let start = Instant::now();
    loop {
        let arrived = temporaries(place)
            .iter()
            .filter_map(|path| fs::metadata(path).ok())
            .map(|found| found.len())
            .max();
        if arrived.is_some_and(|len| len >= LEN / 10 * 9) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{arrived:?} arrived");
        assert!(client.try_wait().unwrap().is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(2));
    }
    match victim {
        Victim::Client => client.kill().unwrap(),
        Victim::Agent => kill_process(child_of(client.id()), Signal::KILL).unwrap(),
    }
    assert!(!client.wait().unwrap().success());
}

fn child_of(parent: u32) -> Pid {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children = fs::read_to_string(path).unwrap();
    let first = children.split_whitespace().next().unwrap();
    Pid::from_raw(first.parse().unwrap()).unwrap()
}

/// Goes on with the same command, and gives the bytes that travelled, both ways.
fn go_on(place: &Place, options: &str) -> u64 {
    go_on_run(place, &format!("pull {options}"))
}

fn go_on_run(place: &Place, run: &str) -> u64 {
    let output = place.run(&format!("{run} --stats"), 0);
    let text = text(&output.stdout);
    let figure = |what: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(what)).unwrap();
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    };
    figure("Total bytes sent") + figure("Total bytes received")
}

fn assert_resumed(place: &Place, travelled: u64, file: &str) {
    assert!(
        travelled < LEN / 100 * 15,
        "{travelled} of {LEN} bytes travelled again"
    );
    let same = fs::read(place.path(file)).unwrap() == fs::read(place.path("s/large")).unwrap();
    assert!(same, "{file} is another file");
    assert!(temporaries(place).is_empty(), "{:?}", temporaries(place));
}

#[test]
fn a_new_file_of_which_most_arrived_does_not_travel_again_whoever_is_killed() {
    for victim in [Victim::Client, Victim::Agent] {
        let place = place();
        cut(&place, "-a s/ d", victim);
        assert!(!place.path("d/large").exists());
        let travelled = go_on(&place, "-a s/ d");
        assert_resumed(&place, travelled, "d/large");
    }
}

#[test]
fn a_push_of_which_most_arrived_goes_on_from_there_whoever_is_killed() {
    for victim in [Victim::Client, Victim::Agent] {
        let place = place();
        let (rsh, there) = (place.remote_shell(), place.path("d"));
        let push = format!(
            "push -a --wait --rsh={} s/ h:{}",
            rsh.display(),
            there.display()
        );
        place.shell("mkdir t");
        if place
            .run_with_agent(&push.replace(" s/ ", " t/ "))
            .is_none()
        {
            return;
        }
        cut_run(&place, &push, victim);
        assert!(!place.path("d/large").exists());
        let travelled = go_on_run(&place, &push);
        assert_resumed(&place, travelled, "d/large");
    }
}

#[test]
fn a_single_file_does_not_travel_again() {
    let place = place();
    cut(&place, "-a s/large d/other", Victim::Client);
    let travelled = go_on(&place, "-a s/large d/other");
    assert_resumed(&place, travelled, "d/other");
}

#[test]
fn a_new_version_of_a_file_that_is_cut_twice_goes_on_from_both() {
    let place = place();
    place.shell(&format!(
        "head -c {LEN} /dev/urandom > d/large; cp d/large before"
    ));
    cut(&place, "-a s/ d", Victim::Client);
    // Killed again before it got as far as it was.
    let mut command = place.command("pull --bwlimit=1M -a s/ d");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut client = command.spawn().unwrap();
    let start = Instant::now();
    while temporaries(&place).len() < 2 {
        assert!(start.elapsed() < PATIENCE, "it did not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    client.kill().unwrap();
    client.wait().unwrap();
    let old = fs::read(place.path("before")).unwrap();
    assert!(fs::read(place.path("d/large")).unwrap() == old);
    let travelled = go_on(&place, "-a s/ d");
    assert_resumed(&place, travelled, "d/large");
}

#[test]
fn what_is_left_of_a_file_that_the_source_has_no_more_is_removed() {
    let place = place();
    cut(&place, "-a s/ d", Victim::Client);
    place.shell("rm s/large; echo x > s/small");
    place.run("pull -a s/ d", 0);
    assert!(temporaries(&place).is_empty());
}

#[test]
fn a_file_planted_as_what_is_left_is_neither_followed_nor_trusted_nor_written_to() {
    let place = place();
    cut(&place, "-a s/ d", Victim::Client);
    let left = temporaries(&place).remove(0);
    for plant in [
        // Something else, of another user as it were: readable for all.
        "seq 1000000 > $0; chmod 644 $0",
        "ln -s ../outside $0",
        "mkfifo $0",
        "mkdir $0",
    ] {
        place.shell("rm -rf d; mkdir d; echo mine > outside; head -c 3000000 /dev/zero > d/large");
        place.shell(&format!(
            "plant() {{ {}; }}; plant",
            plant.replace("$0", left.to_str().unwrap())
        ));
        place.run("pull -a s/ d", 0);
        let same =
            fs::read(place.path("d/large")).unwrap() == fs::read(place.path("s/large")).unwrap();
        assert!(same, "{plant}");
        assert_eq!(fs::read_to_string(place.path("outside")).unwrap(), "mine\n");
    }
}
