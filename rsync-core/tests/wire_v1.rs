//! The bytes of protocol version 1, held fast.
//!
//! `tests/fixtures/wire-v1/NAME.hex` holds one frame or message each. If a test here fails, the
//! change makes a new version of the protocol: it may not be repaired by changing a fixture.
//! New fixtures are written by running the tests with `KSYNCD_WRITE_FIXTURES=1`; existing ones
//! are never overwritten.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

use rsync_core::change::{Change, SkipReason, Update, WithheldReason};
use rsync_core::checksum::Digest;
use rsync_core::entry::{Device, Entry, Kind, LinkId, LinkTarget, Owner, Timestamp, Xattr};
use rsync_core::options::Options;
use rsync_core::path::{FileName, RelPath};
use rsync_core::receipt::Receipt;
use rsync_core::wire::batch;
use rsync_core::wire::frame::{self, Abort, FrameType, HEADER_LEN, Header};
use rsync_core::wire::hello::{self, Features, Hello};
use rsync_core::wire::message::*;
use rsync_core::wire::preamble::MAGIC;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn fixture(name: &str, encoded: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/wire-v1")
        .join(format!("{name}.hex"));
    if !path.exists() && std::env::var_os("KSYNCD_WRITE_FIXTURES").is_some() {
        let lines: Vec<String> = encoded
            .chunks(32)
            .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect()
}

/// A message is encoded to its fixture, and its fixture decoded to the message.
fn holds<M: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, message: &M) {
    let mut encoded = Vec::new();
    batch::append(&mut encoded, message, 1 << 20).unwrap();
    let expected = fixture(name, &encoded);
    assert_eq!(encoded, expected, "{name}");
    let (decoded, rest) = batch::take::<M>(&expected).unwrap();
    assert_eq!(&decoded, message, "{name}");
    assert!(rest.is_empty(), "{name}");
}

fn name(text: &str) -> FileName {
    FileName::new(text.as_bytes()).unwrap()
}

fn path(text: &str) -> RelPath {
    RelPath::new(text.as_bytes()).unwrap()
}

fn digest() -> Digest {
    Digest::of(b"content")
}

const FILE: FileId = FileId {
    dir: DirId(300),
    index: 7,
};

fn seen() -> Seen {
    Seen {
        size: 123_456_789_012,
        mtime: Timestamp::new(-1, 999_999_999),
        mode: 0o644,
    }
}

fn plain(text: &str, kind: Kind) -> Entry {
    Entry {
        name: name(text),
        kind,
        mode: 0o755,
        mtime: Timestamp::new(1_800_000_000, 5),
        owner: None,
        link: None,
        xattrs: Vec::new(),
        digest: None,
    }
}

fn entries() -> Vec<Entry> {
    let device = Device { major: 8, minor: 1 };
    let target = LinkTarget::new(b"../target").unwrap();
    vec![
        plain("block", Kind::BlockDevice { device }),
        plain("char", Kind::CharDevice { device }),
        plain("dir", Kind::Dir),
        plain("fifo", Kind::Fifo),
        Entry {
            owner: Some(Owner {
                uid: 1000,
                gid: 100,
            }),
            link: Some(Box::new(LinkId {
                device: 2,
                inode: 3,
            })),
            xattrs: vec![Xattr {
                name: b"user.comment".to_vec(),
                value: b"hello".to_vec(),
            }],
            digest: Some(Box::new(digest())),
            ..plain("file", Kind::File { size: 70_000 })
        },
        plain("link", Kind::Symlink { target }),
        plain("socket", Kind::Socket),
    ]
}

#[test]
fn messages_of_a_sender_keep_their_bytes() {
    use FromSender as M;
    let system = || SystemError {
        operation: "open".to_owned(),
        code: 13,
    };
    holds(
        "source",
        &M::Source(Source {
            root: plain("root", Kind::Dir),
            incarnation: [0xAB; 16],
            only_one: true,
        }),
    );
    holds(
        "listing",
        &M::Listing(Listing {
            dir: DirId(1),
            path: path("some/where"),
            entries: entries(),
            more: true,
            complete: false,
            content_follows: true,
        }),
    );
    holds("expand", &M::Expand(vec![0, 1, u64::MAX]));
    holds(
        "listed",
        &M::Listed(Listed {
            listed: 1,
            agreed: 2,
            agreed_bytes: 3,
            excluded: 4,
            skipped: 5,
            complete: true,
        }),
    );
    holds(
        "file",
        &M::File {
            file: FILE,
            seen: seen(),
            digest: digest(),
            content: b"content".to_vec(),
        },
    );
    holds(
        "begin",
        &M::Begin {
            file: FILE,
            seen: seen(),
        },
    );
    let data = |op| M::Data { file: FILE, op };
    holds("data-literal", &data(DataOp::Literal(b"bytes".to_vec())));
    holds(
        "data-copy",
        &data(DataOp::Copy {
            offset: 1 << 40,
            len: 1 << 20,
        }),
    );
    holds("data-zeros", &data(DataOp::Zeros(4096)));
    let end = |result| M::End { file: FILE, result };
    holds("end", &end(Ok(digest())));
    holds("end-kept-changing", &end(Err(FileFailure::KeptChanging)));
    let digested = |result| M::Digested { file: FILE, result };
    holds("digested", &digested(Ok(digest())));
    holds("digested-refused", &digested(Err(FileFailure::Refused)));
    let failed = |failure| M::Failed {
        file: FILE,
        failure,
    };
    holds("failed-vanished", &failed(FileFailure::Vanished));
    holds("failed-not-a-file", &failed(FileFailure::NotAFile));
    holds("failed-system", &failed(FileFailure::System(system())));
    holds("not-lengthened", &M::NotLengthened { file: FILE });
    let problem = |kind| {
        M::Problem(Problem {
            path: path("bad"),
            kind,
        })
    };
    holds("problem-system", &problem(ProblemKind::System(system())));
    holds("problem-bad-name", &problem(ProblemKind::BadName));
    holds(
        "problem-too-many-xattrs",
        &problem(ProblemKind::TooManyXattrs),
    );
    holds("problem-too-deep", &problem(ProblemKind::TooDeep));
    holds(
        "owners",
        &M::Owners(Owners {
            users: vec![(0, "root".to_owned()), (1000, "me".to_owned())],
            groups: vec![(100, "users".to_owned())],
        }),
    );
    holds(
        "sender-finished",
        &M::Finished(SenderTotals {
            files_sent: 1,
            files_failed: 2,
            literal_bytes: 3,
            matched_bytes: 4,
            content_digest: [5; 16],
        }),
    );
    holds(
        "interim",
        &M::Interim(Interim {
            totals: SenderTotals {
                files_sent: 1,
                ..SenderTotals::default()
            },
            tree: Some([6; 32]),
        }),
    );
    holds("sender-tree", &M::Tree(Some([6; 32])));
    holds("sender-tree-unknown", &M::Tree(None));
    holds(
        "caution",
        &M::Caution(Caution {
            source_is_new: true,
            max_delete_percent: Some(50),
        }),
    );
    let bundled = |index| Bundled {
        index,
        seen: seen(),
    };
    holds(
        "bundle",
        &M::Bundle(Bundle {
            dir: FILE.dir,
            files: vec![bundled(3), bundled(300)],
            digest: digest(),
            content: b"contents".to_vec(),
        }),
    );
}

#[test]
fn messages_of_a_receiver_keep_their_bytes() {
    use FromReceiver as M;
    holds("holdings-nothing", &M::Holdings(Holdings::Nothing));
    holds("holdings-unknown", &M::Holdings(Holdings::Unknown));
    holds(
        "holdings-digests",
        &M::Holdings(Holdings::Digests(vec![1, 2, 3 << 40])),
    );
    let want = |how| M::Want {
        file: FILE,
        name: name("file"),
        how,
    };
    holds("want-whole", &want(How::Whole));
    holds(
        "want-delta",
        &want(How::Delta(Basis {
            len: 1 << 33,
            block_len: 4096,
        })),
    );
    holds(
        "want-short-delta",
        &want(How::ShortDelta(Basis {
            len: 1 << 33,
            block_len: 4096,
        })),
    );
    holds(
        "want-lengthened",
        &want(How::Lengthened(Basis {
            len: 1 << 33,
            block_len: 4096,
        })),
    );
    holds("want-from", &want(How::From(999)));
    holds("want-digest", &want(How::Digest));
    holds(
        "signature",
        &M::Signature {
            file: FILE,
            sums: (0..24).collect(),
        },
    );
    holds("no-basis", &M::NoBasis { file: FILE });
    for (name, told) in told() {
        holds(name, &M::Told(told));
    }
    holds(
        "receiver-finished",
        &M::Finished(ReceiverTotals {
            listed: 1,
            files_received: 2,
            files_failed: 3,
            receipt: Receipt {
                entries: 300,
                ..Receipt::default()
            },
            content_digest: [4; 16],
        }),
    );
    holds("receiver-tree", &M::Tree(Some([7; 32])));
    holds("enough", &M::Enough);
}

fn told() -> Vec<(&'static str, Told)> {
    let entry = plain("file", Kind::File { size: 300 });
    let change = Change {
        update: Update::Transfer,
        size: true,
        ..Change::default()
    };
    let denied = SystemError {
        operation: "open".to_owned(),
        code: 13,
    };
    let trouble = |trouble| Told::Trouble {
        path: path("dir/file"),
        trouble,
    };
    vec![
        (
            "told-item",
            Told::Item {
                path: path("dir/file"),
                entry,
                change,
            },
        ),
        (
            "told-deleted",
            Told::Deleted {
                path: path("dir"),
                kind: Kind::Dir,
            },
        ),
        (
            "told-skipped",
            Told::Skipped {
                path: path("pipe"),
                reason: SkipReason::SpecialFile,
            },
        ),
        (
            "told-unlisted",
            trouble(ToldTrouble::Unlisted(ProblemKind::Rules("why".to_owned()))),
        ),
        (
            "told-source",
            trouble(ToldTrouble::Source(FileFailure::Vanished)),
        ),
        (
            "told-destination",
            trouble(ToldTrouble::Destination(denied)),
        ),
        ("told-corrupt", trouble(ToldTrouble::Corrupt)),
        ("told-collision", trouble(ToldTrouble::NameCollision)),
        (
            "told-refused",
            trouble(ToldTrouble::Refused("why".to_owned())),
        ),
        (
            "told-withheld",
            Told::Withheld {
                count: 300,
                reason: WithheldReason::EmptySource,
            },
        ),
        (
            "told-listed",
            Told::Listed {
                entries: 1,
                wanted_bytes: 2,
                wanted_files: 3,
            },
        ),
        ("told-progress", Told::Progress { bytes: 1, files: 2 }),
    ]
}

/// A frame is encoded to its fixture.
fn frame_holds(name: &str, encoded: &[u8]) -> Vec<u8> {
    let expected = fixture(name, encoded);
    assert_eq!(encoded, expected, "{name}");
    let (header, payload) = expected.split_first_chunk::<HEADER_LEN>().unwrap();
    assert_eq!(Header::parse(*header).unwrap().len, payload.len(), "{name}");
    payload.to_vec()
}

#[test]
fn frames_keep_their_bytes() {
    let framed = |frame_type, payload: &[u8]| {
        let mut out = Vec::new();
        frame::put(&mut out, frame_type, payload);
        out
    };
    assert_eq!(fixture("magic", &MAGIC), MAGIC);

    let hello = Hello {
        min_version: 1,
        max_version: 1,
        features: Features::LZ4.with(Features::ZSTD),
        nonce: *b"sixteen  octets!",
        credit: 1 << 20,
        version_text: "0.1.0".to_owned(),
    };
    let payload = frame_holds("frame-hello", &framed(FrameType::Hello, &hello.encode()));
    assert_eq!(Hello::parse(&payload).unwrap(), hello);

    let request = Request {
        role: Role::Receiver,
        path: b"/data".to_vec(),
        options: Options::default(),
    };
    let encoded = hello::encode_request(1, &request).unwrap();
    let payload = frame_holds("frame-request", &framed(FrameType::Request, &encoded));
    assert_eq!(hello::parse_request(1, &payload).unwrap(), request);

    let payload = frame_holds(
        "frame-credit",
        &framed(FrameType::Credit, &262_144u32.to_le_bytes()),
    );
    assert_eq!(frame::parse_credit(&payload), Ok(262_144));

    let payload = frame_holds("frame-ping", &framed(FrameType::Ping, &7u64.to_le_bytes()));
    assert_eq!(frame::parse_ping(FrameType::Ping, &payload), Ok(7));
    let payload = frame_holds("frame-pong", &framed(FrameType::Pong, &7u64.to_le_bytes()));
    assert_eq!(frame::parse_ping(FrameType::Pong, &payload), Ok(7));

    let abort = Abort {
        code: 23,
        text: "no such directory".to_owned(),
    };
    let mut encoded = Vec::new();
    frame::put_abort(&mut encoded, &abort);
    let payload = frame_holds("frame-abort", &encoded);
    assert_eq!(frame::parse_abort(&payload), Ok(abort));

    frame_holds("frame-goodbye", &framed(FrameType::Goodbye, &[]));

    let mut messages = Vec::new();
    for message in [
        FromReceiver::Holdings(Holdings::Unknown),
        FromReceiver::NoBasis { file: FILE },
    ] {
        batch::append(&mut messages, &message, 1 << 20).unwrap();
    }
    frame_holds("frame-messages", &framed(FrameType::Messages, &messages));
}

/// A compressor may choose other bytes tomorrow; what it chose today has to unpack for ever.
#[test]
#[cfg(all(feature = "lz4", feature = "zstd"))]
fn compressed_frames_of_today_can_be_unpacked() {
    use rsync_core::wire::compress::{Codec, Effort, Packer, Unpacker};
    let batches = [
        vec![b'a'; 1000],
        b"the second frame; the second frame; the second frame".to_vec(),
    ];
    for (name, codec) in [("lz4", Codec::Lz4), ("zstd", Codec::Zstd)] {
        let mut packer = Packer::new(codec, Effort::Light).unwrap();
        let mut unpacker = Unpacker::new(codec).unwrap();
        for (number, batch) in batches.iter().enumerate() {
            let mut packed = Vec::new();
            assert!(packer.pack(batch, &mut packed).unwrap());
            let stored = fixture(&format!("packed-{name}-{number}"), &packed);
            let mut unpacked = Vec::new();
            unpacker.unpack(&stored, &mut unpacked).unwrap();
            assert_eq!(&unpacked, batch);
        }
    }
}
