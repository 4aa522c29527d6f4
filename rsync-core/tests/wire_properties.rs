//! Properties of the wire formats, for any message and any bytes.

#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rsync_core::checksum::Digest;
use rsync_core::entry::{Entry, Kind, LinkTarget, Owner, Timestamp};
use rsync_core::path::{FileName, RelPath};
use rsync_core::wire::batch;
use rsync_core::wire::compress::{
    Codec, Effort, MAX_PACKED_INPUT_LEN, Packer, Unpacker, worst_case_len,
};
use rsync_core::wire::frame::{HEADER_LEN, Header};
use rsync_core::wire::hello::{Features, Hello};
use rsync_core::wire::limits::{INITIAL_CREDIT, MAX_CREDIT, MAX_FRAME_LEN};
use rsync_core::wire::message::*;
use rsync_core::wire::preamble::{MAGIC, Scanner};

fn name() -> impl Strategy<Value = FileName> {
    vec(any::<u8>(), 1..20).prop_filter_map("not a name", |bytes| FileName::new(&bytes).ok())
}

fn path() -> impl Strategy<Value = RelPath> {
    vec(name(), 0..4).prop_map(|names| {
        names
            .iter()
            .fold(RelPath::root(), |path, name| path.join(name))
    })
}

fn file() -> impl Strategy<Value = FileId> {
    (any::<u32>(), any::<u32>()).prop_map(|(dir, index)| FileId {
        dir: DirId(dir),
        index,
    })
}

fn time() -> impl Strategy<Value = Timestamp> {
    (any::<i64>(), any::<u32>()).prop_map(|(secs, nanos)| Timestamp::new(secs, nanos))
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from)
}

fn entry() -> impl Strategy<Value = Entry> {
    let target = vec(1u8.., 1..30).prop_filter_map("not a target", |bytes| LinkTarget::new(&bytes));
    let kind = prop_oneof![
        any::<u64>().prop_map(|size| Kind::File { size }),
        Just(Kind::Dir),
        target.prop_map(|target| Kind::Symlink { target }),
    ];
    let owner = option::of((any::<u32>(), any::<u32>()).prop_map(|(uid, gid)| Owner { uid, gid }));
    (
        name(),
        kind,
        0..0o10000u32,
        time(),
        owner,
        option::of(digest()),
    )
        .prop_map(|(name, kind, mode, mtime, owner, digest)| Entry {
            name,
            kind,
            mode,
            mtime,
            owner,
            link: None,
            xattrs: Vec::new(),
            digest: digest.map(Box::new),
        })
}

fn failure() -> impl Strategy<Value = FileFailure> {
    prop_oneof![
        Just(FileFailure::Vanished),
        Just(FileFailure::NotAFile),
        Just(FileFailure::KeptChanging),
        Just(FileFailure::Refused),
        ("[a-z]{1,8}", any::<i32>())
            .prop_map(|(operation, code)| FileFailure::System(SystemError { operation, code })),
    ]
}

fn from_sender() -> impl Strategy<Value = FromSender> {
    let seen = || {
        (any::<u64>(), time(), any::<u32>()).prop_map(|(size, mtime, mode)| Seen {
            size,
            mtime,
            mode,
        })
    };
    let op = prop_oneof![
        vec(any::<u8>(), 0..2000).prop_map(DataOp::Literal),
        (any::<u64>(), any::<u64>()).prop_map(|(offset, len)| DataOp::Copy { offset, len }),
        any::<u64>().prop_map(DataOp::Zeros),
    ];
    let listing = (
        any::<u32>(),
        path(),
        vec(entry(), 0..20),
        any::<[bool; 3]>(),
    )
        .prop_map(|(dir, path, entries, [more, complete, content_follows])| {
            FromSender::Listing(Listing {
                dir: DirId(dir),
                path,
                entries,
                more,
                complete,
                content_follows,
            })
        });
    prop_oneof![
        listing,
        vec(any::<u64>(), 0..50).prop_map(FromSender::Expand),
        (file(), seen(), digest(), vec(any::<u8>(), 0..2000)).prop_map(
            |(file, seen, digest, content)| {
                FromSender::File {
                    file,
                    seen,
                    digest,
                    content,
                }
            }
        ),
        (
            any::<u32>(),
            vec((any::<u32>(), seen()), 0..20),
            digest(),
            vec(any::<u8>(), 0..2000)
        )
            .prop_map(|(dir, files, digest, content)| {
                let bundled = |(index, seen)| Bundled { index, seen };
                FromSender::Bundle(Bundle {
                    dir: DirId(dir),
                    files: files.into_iter().map(bundled).collect(),
                    digest,
                    content,
                })
            }),
        (file(), seen()).prop_map(|(file, seen)| FromSender::Begin { file, seen }),
        (file(), op).prop_map(|(file, op)| FromSender::Data { file, op }),
        (file(), digest()).prop_map(|(file, digest)| FromSender::End {
            file,
            result: Ok(digest)
        }),
        (file(), failure()).prop_map(|(file, failure)| FromSender::Failed { file, failure }),
        file().prop_map(|file| FromSender::NotLengthened { file }),
    ]
}

fn from_receiver() -> impl Strategy<Value = FromReceiver> {
    let how = prop_oneof![
        Just(How::Whole),
        Just(How::Digest),
        any::<u64>().prop_map(How::From),
        (any::<u64>(), any::<u32>())
            .prop_map(|(len, block_len)| How::Delta(Basis { len, block_len })),
        (any::<u64>(), any::<u32>())
            .prop_map(|(len, block_len)| How::ShortDelta(Basis { len, block_len })),
        (any::<u64>(), any::<u32>())
            .prop_map(|(len, block_len)| How::Lengthened(Basis { len, block_len })),
    ];
    prop_oneof![
        vec(any::<u64>(), 0..50)
            .prop_map(|digests| FromReceiver::Holdings(Holdings::Digests(digests))),
        (file(), name(), how).prop_map(|(file, name, how)| FromReceiver::Want { file, name, how }),
        (file(), vec(any::<u8>(), 0..2000))
            .prop_map(|(file, sums)| FromReceiver::Signature { file, sums }),
        file().prop_map(|file| FromReceiver::NoBasis { file }),
    ]
}

fn efforts() -> impl Strategy<Value = Effort> {
    prop_oneof![
        Just(Effort::Light),
        Just(Effort::Thorough),
        Just(Effort::Deep),
        (-10i32..25).prop_map(Effort::Level),
    ]
}

proptest! {
    #[test]
    fn any_batch_of_a_sender_comes_back_as_it_was(messages in vec(from_sender(), 0..10)) {
        let mut bytes = Vec::new();
        for message in &messages {
            batch::append(&mut bytes, message, 1 << 20).unwrap();
        }
        let mut rest = &bytes[..];
        for message in &messages {
            let (taken, after) = batch::take::<FromSender>(rest).unwrap();
            prop_assert_eq!(&taken, message);
            rest = after;
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn any_batch_of_a_receiver_comes_back_as_it_was(messages in vec(from_receiver(), 0..10)) {
        let mut bytes = Vec::new();
        for message in &messages {
            batch::append(&mut bytes, message, 1 << 20).unwrap();
        }
        let mut rest = &bytes[..];
        for message in &messages {
            let (taken, after) = batch::take::<FromReceiver>(rest).unwrap();
            prop_assert_eq!(&taken, message);
            rest = after;
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn a_message_cut_short_is_never_a_message(message in from_sender(), at in any::<prop::sample::Index>()) {
        let mut bytes = Vec::new();
        batch::append(&mut bytes, &message, 1 << 20).unwrap();
        let len = at.index(bytes.len());
        prop_assert!(batch::take::<FromSender>(&bytes[..len]).is_err());
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok((_, rest)) = batch::take::<FromSender>(&bytes) {
            prop_assert!(rest.len() < bytes.len());
        }
        if let Ok((_, rest)) = batch::take::<FromReceiver>(&bytes) {
            prop_assert!(rest.len() < bytes.len());
        }
    }

    #[test]
    fn any_header_is_within_the_cap_or_an_error(bytes in any::<[u8; HEADER_LEN]>()) {
        if let Ok(header) = Header::parse(bytes) {
            prop_assert!(header.len <= MAX_FRAME_LEN);
            if header.frame_type.is_some() && bytes[5] & 0x80 == 0 {
                prop_assert_eq!(header.encode(), bytes);
            }
        }
    }

    #[test]
    fn any_hello_comes_back_as_it_was(
        versions in (1u16.., any::<u16>()),
        nonce in any::<[u8; 16]>(),
        credit in INITIAL_CREDIT..=MAX_CREDIT,
        version_text in "[ -~é]{0,20}",
        later in vec(any::<u8>(), 0..50),
    ) {
        let hello = Hello {
            min_version: versions.0,
            max_version: versions.0.max(versions.1),
            features: Features::LZ4,
            nonce,
            credit,
            version_text,
        };
        let bytes = [hello.encode(), later].concat();
        prop_assert_eq!(Hello::parse(&bytes).unwrap(), hello);
    }

    #[test]
    fn any_bytes_are_a_hello_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(hello) = Hello::parse(&bytes) {
            prop_assert!(hello.min_version <= hello.max_version);
        }
    }

    #[test]
    fn the_magic_is_found_behind_any_noise_in_any_pieces(
        noise in vec(any::<u8>(), 0..500),
        piece in 1usize..50,
    ) {
        let bytes = [&noise[..], &MAGIC[..], &b"rest"[..]].concat();
        let mut scanner = Scanner::default();
        let mut taken = 0;
        for piece in bytes.chunks(piece) {
            match scanner.push(piece).unwrap() {
                Some(used) => {
                    taken += used;
                    break;
                }
                None => taken += piece.len(),
            }
        }
        prop_assert_eq!(taken, noise.len() + MAGIC.len());
    }

    #[test]
    fn any_batch_unpacks_to_what_was_packed(
        batches in vec((vec(0u8..4, 1..3000), efforts()), 1..5),
        codec in prop_oneof![Just(Codec::Lz4), Just(Codec::Zstd)],
        first in efforts(),
    ) {
        let mut packer = Packer::new(codec, first).unwrap();
        let mut unpacker = Unpacker::new(codec).unwrap();
        for (batch, effort) in &batches {
            let (mut packed, mut unpacked) = (Vec::new(), Vec::new());
            packer.set_effort(*effort);
            if packer.pack(batch, &mut packed).unwrap() {
                prop_assert!(packed.len() <= worst_case_len(batch.len()));
                unpacker.unpack(&packed, &mut unpacked).unwrap();
                prop_assert_eq!(&unpacked, batch);
            }
        }
    }

    #[test]
    fn any_bytes_unpack_within_what_they_announce(
        bytes in vec(any::<u8>(), 0..300),
        announced in 0..2 * MAX_PACKED_INPUT_LEN as u32,
        codec in prop_oneof![Just(Codec::Lz4), Just(Codec::Zstd), Just(Codec::None)],
    ) {
        let payload = [&announced.to_le_bytes()[..], &bytes].concat();
        let mut unpacked = Vec::new();
        if Unpacker::new(codec).unwrap().unpack(&payload, &mut unpacked).is_ok() {
            prop_assert_eq!(unpacked.len(), announced as usize);
        }
    }
}
