//! Who leaves first, and when a conversation is over.

use super::{Phase, Session};
use crate::session::End;
use crate::wire::frame::{self, FrameType};
use crate::wire::hello::Features;
use crate::wire::message::Role;

impl Session {
    /// True once every goodbye was said.
    pub fn is_over(&self) -> bool {
        match (self.one_goodbye(), self.config.end) {
            (true, End::Client) => self.said_goodbye,
            (true, End::Agent) => self.phase == Phase::Left,
            (false, _) => self.phase == Phase::Left && self.said_goodbye,
        }
    }

    /// True if the client's goodbye is the only one.
    pub(super) fn one_goodbye(&self) -> bool {
        let agreed = self.agreed.as_ref();
        self.role == Some(Role::Sender)
            && agreed.is_some_and(|agreed| agreed.features.contains(Features::INTERIM))
    }

    /// True if it is this end's turn to say goodbye, once it has nothing more to say.
    pub fn may_leave(&self) -> bool {
        match (self.one_goodbye(), self.config.end) {
            (true, end) => end == End::Client,
            (false, End::Agent) => true,
            (false, End::Client) => self.peer_has_left(),
        }
    }

    /// True once the peer has said goodbye.
    pub fn peer_has_left(&self) -> bool {
        self.phase == Phase::Left
    }

    /// Everything of ours was sent: says goodbye, once, if it [may](Self::may_leave).
    pub fn say_goodbye(&mut self) {
        if !self.said_goodbye {
            self.said_goodbye = true;
            frame::put(&mut self.outgoing, FrameType::Goodbye, &[]);
        }
    }

    /// True if this end is going to send more than it receives.
    pub(super) fn sends(&self) -> bool {
        let sender = match self.config.end {
            End::Client => Role::Receiver,
            End::Agent => Role::Sender,
        };
        self.role == Some(sender)
    }
}
