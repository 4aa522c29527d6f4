//! The way to an agent takes its time. A client starts on it, and meanwhile looks at its own tree.

use crate::engine::connection::{Opening, Stream};
use crate::engine::error::Error;

/// The stream to an agent that runs.
#[derive(Debug)]
pub struct Line {
    /// Leads to the agent.
    pub stream: Stream,
    /// What the path at the other end is called there.
    pub path: Vec<u8>,
    /// What the agent has heard already: the opening of the very run that this is.
    pub opening: Option<Opening>,
}

/// Goes to an agent, once. Nothing if there is no way: whoever gave it knows why.
pub type Way<'a> = &'a mut dyn FnMut() -> Option<Line>;

pub(crate) fn go(way: Way<'_>) -> Result<Line, Error> {
    way().ok_or(Error::Unreached)
}
