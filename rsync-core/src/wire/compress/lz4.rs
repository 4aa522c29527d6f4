//! LZ4: every frame stands alone.

use super::CompressError;

/// Packs single frames.
#[derive(Debug)]
pub(super) struct Packer {
    scratch: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> Self {
        Self {
            scratch: Vec::new(),
        }
    }

    pub(super) fn pack(&mut self, batch: &[u8], out: &mut Vec<u8>) -> Result<bool, CompressError> {
        let len = self.compress(batch)?;
        let shrinks = len < batch.len();
        if shrinks {
            out.extend_from_slice(&self.scratch[..len]);
        }
        Ok(shrinks)
    }

    pub(super) fn probe(&mut self, sample: &[u8]) -> Option<usize> {
        self.compress(sample).ok()
    }

    fn compress(&mut self, input: &[u8]) -> Result<usize, CompressError> {
        let most = lz4_flex::block::get_maximum_output_size(input.len());
        if self.scratch.len() < most {
            self.scratch.resize(most, 0);
        }
        lz4_flex::block::compress_into(input, &mut self.scratch)
            .map_err(|error| CompressError::Codec(error.to_string()))
    }
}

/// Replaces `out` by what `packed` holds, which must be exactly `len` bytes.
pub(super) fn unpack(packed: &[u8], len: usize, out: &mut Vec<u8>) -> Result<(), CompressError> {
    out.resize(len, 0);
    match lz4_flex::block::decompress_into(packed, out) {
        Ok(written) if written == len => Ok(()),
        Ok(_) => Err(CompressError::WrongLength),
        Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) => {
            Err(CompressError::WrongLength)
        }
        Err(error) => Err(CompressError::Malformed(error.to_string())),
    }
}
