//! One sync from the command line to the exit code: the place where arguments, transport, engine
//! and monitors meet.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use rsync_core::engine::{self, Care, ConnectionError, MAX_TIMEOUT, Settings, Stream};
use rsync_core::options::Options;
use rsync_core::path::escape;
use rsync_core::session::SessionError;
use rsync_core::wire::preamble::PreambleError;
use transport::agents::Agents;
use transport::delivery::Delivered;
use transport::kubernetes::Chosen;
use transport::{Reached, Timeouts, reach};

use crate::agents::{Bundle, DIRECTORY_VARIABLE};
use crate::args::{Reach, Sync};
use crate::attempts;
use crate::carrier::Carrier;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::filters::{self, Surroundings};
use crate::interrupt::Interrupt;
use crate::locate::{self, Ends};
use crate::mapping::{self, User, Verb};
use crate::memory::Memory;
use crate::monitor::{Closing, Direction, Place, Watch};
use crate::pods::{self, Part};
use crate::receipt;
use crate::secrets;

/// How long the program that carried the stream may take to end after everything has been said.
const FAREWELL: Duration = Duration::from_secs(5);

/// Brings files from there to here, or from here to there.
pub(crate) fn sync(args: &Sync, matches: &ArgMatches, verb: Verb) -> Result<Exit, Failure> {
    let filter = filters::spec(args, matches, &Surroundings::real())?;
    let mut options = mapping::options(args, filter, verb, User::of_process())?;
    let ends = locate::ends(args, verb)?;
    if verb == Verb::Pull && !ends.are_local() {
        let secrets = secrets::rules(&ends.there.path);
        options.filter.rules.extend(secrets);
    }
    let mut interrupt = None;
    let mut worst = Exit::Success;
    for Part { pod, ends } in pods::parts(args, ends, verb)? {
        let exit = sync_one(args, &ends, pod.as_deref(), &options, verb, &mut interrupt)?;
        if exit == Exit::Interrupted {
            return Ok(exit);
        }
        if worst == Exit::Success {
            worst = exit;
        }
    }
    Ok(worst)
}

fn sync_one(
    args: &Sync,
    ends: &Ends,
    pod: Option<&str>,
    options: &Options,
    verb: Verb,
    interrupt: &mut Option<Interrupt>,
) -> Result<Exit, Failure> {
    let direction = match verb {
        Verb::Push if !ends.are_local() => Direction::Sent,
        _ => Direction::Received,
    };
    let watch = Watch::open(args, direction)?;
    let interrupt = match interrupt {
        Some(interrupt) => {
            interrupt.guard(watch.lines());
            interrupt
        }
        None => interrupt.insert(Interrupt::watch(watch.lines()).map_err(Failure::Signals)?),
    };

    let memory = Memory::open(args, ends, options, verb, &watch);

    let syncing = Syncing {
        args,
        ends,
        pod,
        options,
        verb,
        watch: &watch,
        interrupt,
        care: memory.care(),
    };
    let report = watch.during(|| {
        attempts::until_done(&args.reach, &watch.lines(), interrupt, || {
            converse(&syncing)
        })
    });
    let exit = match &report {
        Ok(Done {
            report,
            agent_bytes,
            ..
        }) => watch.closing(&Closing {
            receipt: report.receipt,
            sent: report.traffic.sent,
            received: report.traffic.received,
            agent_bytes: *agent_bytes,
            elapsed: report.elapsed,
            dry_run: options.dry_run,
        }),
        // What broke then is what the interrupt broke.
        Err(_) if interrupt.happened() => watch.failure(&Failure::Interrupted),
        Err(failure) => watch.failure(failure),
    };
    let done = report.as_ref().ok();
    let report = done.map(|done| &done.report);
    memory.end(exit, report);
    if let (Some(file), Some(done)) = (&args.output.receipt, done)
        && verb == Verb::Pull
        && !options.dry_run
    {
        let source = args.source.to_string_lossy();
        receipt::write(file, &source, &ends.here, &done.report, &done.target)?;
    }
    let differs =
        report.is_some_and(|report| report.receipt.transferred > 0 || report.receipt.deleted > 0);
    Ok(
        if args.is_verification && differs && exit == Exit::Success {
            Exit::Partial
        } else {
            exit
        },
    )
}

/// What came of a sync.
struct Done {
    report: engine::Report,
    /// Bytes of the agent that were sent.
    agent_bytes: u64,
    target: receipt::Target,
}

/// One sync that is about to be made.
struct Syncing<'a> {
    args: &'a Sync,
    ends: &'a Ends,
    pod: Option<&'a str>,
    options: &'a Options,
    verb: Verb,
    watch: &'a Watch,
    interrupt: &'a Interrupt,
    care: Care<'a>,
}

fn converse(syncing: &Syncing<'_>) -> Result<Done, Failure> {
    let &Syncing {
        args,
        ends,
        pod,
        options,
        verb,
        watch,
        interrupt,
        care,
    } = syncing;
    let (timeouts, settings) = patience(&args.reach);
    let agents = Arc::new(agents()?);
    let reached = reach(&ends.there.target, agents.clone(), &timeouts, &|_| ());
    let reached = reached.map_err(Failure::Transport)?;
    watch.reached(&place(&reached, pod));
    let there = reached.path(&ends.there.path);
    let target = receipt::Target::new(&reached, &agents.offers());
    let Reached {
        reader,
        writer,
        carrier,
        how,
        ..
    } = reached;
    let agent_bytes = match how {
        Delivered::Uploaded { bytes, .. } => bytes,
        Delivered::Local | Delivered::Reused { .. } => 0,
    };
    let (carrier, writer) = Carrier::new(carrier, writer, interrupt);

    let stream = Stream { reader, writer };
    let here = &ends.here;
    let report = match verb {
        Verb::Pull => {
            engine::pull_with_care(stream, &there, here, options, &settings, watch, &care)
        }
        Verb::Push => engine::push(stream, here, &there, options, &settings, watch),
    };
    match (report, carrier.take()) {
        (Ok(report), link) => {
            if let Some(link) = link {
                link.close(FAREWELL).map_err(Failure::Broken)?;
            }
            Ok(Done {
                report,
                agent_bytes,
                target,
            })
        }
        (Err(error), Some(link)) if !is_silence(&error) => {
            // The other end may be putting its tree in order.
            let end = link.autopsy();
            if is_broken(&error) {
                // Who carried the stream knows better why it broke.
                Err(Failure::Broken(end))
            } else {
                Err(Failure::Engine(error))
            }
        }
        (Err(error), _) => Err(Failure::Engine(error)),
    }
}

/// Where the other end is, in words.
fn place(reached: &Reached, pod: Option<&str>) -> Place {
    let chosen = reached.chosen.as_ref();
    let name = |chosen: &Chosen| {
        let pod = escape(chosen.identity.pod.as_bytes());
        format!(
            "pod {pod}, container {}",
            escape(chosen.container.as_bytes())
        )
    };
    let choice = chosen.and_then(|chosen| {
        let why = chosen.why.as_ref()?;
        Some(format!("{}: {why}", name(chosen)))
    });
    Place {
        choice: choice.or_else(|| pod.map(|pod| format!("pod {}", escape(pod.as_bytes())))),
        way: match chosen {
            Some(chosen) => format!("to {}, {}", name(chosen), reached.route),
            None => reached.route.to_string(),
        },
    }
}

/// How long to wait for what. 0 is as good as without end.
pub(crate) fn patience(reach: &Reach) -> (Timeouts, Settings) {
    let seconds = |seconds: Option<u64>| {
        seconds.map(|seconds| match Duration::from_secs(seconds) {
            Duration::ZERO => MAX_TIMEOUT,
            seconds => seconds.min(MAX_TIMEOUT),
        })
    };
    let (mut timeouts, mut settings) = (Timeouts::default(), Settings::default());
    if let Some(silence) = seconds(reach.timeout) {
        (timeouts.silence, settings.timeout) = (silence, silence);
    }
    timeouts.agent = settings.timeout;
    if let Some(connect) = seconds(reach.contimeout) {
        (timeouts.answer, settings.handshake_timeout) = (connect, connect);
    }
    (timeouts, settings)
}

pub(crate) fn agents() -> Result<Bundle, Failure> {
    let directory = std::env::var_os(DIRECTORY_VARIABLE).map(PathBuf::from);
    let path = directory.as_deref();
    Bundle::load(path).map_err(|cause| Failure::Agents {
        path: path.unwrap_or(Path::new("")).into(),
        cause,
    })
}

/// The other end does nothing: it will not end by itself either.
fn is_silence(error: &engine::Error) -> bool {
    use SessionError::{HandshakeTimeout, Silent, Stalled};
    matches!(
        error,
        engine::Error::Connection(ConnectionError::Session(
            HandshakeTimeout { .. } | Silent { .. } | Stalled { .. }
        ))
    )
}

fn is_broken(error: &engine::Error) -> bool {
    use ConnectionError::{Io, LeftEarly, Preamble, Truncated};
    matches!(
        error,
        engine::Error::Connection(
            Io { .. } | LeftEarly | Preamble(PreambleError::Ended(_)) | Truncated
        )
    )
}
