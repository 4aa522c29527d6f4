//! Finding out whether a pull would work, and if not, what exactly is in the way.
//!
//! One remote command, as for a delivery, but its script only looks: it tries whether files can be
//! made and executed in each of the places where an agent could live, takes them away again, and
//! copies nothing. For pods the API is asked first for the permissions that a pull takes.

mod finding;
mod probe;

use std::io::{BufReader, Write};
use std::sync::mpsc;
use std::thread;

pub use finding::{Finding, Verdict};

use rsync_core::path::escape;

use crate::agents::Agents;
use crate::cause::Cause;
use crate::containers;
use crate::delivery::{Failure, Listener, token, without_comments};
use crate::error::Error;
use crate::kubernetes;
use crate::location::Location;
use crate::opened::Opened;
use crate::target::Target;
use crate::{Timeouts, child};
use probe::Heard;

const SCRIPT: &str = include_str!("probe.sh");
/// Most lines that are listened to.
const MAX_LINES: usize = 256;

/// What was found, and what broke before everything was looked at.
#[derive(Debug)]
pub struct Examination {
    /// What was found, in order.
    pub findings: Vec<Finding>,
    /// Why not more was found.
    pub broken: Option<Error>,
}

impl Examination {
    /// A pull would work, as far as can be told.
    pub fn is_good(&self) -> bool {
        let failed = |finding: &Finding| finding.verdict == Verdict::Fail;
        self.broken.is_none() && !self.findings.iter().any(failed)
    }
}

/// Looks at everything that a pull of `location` would need. The path where commands
/// start is not looked at.
pub fn examine(location: &Location, agents: &dyn Agents, timeouts: &Timeouts) -> Examination {
    let mut findings = Vec::new();
    let broken = look(location, agents, timeouts, &mut findings).err();
    Examination { findings, broken }
}

fn look(
    location: &Location,
    agents: &dyn Agents,
    timeouts: &Timeouts,
    findings: &mut Vec<Finding>,
) -> Result<(), Error> {
    let Location { target, path } = location;
    let resolved = containers::resolve(target)?;
    let target = resolved.as_ref().unwrap_or(target);
    if target.is_local() {
        findings.push(Finding::pass("this computer needs nothing"));
        return Ok(());
    }
    let token = token().map_err(|error| Error::Start {
        program: "a random number".into(),
        error,
    })?;
    let command = ["sh", "-s", &token].map(str::to_owned);
    let (opened, route) = match target {
        Target::Pod { kubectl, pods } => {
            kubernetes::examine(target, kubectl, pods, &command, timeouts.answer, findings)?
        }
        _ => child(target, &command)?,
    };
    // Where commands start there is usually a whole system: it is not what is to be pulled.
    let path = if path == b"." { b"" } else { path.as_slice() };
    let machines: Vec<String> = agents.offers().into_iter().map(|it| it.machine).collect();
    let heard = match converse(opened, &token, path, timeouts) {
        Err(error) if error.cause() == Some(Cause::NoShell) => {
            if let Target::Pod { kubectl, .. } = target
                && let Some(image) = &kubectl.agent_image
            {
                let image = escape(image.as_bytes());
                findings.push(Finding::note(
                    "there is no shell",
                    format!("a container of the image {image} would be added to the pod"),
                ));
                return Ok(());
            }
            let machine = containers::could_bring(target)?.ok_or(error)?;
            findings.push(Finding::note(
                "there is no shell",
                "the engine puts the agent into the container as an archive",
            ));
            findings.push(probe::architecture(&format!("Linux {machine}"), &machines));
            return Ok(());
        }
        heard => heard?,
    };
    findings.push(Finding::pass(format!("a shell answers, {route}")));
    findings.extend(heard.findings(path, &machines));
    Ok(())
}

fn converse(opened: Opened, token: &str, path: &[u8], timeouts: &Timeouts) -> Result<Heard, Error> {
    let Opened {
        carrier,
        reader,
        mut writer,
    } = opened;
    let script = script(path);
    let mut listener = Listener::new(token);
    let (report, reports) = mpsc::channel();
    // On a thread of its own, so that nothing can hold this one up.
    let talking = thread::Builder::new().spawn(move || {
        let mut reader = BufReader::new(reader);
        let sent = writer.write_all(&script).and_then(|()| writer.flush());
        let mut heard = Heard::default();
        let mut listen = || {
            for _ in 0..MAX_LINES {
                if heard.take(&listener.next_line(&mut reader)?) {
                    return Ok(());
                }
            }
            Err(Failure::Ended)
        };
        let result = match (sent, listen()) {
            (Err(error), Err(Failure::Ended)) => Err(Failure::Broken(error)),
            (_, result) => result,
        };
        drop(report.send(result.map(|()| heard)));
    });
    drop(talking.map_err(Error::NoThread)?);
    match reports.recv_timeout(timeouts.answer) {
        Ok(Ok(heard)) => Ok(heard),
        Ok(Err(failure)) => Err(carrier.explain(failure)),
        Err(_) => Err(carrier.timed_out(timeouts.answer)),
    }
}

/// The script with the path in it, quoted for the shell that reads it.
fn script(path: &[u8]) -> Vec<u8> {
    let mut script = b"path='".to_vec();
    for &byte in path {
        match byte {
            b'\'' => script.extend_from_slice(b"'\\''"),
            byte => script.push(byte),
        }
    }
    script.extend_from_slice(b"'\n");
    script.extend_from_slice(without_comments(SCRIPT).as_bytes());
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_data_for_the_shell_whatever_is_in_it() {
        let script = script(b"it's; $(rm -rf x)\n`y`");
        let begin = b"path='it'\\''s; $(rm -rf x)\n`y`'\n{\n";
        assert!(script.starts_with(begin), "{}", script.escape_ascii());
    }
}
