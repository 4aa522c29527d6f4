//! What staged files hold, against plain vectors.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;

use proptest::prelude::*;

use super::{Place, name};

/// One step of writing a file.
#[derive(Debug, Clone)]
enum Step {
    Write {
        offset: usize,
        len: usize,
        sparse: bool,
    },
    Zeros {
        offset: usize,
        len: usize,
    },
    Copy {
        offset: usize,
        from: usize,
        len: usize,
        in_kernel: bool,
    },
    SetLen(usize),
}

const MAX: usize = 40_000;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..MAX, 0..MAX, any::<bool>()).prop_map(|(offset, len, sparse)| Step::Write {
            offset,
            len,
            sparse
        }),
        (0..MAX, 0..MAX).prop_map(|(offset, len)| Step::Zeros { offset, len }),
        (0..MAX, 0..MAX / 2, 0..MAX / 2, any::<bool>()).prop_map(
            |(offset, from, len, in_kernel)| Step::Copy {
                offset,
                from,
                len,
                in_kernel
            }
        ),
        (0..MAX).prop_map(Step::SetLen),
    ];
    prop::collection::vec(step, 1..10)
}

fn put(model: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    model.resize(model.len().max(offset + data.len()), 0);
    model[offset..offset + data.len()].copy_from_slice(data);
}

/// Bytes with whole blocks of zeros in between.
fn sample(len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| {
            if index / 5000 % 2 == 0 {
                (index % 251) as u8
            } else {
                0
            }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_file_holds_what_was_written_however_it_was_written(steps in steps()) {
        let place = Place::new();
        let basis = sample(MAX);
        fs::write(place.at("basis"), &basis).unwrap();
        let source = place.top().open_file(&name("basis")).unwrap();
        let mut staged = place.top().stage().unwrap();
        let mut model = Vec::new();
        for step in &steps {
            match *step {
                Step::Write { offset, len, sparse } => {
                    staged.write_content_at(&sample(len), offset as u64, sparse).unwrap();
                    put(&mut model, offset, &sample(len));
                }
                Step::Zeros { offset, len } => {
                    staged.zeros_at(offset as u64, len as u64).unwrap();
                    put(&mut model, offset, &vec![0; len]);
                    model.resize(model.len().max(offset + len), 0);
                }
                Step::Copy { offset, from, len, in_kernel } => {
                    staged.kernel_copies = in_kernel;
                    staged.copy_from(&source, from as u64, offset as u64, len as u64).unwrap();
                    put(&mut model, offset, &basis[from..from + len]);
                }
                Step::SetLen(len) => {
                    staged.set_len(len as u64).unwrap();
                    model.resize(len, 0);
                }
            }
            prop_assert_eq!(staged.len(), model.len() as u64);
        }
        let mut read = vec![1; model.len() + 1];
        prop_assert_eq!(staged.read_at(&mut read, 0).unwrap(), model.len());
        staged.commit(place.top(), &name("file")).unwrap();
        prop_assert!(fs::read(place.at("file")).unwrap() == model);
        prop_assert!(read[..model.len()] == model[..]);
    }
}

#[test]
fn runs_of_zeros_take_no_room_where_holes_are_asked_for() {
    let place = Place::new();
    let mut staged = place.top().stage().unwrap();
    staged.write_content_at(&vec![0; 1 << 20], 0, true).unwrap();
    staged.zeros_at(1 << 20, 1 << 30).unwrap();
    staged.commit(place.top(), &name("holes")).unwrap();
    let found = fs::metadata(place.at("holes")).unwrap();
    assert_eq!(found.len(), (1 << 30) + (1 << 20));
    assert!(found.blocks() * 512 < 1 << 20, "{} blocks", found.blocks());
}

#[test]
fn a_file_updated_in_place_can_copy_from_itself() {
    let place = Place::new();
    fs::write(place.at("file"), sample(20_000)).unwrap();
    let source = place.top().open_file(&name("file")).unwrap();
    let mut staged = place.top().open_in_place(&name("file")).unwrap();
    staged.copy_from(&source, 10_000, 0, 10_000).unwrap();
    staged.set_len(10_000).unwrap();
    staged.commit(place.top(), &name("file")).unwrap();
    assert_eq!(
        fs::read(place.at("file")).unwrap(),
        &sample(20_000)[10_000..]
    );
}

#[test]
fn m6_a_basis_that_is_shorter_than_it_was_is_an_error() {
    let place = Place::new();
    fs::write(place.at("basis"), "short").unwrap();
    let source = place.top().open_file(&name("basis")).unwrap();
    let mut staged = place.top().stage().unwrap();
    for in_kernel in [true, false] {
        staged.kernel_copies = in_kernel;
        let error = staged.copy_from(&source, 0, 0, 6).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::UnexpectedEof);
    }
}

#[test]
fn m6_lengths_that_no_file_has_are_refused_before_anything_is_written() {
    let place = Place::new();
    fs::write(place.at("basis"), "basis").unwrap();
    let source = place.top().open_file(&name("basis")).unwrap();
    let mut staged = place.top().stage().unwrap();
    assert!(staged.zeros_at(1, u64::MAX).is_err());
    assert!(staged.zeros_at(u64::MAX, 1).is_err());
    assert!(staged.write_at(b"x", u64::MAX).is_err());
    assert!(staged.write_at(b"x", i64::MAX as u64).is_err());
    assert!(staged.copy_from(&source, u64::MAX, 0, 1).is_err());
    assert!(staged.copy_from(&source, 0, u64::MAX, 1).is_err());
    assert!(staged.set_len(u64::MAX).is_err());
    assert_eq!(staged.stamp().unwrap().size, 0);
    assert!(staged.is_empty());
}

#[test]
fn writing_in_order_goes_on_where_it_was() {
    let place = Place::new();
    let mut staged = place.top().stage().unwrap();
    staged.write_all(b"one ").unwrap();
    staged.write_at(b"!", 7).unwrap();
    staged.write_all(b"two").unwrap();
    staged.commit(place.top(), &name("file")).unwrap();
    assert_eq!(fs::read(place.at("file")).unwrap(), b"one two!");
}

#[test]
fn a_file_that_goes_to_the_disk_early_holds_the_same() {
    let place = Place::new();
    let content = sample(20 << 20);
    fs::write(place.at("basis"), &content).unwrap();
    let source = place.top().open_file(&name("basis")).unwrap();
    for in_kernel in [true, false] {
        let mut staged = place.top().stage().unwrap();
        staged.kernel_copies = in_kernel;
        staged.write_behind();
        let half = content.len() / 2;
        staged.copy_from(&source, 0, 0, half as u64).unwrap();
        for (index, piece) in content[half..].chunks(300_000).enumerate() {
            let at = half + index * 300_000;
            staged.write_content_at(piece, at as u64, true).unwrap();
        }
        // Most of it, but not what came last.
        let begun = staged.behind.unwrap() as usize;
        assert!((content.len() - (4 << 20)..=content.len()).contains(&begun));
        staged.commit(place.top(), &name("file")).unwrap();
        assert!(fs::read(place.at("file")).unwrap() == content);
    }
}
