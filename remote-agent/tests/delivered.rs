//! The real agent: delivered by the transport to a shell, and spoken with by the engine.

// Helpers are test code too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rsync_core::checksum::Digest;
use rsync_core::engine::{
    Care, ConnectionError, Error, Line, Opening, Settings, Stream, pull, pull_by_way, push,
};
use rsync_core::monitor::Silent;
use rsync_core::options::Options;
use transport::agents::{Agents, Offer};
use transport::delivery::Delivered;
use transport::{Reached, Target, Timeouts, reach};

const AGENT: &str = env!("CARGO_BIN_EXE_ksyncd-agent");

struct Built;

impl Agents for Built {
    fn offers(&self) -> Vec<Offer> {
        let image = fs::read(AGENT).unwrap();
        let (digest, len) = (Digest::of(&image), image.len() as u64);
        vec![Offer {
            machine: std::env::consts::ARCH.to_owned(),
            digest,
            len,
        }]
    }

    fn image(&self, _: &str) -> io::Result<Cow<'_, [u8]>> {
        fs::read(AGENT).map(Cow::Owned)
    }
}

/// The same with something behind it, so that nobody else has put it anywhere.
struct Unique(Vec<u8>);

impl Unique {
    fn new(mark: &str) -> Self {
        let mut image = fs::read(AGENT).unwrap();
        let place = tempfile::tempdir().unwrap();
        image.extend(place.path().to_str().unwrap().bytes().chain(mark.bytes()));
        Self(image)
    }
}

impl Agents for Unique {
    fn offers(&self) -> Vec<Offer> {
        vec![Offer {
            machine: std::env::consts::ARCH.to_owned(),
            digest: Digest::of(&self.0),
            len: self.0.len() as u64,
        }]
    }

    fn image(&self, _: &str) -> io::Result<Cow<'_, [u8]>> {
        Ok(Cow::Borrowed(&self.0))
    }
}

/// A shell of this computer as a far end, with a temporary directory of its own.
struct FarEnd {
    directory: tempfile::TempDir,
}

impl FarEnd {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("tmp")).unwrap();
        Self { directory }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    fn reach(&self) -> Reached {
        self.reach_saying(b"")
    }

    fn reach_saying(&self, opening: &[u8]) -> Reached {
        let place = format!("TMPDIR={}", self.path("tmp").display());
        let command = vec!["env".into(), place.into()];
        let target = Target::RemoteShell {
            command,
            host: None,
        };
        reach(
            &target,
            Arc::new(Built),
            &Timeouts::default(),
            opening,
            &|_| (),
        )
        .unwrap()
    }
}

fn stream(reached: Reached) -> (Stream, transport::Carrier) {
    (
        Stream {
            reader: reached.reader,
            writer: reached.writer,
        },
        reached.carrier,
    )
}

fn bytes(path: &Path) -> Vec<u8> {
    path.to_str().unwrap().as_bytes().to_vec()
}

#[test]
fn a_tree_is_pulled_and_pushed_through_a_delivered_agent() {
    let far = FarEnd::new();
    fs::create_dir_all(far.path("source/sub")).unwrap();
    fs::write(far.path("source/sub/file"), "content").unwrap();
    let here = tempfile::tempdir().unwrap();
    let (options, settings) = (Options::default(), Settings::default());

    let reached = far.reach();
    assert!(matches!(reached.how, Delivered::Uploaded { .. }));
    let (pipe, process) = stream(reached);
    let source = bytes(&far.path("source/"));
    pull(pipe, &source, here.path(), &options, &settings, &Silent).unwrap();
    process.close(settings.timeout).unwrap();
    assert_eq!(fs::read(here.path().join("sub/file")).unwrap(), b"content");

    let reached = far.reach();
    assert!(matches!(reached.how, Delivered::Reused { .. }));
    let (pipe, process) = stream(reached);
    let destination = bytes(&far.path("copy"));
    push(
        pipe,
        &here.path().join(""),
        &destination,
        &options,
        &settings,
        &Silent,
    )
    .unwrap();
    process.close(settings.timeout).unwrap();
    assert_eq!(fs::read(far.path("copy/sub/file")).unwrap(), b"content");
}

#[test]
fn an_agent_that_has_heard_the_request_before_there_was_a_stream_does_as_it_says() {
    let far = FarEnd::new();
    fs::create_dir_all(far.path("source")).unwrap();
    fs::write(far.path("source/file"), "content").unwrap();
    let here = tempfile::tempdir().unwrap();
    let (options, settings) = (Options::default(), Settings::default());
    let source = bytes(&far.path("source/"));
    let opening = Opening::of_pull(&source, &options, &settings).unwrap();
    for (asked, is_kept) in [(&source, true), (&bytes(&far.path("")), false)] {
        let reached = far.reach_saying(opening.bytes());
        assert!(reached.is_opened);
        let (pipe, _process) = stream(reached);
        let mut stream = Some(pipe);
        let way = &mut || {
            Some(Line {
                stream: stream.take()?,
                path: asked.clone(),
                opening: Some(opening.clone()),
            })
        };
        let (place, care) = (here.path(), &Care::default());
        let done = pull_by_way(way, asked, place, &options, &settings, &Silent, care);
        match done {
            Ok(report) => {
                assert!(is_kept && report.traffic.sent > opening.bytes().len() as u64);
                assert_eq!(fs::read(here.path().join("file")).unwrap(), b"content");
            }
            // Another run than the one that was asked for does not come about.
            Err(Error::Connection(ConnectionError::OtherOpening)) => assert!(!is_kept),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn an_agent_that_is_there_for_once_removes_itself_and_works_where_it_is_told() {
    let far = FarEnd::new();
    fs::create_dir(far.path("once")).unwrap();
    fs::write(far.path("file"), "content").unwrap();
    fs::copy(AGENT, far.path("once/agent")).unwrap();
    let mut agent = Command::new("./agent")
        .args(["serve", "--once"])
        .arg(far.path(""))
        .current_dir(far.path("once"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pipe = Stream {
        reader: Box::new(agent.stdout.take().unwrap()),
        writer: Box::new(agent.stdin.take().unwrap()),
    };
    let here = tempfile::tempdir().unwrap();
    let (options, settings) = (Options::default(), Settings::default());
    pull(
        pipe,
        b"file",
        &here.path().join("file"),
        &options,
        &settings,
        &Silent,
    )
    .unwrap();
    assert!(agent.wait().unwrap().success());
    assert_eq!(fs::read(here.path().join("file")).unwrap(), b"content");
    assert!(!far.path("once").exists());
}

/// What tools of an image do that are made to deceive: nothing, fail, make noise, or put something in
/// the agent's place that passes for it until it has to serve.
const DECEPTIONS: [&str; 4] = [
    "exit 0",
    "exit 1",
    "printf 'evil \\033[2J\\n'",
    "PATH=$TOOLS; for part in \"$TMPDIR\"/.ksyncd*/ksyncd-agent-*; do
       [ -f \"$part\" ] || continue
       hash=${part##*ksyncd-agent-}; hash=${hash%%.*}; rm -f \"$part\"
       printf '#!/bin/sh\\ncase $1 in --probe) echo %s;; *) echo evil;; esac\\n' \"$hash\" >\"$part\"
       chmod 700 \"$part\"
     done
     exec \"${0##*/}\" \"$@\"",
];

/// Pulls through an agent that an image whose `tool` deceives was given. Whether that came to a
/// success.
fn is_pulled_in_spite_of(tool: &str, deception: &str) -> bool {
    let far = FarEnd::new();
    fs::create_dir(far.path("source")).unwrap();
    fs::create_dir(far.path("tools")).unwrap();
    fs::write(far.path("source/file"), "content").unwrap();
    let fake = far.path("tools").join(tool);
    fs::write(&fake, format!("#!/bin/sh\n{deception}\n")).unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let tools = std::env::var("PATH").unwrap();
    let command = [
        "env".to_owned(),
        format!("TMPDIR={}", far.path("tmp").display()),
        format!("TOOLS={tools}"),
        format!("PATH={}:{tools}", far.path("tools").display()),
    ];
    let target = Target::RemoteShell {
        command: command.map(Into::into).to_vec(),
        host: None,
    };
    let patience = Duration::from_secs(5);
    let timeouts = Timeouts {
        answer: patience,
        silence: patience,
        ..Timeouts::default()
    };
    let agents = Arc::new(Unique::new(&format!("{tool} {deception}")));
    let Ok(reached) = reach(&target, agents, &timeouts, b"", &|_| ()) else {
        return false;
    };
    let (pipe, _process) = stream(reached);
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("file"), "old").unwrap();
    let (options, settings) = (Options::default(), Settings::default());
    let source = bytes(&far.path("source/"));
    let done = pull(pipe, &source, here.path(), &options, &settings, &Silent);
    let expected = if done.is_ok() { "content" } else { "old" };
    assert_eq!(
        fs::read_to_string(here.path().join("file")).unwrap(),
        expected
    );
    done.is_ok()
}

#[test]
fn a1_tools_of_an_image_that_deceive_end_the_run_or_do_no_harm() {
    assert!(is_pulled_in_spite_of("nothing-that-is-used", "exit 1"));
    std::thread::scope(|scope| {
        for deception in DECEPTIONS {
            scope.spawn(move || {
                let tools = ["head", "cat", "chmod", "mv"];
                let outcomes = tools.map(|tool| is_pulled_in_spite_of(tool, deception));
                assert!(
                    outcomes.contains(&false),
                    "{deception}: nobody was deceived"
                );
            });
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a4_an_agent_that_serves_can_gain_no_rights() {
    let mut agent = Command::new(AGENT)
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Once it speaks it has given them up.
    let mut first = [0; 1];
    agent.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", agent.id())).unwrap();
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(status.contains("\nNoNewPrivs:\t1\n"), "{status}");
}

#[test]
#[cfg(target_os = "linux")]
fn an_agent_has_room_for_its_descriptors_before_it_has_threads() {
    let mut agent = agent(&["serve"]);
    let mut first = [0; 1];
    agent.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", agent.id())).unwrap();
    agent.kill().unwrap();
    agent.wait().unwrap();
    let room = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
    let room: u32 = room.unwrap().trim().parse().unwrap();
    assert!(room >= 1024, "{status}");
}

/// A client of which the agent hears the first words and nothing more.
struct Silenced {
    agent: std::process::ChildStdin,
    left: usize,
}

impl Silenced {
    /// The hello and the request are one.
    const WORDS: usize = 1;

    fn at(agent: &mut Child) -> Stream {
        Stream {
            reader: Box::new(agent.stdout.take().unwrap()),
            writer: Box::new(Self {
                agent: agent.stdin.take().unwrap(),
                left: Self::WORDS,
            }),
        }
    }
}

impl Write for Silenced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left > 0 {
            self.left -= 1;
            self.agent.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.agent.flush()
    }
}

#[test]
fn a3_an_agent_whose_client_is_gone_ends_with_one_sentence() {
    let output = Command::new(AGENT)
        .arg("serve")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("ksyncd-agent: ") && said.lines().count() == 1,
        "{said}"
    );
}

/// The agent itself, spoken with by nobody yet.
fn agent(args: &[&str]) -> Child {
    Command::new(AGENT)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What an agent complains about until it ends.
fn last_words(agent: &mut Child) -> String {
    let mut said = String::new();
    let mut stderr = agent.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn a3_an_agent_whose_client_stops_reading_ends_as_well() {
    let mut agent = agent(&["serve"]);
    drop(agent.stdout.take());
    drop(agent.stdin.take());
    let said = last_words(&mut agent);
    assert!(!agent.wait().unwrap().success(), "{said}");
}

#[test]
fn a3_an_agent_waits_for_its_client_as_long_as_that_says() {
    let mut agent = agent(&["serve", "--timeout=1"]);
    let here = tempfile::tempdir().unwrap();
    let client = Silenced::at(&mut agent);
    let (options, settings) = (Options::default(), Settings::default());
    let source = bytes(here.path());
    let pulled = pull(
        client,
        &source,
        &here.path().join("copy"),
        &options,
        &settings,
        &Silent,
    );
    assert!(pulled.is_err());
    let said = last_words(&mut agent);
    assert!(said.contains("has been silent for 1 s"), "{said}");
    assert!(!agent.wait().unwrap().success());
}

#[test]
fn what_nobody_uses_of_what_was_delivered_goes_with_the_next_run() {
    const MONTH: u32 = 31 * 24;
    let far = FarEnd::new();
    let program = far.path("ksyncd-agent-abc");
    fs::copy(AGENT, &program).unwrap();
    let ages = [
        ("ksyncd-agent-abc.1", 1),
        ("ksyncd-agent-abc.2", 0),
        ("ksyncd-agent-old", MONTH),
        ("ksyncd-agent-other", 24),
        ("notes.txt", MONTH),
    ];
    let hours = |hours: u32| hours * std::time::Duration::from_secs(3600);
    for (name, age) in ages.into_iter().chain([("ksyncd-agent-abc", MONTH)]) {
        let mut file = fs::OpenOptions::new();
        let file = file.create(true).append(true).open(far.path(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - hours(age))
            .unwrap();
    }
    let mut agent = Command::new("./ksyncd-agent-abc")
        .args(["serve", "/"])
        .current_dir(far.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    agent.wait().unwrap();
    let left: Vec<_> = ages
        .map(|(name, _)| name)
        .into_iter()
        .filter(|name| far.path(name).exists())
        .collect();
    let used = ["ksyncd-agent-abc.2", "ksyncd-agent-other", "notes.txt"];
    assert_eq!(left, used);
    let started = fs::metadata(&program).unwrap().modified().unwrap();
    assert!(
        started.elapsed().unwrap() < hours(1),
        "the next one has to see that it is in use"
    );
}

#[test]
fn a_probe_tells_the_digest_of_the_file_and_the_version() {
    let output = Command::new(AGENT).arg("--probe").output().unwrap();
    let digest = Digest::of(&fs::read(AGENT).unwrap());
    let expected = format!("{digest} {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn a_user_who_starts_it_by_hand_is_told_what_it_is() {
    let output = Command::new(AGENT).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        said,
        "ksyncd-agent: this is the agent of ksyncd, started by it and not by hand\n"
    );
}
