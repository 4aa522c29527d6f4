//! Header blocks of SPDY/3 (draft 3.1, section 2.6.10): pairs of names and values, packed by zlib
//! with a dictionary, one stream of blocks in each direction.

use std::collections::BTreeMap;
use std::io;

use bytes::{Buf, BufMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// A block longer than this, unpacked, is refused.
const MAX_BLOCK_LEN: usize = 64 * 1024;

/// The words that the dictionary begins with, each after its length.
const WORDS: &str = "options head post put delete trace accept accept-charset accept-encoding \
    accept-language accept-ranges age allow authorization cache-control connection content-base \
    content-encoding content-language content-length content-location content-md5 content-range \
    content-type date etag expect expires from host if-match if-modified-since if-none-match \
    if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate \
    proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade \
    user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url \
    public set-cookie keep-alive origin";
/// What it ends with, as it is.
const TAIL: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417\
    502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request\
    401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented\
    503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, \
    Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,\
    application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch\
    charset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

fn dictionary() -> Vec<u8> {
    let mut dictionary = Vec::new();
    for word in WORDS.split(' ') {
        dictionary.put_u32(word.len() as u32);
        dictionary.extend(word.replace('_', " ").bytes());
    }
    dictionary.extend(TAIL.bytes());
    dictionary
}

/// Unpacks a client's blocks.
pub(super) struct Unpacker(Decompress);

impl Unpacker {
    pub(super) fn new() -> Self {
        Self(Decompress::new(true))
    }

    /// The pairs of the next block.
    pub(super) fn unpack(&mut self, packed: &[u8]) -> io::Result<BTreeMap<String, String>> {
        let mut block = Vec::with_capacity(MAX_BLOCK_LEN);
        let start = self.0.total_in();
        let mut has_dictionary = false;
        loop {
            let used = usize::try_from(self.0.total_in() - start).unwrap_or(packed.len());
            let rest = packed.get(used..).unwrap_or_default();
            match self
                .0
                .decompress_vec(rest, &mut block, FlushDecompress::Sync)
            {
                Err(error) if error.needs_dictionary().is_some() && !has_dictionary => {
                    has_dictionary = true;
                    self.0.set_dictionary(&dictionary())?;
                }
                Err(error) => return Err(error.into()),
                Ok(_) => break,
            }
        }
        pairs(&block).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

fn pairs(mut block: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut pairs = BTreeMap::new();
    for _ in 0..block.try_get_u32().ok()? {
        let mut text = || {
            let len = usize::try_from(block.try_get_u32().ok()?).ok()?;
            let (text, rest) = block.split_at_checked(len)?;
            block = rest;
            String::from_utf8(text.to_vec()).ok()
        };
        pairs.insert(text()?, text()?);
    }
    Some(pairs)
}

/// Packs this end's blocks, which are all empty.
pub(super) struct Packer(Compress);

impl Packer {
    pub(super) fn new() -> io::Result<Self> {
        let mut packer = Compress::new(Compression::fast(), true);
        packer.set_dictionary(&dictionary())?;
        Ok(Self(packer))
    }

    /// The next block, without any pairs.
    pub(super) fn pack_nothing(&mut self) -> io::Result<Vec<u8>> {
        let mut packed = Vec::with_capacity(64);
        self.0
            .compress_vec(&0_u32.to_be_bytes(), &mut packed, FlushCompress::Sync)?;
        Ok(packed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_is_the_one_of_the_specification() {
        let id = Compress::new(Compression::fast(), true)
            .set_dictionary(&dictionary())
            .unwrap();
        assert_eq!((dictionary().len(), id), (1423, 0xe3c6_a7c2));
    }

    #[test]
    fn what_is_packed_is_unpacked_block_by_block() {
        let (mut packer, mut unpacker) = (Packer::new().unwrap(), Unpacker::new());
        for _ in 0..3 {
            let packed = packer.pack_nothing().unwrap();
            assert_eq!(unpacker.unpack(&packed).unwrap(), BTreeMap::new());
        }
    }

    #[test]
    fn a_block_that_ends_early_is_refused() {
        assert_eq!(pairs(&[0, 0, 0, 1, 0, 0, 0, 9, b'a']), None);
        assert_eq!(pairs(&[0, 0]), None);
        let block = [&[0, 0, 0, 1, 0, 0, 0, 1, b'a', 0, 0, 0, 2][..], b"bc"].concat();
        assert_eq!(pairs(&block).unwrap()["a"], "bc");
    }
}
