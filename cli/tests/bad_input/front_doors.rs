//! The programs that lead to a target are missing, or say in their words what is wrong.

use super::place::{Ended, Place, VERBS};

/// Runs with a PATH on which there is only what the test puts there.
fn through(place: &Place, verb: &str, target: &str) -> Ended {
    let remote = format!("{target}:/x");
    let args = match verb {
        "pull" => ["pull", "--delete", &remote, "d"],
        _ => ["push", "--delete", "s/", &remote],
    };
    let mut command = place.command(args);
    command.env("PATH", place.path("bin"));
    command.output().unwrap().into()
}

#[test]
fn a_program_that_is_missing_is_named() {
    for verb in VERBS {
        let place = Place::new();
        for (target, program) in [
            ("web", "kubectl"),
            ("docker:web", "docker"),
            ("podman:web", "podman"),
            ("ssh:web", "ssh"),
        ] {
            through(&place, verb, target).assert(14, &[program, "No such file", "install it"]);
        }
        let ends = if verb == "pull" { "h:/x d" } else { "s/ h:/x" };
        let ended = place.line(&format!("{verb} --rsh=/nonexistent/rsh {ends}"));
        ended.assert(14, &["/nonexistent/rsh", "No such file", "install it"]);
        place.assert_destination_is_untouched();
    }
}

/// Target, what its program says, with which status it ends; the exit code and what is said here.
type Case = (&'static str, &'static str, u8, i32, &'static [&'static str]);

const CASES: &[Case] = &[
    (
        "web",
        "Error from server (NotFound): pods \"web\" not found",
        1,
        3,
        &["web: there is no such target", "check its name"],
    ),
    (
        "web",
        "Error from server (Forbidden): pods \"web\" is forbidden: User \"dev\" cannot create resource \
         \"pods/exec\" in API group \"\" in the namespace \"prod\"",
        1,
        5,
        &["web: access was denied", "pods/exec", "right to execute"],
    ),
    (
        "web",
        "error: unable to upgrade connection: container not found (\"app\")",
        1,
        3,
        &["no such target", "--container"],
    ),
    (
        "web",
        "error: Internal error occurred: Internal error occurred: error executing command in container: \
         failed to exec in container: exec: \"sh\": executable file not found in $PATH: unknown",
        1,
        5,
        &["there is no shell", "--container"],
    ),
    (
        "web",
        "command terminated with exit code 137",
        137,
        12,
        &["was killed", "memory"],
    ),
    (
        "web",
        "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?",
        1,
        10,
        &["can not be reached", "check the network"],
    ),
    (
        "web",
        "error: You must be logged in to the server (Unauthorized)",
        1,
        5,
        &["access was denied", "log in"],
    ),
    ("web", "odd\\033[2J words", 1, 12, &["odd\\#033[2J words"]),
    (
        "docker:web",
        "Error response from daemon: No such container: web",
        1,
        3,
        &["docker:web: there is no such target", "check its name"],
    ),
    (
        "docker:web",
        "Error response from daemon: container 5f is not running",
        1,
        3,
        &["not running"],
    ),
    (
        "docker:web",
        "OCI runtime exec failed: exec failed: unable to start container process: exec: \"sh\": executable \
         file not found in $PATH: unknown",
        126,
        5,
        &["there is no shell"],
    ),
    (
        "docker:web",
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        1,
        10,
        &["can not be reached"],
    ),
    (
        "podman:web",
        "Error: no container with name or ID \"web\" found: no such container",
        125,
        3,
        &["no such target"],
    ),
    (
        "ssh:web",
        "ssh: Could not resolve hostname web: Name or service not known",
        255,
        10,
        &["can not be reached"],
    ),
    (
        "ssh:web",
        "dev@web: Permission denied (publickey).",
        255,
        5,
        &["access was denied"],
    ),
    (
        "ssh:web",
        "Host key verification failed.",
        255,
        5,
        &["access was denied"],
    ),
];

#[test]
fn what_the_programs_say_becomes_a_cause_and_a_next_step() {
    for verb in VERBS {
        let place = Place::new();
        for (target, said, status, code, words) in CASES {
            let program = match target.split_once(':') {
                None => "kubectl",
                Some((program, _)) => program,
            };
            let said = said.replace('\'', "'\\''");
            // Builtins only: there is nothing else on the PATH.
            place.script(
                &format!("bin/{program}"),
                &format!("printf '{said}\\n' >&2; exit {status}"),
            );
            through(&place, verb, target).assert(*code, words);
        }
        place.assert_destination_is_untouched();
    }
}

#[test]
fn t1_names_that_are_no_names_never_reach_a_program() {
    let place = Place::new();
    for program in ["kubectl", "docker", "ssh"] {
        place.script(&format!("bin/{program}"), "echo called >&2; exit 0");
    }
    for target in [
        "-n",
        "web;id",
        "web$(id)",
        "docker:--privileged",
        "ssh:-oProxyCommand=id",
    ] {
        let remote = format!("{target}:/x");
        let mut command = place.command(["pull", "--", &remote, "d"]);
        command.env("PATH", place.path("bin"));
        let ended: Ended = command.output().unwrap().into();
        assert!(
            !ended.stderr.contains("called"),
            "{target}: {}",
            ended.stderr
        );
        assert!(matches!(ended.code, Some(1 | 23)), "{target}: {ended:?}");
    }
    place.assert_destination_is_untouched();
}
