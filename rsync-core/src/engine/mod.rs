//! The threads and bounded channels that join the rooms of this crate into a running sync.
//!
//! [`pull`] and [`push`] are the client's side, [`serve`] is the agent's. All three run the same
//! [sender](self) and receiver; they differ only in which of the two they are and in who asks.
//!
//! Invariants:
//! - a run that returns a [`Report`] has heard the other end's account and agrees with it; the end
//!   of the stream before that is an error;
//! - a file at the destination is its old version or its new, verified one, at every moment;
//! - nothing is deleted before everything else is in place and the listing is known to be complete.

mod accounts;
mod care;
mod content_digest;
mod context;
mod destination;
mod error;
pub(crate) mod handles;
mod incarnation;
pub mod keeper;
mod line;
mod queue;
mod receiver;
mod sender;
mod settle;
mod source;
mod telling;
mod threads;
pub(crate) mod tree;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::monitor::{Event, Monitor, Silent};
use crate::options::Options;
use crate::receipt::Receipt;
use crate::root::Detail;
use crate::session::Agreed;
use crate::wire::message::{Request, Role};

pub mod connection;

use context::Context;
use telling::Teller;

pub use crate::monitor;
pub use care::{Care, Incarnation};
pub use connection::{ConnectionError, MAX_TIMEOUT, Opening, Settings, Stream, Traffic};
pub use error::Error;
pub use line::{Line, Way};
pub use tree::tree_digest;

/// What a finished run has to say for itself.
#[derive(Debug, Clone)]
pub struct Report {
    /// The account of every entry.
    pub receipt: Receipt,
    /// Bytes each way.
    pub traffic: Traffic,
    /// The other end's version, as it says; escaped before it reaches a terminal.
    pub peer_version: String,
    /// How long the run took.
    pub elapsed: Duration,
    /// Which life of the source it was.
    pub incarnation: Incarnation,
    /// A pull found nothing at its destination, so that nothing there came from another source.
    pub began_empty: bool,
    /// Over the files that arrived. Both ends computed it, and agree.
    pub content_digest: [u8; 16],
    /// Over every directory of the source, as its own end has it and as the other end has it. Each
    /// computed it on its own, and they agree. Nothing if not all could be listed, or if the other
    /// end is too old.
    pub tree_digest: Option<[u8; 32]>,
}

/// Makes `destination` here like `source` at the other end of `stream`, where an agent answers.
///
/// `source` is a path there; a slash at its end means its content, as in rsync(1).
pub fn pull(
    stream: Stream,
    source: &[u8],
    destination: &Path,
    options: &Options,
    settings: &Settings,
    monitor: &dyn Monitor,
) -> Result<Report, Error> {
    let care = &Care::default();
    pull_with_care(
        stream,
        source,
        destination,
        options,
        settings,
        monitor,
        care,
    )
}

/// Pulls as [`pull`] does, with what else this end takes care of.
pub fn pull_with_care(
    stream: Stream,
    source: &[u8],
    destination: &Path,
    options: &Options,
    settings: &Settings,
    monitor: &dyn Monitor,
    care: &Care<'_>,
) -> Result<Report, Error> {
    let way = &mut at_once(stream, source);
    pull_by_way(way, source, destination, options, settings, monitor, care)
}

/// Pulls as [`pull_with_care`] does, and looks at a destination that is there already while it goes
/// its `way` to the agent. `source` is the path there, if it is not called otherwise at the end of
/// that way.
pub fn pull_by_way(
    way: Way<'_>,
    source: &[u8],
    destination: &Path,
    options: &Options,
    settings: &Settings,
    monitor: &dyn Monitor,
    care: &Care<'_>,
) -> Result<Report, Error> {
    let started = Instant::now();
    let filter = &context::filter(options, destination)?;
    let early = receiver::prepare(destination, source, options, filter, care)?;
    receiver::look_while(early.as_ref(), |looking| {
        let Line {
            stream,
            path,
            opening,
        } = line::go(way)?;
        let request = Request::of_pull(&path, options);
        let connection = connection::connect_after(stream, &request, settings, opening.as_ref())?;
        let mut ends = connection.into_receiver()?;
        let peer_version = connected(&ends.agreed, monitor);
        let key = &ends.agreed.block_key();
        let agreed = (&ends.agreed, Role::Sender);
        let context = Context {
            care: *care,
            ..Context::new(options, filter, key, monitor, agreed)
        };
        let received = receiver::receive_into(
            destination,
            Some(&path),
            looking,
            &context,
            &ends.outbox,
            &mut ends.inbox,
        );
        let received = end(received, &ends.outbox)?;
        let traffic = ends.link.close()?;
        Ok(Report {
            receipt: received.receipt,
            traffic,
            peer_version,
            elapsed: started.elapsed(),
            incarnation: received.incarnation,
            began_empty: received.began_empty,
            content_digest: received.content_digest,
            tree_digest: received.tree,
        })
    })
}

/// Makes `destination` at the other end of `stream`, where an agent answers, like `source` here.
///
/// A slash at the end of `source` means its content, as in rsync(1).
pub fn push(
    stream: Stream,
    source: &Path,
    destination: &[u8],
    options: &Options,
    settings: &Settings,
    monitor: &dyn Monitor,
) -> Result<Report, Error> {
    let care = &Care::default();
    push_with_care(
        stream,
        source,
        destination,
        options,
        settings,
        monitor,
        care,
    )
}

/// Pushes as [`push`] does, with what this end has the other take care of.
pub fn push_with_care(
    stream: Stream,
    source: &Path,
    destination: &[u8],
    options: &Options,
    settings: &Settings,
    monitor: &dyn Monitor,
    care: &Care<'_>,
) -> Result<Report, Error> {
    let way = &mut at_once(stream, destination);
    push_by_way(way, source, options, settings, monitor, care)
}

/// Pushes as [`push_with_care`] does, by a `way` to the agent that ends at the destination.
pub fn push_by_way(
    way: Way<'_>,
    source: &Path,
    options: &Options,
    settings: &Settings,
    monitor: &dyn Monitor,
    care: &Care<'_>,
) -> Result<Report, Error> {
    let started = Instant::now();
    let mut opened = source::open(
        source.as_os_str().as_bytes(),
        &detail(options),
        options.links,
    )?;
    let filter = context::filter(options, opened.root.path())?;
    let Line {
        stream,
        path,
        opening,
    } = line::go(way)?;
    let request = Request::of_push(&path, options);
    let connection = connection::connect_after(stream, &request, settings, opening.as_ref())?;
    let mut ends = connection.into_sender()?;
    let peer_version = connected(&ends.agreed, monitor);
    let key = &ends.agreed.block_key();
    let filter = &filter;
    let agreed = (&ends.agreed, Role::Receiver);
    let context = Context {
        care: *care,
        ..Context::new(options, filter, key, monitor, agreed)
    };
    let incarnation = incarnation::of_own(&opened.root, opened.only.as_ref());
    opened.source.incarnation = incarnation;
    let sent = sender::send(opened, &context, &ends.outbox, &mut ends.inbox);
    let sender::Sent { totals, tree } = end(sent, &ends.outbox)?;
    let traffic = ends.link.close()?;
    Ok(Report {
        receipt: totals.receipt,
        traffic,
        peer_version,
        elapsed: started.elapsed(),
        incarnation,
        began_empty: false,
        content_digest: totals.content_digest,
        tree_digest: tree,
    })
}

/// Answers one client: the agent's whole life.
pub fn serve(stream: Stream, settings: &Settings) -> Result<(), Error> {
    let (request, connection) = connection::accept(stream, settings)?;
    let options = &request.options;
    let key = &connection.agreed().block_key();
    match request.role {
        Role::Sender => {
            let mut ends = connection.into_sender()?;
            let sent =
                source::open(&request.path, &detail(options), options.links).and_then(|opened| {
                    let filter = &context::filter(options, opened.root.path())?;
                    let agreed = (&ends.agreed, request.role);
                    let context = Context {
                        confined: settings.confined,
                        ..Context::new(options, filter, key, &Silent, agreed)
                    };
                    sender::send(opened, &context, &ends.outbox, &mut ends.inbox)
                });
            end(sent, &ends.outbox)?;
            ends.link.close()?;
        }
        Role::Receiver => {
            let mut ends = connection.into_receiver()?;
            let path = Path::new(OsStr::from_bytes(&request.path));
            let received = context::filter(options, path).and_then(|filter| {
                let monitor = &Teller::new(&ends.outbox, options.tell_all);
                let agreed = (&ends.agreed, request.role);
                let context = Context {
                    confined: settings.confined,
                    ..Context::new(options, &filter, key, monitor, agreed)
                };
                receiver::receive_into(path, None, None, &context, &ends.outbox, &mut ends.inbox)
            });
            end(received, &ends.outbox)?;
            ends.link.close()?;
        }
    }
    Ok(())
}

/// The way along a stream that is there.
fn at_once(stream: Stream, path: &[u8]) -> impl FnMut() -> Option<Line> {
    let mut stream = Some(stream);
    move || {
        Some(Line {
            stream: stream.take()?,
            path: path.to_vec(),
            opening: None,
        })
    }
}

fn detail(options: &Options) -> Detail {
    let attributes = &options.attributes;
    Detail {
        owner: attributes.owner || attributes.group,
        xattrs: attributes.xattrs,
        acls: attributes.acls,
        hard_links: attributes.hard_links,
    }
}

fn connected(agreed: &Agreed, monitor: &dyn Monitor) -> String {
    monitor.event(&Event::Connected {
        peer_version: &agreed.peer_version,
        protocol: agreed.protocol,
    });
    agreed.peer_version.clone()
}

/// Tells the other end why it is left alone, unless it was the one that gave up.
fn end<T, M: connection::Message>(
    outcome: Result<T, Error>,
    outbox: &connection::Outbox<M>,
) -> Result<T, Error> {
    if let Err(error) = &outcome
        && !matches!(error, Error::Peer { .. } | Error::PeerBusy { .. })
    {
        outbox.abort(error.abort_code(), &error.to_string());
    }
    outcome
}
