//! What can go wrong before the first client comes.

use std::io;
use std::path::PathBuf;

/// Why a server or a container could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No port on the loopback interface, or no threads for the server.
    #[error("cannot start the server: {0}")]
    Listen(#[source] io::Error),
    /// A container's root directory could not be filled.
    #[error("cannot make the root directory {path}: {error}", path = path.display())]
    Root {
        /// What could not be made.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {error}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A container could not be started.
    #[error("cannot start the container {name}: {why}")]
    Container {
        /// Its name.
        name: String,
        /// What the system or its programs say.
        why: String,
    },
    /// There is no such pod or container.
    #[error("there is no container {0}")]
    NoSuchContainer(String),
}
