//! Micro-benchmarks of checksums and delta, beside fast_rsync where it does the same.
//!
//! Everything is in memory: these are upper bounds for what a sync can do on one core.

#![allow(clippy::expect_used, missing_docs)]

use std::convert::Infallible;
use std::hint::black_box;
use std::io::{Cursor, sink};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rsync_core::checksum::{BlockKey, Digest, Rolling};
use rsync_core::delta::{Matcher, Patch, Rebuild, Shape, Table, sign};
use rsync_core::wire::message::DataOp;

/// Larger than the processor's second-level cache, as files are.
const LEN: usize = 32 << 20;
/// What `Shape::for_len` takes for a file of 256 MiB.
const BLOCK_LEN: u32 = 16 << 10;

/// Bytes without any structure (xorshift64*), different for every seed.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
    };
    let mut bytes: Vec<u8> = std::iter::repeat_with(&mut next)
        .take(len / 8 + 1)
        .flatten()
        .collect();
    bytes.truncate(len);
    bytes
}

fn key() -> BlockKey {
    BlockKey::from([7; 32])
}

fn table(basis: &[u8], block_len: u32) -> Table {
    let shape = Shape::new(basis.len() as u64, block_len).expect("a valid shape");
    let mut table = Table::new(shape);
    sign(basis, shape, &key(), |sums| table.extend(sums)).expect("a signature");
    table
}

fn fast_rsync_signature(basis: &[u8]) -> fast_rsync::Signature {
    let options = fast_rsync::SignatureOptions {
        block_size: BLOCK_LEN,
        crypto_hash_size: 8,
    };
    fast_rsync::Signature::calculate(basis, options)
}

fn ops(basis: &[u8], source: &[u8]) -> Vec<DataOp> {
    let table = table(basis, BLOCK_LEN);
    let mut ops = Vec::new();
    let emit = |op: rsync_core::delta::Op<'_>| {
        ops.push(op.into());
        Ok::<(), Infallible>(())
    };
    Matcher::new()
        .delta(source, table.shape(), &key(), &mut &table, emit)
        .expect("a delta");
    ops
}

fn checksums(c: &mut Criterion) {
    let mut group = c.benchmark_group("checksum");
    let bytes = noise(1 << 20, 1);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("rolling/blocks of 16 KiB", |b| {
        b.iter(|| {
            bytes
                .chunks(16 << 10)
                .fold(0, |sum, block| sum ^ Rolling::of(block).value())
        });
    });
    group.bench_function("rolling/byte by byte", |b| {
        b.iter(|| {
            let mut rolling = Rolling::of(&bytes[..1 << 10]);
            let mut sum = 0;
            for (&leaving, &entering) in bytes.iter().zip(&bytes[1 << 10..]) {
                rolling.roll(leaving, entering);
                sum ^= rolling.value();
            }
            sum
        });
    });
    let key = key();
    for block_len in [1 << 10, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 64 << 10] {
        group.bench_function(format!("strong/blocks of {} KiB", block_len >> 10), |b| {
            b.iter(|| {
                bytes.chunks(block_len).for_each(|block| {
                    black_box(key.hash(block).strong(8));
                })
            });
        });
    }
    group.bench_function("digest", |b| b.iter(|| Digest::of(&bytes)));
    group.finish();
}

fn signatures(c: &mut Criterion) {
    let mut group = c.benchmark_group("signature");
    group.sample_size(10);
    let basis = noise(LEN, 1);
    group.throughput(Throughput::Bytes(LEN as u64));
    for block_len in [4 << 10, BLOCK_LEN] {
        group.bench_function(format!("ksyncd/blocks of {} KiB", block_len >> 10), |b| {
            b.iter(|| table(&basis, block_len));
        });
    }
    group.bench_function("fast_rsync/blocks of 16 KiB", |b| {
        b.iter(|| fast_rsync_signature(&basis));
    });
    group.finish();
}

/// Names and pairs of basis and source.
fn cases() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let basis = noise(LEN, 1);
    let shifted = [b"x", &basis[..]].concat();
    let mut overwritten = basis.clone();
    for at in (0..LEN).step_by(LEN / 30) {
        overwritten[at] ^= 1;
    }
    let cycle = |of: &[u8]| of.iter().copied().cycle().take(LEN).collect::<Vec<_>>();
    let one = cycle(&noise(BLOCK_LEN as usize, 3));
    let two = noise(2 * BLOCK_LEN as usize, 4);
    vec![
        ("equal", basis.clone(), basis.clone()),
        ("30 bytes overwritten", basis.clone(), overwritten),
        ("shifted by one byte", basis.clone(), shifted),
        ("nothing in common", basis.clone(), noise(LEN, 2)),
        ("one repeated block", one.clone(), one.clone()),
        (
            "one repeated block, shifted",
            one.clone(),
            [b"x", &one[..]].concat(),
        ),
        (
            "two alternating blocks",
            cycle(&two),
            cycle(&[&two[1..], &two[..1]].concat()),
        ),
        ("one repeated byte against noise", basis, vec![b'a'; LEN]),
    ]
}

fn matching(c: &mut Criterion) {
    let mut group = c.benchmark_group("matching");
    group.sample_size(10);
    for (name, basis, source) in cases() {
        group.throughput(Throughput::Bytes(source.len() as u64));
        let table = table(&basis, BLOCK_LEN);
        let mut matcher = Matcher::new();
        group.bench_function(format!("ksyncd/{name}"), |b| {
            b.iter(|| {
                let emit = |op: rsync_core::delta::Op<'_>| {
                    black_box(op);
                    Ok::<(), Infallible>(())
                };
                matcher.delta(&source[..], table.shape(), &key(), &mut &table, emit)
            });
        });
        let signature = fast_rsync_signature(&basis);
        group.bench_function(format!("fast_rsync/{name}"), |b| {
            b.iter(|| fast_rsync::diff(&signature.index(), &source, sink()));
        });
    }
    let source = noise(LEN, 2);
    let mut matcher = Matcher::new();
    group.bench_function("ksyncd/no basis", |b| {
        b.iter(|| {
            matcher.whole(&source[..], |op| {
                black_box(op);
                Ok::<(), Infallible>(())
            })
        });
    });
    group.finish();
}

fn patching(c: &mut Criterion) {
    let mut group = c.benchmark_group("patch");
    group.sample_size(10);
    let basis = noise(LEN, 1);
    for (name, source) in [("copies", basis.clone()), ("literals", noise(LEN, 2))] {
        group.throughput(Throughput::Bytes(LEN as u64));
        let ops = ops(&basis, &source);
        group.bench_function(format!("ksyncd/{name}, with digest"), |b| {
            b.iter(|| {
                let rebuild = Rebuild::new(Cursor::new(&basis), Vec::with_capacity(LEN));
                let mut patch = Patch::new(rebuild, LEN as u64, LEN as u64);
                for op in &ops {
                    patch.apply(op.into()).expect("a valid op");
                }
                patch.finish().0.finish().1
            });
        });
        let mut delta = Vec::new();
        fast_rsync::diff(&fast_rsync_signature(&basis).index(), &source, &mut delta)
            .expect("a delta");
        group.bench_function(format!("fast_rsync/{name}, without digest"), |b| {
            b.iter(|| {
                let mut output = Vec::with_capacity(LEN);
                fast_rsync::apply(&basis, &delta, &mut output).expect("a valid delta");
                output
            });
        });
    }
    group.finish();
}

criterion_group!(benches, checksums, signatures, matching, patching);
criterion_main!(benches);
