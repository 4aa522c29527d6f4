//! One conversation with an agent: the way there, the stream, and who knows best why it broke.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rsync_core::engine::{
    self, ConnectionError, Line, MAX_TIMEOUT, Opening, Settings, Stream, Way,
};
use rsync_core::options::Options;
use rsync_core::session::SessionError;
use rsync_core::wire::preamble::PreambleError;
use transport::agents::{Agents, Offer};
use transport::{Location, Reached, Timeouts, reach};

use crate::agents::{Bundle, DIRECTORY_VARIABLE};
use crate::args::Reach;
use crate::carrier::Carrier;
use crate::errors::Failure;
use crate::interrupt::Interrupt;
use crate::mapping::Verb;

/// How long the program that carried the stream may take to end after everything has been said.
const FAREWELL: Duration = Duration::from_secs(5);

/// Has an agent run at `there`, of which `verb` is asked with these options, and talks to it. Who
/// `talks` goes the way there when it is time for that, and only then; who `looks` is shown how the
/// agent was reached, and which ones could be delivered.
pub(crate) fn with_agent<T>(
    flags: &Reach,
    there: &Location,
    (verb, options): (Verb, &Options),
    interrupt: &Interrupt,
    mut looks: impl FnMut(&Reached, &[Offer]),
    talks: impl FnOnce(Way<'_>, &Settings) -> Result<T, engine::Error>,
) -> Result<T, Failure> {
    let (timeouts, settings) = patience(flags);
    let opening = match verb {
        Verb::Pull => Opening::of_pull(&there.path, options, &settings),
        Verb::Push => Opening::of_push(&there.path, options, &settings),
    };
    let mut opening = Some(opening.map_err(|error| Failure::Engine(error.into()))?);
    let agents = Arc::new(agents()?);
    let mut reached = None;
    let mut go = || {
        let opening = opening.take()?;
        let (target, agents) = (&there.target, agents.clone());
        match reach(target, agents.clone(), &timeouts, opening.bytes(), &|_| ()) {
            Ok(there_now) => {
                looks(&there_now, &agents.offers());
                let path = there_now.path(&there.path);
                let opening = Some(opening).filter(|_| there_now.is_opened);
                let Reached {
                    reader,
                    writer,
                    carrier,
                    ..
                } = there_now;
                let (carrier, writer) = Carrier::new(carrier, writer, interrupt);
                reached = Some(Ok(carrier));
                let stream = Stream { reader, writer };
                Some(Line {
                    stream,
                    path,
                    opening,
                })
            }
            Err(error) => {
                reached = Some(Err(error));
                None
            }
        }
    };
    let said = talks(&mut go, &settings);
    let carrier = reached.transpose().map_err(Failure::Transport)?;
    match (said, carrier.and_then(|carrier| carrier.take())) {
        (Ok(said), link) => {
            let left = link.map(|link| match verb {
                // Who pulls has everything, and what the other end has left to do is to end.
                Verb::Pull => link.leave(FAREWELL),
                Verb::Push => link.close(FAREWELL),
            });
            left.transpose().map_err(Failure::Broken)?;
            Ok(said)
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

/// The agents that can be delivered.
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
    use SessionError::{Dripping, HandshakeTimeout, NoProgress, Silent, Stalled, TooSlow};
    matches!(
        error,
        engine::Error::Connection(ConnectionError::Session(
            HandshakeTimeout { .. }
                | Silent { .. }
                | Stalled { .. }
                | Dripping { .. }
                | NoProgress { .. }
                | TooSlow { .. }
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
