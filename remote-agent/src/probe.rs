//! Who an agent is: the digest of its executable, by which it is found again.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use rsync_core::checksum::{Digest, Hasher};

use crate::Error;

/// The digest of an agent's executable, and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// BLAKE3 of the executable.
    pub digest: Digest,
}

impl Identity {
    /// Reads the executable that this process runs, called as `program`.
    ///
    /// # Errors
    /// If it can not be read.
    pub fn of(program: &OsStr) -> Result<Self, Error> {
        let read = Error::system("read my own executable");
        // An image without /proc still has the file under the name it was started by.
        let executable = File::open("/proc/self/exe");
        let mut file = match executable.or_else(|_| File::open(Path::new(program))) {
            Ok(file) => file,
            Err(error) => return Err(read(error)),
        };
        let mut hasher = Hasher::new();
        let mut piece = vec![0; 64 << 10];
        loop {
            match file.read(&mut piece) {
                Ok(0) => {
                    return Ok(Self {
                        digest: hasher.digest(),
                    });
                }
                Ok(len) => hasher.update(&piece[..len]),
                Err(error) => return Err(read(error)),
            }
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.digest, env!("CARGO_PKG_VERSION"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_file_that_runs() {
        let content = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(
            Identity::of(OsStr::new("unused")).unwrap().digest,
            Digest::of(&content)
        );
    }
}
