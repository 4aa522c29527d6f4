//! The API through the `kubectl` program: it brings its own configuration and credentials.

use std::io::{Read, Write};
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::api::{Api, MAX_ANSWER, Method, problem_of};
use super::problem::Problem;
use crate::carrier::Conduit;
use crate::cause::{Cause, End};
use crate::error::Error;
use crate::process::Process;
use crate::target::Kubectl;

/// Where a pod finds the namespace of its own service account.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// How long the server may take to answer.
const PATIENCE: &str = "--request-timeout=15s";

impl Kubectl {
    fn ask(&self, command: &mut Command, input: &[u8]) -> Result<Vec<u8>, Problem> {
        let command = std::mem::replace(command, Command::new(""));
        let (mut process, stdout, mut stdin) = Process::start(command).map_err(not_started)?;
        let input = input.to_vec();
        // kubectl reads its input only after it has found its configuration.
        let feeder = thread::Builder::new()
            .spawn(move || drop(stdin.write_all(&input)))
            .map_err(|error| not_started(Error::NoThread(error)))?;
        let mut answer = Vec::new();
        let read = stdout
            .take(MAX_ANSWER as u64 + 1)
            .read_to_end(&mut answer)
            .map_err(|error| Problem::Answer {
                message: error.to_string(),
            });
        let end = process.wait(Duration::from_secs(5));
        drop(feeder.join());
        read?;
        if answer.len() > MAX_ANSWER {
            let message = format!("it has more than {MAX_ANSWER} bytes");
            return Err(Problem::Answer { message });
        }
        match end {
            Some(End::Code(0)) => Ok(answer),
            _ => Err(understand(&process.tail().bytes())),
        }
    }
}

impl Api for Kubectl {
    fn namespace(&self) -> Result<String, Problem> {
        // kubectl would have to be started, which takes longer than all else before an exec.
        #[cfg(feature = "kube")]
        if let Some(configured) = super::client::configured_namespace(self)
            && crate::name::is_dns_label(&configured)
        {
            return Ok(configured);
        }
        let mut command = self.command();
        command.args([
            "config",
            "view",
            "--minify",
            "--output=jsonpath={..namespace}",
        ]);
        let said = self.ask(&mut command, b"").unwrap_or_default();
        let configured = String::from_utf8_lossy(said.trim_ascii()).into_owned();
        if crate::name::is_dns_label(&configured) {
            return Ok(configured);
        }
        let own = std::fs::read_to_string(OWN_NAMESPACE).unwrap_or_default();
        match own.trim() {
            own if crate::name::is_dns_label(own) => Ok(own.to_owned()),
            _ => Ok("default".to_owned()),
        }
    }

    fn get(&self, path: &str) -> Result<Vec<u8>, Problem> {
        self.ask(self.command().args(["get", "--raw", path, PATIENCE]), b"")
    }

    fn send(&self, method: Method, path: &str, object: &[u8]) -> Result<Vec<u8>, Problem> {
        let verb = match method {
            Method::Create => "create",
            // kubectl has no raw form of it.
            Method::Patch => {
                let message = "kubectl can not add a container; use --via=native".to_owned();
                return Err(Problem::Configuration { message });
            }
        };
        let mut command = self.command();
        command.args([verb, "--raw", path, "-f", "-"]);
        self.ask(&mut command, object)
    }
}

fn not_started(error: Error) -> Problem {
    Problem::NoProgram {
        message: error.to_string(),
    }
}

/// What kubectl means. Errors of the server begin with their reason in parentheses.
fn understand(said: &[u8]) -> Problem {
    let text = String::from_utf8_lossy(said);
    let message = text.trim().replace('\n', "; ");
    let reason = text
        .split_once("from server (")
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(reason, _)| reason);
    match (reason, Cause::recognise(said)) {
        (Some("NotFound"), _) => problem_of(404, &message),
        (Some("Forbidden"), _) => problem_of(403, &message),
        (Some("BadRequest"), _) => problem_of(400, &message),
        (_, _) if text.contains("Unauthorized") || text.contains("must be logged in") => {
            problem_of(401, &message)
        }
        (_, Some(Cause::Forbidden)) => Problem::Forbidden { message },
        (_, Some(Cause::Unreachable)) => Problem::Unreachable { message },
        _ => Problem::Kubectl { said: message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_reason_is_understood() {
        let problem = |said: &str| understand(said.as_bytes());
        assert!(matches!(
            problem("Error from server (NotFound): pods \"web\" not found"),
            Problem::NoSuch { .. }
        ));
        assert!(matches!(
            problem("Error from server (Forbidden): pods is forbidden: User \"dev\" cannot list"),
            Problem::Forbidden { .. }
        ));
        assert!(matches!(
            problem("error: You must be logged in to the server (Unauthorized)"),
            Problem::Unauthorized { .. }
        ));
        assert!(matches!(
            problem("Unable to connect to the server: dial tcp: i/o timeout"),
            Problem::Unreachable { .. }
        ));
        assert!(matches!(
            problem("error: context \"x\" is odd"),
            Problem::Kubectl { .. }
        ));
    }

    #[test]
    fn a_program_that_is_missing_is_a_problem_of_its_own() {
        let kubectl = Kubectl {
            program: "/nonexistent/kubectl".into(),
            ..Kubectl::default()
        };
        let problem = kubectl.get("/api").unwrap_err();
        assert!(matches!(problem, Problem::NoProgram { .. }), "{problem}");
    }
}
