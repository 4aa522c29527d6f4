//! What a receiver says to a sender, and the order it has to keep.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use oracles::{is_plain_name, messages};
use rsync_core::delta::Shape;
use rsync_core::entry::{Entry, Kind, Timestamp};
use rsync_core::path::{FileName, RelPath};
use rsync_core::session::order::{FromReceiverOrder, Ledger};
use rsync_core::wire::limits::{BLOCK_SUM_LEN, MAX_SIGNATURE_LEN};
use rsync_core::wire::message::{DirId, FileId, FromReceiver, FromSender, How, Listed, Listing};

const DIRECTORIES: u32 = 301;
const ENTRIES: u8 = 8;

/// What was listed: once while more may come, once completely.
static LEDGERS: LazyLock<[Ledger; 2]> = LazyLock::new(|| [false, true].map(ledger));

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else {
        return;
    };
    let ledger = &LEDGERS[usize::from(choice & 1)];
    let mut order = FromReceiverOrder::default();
    let mut owed: BTreeMap<FileId, u64> = BTreeMap::new();
    for (number, message) in messages::<FromReceiver>(bytes).iter().enumerate() {
        if order.check(message, ledger).is_err() {
            return;
        }
        // Nothing was asked here, so what the receiver has comes once.
        assert_eq!(number == 0, matches!(message, FromReceiver::Holdings(_)));
        match message {
            FromReceiver::Holdings(_) | FromReceiver::Told(_) => {}
            FromReceiver::Want { file, name, how } => {
                assert!(is_plain_name(name.as_bytes()));
                assert!(file.dir.0 < DIRECTORIES && file.index < u32::from(ENTRIES));
                let sums = match how {
                    How::Delta(basis) => {
                        basis.len.div_ceil(u64::from(basis.block_len)) * BLOCK_SUM_LEN
                    }
                    How::ShortDelta(basis) => {
                        let blocks = basis.len.div_ceil(u64::from(basis.block_len));
                        let shape = Shape::wanted(*how).expect("a shape that was checked");
                        let sums = shape.expect("a basis").signature_len();
                        assert!((8 * blocks..=BLOCK_SUM_LEN * blocks).contains(&sums));
                        sums
                    }
                    How::Lengthened(basis) => {
                        let shape = Shape::wanted(*how).expect("a shape that was checked");
                        let sums = shape.expect("a basis").range_sums_len();
                        assert!(sums <= 64 + basis.len / (1 << 20) * 32, "few sums");
                        sums
                    }
                    How::Whole | How::From(_) | How::Digest => 0,
                };
                if sums > 0 {
                    let before = owed.insert(*file, sums);
                    assert_eq!(before, None, "one signature at a time for each file");
                }
            }
            FromReceiver::Signature { file, sums } => {
                assert!(sums.len() <= MAX_SIGNATURE_LEN);
                let left = owed.get_mut(file).expect("sums are announced");
                *left -= sums.len() as u64;
                if *left == 0 {
                    owed.remove(file);
                }
            }
            FromReceiver::NoBasis { file } => assert!(owed.remove(file).is_some()),
            FromReceiver::Tree(_) | FromReceiver::Enough => assert!(ledger.is_complete()),
            FromReceiver::Finished(_) => {
                assert!(ledger.is_complete() && owed.is_empty());
                assert!(order.is_finished());
            }
        }
        if order.is_finished() {
            assert!(matches!(message, FromReceiver::Finished(_)));
        }
    }
});

fn ledger(complete: bool) -> Ledger {
    let mut ledger = Ledger::default();
    let entries: Vec<Entry> = (0..ENTRIES).map(|number| file(b'a' + number)).collect();
    for number in 0..DIRECTORIES {
        ledger.sending(&FromSender::Listing(Listing {
            dir: DirId(number),
            path: RelPath::root(),
            entries: entries.clone(),
            more: false,
            complete: true,
            content_follows: false,
        }));
    }
    if complete {
        ledger.sending(&FromSender::Listed(Listed::default()));
    }
    ledger
}

fn file(letter: u8) -> Entry {
    Entry {
        name: FileName::new(&[letter]).expect("a letter is a name"),
        kind: Kind::File { size: 1 },
        mode: 0o644,
        mtime: Timestamp::new(0, 0),
        owner: None,
        link: None,
        xattrs: Vec::new(),
        digest: None,
    }
}
