//! Where agents come from: the transport delivers them and does not care who built them.

use std::borrow::Cow;
use std::io;

use rsync_core::checksum::Digest;

/// A collection of agents, at most one for each kind of machine.
pub trait Agents: Send + Sync {
    /// What there is. Asked for at the start of every delivery, so it should be quick.
    fn offers(&self) -> Vec<Offer>;

    /// The agent for one of the machines in [`Self::offers`]: exactly the bytes offered.
    ///
    /// # Errors
    /// If it can not be read or unpacked.
    fn image(&self, machine: &str) -> io::Result<Cow<'_, [u8]>>;
}

/// What is known about an agent without having its bytes at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The machine as `uname -m` names it on Linux: `x86_64`, `aarch64`. Letters, digits and
    /// underscores only.
    pub machine: String,
    /// Digest of the executable.
    pub digest: Digest,
    /// Length of the executable in bytes.
    pub len: u64,
}

/// No agents at all: enough for targets that have their own.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAgents;

impl Agents for NoAgents {
    fn offers(&self) -> Vec<Offer> {
        Vec::new()
    }

    fn image(&self, machine: &str) -> io::Result<Cow<'_, [u8]>> {
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("no agent for {machine}"),
        ))
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A collection of one agent.
    pub(crate) struct OneAgent {
        machine: &'static str,
        image: &'static [u8],
    }

    impl OneAgent {
        pub(crate) fn new(machine: &'static str, image: &'static [u8]) -> Self {
            Self { machine, image }
        }
    }

    impl Agents for OneAgent {
        fn offers(&self) -> Vec<Offer> {
            let (digest, len) = (Digest::of(self.image), self.image.len() as u64);
            vec![Offer {
                machine: self.machine.to_owned(),
                digest,
                len,
            }]
        }

        fn image(&self, machine: &str) -> io::Result<Cow<'_, [u8]>> {
            assert_eq!(machine, self.machine);
            Ok(Cow::Borrowed(self.image))
        }
    }
}
