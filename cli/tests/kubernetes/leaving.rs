//! A client that leaves in the middle takes everything with it.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::site::{Site, web};
use super::tree::{files, noise};

const LEN: usize = 4 << 20;

/// Ends the program by a signal in the middle of a pull that takes its time, over an older version
/// of a file. Nothing is left in the container. Returns the site and the exit code, every way.
fn signalled(signal: &str) -> Vec<(Site, Option<i32>)> {
    let sites = Site::each_at_once(web, |site| {
        site.put("web", "data/file", noise(LEN, 1, 0));
        site.put_here("out/file", noise(LEN, 2, 0));
        let line = "pull --bwlimit=64 --no-compress web:/data/ out";
        let mut child = site.command(line).stderr(Stdio::null()).spawn().unwrap();
        // The agent is at work once there is a temporary.
        while files(&site.path("out")).len() == 1 {
            assert_eq!(child.try_wait().unwrap(), None, "it has ended");
            thread::sleep(Duration::from_millis(5));
        }
        let kill = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        let code = child.wait().unwrap().code();
        assert_eq!(site.left(), [], "{}", site.way.name);
        (site, code)
    });
    for (site, _) in &sites {
        assert_eq!(files(&site.path("out"))["file"], noise(LEN, 2, 0));
    }
    sites
}

#[test]
fn an_interrupt_ends_both_ends_and_leaves_the_old_file() {
    for (site, code) in signalled("-INT") {
        assert_eq!(code, Some(20), "{}", site.way.name);
    }
}

#[test]
fn an_agent_whose_client_is_killed_ends_by_itself() {
    for (site, code) in signalled("-KILL") {
        assert_eq!(code, None, "{}", site.way.name);
    }
}
