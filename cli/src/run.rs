//! One sync from the command line to the exit code: the place where arguments, transport, engine
//! and monitors meet.

use clap::ArgMatches;
use rsync_core::engine::{self, Care};
use rsync_core::options::Options;
use rsync_core::path::escape;
use transport::Reached;
use transport::delivery::Delivered;
use transport::kubernetes::Chosen;

use crate::args::Sync;
use crate::attempts;
use crate::conversation::with_agent;
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
        && !options.dry_run
    {
        let destination = match verb {
            Verb::Pull => receipt::Destination::Here(&ends.here),
            Verb::Push => receipt::Destination::of(&ends.there, &args.reach, interrupt),
        };
        receipt::write(
            file,
            args,
            options,
            &destination,
            &done.report,
            done.target.as_ref(),
        )?;
    }
    Ok(
        if args.is_verification && watch.has_changes() && exit == Exit::Success {
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
    target: Option<receipt::Target>,
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
    let here = &ends.here;
    let mut found = None;
    let report = with_agent(
        &args.reach,
        &ends.there,
        (verb, options),
        interrupt,
        |reached, offers| {
            watch.reached(&place(reached, pod));
            let agent_bytes = match reached.how {
                Delivered::Uploaded { bytes, .. } => bytes,
                Delivered::Local | Delivered::Reused { .. } => 0,
            };
            found = Some((receipt::Target::new(reached, offers), agent_bytes));
        },
        |way, settings| {
            let source = &ends.there.path;
            match verb {
                Verb::Pull => {
                    engine::pull_by_way(way, source, here, options, settings, watch, &care)
                }
                Verb::Push => engine::push_by_way(way, here, options, settings, watch, &care),
            }
        },
    )?;
    let (target, agent_bytes) = found.unzip();
    Ok(Done {
        report,
        agent_bytes: agent_bytes.unwrap_or(0),
        target,
    })
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
