//! The old version that a file under way copies from.
//!
//! What is copied has to go into the digest of the new version. Where blocks were hashed when the old
//! version was signed they are not read again, as long as it is still what it was then: its stamp is
//! compared before anything that was hashed so comes to count.

use std::sync::Arc;

use super::writing::Fault;
use crate::checksum::ContentHasher;
use crate::engine::receiver::signing::Signed;
use crate::path::FileName;
use crate::root::{Dir, Error, SourceFile};

/// Bytes that are hashed at a time.
const BUFFER_LEN: u64 = 256 << 10;

/// An old version, open.
pub(super) struct Basis {
    pub(super) file: SourceFile,
    /// Nothing if it was not signed, or was changed since.
    signed: Option<Arc<Signed>>,
    /// Hashes are used that were taken when it was signed.
    relies: bool,
    /// Room for what is read of it.
    buffer: Vec<u8>,
}

impl Basis {
    /// Opens `name` in `dir`, of which so much is known.
    pub(super) fn open(
        dir: &Dir,
        name: &FileName,
        signed: Option<Arc<Signed>>,
    ) -> Result<Self, Error> {
        let file = dir.open_file(name)?;
        let is_as_signed = |signed: &Arc<Signed>| signed.stamp() == Some(file.opened());
        Ok(Self {
            signed: signed.filter(is_as_signed),
            file,
            relies: false,
            buffer: Vec::new(),
        })
    }

    /// Length in bytes when it was opened.
    pub(super) fn len(&self) -> u64 {
        self.file.opened().size
    }

    /// Adds `len` bytes from `offset` on to a digest.
    pub(super) fn hash(
        &mut self,
        hasher: &mut ContentHasher,
        offset: u64,
        len: u64,
    ) -> Result<(), Fault> {
        let mut done = 0;
        if let Some(signed) = self.signed.clone()
            && let Some(to_block) = hasher.bytes_to_block()
        {
            let head = len.min(to_block);
            self.read(hasher, offset, head)?;
            done = head + signed.add_to(hasher, offset + head, len - head);
            self.relies |= done > head;
        }
        self.read(hasher, offset + done, len - done)
    }

    fn read(&mut self, hasher: &mut ContentHasher, offset: u64, len: u64) -> Result<(), Fault> {
        let room = len.min(BUFFER_LEN) as usize;
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let mut done = 0;
        while done < len {
            let want = (len - done).min(self.buffer.len() as u64) as usize;
            let read = self.file.read_at(&mut self.buffer[..want], offset + done)?;
            if read == 0 {
                return Err(Fault::Peer);
            }
            hasher.update(&self.buffer[..read]);
            done += read as u64;
        }
        Ok(())
    }

    /// Makes sure that what was hashed when it was signed is what it holds. To be called before what
    /// it holds is changed by this end, which shows in its stamp too: from then on it is read.
    ///
    /// # Errors
    /// It was changed since.
    pub(super) fn confirm(&mut self) -> Result<(), Fault> {
        let Some(signed) = self.signed.take() else {
            return Ok(());
        };
        if self.relies && signed.stamp() != Some(&self.file.stamp()?) {
            return Err(Fault::Peer);
        }
        Ok(())
    }
}
