//! Zstandard: one stream for each direction, flushed after every frame of messages.
//!
//! Parameters belong to a frame in Zstandard's sense ([RFC 8878](https://www.rfc-editor.org/rfc/rfc8878),
//! 3.1), so the stream is a row of those: one ends, without history for the next, where the effort
//! changes. A decoder passes from one to the next by itself.

use std::fmt;

use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, Operation};
use zstd::zstd_safe::{InBuffer, OutBuffer, ParamSwitch};

use super::{CompressError, Effort};

/// Largest window, as a power of two: what a peer can make a decoder keep (8 MiB).
const MAX_WINDOW_LOG: u32 = 23;
/// Levels above need larger windows.
const MAX_LEVEL: i32 = 19;
const MIN_LEVEL: i32 = -7;
/// Level of probes: only the difference between shrinking and not shrinking counts.
const PROBE_LEVEL: i32 = 1;

/// What an effort means: level, searches as a power of two (0: as the level has it), and length of
/// the shortest match (likewise).
///
/// More searches than level 5 has gain more, for less, than the lazy matching of the levels after it.
fn parameters(effort: Effort) -> [CParameter; 3] {
    let (level, searches, match_len) = match effort {
        Effort::Level(level) => (level.clamp(MIN_LEVEL, MAX_LEVEL), 0, 0),
        Effort::Swift => (1, 0, 0),
        Effort::Light => (3, 0, 0),
        Effort::Thorough => (5, 4, 6),
        Effort::Deep => (6, 4, 6),
    };
    [
        CParameter::CompressionLevel(level),
        CParameter::SearchLog(searches),
        CParameter::MinMatch(match_len),
    ]
}

/// Packs frames into one stream.
pub(super) struct Packer {
    encoder: Encoder<'static>,
    effort: Effort,
    next_effort: Effort,
    /// True if something was packed with the present effort.
    is_begun: bool,
    probe: zstd::bulk::Compressor<'static>,
    scratch: Vec<u8>,
}

impl Packer {
    pub(super) fn new(effort: Effort) -> Result<Self, CompressError> {
        let failed = |error: std::io::Error| CompressError::Codec(error.to_string());
        let mut encoder = Encoder::new(0).map_err(failed)?;
        let lasting = [
            CParameter::ContentSizeFlag(false),
            // The slim build of the agent has no code for rows.
            CParameter::UseRowMatchFinder(ParamSwitch::Disable),
        ];
        for parameter in lasting.into_iter().chain(parameters(effort)) {
            encoder.set_parameter(parameter).map_err(failed)?;
        }
        Ok(Self {
            encoder,
            effort,
            next_effort: effort,
            is_begun: false,
            probe: zstd::bulk::Compressor::new(PROBE_LEVEL).map_err(failed)?,
            scratch: Vec::new(),
        })
    }

    pub(super) fn set_effort(&mut self, effort: Effort) {
        self.next_effort = effort;
    }

    /// Always packs: what the encoder has seen is part of its history and has to be sent.
    pub(super) fn pack(&mut self, batch: &[u8], out: &mut Vec<u8>) -> Result<bool, CompressError> {
        let failed = |error: std::io::Error| CompressError::Codec(error.to_string());
        out.reserve(super::worst_case_len(batch.len()));
        if self.next_effort != self.effort {
            self.begin_anew(out).map_err(failed)?;
        }
        let mut input = InBuffer::around(batch);
        while input.pos() < batch.len() {
            self.step(out, |encoder, room| encoder.run(&mut input, room))
                .map_err(failed)?;
        }
        while self
            .step(out, |encoder, room| encoder.flush(room))
            .map_err(failed)?
            > 0
        {}
        self.is_begun = true;
        Ok(true)
    }

    /// Ends what was begun with another effort.
    fn begin_anew(&mut self, out: &mut Vec<u8>) -> std::io::Result<()> {
        if std::mem::take(&mut self.is_begun) {
            while self.step(out, |encoder, room| encoder.finish(room, true))? > 0 {}
        }
        self.effort = self.next_effort;
        for parameter in parameters(self.effort) {
            self.encoder.set_parameter(parameter)?;
        }
        Ok(())
    }

    pub(super) fn probe(&mut self, sample: &[u8]) -> Option<usize> {
        let most = zstd::zstd_safe::compress_bound(sample.len());
        if self.scratch.len() < most {
            self.scratch.resize(most, 0);
        }
        self.probe
            .compress_to_buffer(sample, &mut self.scratch[..])
            .ok()
    }

    /// Runs one operation with room for its output at the end of `out`.
    fn step(
        &mut self,
        out: &mut Vec<u8>,
        operation: impl FnOnce(
            &mut Encoder<'static>,
            &mut OutBuffer<'_, Vec<u8>>,
        ) -> std::io::Result<usize>,
    ) -> std::io::Result<usize> {
        const ROOM: usize = 32 << 10;
        out.reserve(ROOM);
        let start = out.len();
        operation(&mut self.encoder, &mut OutBuffer::around_pos(out, start))
    }
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("zstd::Packer")
    }
}

/// Unpacks the frames of one stream.
pub(super) struct Unpacker {
    decoder: Decoder<'static>,
}

impl Unpacker {
    pub(super) fn new() -> Result<Self, CompressError> {
        let failed = |error: std::io::Error| CompressError::Codec(error.to_string());
        let mut decoder = Decoder::new().map_err(failed)?;
        decoder
            .set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))
            .map_err(failed)?;
        Ok(Self { decoder })
    }

    /// Replaces `out` by the next `len` bytes of the stream, for which `packed` is exactly enough.
    pub(super) fn unpack(
        &mut self,
        packed: &[u8],
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        let malformed = |error: std::io::Error| CompressError::Malformed(error.to_string());
        // One byte more than announced: content that is too long shows.
        out.clear();
        out.resize(len + 1, 0);
        let mut input = InBuffer::around(packed);
        let mut written = 0;
        loop {
            let before = (input.pos(), written);
            let mut room = OutBuffer::around_pos(&mut out[..], written);
            self.decoder.run(&mut input, &mut room).map_err(malformed)?;
            written = room.pos();
            if written > len {
                return Err(CompressError::WrongLength);
            }
            if (input.pos(), written) == before {
                break;
            }
        }
        if input.pos() < packed.len() || written < len {
            return Err(CompressError::WrongLength);
        }
        out.truncate(len);
        Ok(())
    }
}

impl fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("zstd::Unpacker")
    }
}
