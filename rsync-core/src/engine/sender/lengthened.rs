//! A file that may have grown: what the receiver has is compared in place, and what is new is sent.

use std::convert::Infallible;
use std::io::Read as _;

use super::content::Content;
use super::requests::{ArrivedRanges, Signature};
use crate::delta::{Matcher, RangeSums, Shape};
use crate::engine::connection::ConnectionError;
use crate::path::FileName;
use crate::root::{Dir, SourceFile};
use crate::wire::message::{FileId, FromSender};

impl Content<'_> {
    /// Sends what stands in a file behind the basis of which `signature` has the sums of ranges, or
    /// tells that it does not begin with that.
    pub(super) fn lengthened(
        &self,
        file: FileId,
        dir: &Dir,
        name: &FileName,
        signature: &Signature,
        matcher: &mut Matcher,
    ) -> Result<(), ConnectionError> {
        let (stamp, source) = match Self::open(dir, name) {
            Ok(opened) => opened,
            Err(failure) => return self.failed(file, failure),
        };
        let seen = stamp.seen();
        let shape = signature.shape();
        let mut sums = ArrivedRanges::of(signature);
        let not_lengthened = FromSender::NotLengthened { file };
        if seen.size <= shape.basis_len() || !self.ends_alike(&source, shape, &mut sums) {
            return self.outbox.send(&not_lengthened);
        }
        self.outbox.send(&FromSender::Begin { file, seen })?;
        let matched = matcher.lengthened(
            source.reader().take(seen.size),
            shape,
            self.key,
            || Ok::<_, Infallible>(sums.next()),
            self.sends(file),
        );
        let Some(matched) = matched.transpose() else {
            return self.outbox.send(&not_lengthened);
        };
        let sent = self.made(matched, seen)?;
        self.end(file, &source, stamp, sent)
    }

    /// True if where the basis ends the same stands in both. What can not be read is not the same:
    /// the receiver asks again, and is told then.
    fn ends_alike(&self, source: &SourceFile, shape: Shape, sums: &mut ArrivedRanges<'_>) -> bool {
        let here = RangeSums::of_last(
            source.reader_from(shape.last_range_start()),
            shape,
            self.key,
        );
        here.is_ok_and(|here| here.is_some() && here == sums.next())
    }
}
