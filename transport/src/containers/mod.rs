//! Containers of this computer's engine: services of compose, volumes, and images without a shell.
//!
//! All of it is done by the engine's own program and its documented command line, as everything
//! else with containers is.

mod archive;
mod compose;

use std::process::Command;

use rsync_core::path::escape;

pub(crate) use archive::{PLACE, bring, could_bring};

use crate::cause::{Cause, End};
use crate::error::Error;
use crate::target::{Engine, Target};

/// Where a volume is in the container that is started for it.
pub(crate) const MOUNT: &str = "/volume";

/// Why a container can not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// No container of the service runs.
    #[error("no container of the service {service} is running")]
    NoService {
        /// The service.
        service: String,
    },
    /// Several projects have a service of this name.
    #[error("several projects have a service {service}: {}", projects.join(", "))]
    SeveralProjects {
        /// The service.
        service: String,
        /// The projects; escaped.
        projects: Vec<String>,
    },
    /// There is no such volume.
    #[error("there is no volume {name}")]
    NoVolume {
        /// The volume.
        name: String,
    },
    /// There is no shell, and no agent for the image's machine.
    #[error("there is no shell in it, and no agent for its machine ({machine})")]
    Machine {
        /// As the engine names it; escaped.
        machine: String,
    },
    /// There is no shell, and the agent can not be put in place.
    #[error("there is no shell in it, and the agent can not be put in place: {said}")]
    NotPlaced {
        /// What the engine's program said; escaped.
        said: String,
    },
}

/// What `target` stands for, if it is not itself a place to go to.
///
/// # Errors
/// If it stands for nothing, or for several things.
pub(crate) fn resolve(target: &Target) -> Result<Option<Target>, Error> {
    match target {
        Target::Compose {
            engine,
            project,
            service,
            user,
        } => {
            let found = ask(target, compose::question(*engine, service))?;
            let name = compose::choose(&found, project.as_deref(), service);
            Ok(Some(Target::Container {
                engine: *engine,
                name: name.map_err(|problem| explain(target, problem))?,
                user: user.clone(),
            }))
        }
        // Whoever mounts a volume that is not there makes it.
        Target::Volume { engine, name, .. } => {
            let mut command = Command::new(engine.program());
            command.args(["volume", "inspect", "--format={{.Name}}", "--", name]);
            match ask(target, command) {
                Err(Error::Ended { said, .. })
                    if said.to_lowercase().contains("no such volume") =>
                {
                    let name = name.clone();
                    Err(explain(target, Problem::NoVolume { name }))
                }
                answer => answer.map(|_| None),
            }
        }
        _ => Ok(None),
    }
}

/// The command that executes `remote` beside a volume, in a container of its own.
pub(crate) fn beside_volume(engine: Engine, name: &str, image: &str, remote: &[String]) -> Command {
    let mut command = Command::new(engine.program());
    command.args(["run", "--rm", "-i", "--network=none", "--tmpfs=/tmp:exec"]);
    command.arg(format!("--mount=type=volume,source={name},target={MOUNT}"));
    command.arg(format!("--workdir={MOUNT}"));
    let (program, arguments) = remote
        .split_first()
        .map_or(("sh", remote), |(program, rest)| (program.as_str(), rest));
    command.arg(format!("--entrypoint={program}"));
    command.arg("--").arg(image).args(arguments);
    command
}

fn explain(target: &Target, problem: Problem) -> Error {
    Error::Container {
        target: target.to_string(),
        problem,
    }
}

/// What the engine's program answers.
fn ask(target: &Target, mut command: Command) -> Result<String, Error> {
    let program = escape(command.get_program().as_encoded_bytes());
    let output = command.output().map_err(|error| Error::Start {
        program: program.clone(),
        error,
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Ended {
        target: target.to_string(),
        cause: Cause::read(End::of(output.status), &output.stderr),
        program,
        said: escape(output.stderr.trim_ascii()),
    })
}
