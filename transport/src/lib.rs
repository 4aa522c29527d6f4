//! Reaching an agent: in a pod, in a container, on a host, or in this computer.
//!
//! [`Location::parse`] understands what the user wrote, [`reach`] makes a byte stream to an agent
//! there out of it. Most front doors (`kubectl`, `docker`, `podman`, `ssh`, any remote shell) are
//! one and the same process transport: a child with pipes. They differ in nothing but the command
//! line and in how their errors are understood. [`kubernetes`] finds pods and has a client of its
//! own beside kubectl. Where there is no agent yet, [`delivery`] brings one over the same stream.
//!
//! Invariants:
//! - No local shell, ever. Names given by the user are checked and can not be taken for options.
//! - No terminal is allocated at the far end: the stream carries every byte unchanged.
//! - Nothing that the far end says reaches a terminal unescaped, or memory unbounded.
//!
//! What this is not: the protocol. It starts where [`Reached`] ends.

pub mod agents;
pub mod containers;
pub mod delivery;
pub mod doctor;
pub mod kubernetes;

mod carrier;
mod cause;
mod command;
mod error;
mod location;
mod name;
mod opened;
mod process;
mod target;
mod words;

use std::io::{BufReader, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rsync_core::path::escape;

use agents::Agents;
use delivery::{Delivered, Delivery, Failure, Step};
use kubernetes::{Chosen, Entered, Route};
use opened::Opened;
use process::Process;

pub use carrier::Carrier;
pub use cause::Cause;
pub use error::Error;
pub use location::{BadLocation, Context, Location};
pub use target::{Engine, Kubectl, Pods, Target};
pub use words::{BadCommand, split_command};

/// How long the far end may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until a shell answers. Includes the time a user takes to type a password for `ssh`.
    pub answer: Duration,
    /// Between two signs of progress while an agent is delivered.
    pub silence: Duration,
    /// Until an agent that runs takes a silent client for dead. At most a day.
    pub agent: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(90),
            silence: Duration::from_secs(30),
            agent: Duration::from_secs(60),
        }
    }
}

/// A stream to an agent that runs.
pub struct Reached {
    /// What the agent says.
    pub reader: Box<dyn Read + Send>,
    /// What the agent hears. Dropping it tells the agent that the client is gone.
    pub writer: Box<dyn Write + Send>,
    /// What carries the stream. Dropping it ends it.
    pub carrier: Carrier,
    /// How the agent came to run.
    pub how: Delivered,
    /// By which way.
    pub route: Route,
    /// The pod, where one was chosen.
    pub chosen: Option<Chosen>,
    /// The agent runs in a container beside the one that is meant ([`Self::path`]).
    pub is_beside: bool,
    /// The agent has heard the opening. Otherwise that is still to be said, and may have to be
    /// another one: see [`Self::path`].
    pub is_opened: bool,
}

impl Reached {
    /// What `path` is called where the agent runs.
    pub fn path(&self, path: &[u8]) -> Vec<u8> {
        let (root, directory) = (kubernetes::ROOT, kubernetes::DIRECTORY);
        match (self.is_beside, path) {
            (false, path) => path.to_vec(),
            (true, [b'/', ..]) => [root.as_bytes(), path].concat(),
            (true, path) => [directory.as_bytes(), b"/", path].concat(),
        }
    }
}

impl std::fmt::Debug for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reached")
            .field("carrier", &self.carrier)
            .field("how", &self.how)
            .field("route", &self.route)
            .finish()
    }
}

/// Opens a stream to an agent at `target`, which is delivered if it is not there.
///
/// `opening` is what the client says to the agent first, if it knows that already; it gets there
/// with the agent where that saves a round trip ([`Reached::is_opened`]). `step` hears of the
/// progress of a delivery.
///
/// # Errors
/// [`Error`] says what is wrong in terms of the target, and quotes what was used to get there.
pub fn reach(
    target: &Target,
    agents: Arc<dyn Agents>,
    timeouts: &Timeouts,
    opening: &[u8],
    step: &dyn Fn(Step),
) -> Result<Reached, Error> {
    if let Target::Local { .. } = target {
        let (
            Opened {
                carrier,
                reader,
                writer,
            },
            route,
        ) = child(target, &[delivery::timeout(timeouts.agent)])?;
        return Ok(Reached {
            is_beside: false,
            is_opened: false,
            reader,
            writer,
            carrier,
            how: Delivered::Local,
            route,
            chosen: None,
        });
    }

    let resolved = containers::resolve(target)?;
    let target = resolved.as_ref().unwrap_or(target);
    let delivery = prepare(agents.as_ref(), timeouts, opening)?;
    let mut is_opened = delivery.tells_opening();
    let command = delivery.command();
    let (opened, route, chosen) = match target {
        Target::Pod { kubectl, pods } => {
            let entered = kubernetes::enter(target, kubectl, pods, &command, timeouts.answer)?;
            let Entered {
                opened,
                route,
                chosen,
            } = entered;
            (opened, route, chosen)
        }
        _ => {
            let (opened, route) = child(target, &command)?;
            (opened, route, None)
        }
    };
    let delivered = deliver(opened, delivery, Arc::clone(&agents), timeouts, step);
    let (opened, how) = match delivered {
        Err(error) if error.has_no_place() => match target {
            Target::Pod { kubectl, pods } if kubectl.agent_image.is_some() => {
                return reach_beside(target, kubectl, pods, agents, timeouts, step);
            }
            _ => {
                is_opened = false;
                without_shell(target, agents.as_ref(), timeouts, error)?
            }
        },
        delivered => delivered?,
    };
    Ok(Reached {
        is_beside: false,
        is_opened,
        reader: opened.reader,
        writer: opened.writer,
        carrier: opened.carrier,
        how,
        route,
        chosen,
    })
}

/// An agent in a container beside the one that is meant.
fn reach_beside(
    target: &Target,
    kubectl: &Kubectl,
    pods: &Pods,
    agents: Arc<dyn Agents>,
    timeouts: &Timeouts,
    step: &dyn Fn(Step),
) -> Result<Reached, Error> {
    // Paths have other names there.
    let delivery = prepare(agents.as_ref(), timeouts, b"")?;
    let command = delivery.command();
    let entered = kubernetes::enter_beside(target, kubectl, pods, &command, timeouts.answer)?;
    let (opened, how) = deliver(entered.opened, delivery, agents, timeouts, step)?;
    Ok(Reached {
        reader: opened.reader,
        writer: opened.writer,
        carrier: opened.carrier,
        how,
        route: entered.route,
        chosen: entered.chosen,
        is_beside: true,
        is_opened: false,
    })
}

fn prepare(agents: &dyn Agents, timeouts: &Timeouts, opening: &[u8]) -> Result<Delivery, Error> {
    Delivery::new(agents, timeouts.agent, opening).map_err(|error| Error::Start {
        program: "a random number".into(),
        error,
    })
}

/// An agent where no shell is, if the engine can bring it; otherwise `error` stands.
fn without_shell(
    target: &Target,
    agents: &dyn Agents,
    timeouts: &Timeouts,
    error: Error,
) -> Result<(Opened, Delivered), Error> {
    if error.cause() != Some(Cause::NoShell) {
        return Err(error);
    }
    let Some((path, bytes)) = containers::bring(target, agents)? else {
        return Err(error);
    };
    let command = [path, "serve".into(), delivery::timeout(timeouts.agent)];
    let (opened, _) = child(target, &command)?;
    let place = containers::PLACE.as_bytes().to_vec();
    let how = match bytes {
        0 => Delivered::Reused { place },
        bytes => Delivered::Uploaded { place, bytes },
    };
    Ok((opened, how))
}

/// The program that leads to `target`, executing `command` there.
fn child(target: &Target, command: &[String]) -> Result<(Opened, Route), Error> {
    let command = target.command(command);
    let route = Route::Child(escape(command.get_program().as_encoded_bytes()));
    let (process, stdout, stdin) = Process::start(command)?;
    let opened = Opened {
        carrier: Carrier::new(target.to_string(), Box::new(process)),
        reader: Box::new(stdout),
        writer: Box::new(stdin),
    };
    Ok((opened, route))
}

/// Brings an agent to where `opened` leads, and leaves the streams to it.
fn deliver(
    opened: Opened,
    delivery: Delivery,
    agents: Arc<dyn Agents>,
    timeouts: &Timeouts,
    step: &dyn Fn(Step),
) -> Result<(Opened, Delivered), Error> {
    let Opened {
        mut carrier,
        reader,
        mut writer,
    } = opened;
    let mut reader = BufReader::new(reader);

    // On a thread of its own, because a program that hangs may leave this pipe open even when
    // it has been killed: its own children hold it too.
    let (report, reports) = mpsc::channel();
    let talking = thread::Builder::new().spawn(move || {
        let relay = |step| drop(report.send(Report::Progress(step)));
        let result = delivery.run(&mut reader, &mut writer, agents.as_ref(), &relay);
        drop(report.send(Report::End(result.map(|how| (how, reader, writer)))));
    });
    drop(talking.map_err(Error::NoThread)?);

    let mut patience = timeouts.answer;
    loop {
        match reports.recv_timeout(patience) {
            Ok(Report::Progress(progress)) => {
                step(progress);
                patience = timeouts.silence;
            }
            Ok(Report::End(Ok((how, reader, writer)))) => {
                carrier.remember();
                let opened = Opened {
                    carrier,
                    reader: Box::new(reader),
                    writer,
                };
                return Ok((opened, how));
            }
            Ok(Report::End(Err(failure))) => return Err(carrier.explain(failure)),
            Err(RecvTimeoutError::Timeout) => return Err(carrier.timed_out(patience)),
            Err(RecvTimeoutError::Disconnected) => return Err(carrier.explain(Failure::Ended)),
        }
    }
}

enum Report<R, W> {
    Progress(Step),
    End(Result<(Delivered, BufReader<R>, W), Failure>),
}
