//! What an end brings to a conversation, and what both agree on before anything else is said.

use std::time::Duration;

use crate::checksum::BlockKey;
use crate::wire::compress::Codec;
use crate::wire::hello::{Features, Hello};

/// Which end of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The end that asks.
    Client,
    /// The end that serves.
    Agent,
}

/// What a session starts with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which end this is.
    pub end: End,
    /// What it says of itself.
    pub hello: Hello,
    /// Silence after which the peer counts as dead.
    pub timeout: Duration,
    /// Most time from the start until the connection is open.
    pub handshake_timeout: Duration,
}

/// What both ends know of each other once the connection is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Version of the protocol.
    pub protocol: u16,
    /// Version of the peer's program: untrusted text, escaped.
    pub peer_version: String,
    /// What both ends can do.
    pub features: Features,
    /// How frames are packed where that gains something.
    pub codec: Codec,
    /// The client's randomness.
    pub client_nonce: [u8; 16],
    /// The agent's randomness.
    pub agent_nonce: [u8; 16],
}

impl Agreed {
    /// The key of this connection's block checksums: from both ends' randomness, so that neither
    /// can prepare blocks that collide.
    pub fn block_key(&self) -> BlockKey {
        BlockKey::derive(&self.client_nonce, &self.agent_nonce)
    }
}
