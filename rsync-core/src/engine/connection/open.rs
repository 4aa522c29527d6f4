//! How a connection begins, at the client and at the agent.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::opening::{self, Opening};
use super::shared::Shared;
use super::{ConnectionError, Inbox, Link, Message, Outbox, Settings, Stream, reader, writer};
use crate::options::Compression;
use crate::session::order::Ledger;
use crate::session::{Agreed, End, Session, Time};
use crate::wire::compress::Unpacker;
use crate::wire::message::{FromReceiver, FromSender, Request, Role};

/// A connection on which both ends have agreed, before it is known which end sends.
#[derive(Debug)]
pub struct Connection {
    shared: Arc<Shared>,
    link: Link,
    agreed: Agreed,
    role: Role,
}

/// The typed parts of a connection. Outbox and inbox may move to other threads; the link stays
/// until the pass is over.
#[derive(Debug)]
pub struct Ends<Out: Message, In: Message> {
    /// Sends to the peer.
    pub outbox: Outbox<Out>,
    /// Receives from the peer.
    pub inbox: Inbox<In>,
    /// What both ends agreed on.
    pub agreed: Agreed,
    /// Ends the connection.
    pub link: Link,
}

/// Opens a connection to the agent at the other side of `stream` and asks it for `request`.
///
/// # Errors
///
/// There is no agent, it is too old or too new, it does not answer in time, or the stream fails.
pub fn connect(
    stream: Stream,
    request: &Request,
    settings: &Settings,
) -> Result<Connection, ConnectionError> {
    connect_after(stream, request, settings, None)
}

/// As [`connect`], where the agent may have heard `opening` already.
///
/// # Errors
///
/// As [`connect`], and [`ConnectionError::OtherOpening`].
pub fn connect_after(
    stream: Stream,
    request: &Request,
    settings: &Settings,
    opening: Option<&Opening>,
) -> Result<Connection, ConnectionError> {
    let session = opening::client(request, settings, opening)?;
    let role = match request.role {
        Role::Sender => Role::Receiver,
        Role::Receiver => Role::Sender,
    };
    let shared = Shared::new(session, request.options.compression);
    if let Some(opening) = opening {
        shared.lock().traffic.sent += opening.bytes().len() as u64;
    }
    if role == Role::Sender {
        shared
            .lock()
            .limit_bandwidth(request.options.bandwidth_limit);
    }
    let (connection, _) = open(stream, shared, End::Client, role, settings.timeout)?;
    Ok(connection)
}

/// Takes the connection that a client opens on `stream`; returns what it asks for.
///
/// # Errors
///
/// The client is too old or too new, it says nothing in time, or the stream fails.
pub fn accept(
    stream: Stream,
    settings: &Settings,
) -> Result<(Request, Connection), ConnectionError> {
    let session = Session::new(
        opening::config(End::Agent, settings, opening::nonce()?),
        None,
    );
    let shared = Shared::new(session, Compression::Off);
    let (mut connection, request) =
        open(stream, shared, End::Agent, Role::Sender, settings.timeout)?;
    // An agent's connection opens with the request only.
    let request = request.ok_or(ConnectionError::Truncated)?;
    connection.role = request.role;
    Ok((*request, connection))
}

fn open(
    stream: Stream,
    shared: Shared,
    end: End,
    role: Role,
    timeout: Duration,
) -> Result<(Connection, Option<Box<Request>>), ConnectionError> {
    let shared = Arc::new(shared);
    // From here on a return without success ends both threads.
    let link = Link::new(Arc::clone(&shared), timeout);
    let Stream { reader, writer } = stream;
    spawn("ksyncd reader", &shared, move |shared| {
        reader::run(reader, shared, end)
    })?;
    spawn("ksyncd writer", &shared, move |shared| {
        writer::run(writer, shared)
    })?;
    let mut state = shared.lock();
    loop {
        if let Err(error) = state.alive() {
            drop(state);
            shared.say_last_words();
            return Err(error);
        }
        if let Some(agreed) = state.session.agreed().cloned() {
            let request = state.request.take();
            drop(state);
            let connection = Connection {
                shared,
                link,
                agreed,
                role,
            };
            return Ok((connection, request));
        }
        state = shared.wait(&shared.arrived, state, Time::MAX);
    }
}

fn spawn(
    name: &str,
    shared: &Arc<Shared>,
    work: impl FnOnce(&Arc<Shared>) + Send + 'static,
) -> Result<(), ConnectionError> {
    let shared = Arc::clone(shared);
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || work(&shared))
        .map(drop)
        .map_err(ConnectionError::start)
}

impl Connection {
    /// What both ends agreed on.
    pub fn agreed(&self) -> &Agreed {
        &self.agreed
    }

    /// The role of this end.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The parts for an end that sends.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::WrongRole`] if this end receives.
    pub fn into_sender(self) -> Result<Ends<FromSender, FromReceiver>, ConnectionError> {
        self.into_ends(Role::Sender)
    }

    /// The parts for an end that receives.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::WrongRole`] if this end sends.
    pub fn into_receiver(self) -> Result<Ends<FromReceiver, FromSender>, ConnectionError> {
        self.into_ends(Role::Receiver)
    }

    /// Refuses the client's request; see [`Link::abort`].
    pub fn abort(self, code: u16, text: &str) {
        self.link.abort(code, text);
    }

    fn into_ends<Out: Message, In: Message>(
        self,
        role: Role,
    ) -> Result<Ends<Out, In>, ConnectionError> {
        if self.role != role {
            return Err(ConnectionError::WrongRole);
        }
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let unpacker = Unpacker::new(self.agreed.codec)?;
        Ok(Ends {
            outbox: Outbox::new(Arc::clone(&self.shared), Arc::clone(&ledger)),
            inbox: Inbox::new(self.shared, ledger, unpacker),
            agreed: self.agreed,
            link: self.link,
        })
    }
}
