//! Where the tests happen: a source `s`, a destination `d`, and ways to run the program there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Both directions.
pub(crate) const VERBS: [&str; 2] = ["pull", "push"];

/// A source `s` with a few files, and a destination `d` with two old ones.
pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Other users have to get in.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let place = Self { dir };
        place.file("s/a", "new");
        place.file("s/sub/b", "new");
        place.file("d/a", "old and precious");
        place.file("d/mine", "precious");
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// An executable shell script.
    pub(crate) fn script(&self, name: &str, body: &str) -> String {
        self.file(name, format!("#!/bin/sh\n{body}\n"));
        self.mode(name, 0o755);
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap()).into_owned()
    }

    /// Names in a directory, sorted.
    pub(crate) fn names(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(dir)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// What was in `d` at the beginning is all that is there, and as it was.
    pub(crate) fn assert_destination_is_untouched(&self) {
        assert_eq!(self.names("d"), ["a", "mine"]);
        assert_eq!(self.read("d/a"), "old and precious");
        assert_eq!(self.read("d/mine"), "precious");
    }

    pub(crate) fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        self.prepared(Command::new(program()), args)
    }

    pub(crate) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Ended {
        Ended::new(self.command(args))
    }

    /// Runs with words parted by spaces.
    pub(crate) fn line(&self, line: &str) -> Ended {
        self.run(line.split(' '))
    }

    /// Runs as a user without rights, where that is possible.
    pub(crate) fn as_nobody(&self, line: &str) -> Option<Ended> {
        let as_nobody = |args: &mut dyn Iterator<Item = &str>| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
            command.arg(program());
            self.prepared(command, args)
        };
        let works = as_nobody(&mut ["--version"].into_iter()).output();
        if !works.is_ok_and(|output| output.status.success()) {
            return skip("needs root, setpriv and a program that everybody may execute");
        }
        Some(Ended::new(as_nobody(&mut line.split(' '))))
    }

    /// Runs with this limit of the shell's `ulimit`.
    pub(crate) fn limited(&self, limit: &str, line: &str) -> Ended {
        let script = format!("ulimit {limit} && exec \"$0\" {line}");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(program());
        Ended::new(self.prepared(command, []))
    }

    /// Runs a shell script that may mount, with the program as `$K`; what it mounts goes with it.
    pub(crate) fn with_mounts(&self, script: &str) -> Option<Ended> {
        let shell = |script: &str| {
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", script]);
            let mut command = self.prepared(command, []);
            command.env("K", program());
            command
        };
        let probe = "mount -t tmpfs none d";
        if !shell(probe)
            .output()
            .is_ok_and(|output| output.status.success())
        {
            return skip("needs root and unshare");
        }
        Some(Ended::new(shell(script)))
    }

    /// The same where `d` is an NTFS, mounted with these options. `run` there is a run with deletions,
    /// and ends with `$code`.
    pub(crate) fn on_ntfs(&self, options: &str, verb: &str, script: &str) -> Option<Ended> {
        if !Path::new("/dev/fuse").exists() {
            return skip("needs FUSE");
        }
        self.with_mounts(&format!(
            "truncate -s 16M image && mkfs.ntfs -F -Q -q image >/dev/null 2>&1 || exit 99\n\
             lowntfs-3g -o {options} image d || exit 99\n\
             run() {{ $K {verb} --delete -i s/ d; code=$?; }}\n\
             {script}\n\
             umount d; exit $code"
        ))
    }

    fn prepared<'a>(
        &self,
        mut command: Command,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Command {
        command
            .current_dir(self.dir.path())
            .env_remove("RSYNC_RSH")
            // No cluster of whoever runs the tests takes part.
            .env("KUBECONFIG", "/nonexistent/kubeconfig")
            .env("XDG_STATE_HOME", self.path("state"))
            .args(args);
        command
    }
}

/// Says why a test does not test.
pub(crate) fn skip<T>(reason: &str) -> Option<T> {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
    None
}

pub(crate) fn program() -> &'static Path {
    assert_cmd::cargo::cargo_bin!("ksyncd")
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    fn new(mut command: Command) -> Self {
        command.output().unwrap().into()
    }

    /// It ended with `code`, and said in plain sentences what `words` say.
    #[track_caller]
    pub(crate) fn assert(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {}", self.stderr);
        }
        self.assert_plain();
    }

    /// What was said is for people: no codes of the system, no program text, nothing that moves
    /// the cursor, and the next step after a semicolon.
    #[track_caller]
    pub(crate) fn assert_plain(&self) {
        for odd in [
            "os error",
            "Error {",
            "Err(",
            "Some(",
            "panicked",
            "RUST_BACKTRACE",
        ] {
            assert!(!self.stderr.contains(odd), "{odd:?} in {}", self.stderr);
        }
        for line in self.stderr.lines() {
            assert!(line.starts_with("ksyncd: "), "{line}");
            assert!(!line.contains(char::is_control), "{line:?}");
        }
        assert!(self.stderr.contains("; "), "no next step: {}", self.stderr);
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
