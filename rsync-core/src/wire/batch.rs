//! Batches: messages in postcard's format, back to back, without lengths between them.
//!
//! A message is encoded straight into the frame that will carry it and decoded straight from it;
//! bulk bytes are copied once on each side. An encoder never writes more than it is given room
//! for, a decoder never reads past its slice, and postcard bounds what it allocates by what is
//! left of the slice.

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a message can not be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Larger than a frame may be.
    #[error("a message is larger than a frame")]
    TooLarge,
    /// Not a message.
    #[error("malformed message: {0}")]
    Malformed(postcard::Error),
}

/// Appends `message` to `out`; if it takes more than `room` bytes, leaves `out` as it was.
pub fn append<M: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    message: &M,
    room: usize,
) -> Result<(), BatchError> {
    let start = out.len();
    let end = start.saturating_add(room);
    let result = postcard::serialize_with_flavor(message, Bounded { out, end });
    result.map_err(|error| {
        out.truncate(start);
        match error {
            postcard::Error::SerializeBufferFull => BatchError::TooLarge,
            other => BatchError::Malformed(other),
        }
    })
}

/// Takes one message off the front of `bytes`; returns it and the rest.
pub fn take<M: DeserializeOwned>(bytes: &[u8]) -> Result<(M, &[u8]), BatchError> {
    match postcard::take_from_bytes(bytes) {
        // A message without bytes would never end a batch.
        Ok((_, rest)) if rest.len() == bytes.len() => Err(BatchError::Malformed(
            postcard::Error::DeserializeUnexpectedEnd,
        )),
        Ok(taken) => Ok(taken),
        Err(error) => Err(BatchError::Malformed(error)),
    }
}

struct Bounded<'a> {
    out: &'a mut Vec<u8>,
    end: usize,
}

impl Flavor for Bounded<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if data.len() > self.end - self.out.len() {
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.out.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::{DataOp, DirId, FileId, FromSender};

    fn literal(len: usize) -> FromSender {
        FromSender::Data {
            file: FileId {
                dir: DirId(1),
                index: 2,
            },
            op: DataOp::Literal(vec![9; len]),
        }
    }

    #[test]
    fn messages_come_out_in_the_order_they_went_in() {
        let messages = [
            literal(3),
            FromSender::Expand(vec![1, u64::MAX]),
            literal(70_000),
        ];
        let mut bytes = Vec::new();
        for message in &messages {
            append(&mut bytes, message, 1 << 20).unwrap();
        }
        let mut rest = &bytes[..];
        for message in &messages {
            let (taken, after) = take::<FromSender>(rest).unwrap();
            assert_eq!(&taken, message);
            rest = after;
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn a_message_that_does_not_fit_leaves_the_batch_as_it_was() {
        let mut bytes = b"before".to_vec();
        assert_eq!(
            append(&mut bytes, &literal(100), 100),
            Err(BatchError::TooLarge)
        );
        assert_eq!(bytes, b"before");
    }

    #[test]
    fn a_message_cut_short_anywhere_is_refused() {
        let mut bytes = Vec::new();
        append(&mut bytes, &literal(20), 1 << 20).unwrap();
        for len in 0..bytes.len() {
            assert!(take::<FromSender>(&bytes[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn an_announced_length_allocates_nothing_that_is_not_there() {
        // `Expand` with a count of 2^32-1 and no element.
        let bytes = [2, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
        assert!(matches!(
            take::<FromSender>(&bytes),
            Err(BatchError::Malformed(_))
        ));
    }
}
