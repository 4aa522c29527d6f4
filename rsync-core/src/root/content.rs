//! Writing the content of a staged file: bytes, zeros, holes, and copies from another file.

use std::io;

use rustix::fs::ftruncate;
use rustix::io::{Errno, pwrite};

use super::error::{Context, Error};
use super::source::{SourceFile, read_full};
use super::stage::StagedFile;
use super::system;
use crate::zeros::{PAGE_LEN, is_zero};

/// Bytes moved by one read and write where the kernel does not copy.
const COPY_BUFFER_LEN: usize = 256 * 1024;
/// Zeros become a hole where they fill a block of this size.
const HOLE_LEN: usize = PAGE_LEN;

impl StagedFile {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Cuts it, or lengthens it by a hole.
    pub fn set_len(&mut self, len: u64) -> Result<(), Error> {
        if len != self.len {
            ftruncate(&self.fd, len).context("resize", || self.path())?;
            self.len = len;
        }
        Ok(())
    }

    /// Writes all of `data` at `offset`.
    pub fn write_at(&mut self, data: &[u8], offset: u64) -> Result<(), Error> {
        self.write_full(data, offset)
            .context("write", || self.path())
    }

    /// Writes all of `data` at `offset`; with `sparse`, blocks of zeros become holes.
    pub fn write_content_at(
        &mut self,
        data: &[u8],
        offset: u64,
        sparse: bool,
    ) -> Result<(), Error> {
        if !sparse {
            return self.write_at(data, offset);
        }
        let mut start = 0;
        while start < data.len() {
            let (len, is_zero) = next_run(&data[start..], offset + start as u64);
            let at = offset + start as u64;
            if is_zero {
                self.zeros_at(at, len as u64)?;
            } else {
                self.write_at(&data[start..start + len], at)?;
            }
            start += len;
        }
        Ok(())
    }

    /// Makes `len` bytes at `offset` zeros, as a hole where the file system can.
    pub fn zeros_at(&mut self, offset: u64, len: u64) -> Result<(), Error> {
        let end = end_of(offset, len).context("write", || self.path())?;
        let over_data = end.min(self.len).saturating_sub(offset);
        if over_data > 0
            && !system::punch_hole(self.fd(), offset, over_data).context("write", || self.path())?
        {
            self.write_zeros(offset, offset + over_data)?;
        }
        if end > self.len {
            self.set_len(end)
        } else {
            Ok(())
        }
    }

    /// Copies `len` bytes of `source` from `offset` on to the place `to`: holes as holes, the
    /// rest inside the kernel where it can, sharing the blocks where the file system can. A
    /// source that ends early is an error.
    pub fn copy_from(
        &mut self,
        source: &SourceFile,
        offset: u64,
        to: u64,
        len: u64,
    ) -> Result<(), Error> {
        let end = end_of(offset, len)
            .and_then(|end| end_of(to, len).map(|_| end))
            .context("copy", || self.path())?;
        if end > source.stamp()?.size {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof))
                .context("read", || source.path().clone());
        }
        let mut from = offset;
        while from < end {
            let (data, data_end) = source.next_data(from, end);
            if data > from {
                self.zeros_at(to + (from - offset), data - from)?;
            }
            self.copy_data(source, data, to + (data - offset), data_end)?;
            from = data_end;
        }
        Ok(())
    }

    /// Gives an empty file all content of `source` without copying it. An error where the file system
    /// can not share blocks, or not with that file.
    #[cfg(feature = "keep")]
    pub(crate) fn share_blocks_of(&mut self, source: &SourceFile) -> Result<(), Error> {
        system::share_blocks(source.fd(), self.fd()).context("copy", || self.path())?;
        self.len = self.stamp()?.size;
        Ok(())
    }

    /// Copies what `source` has in `offset..end` to the place `to`.
    fn copy_data(
        &mut self,
        source: &SourceFile,
        offset: u64,
        to: u64,
        end: u64,
    ) -> Result<(), Error> {
        let mut from = offset;
        while from < end && self.kernel_copies {
            let to = to + (from - offset);
            let len = (end - from).min(self.write_behind_step());
            match system::copy_range(source.fd(), from, self.fd(), to, len) {
                Some(result) => {
                    let copied = result.context("copy", || self.path())?;
                    from += copied;
                    self.len = self.len.max(to + copied);
                    self.note_written(to + copied);
                }
                None => self.kernel_copies = false,
            }
        }
        let mut buffer = Vec::new();
        while from < end {
            buffer.resize(
                COPY_BUFFER_LEN.min(usize::try_from(end - from).unwrap_or(COPY_BUFFER_LEN)),
                0,
            );
            let read = source.read_at(&mut buffer, from)?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof))
                    .context("read", || source.path().clone());
            }
            self.write_full(&buffer[..read], to + (from - offset))
                .context("copy", || self.path())?;
            from += read as u64;
        }
        Ok(())
    }

    /// Reads from `offset` until `buffer` is full or the file ends; returns how many bytes.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        read_full(self.fd(), buffer, offset).context("read", || self.path())
    }

    fn write_zeros(&mut self, mut offset: u64, end: u64) -> Result<(), Error> {
        let at_a_time = end.saturating_sub(offset).min(COPY_BUFFER_LEN as u64);
        let zeros = vec![0; at_a_time as usize];
        while offset < end {
            let len = at_a_time.min(end - offset);
            self.write_at(&zeros[..len as usize], offset)?;
            offset += len;
        }
        Ok(())
    }

    fn write_full(&mut self, mut data: &[u8], mut offset: u64) -> io::Result<()> {
        end_of(offset, data.len() as u64)?;
        while !data.is_empty() {
            match pwrite(&self.fd, data, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    data = &data[written..];
                    offset += written as u64;
                    self.len = self.len.max(offset);
                    self.note_written(offset);
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }
}

/// Sequential: from the first byte on, whatever was written at an offset.
impl io::Write for StagedFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = pwrite(&self.fd, data, self.position)?;
        self.position += written as u64;
        self.len = self.len.max(self.position);
        Ok(written)
    }

    /// Nothing is held back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where `len` bytes at `offset` end; no file is longer than `i64::MAX`.
fn end_of(offset: u64, len: u64) -> rustix::io::Result<u64> {
    offset
        .checked_add(len)
        .filter(|&end| i64::try_from(end).is_ok())
        .ok_or(Errno::FBIG)
}

/// Length of the first run of `data`, which goes to `offset`, and whether it is whole blocks of
/// zeros.
fn next_run(data: &[u8], offset: u64) -> (usize, bool) {
    let (mut end, is_hole) = next_block(data, offset);
    while end < data.len() {
        let (len, also_hole) = next_block(&data[end..], offset + end as u64);
        if also_hole != is_hole {
            break;
        }
        end += len;
    }
    (end, is_hole)
}

/// Length of what `data` has of the block at `offset`, and whether it is all of it and zeros.
fn next_block(data: &[u8], offset: u64) -> (usize, bool) {
    let rest_of_block = HOLE_LEN - (offset % HOLE_LEN as u64) as usize;
    let len = rest_of_block.min(data.len());
    (len, len == HOLE_LEN && is_zero(&data[..len]))
}
