//! What a confined process can still do.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::thread;

use rustix::thread::{CapabilitySet, capabilities};

use crate::path::FileName;
use crate::root::{Access, Root};

struct Site {
    dir: tempfile::TempDir,
    root: Root,
}

fn site() -> Site {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("root/below")).unwrap();
    fs::write(dir.path().join("root/below/file"), "in").unwrap();
    fs::write(dir.path().join("secret"), "out").unwrap();
    symlink("../../secret", dir.path().join("root/below/link")).unwrap();
    let root = Root::open(&dir.path().join("root")).unwrap();
    Site { dir, root }
}

/// Runs where a confinement ends with the thread.
fn confined<T: Send>(site: &Site, access: Access, check: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let confined = scope.spawn(|| {
            site.root.confine(access);
            check()
        });
        confined.join().unwrap()
    })
}

fn landlock_is_missing() -> bool {
    use landlock::{AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};

    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // Asked of the kernel, and not of what is tested.
    let is_there = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::Refer)
        .and_then(|rules| rules.create())
        .is_ok();
    if !is_there {
        eprintln!("skipped: this kernel ({}) has no Landlock", kernel.trim());
    }
    !is_there
}

#[test]
fn a4_a_confined_reader_reads_beneath_its_root_and_nothing_else() {
    if landlock_is_missing() {
        return;
    }
    let site = site();
    let outside = site.dir.path().join("secret");
    confined(&site, Access::Read, || {
        let below = site
            .root
            .top()
            .open_dir(&FileName::new(b"below").unwrap())
            .unwrap();
        let mut file = below.open_file(&FileName::new(b"file").unwrap()).unwrap();
        let mut content = String::new();
        std::io::Read::read_to_string(&mut file, &mut content).unwrap();
        assert_eq!(content, "in");
        for path in [&outside, &site.dir.path().join("root/below/link")] {
            assert_eq!(
                fs::read(path).unwrap_err().kind(),
                ErrorKind::PermissionDenied
            );
        }
        let new = site.dir.path().join("root/new");
        assert_eq!(
            fs::write(new, "x").unwrap_err().kind(),
            ErrorKind::PermissionDenied
        );
        assert!(TcpListener::bind("127.0.0.1:0").is_err());
    });
}

#[test]
fn a4_a_confined_writer_writes_beneath_its_root_and_nowhere_else() {
    if landlock_is_missing() {
        return;
    }
    let site = site();
    let top = site.dir.path().join("root");
    confined(&site, Access::Write, || {
        fs::write(top.join("new"), "x").unwrap();
        fs::rename(top.join("new"), top.join("below/moved")).unwrap();
        fs::remove_file(top.join("below/moved")).unwrap();
        for path in ["secret", "other"] {
            let refused = fs::write(site.dir.path().join(path), "x").unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        }
        assert!(fs::remove_file(site.dir.path().join("secret")).is_err());
        assert!(fs::read("/etc/passwd").is_ok());
    });
}

#[test]
fn a_reader_that_follows_links_reads_everywhere_and_writes_nowhere() {
    let site = site();
    let link = site.dir.path().join("root/below/link");
    confined(&site, Access::ReadAnywhere, || {
        assert_eq!(fs::read(link).unwrap(), b"out");
    });
}

#[test]
fn a4_only_rights_over_files_stay() {
    let site = site();
    let left = confined(&site, Access::Read, || capabilities(None).unwrap());
    let over_files =
        CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH | CapabilitySet::FOWNER;
    assert!(over_files.contains(left.permitted) && over_files.contains(left.effective));
}
