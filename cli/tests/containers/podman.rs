//! Containers of a real podman, in a storage of the tests' own.
//!
//! podman has no daemon: a directory with its configuration is all of it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const BUSYBOX: &str = "/bin/busybox";

struct Podman {
    place: TempDir,
}

impl Podman {
    /// `None`, with a printed reason, where no container of podman can be run.
    fn get() -> Option<Self> {
        let skip = |reason: &str| {
            let _ = writeln!(std::io::stderr(), "skipped: {reason}");
            None
        };
        let podman = Self {
            place: tempfile::tempdir().unwrap(),
        };
        if Command::new("podman").arg("--version").output().is_err() {
            return skip("there is no podman (package podman)");
        }
        if fs::metadata(BUSYBOX).is_err() {
            return skip("there is no busybox (package busybox-static)");
        }
        let at = |name: &str| podman.path(name).display().to_string();
        podman.here(
            "storage.conf",
            format!(
                "[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
                at("graph"),
                at("run")
            ),
        );
        // Limits that a machine without all rights can set.
        podman.here(
            "containers.conf",
            "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\nruntime = \"runc\"\n\
             [containers]\nlog_driver = \"none\"\n\
             default_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n",
        );
        podman.here("busy/data/inside", "from an image with a shell");
        podman.here("bare/data/inside", "from an image without a shell");
        fs::copy(BUSYBOX, podman.path("bare/busybox")).unwrap();
        for place in ["bin", "tmp"] {
            fs::create_dir(podman.path("busy").join(place)).unwrap();
        }
        fs::copy(BUSYBOX, podman.path("busy/bin/busybox")).unwrap();
        symlink("busybox", podman.path("busy/bin/sh")).unwrap();
        for (image, sleep) in [("busy", "/bin/busybox"), ("bare", "/busybox")] {
            let change = format!("CMD [\"{sleep}\",\"sleep\",\"100000\"]");
            let import =
                format!("tar -C {image} -c . | podman import -c '{change}' - {image}:local");
            let imported = podman.call("sh", &["-c", &import]);
            if !imported.status.success() {
                return skip(&format!(
                    "podman imports no image: {}",
                    last_line(&imported)
                ));
            }
            let run = ["run", "--detach", "--network=none", "--name", image];
            let image = format!("{image}:local");
            let started = podman.call("podman", &[&run[..], &[&image]].concat());
            if !started.status.success() {
                return skip(&format!(
                    "podman runs no container: {}",
                    last_line(&started)
                ));
            }
        }
        Some(podman)
    }

    fn call(&self, program: &str, words: &[&str]) -> Output {
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(self.place.path())
            .env("CONTAINERS_STORAGE_CONF", self.path("storage.conf"))
            .env("CONTAINERS_CONF", self.path("containers.conf"))
            .env("XDG_RUNTIME_DIR", self.place.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .stdin(Stdio::null());
        command.output().unwrap()
    }

    /// Runs the program with the words of `line`, which has to work.
    fn run(&self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        let program = assert_cmd::cargo::cargo_bin!("ksyncd");
        let output = self.call(program.to_str().unwrap(), &words);
        assert!(output.status.success(), "{line}: {output:?}");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn here(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.call("podman", &["rm", "--all", "--force", "--time=0"]);
    }
}

fn last_line(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn trees_go_into_containers_of_podman_and_come_back_with_a_shell_there_or_without() {
    let Some(podman) = Podman::get() else { return };
    podman.here("s/sub/a", "there and back");
    for (container, inside) in [
        ("busy", "from an image with a shell"),
        ("bare", "from an image without a shell"),
    ] {
        let pull = format!("pull podman:{container}:/data/ {container}-copy");
        podman.run(&pull);
        assert_eq!(podman.read(&format!("{container}-copy/inside")), inside);
        podman.run(&format!("push s/ podman:{container}:/data/"));
        podman.run(&pull);
        let pushed = podman.read(&format!("{container}-copy/sub/a"));
        assert_eq!(pushed, "there and back", "{container}");
        podman.run(&format!("doctor podman:{container}:/data/"));
    }
}
