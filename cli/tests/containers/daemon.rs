//! A docker daemon with nothing in it but two images, and a place on this machine.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

const BUSYBOX: &str = "/bin/busybox";
/// How long anything may take.
const BOUND: Duration = Duration::from_secs(60);

pub(crate) struct Daemon {
    place: TempDir,
    daemon: Child,
}

impl Daemon {
    /// `None` where there can not be one.
    pub(crate) fn get() -> Option<Self> {
        if let Some(reason) = missing() {
            let _ = writeln!(std::io::stderr(), "skipped: {reason}");
            return None;
        }
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name).display().to_string();
        let daemon = Command::new("dockerd")
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
            .args([
                "--ip-forward=false",
                "--ip-masq=false",
                "--userland-proxy=false",
            ])
            .args([format!("--host=unix://{}", at("sock"))])
            .args([
                format!("--data-root={}", at("data")),
                format!("--exec-root={}", at("exec")),
            ])
            .args([format!("--pidfile={}", at("pid"))])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(place.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut docker = Self { place, daemon };
        let begun = Instant::now();
        while !docker.call(&["version"]).status.success() {
            let has_ended = docker.daemon.try_wait().unwrap().is_some();
            if has_ended || begun.elapsed() > BOUND {
                let log = docker.read("log");
                let last = log.lines().last().unwrap_or_default();
                let _ = writeln!(std::io::stderr(), "skipped: dockerd does not start: {last}");
                return None;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        docker.images();
        Some(docker)
    }

    fn images(&self) {
        let busy = self.path("busy");
        fs::create_dir_all(busy.join("bin")).unwrap();
        for place in ["tmp", "cache"] {
            // What is mounted there gets the permissions that the image has.
            fs::create_dir_all(busy.join(place)).unwrap();
            fs::set_permissions(busy.join(place), fs::Permissions::from_mode(0o1777)).unwrap();
        }
        self.here("busy/data/inside", "from an image with a shell");
        fs::copy(BUSYBOX, busy.join("bin/busybox")).unwrap();
        for tool in "sh cat ls mkdir rm rmdir mv chmod uname id head wc sleep echo find".split(' ')
        {
            std::os::unix::fs::symlink("busybox", busy.join("bin").join(tool)).unwrap();
        }
        self.import("busy", r#"CMD ["/bin/sleep","100000"]"#);
        // The program is there, and nothing by which it could be a shell.
        self.here("bare/data/inside", "from an image without a shell");
        fs::copy(BUSYBOX, self.path("bare/busybox")).unwrap();
        self.import("bare", r#"CMD ["/busybox","sleep","100000"]"#);
    }

    fn import(&self, name: &str, change: &str) {
        let archive = self.path(&format!("{name}.tar"));
        let packed = Command::new("tar")
            .arg("-C")
            .arg(self.path(name))
            .arg("-cf")
            .arg(&archive)
            .arg(".")
            .status();
        assert!(packed.unwrap().success());
        let archive = archive.display().to_string();
        self.docker(&["import", "-c", change, &archive, &format!("{name}:local")]);
    }

    /// Starts a container of an image; its identifier.
    pub(crate) fn container(&self, image: &str, options: &[String]) -> String {
        let mut words = vec!["run", "--detach", "--network=none"];
        words.extend(options.iter().map(String::as_str));
        let image = format!("{image}:local");
        words.push(&image);
        self.docker(&words).trim().to_owned()
    }

    /// How often something was executed in a container.
    pub(crate) fn execs(&self, container: &str) -> usize {
        let of_it = format!("--filter=container={container}");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // Whole seconds, the last of which has to be over.
        let until = format!("--until={}", now.unwrap().as_secs() + 1);
        let events = self.docker(&["events", "--since=1h", &until, &of_it]);
        events.matches(" exec_create: ").count()
    }

    /// What docker says, which has to work.
    pub(crate) fn docker(&self, words: &[&str]) -> String {
        let output = self.call(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs compose, as a plugin of docker or by itself; false where there is none.
    pub(crate) fn compose(&self, words: &[&str]) -> bool {
        let is_plugin = self.call(&["compose", "version"]).status.success();
        let mut command = Command::new(if is_plugin {
            "docker"
        } else {
            "docker-compose"
        });
        command.args(is_plugin.then_some("compose")).args(words);
        match self.at_home(&mut command).output() {
            Ok(output) => assert!(output.status.success(), "{words:?}: {output:?}"),
            Err(_) => {
                let reason = "skipped: there is no compose (package docker-compose)";
                let _ = writeln!(std::io::stderr(), "{reason}");
                return false;
            }
        }
        true
    }

    /// Runs a script with docker at hand, which has to work.
    pub(crate) fn shell(&self, script: &str) {
        let mut command = Command::new("sh");
        let output = self.at_home(command.args(["-c", script])).output().unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
    }

    fn call(&self, words: &[&str]) -> Output {
        let mut command = Command::new("docker");
        self.at_home(command.args(words)).output().unwrap()
    }

    fn at_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let host = format!("unix://{}", self.path("sock").display());
        command
            .env("DOCKER_HOST", host)
            .current_dir(self.place.path())
            .stdin(Stdio::null())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub(crate) fn here(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < BOUND, "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs the program with the words of `line`.
    pub(crate) fn run(&self, line: &str) -> Ended {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ksyncd"));
        let output = self
            .at_home(command.args(line.split(' ')))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended {
            code: output.status.code(),
            said: text(&output.stdout) + &text(&output.stderr),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let containers = self.call(&["ps", "--all", "--quiet"]).stdout;
        let containers = String::from_utf8_lossy(&containers).into_owned();
        for container in containers.lines() {
            let _ = self.call(&["rm", "--force", container]);
        }
        let pid = self.daemon.id().to_string();
        let _ = Command::new("kill").arg(&pid).status();
        let _ = self.daemon.wait();
        // It leaves the mount of its own data directory.
        for mounted in ["data", "exec/netns"] {
            let mut unmount = Command::new("umount");
            unmount
                .arg("-l")
                .arg(self.path(mounted))
                .stderr(Stdio::null());
            let _ = unmount.status();
        }
    }
}

fn missing() -> Option<&'static str> {
    let works = |program: &str, argument: &str| {
        let mut command = Command::new(program);
        command.arg(argument).stdin(Stdio::null());
        command.output().is_ok_and(|output| output.status.success())
    };
    let id = Command::new("id").arg("-u").output();
    if !id.is_ok_and(|id| id.stdout == b"0\n") {
        return Some("docker needs root");
    }
    if !works("dockerd", "--version") || !works("docker", "--version") {
        return Some("there is no docker (package docker.io)");
    }
    if !Path::new(BUSYBOX).exists() {
        return Some("there is no busybox (package busybox-static)");
    }
    None
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    code: Option<i32>,
    said: String,
}

impl Ended {
    /// It ended with this code and said all of this.
    pub(crate) fn assert(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for words in said {
            assert!(self.said.contains(words), "{words:?} in {self:?}");
        }
    }
}
