//! What a client says first: its hello and its request. Nothing of it rests on what the agent says,
//! so it can be said before there is a stream, in whatever way there is to reach an agent's ear.

use super::{ConnectionError, Settings};
use crate::options::Options;
use crate::session::{Config, End, Session};
use crate::wire::hello::{Hello, MAX_VERSION, encode_request};
use crate::wire::message::{Request, Role};

/// What a client says first, for one connection.
#[derive(Debug, Clone)]
pub struct Opening {
    nonce: [u8; 16],
    bytes: Vec<u8>,
}

impl Opening {
    /// The opening of a pull of `source` there.
    ///
    /// # Errors
    /// The system has no random numbers, or the request is larger than a frame.
    pub fn of_pull(
        source: &[u8],
        options: &Options,
        settings: &Settings,
    ) -> Result<Self, ConnectionError> {
        Self::new(&Request::of_pull(source, options), settings)
    }

    /// The opening of a push to `destination` there.
    ///
    /// # Errors
    /// As [`Self::of_pull`].
    pub fn of_push(
        destination: &[u8],
        options: &Options,
        settings: &Settings,
    ) -> Result<Self, ConnectionError> {
        Self::new(&Request::of_push(destination, options), settings)
    }

    fn new(request: &Request, settings: &Settings) -> Result<Self, ConnectionError> {
        let nonce = nonce()?;
        let bytes = session(request, settings, nonce)?.take_opening();
        Ok(Self { nonce, bytes })
    }

    /// What the agent has to hear before anything else of this client.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A client's session that asks for `request`, and has said so if there is an `opening`.
///
/// # Errors
/// [`ConnectionError::OtherOpening`] if that asked for anything else.
pub(super) fn client(
    request: &Request,
    settings: &Settings,
    opening: Option<&Opening>,
) -> Result<Session, ConnectionError> {
    let Some(opening) = opening else {
        return session(request, settings, nonce()?);
    };
    let mut session = session(request, settings, opening.nonce)?;
    if session.take_opening() == opening.bytes {
        Ok(session)
    } else {
        Err(ConnectionError::OtherOpening)
    }
}

fn session(
    request: &Request,
    settings: &Settings,
    nonce: [u8; 16],
) -> Result<Session, ConnectionError> {
    let payload = encode_request(MAX_VERSION, request)?;
    let config = config(End::Client, settings, nonce);
    Ok(Session::new(config, Some((request.role, &payload))))
}

/// What an end starts with.
pub(super) fn config(end: End, settings: &Settings, nonce: [u8; 16]) -> Config {
    Config {
        end,
        hello: Hello {
            features: settings.features,
            ..Hello::of_this_build(&settings.version, nonce)
        },
        timeout: settings.timeout,
        handshake_timeout: settings.handshake_timeout,
    }
}

/// This connection's randomness.
pub(super) fn nonce() -> Result<[u8; 16], ConnectionError> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)
        .map_err(|error| ConnectionError::start(std::io::Error::other(error.to_string())))?;
    Ok(nonce)
}

impl Request {
    /// A client asks for `source`.
    pub(crate) fn of_pull(source: &[u8], options: &Options) -> Self {
        Self {
            role: Role::Sender,
            path: source.to_vec(),
            options: options.clone(),
        }
    }

    /// A client asks to write to `destination`.
    pub(crate) fn of_push(destination: &[u8], options: &Options) -> Self {
        Self {
            role: Role::Receiver,
            path: destination.to_vec(),
            options: options.clone(),
        }
    }
}
