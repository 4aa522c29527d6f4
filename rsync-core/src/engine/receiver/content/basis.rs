//! The old version that a file under way copies from.
//!
//! What is copied has to go into the digest of the new version. Where that is taken by blocks, those
//! that were hashed when the old version was signed are not read again, as long as it is still what it
//! was then: its stamp is compared before anything that was hashed so comes to count.

use std::sync::Arc;

use super::digest::ContentHasher;
use super::writing::Fault;
use crate::checksum::Hasher;
use crate::delta::DeltaHasher;
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

    /// Adds a copy of `len` bytes from `offset` on to a digest.
    pub(super) fn hash(
        &mut self,
        hasher: &mut ContentHasher,
        offset: u64,
        len: u64,
    ) -> Result<(), Fault> {
        match hasher {
            ContentHasher::Plain(hasher) => self.hash_bytes(hasher, offset, len),
            ContentHasher::OfDelta(hasher) => self.hash_blocks(hasher, offset, len),
        }
    }

    fn hash_bytes(&mut self, hasher: &mut Hasher, offset: u64, len: u64) -> Result<(), Fault> {
        let mut done = 0;
        while done < len {
            let piece = self.read(offset + done, (len - done).min(BUFFER_LEN))?;
            hasher.update(piece);
            done += piece.len() as u64;
        }
        Ok(())
    }

    fn hash_blocks(
        &mut self,
        hasher: &mut DeltaHasher,
        offset: u64,
        len: u64,
    ) -> Result<(), Fault> {
        let shape = hasher.shape();
        let blocks = shape.blocks_of(offset, len).ok_or(Fault::Peer)?;
        let known = match &self.signed {
            Some(signed) => signed.add_to(hasher, blocks.clone()),
            None => 0,
        };
        self.relies |= known > 0;
        let at_a_time = (BUFFER_LEN / u64::from(shape.block_len())).max(1);
        let mut next = blocks.start + known;
        while next < blocks.end {
            let last = blocks.end.min(next + at_a_time) - 1;
            let (start, end) = (shape.range(next).start, shape.range(last).end);
            let content = self.read(start, end - start)?;
            let blocks = content.chunks(shape.block_len() as usize);
            blocks.for_each(|block| hasher.block_of(block));
            next = last + 1;
        }
        hasher.copied(offset, len);
        Ok(())
    }

    /// What it holds there; `len` is at most [`BUFFER_LEN`] or a block's.
    fn read(&mut self, offset: u64, len: u64) -> Result<&[u8], Fault> {
        let len = len as usize;
        if self.buffer.len() < len {
            self.buffer.resize(len, 0);
        }
        let room = &mut self.buffer[..len];
        if self.file.read_at(room, offset)? < len {
            return Err(Fault::Peer);
        }
        Ok(room)
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
