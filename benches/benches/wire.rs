//! Micro-benchmarks of what every listed entry and every byte passes: entries, batches, frames and
//! compression.

#![allow(clippy::expect_used, missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ksyncd_benches::content::{Kind as Content, content};
use ksyncd_benches::random::Random;
use rsync_core::entry::{Entry, Kind, Timestamp};
use rsync_core::path::{FileName, RelPath};
use rsync_core::wire::batch;
use rsync_core::wire::compress::{Codec, Effort, Packer, Unpacker};
use rsync_core::wire::frame::{self, FrameType, HEADER_LEN, Header};
use rsync_core::wire::limits::MAX_FRAME_LEN;
use rsync_core::wire::message::{DirId, FromSender, Listing};

/// Entries in one listing.
const ENTRIES: usize = 100;
/// Bytes of content in one batch.
const BATCH_LEN: usize = 128 << 10;
/// Batches with different content.
const BATCHES: usize = 128;

fn listing() -> FromSender {
    let mut random = Random::new(1, "listing");
    let entry = |number: usize| {
        let name = format!("module-{number:03}.js");
        Entry {
            name: FileName::new(name.as_bytes()).expect("a name"),
            kind: Kind::File {
                size: random.log_uniform(1 << 10, 20 << 10),
            },
            mode: 0o644,
            mtime: Timestamp::new(
                1_700_000_000 + random.below(10_000_000) as i64,
                random.below(1_000_000_000) as u32,
            ),
            owner: None,
            link: None,
            xattrs: Vec::new(),
            digest: None,
        }
    };
    FromSender::Listing(Listing {
        dir: DirId(7),
        path: RelPath::new(b"node_modules/package/lib").expect("a path"),
        entries: (0..ENTRIES).map(entry).collect(),
        more: false,
        complete: true,
        content_follows: false,
    })
}

fn entries(c: &mut Criterion) {
    let mut group = c.benchmark_group("entries");
    let message = listing();
    let mut bytes = Vec::new();
    batch::append(&mut bytes, &message, MAX_FRAME_LEN).expect("a listing fits");
    group.throughput(Throughput::Elements(ENTRIES as u64));
    group.bench_function("encode", |b| {
        let mut out = Vec::with_capacity(bytes.len());
        b.iter(|| {
            out.clear();
            batch::append(&mut out, black_box(&message), MAX_FRAME_LEN).expect("a listing fits");
        });
    });
    group.bench_function("decode", |b| {
        b.iter(|| {
            let taken: (FromSender, &[u8]) = batch::take(black_box(&bytes)).expect("a listing");
            taken.0
        });
    });
    group.finish();
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame");
    for len in [64, BATCH_LEN] {
        let payload = content(Content::Noise, len, 1, "frame");
        let mut bytes = Vec::new();
        frame::put(&mut bytes, FrameType::Messages, &payload);
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(format!("put/{len} bytes"), |b| {
            let mut out = Vec::with_capacity(bytes.len());
            b.iter(|| {
                out.clear();
                frame::put(&mut out, FrameType::Messages, black_box(&payload));
            });
        });
        let header: [u8; HEADER_LEN] = bytes[..HEADER_LEN].try_into().expect("a header");
        group.bench_function(format!("parse/{len} bytes"), |b| {
            b.iter(|| Header::parse(black_box(header)));
        });
    }
    group.finish();
}

fn compression(c: &mut Criterion) {
    let mut group = c.benchmark_group("compress");
    let kinds = [
        ("code", Content::Code),
        ("log", Content::Log),
        ("json", Content::Json),
        ("noise", Content::Noise),
    ];
    let codecs = [
        ("zstd", Codec::Zstd, Effort::Level(1)),
        ("zstd-thorough", Codec::Zstd, Effort::Thorough),
        ("zstd-deep", Codec::Zstd, Effort::Deep),
        ("lz4", Codec::Lz4, Effort::Level(1)),
    ];
    for (codec_name, codec, effort) in codecs {
        for (name, kind) in kinds {
            // More than a stream remembers, so that nothing is found that was sent before.
            let bytes = content(kind, BATCHES * BATCH_LEN, 1, name);
            let mut batches = bytes.chunks(BATCH_LEN).cycle();
            let mut packer = Packer::new(codec, effort).expect("a packer");
            let mut out = Vec::new();
            group.throughput(Throughput::Bytes(BATCH_LEN as u64));
            group.bench_function(format!("{codec_name}/pack {name}"), |b| {
                b.iter(|| {
                    out.clear();
                    let batch = batches.next().unwrap_or_default();
                    packer
                        .pack(black_box(batch), &mut out)
                        .expect("a batch packs")
                });
            });
        }
        // A stream of its own for every round, as the streams remember what passed.
        let batch = content(Content::Code, BATCH_LEN, 1, "code");
        let mut packed = Vec::new();
        let mut packer = Packer::new(codec, effort).expect("a packer");
        packer.pack(&batch, &mut packed).expect("a batch packs");
        group.bench_function(
            format!("{codec_name}/unpack code, with a new stream"),
            |b| {
                let mut out = Vec::with_capacity(BATCH_LEN);
                b.iter(|| {
                    out.clear();
                    let mut unpacker = Unpacker::new(codec).expect("an unpacker");
                    unpacker
                        .unpack(black_box(&packed), &mut out)
                        .expect("it unpacks");
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, entries, frames, compression);
criterion_main!(benches);
