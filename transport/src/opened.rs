//! A remote command that runs: its streams, and what carries them.

use std::io::{Read, Write};

use crate::carrier::Carrier;

/// A remote command that runs.
pub(crate) struct Opened {
    pub(crate) carrier: Carrier,
    /// Its standard output.
    pub(crate) reader: Box<dyn Read + Send>,
    /// Its standard input.
    pub(crate) writer: Box<dyn Write + Send>,
}
