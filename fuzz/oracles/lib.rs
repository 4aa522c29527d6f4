//! What several targets need: another opinion on what a name is, a way through a batch, and a
//! peer to talk to.

pub mod peer;

use rsync_core::entry::{Entry, Kind};
use rsync_core::wire::batch;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Is `name` fit to be created in a directory? Written apart from `rsync_core::path`, on purpose.
pub fn is_plain_name(name: &[u8]) -> bool {
    let harmless = name.iter().all(|&byte| byte != b'/' && byte != 0);
    harmless && !matches!(name, b"" | b"." | b"..") && name.len() <= 255
}

/// Is `path` empty, or plain names with single slashes between them?
pub fn is_plain_path(path: &[u8]) -> bool {
    path.is_empty() || (path.len() < 4096 && path.split(|&byte| byte == b'/').all(is_plain_name))
}

/// Fails unless the entry keeps to what its types promise.
pub fn check_entry(entry: &Entry) {
    assert!(is_plain_name(entry.name.as_bytes()));
    assert!(entry.mtime.nanos() < 1_000_000_000);
    if let Kind::Symlink { target } = &entry.kind {
        let target = target.as_bytes();
        assert!(!target.is_empty() && target.len() < 4096 && !target.contains(&0));
    }
}

/// Takes messages off `bytes` until they end or stop being messages. Each is checked to come
/// back from its own encoding, which is the shortest.
pub fn messages<M>(bytes: &[u8]) -> Vec<M>
where
    M: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let mut taken = Vec::new();
    let mut rest = bytes;
    while let Ok((message, after)) = batch::take::<M>(rest) {
        let used = rest.len() - after.len();
        assert!(used > 0);
        let mut encoded = Vec::new();
        batch::append(&mut encoded, &message, used).expect("no encoding is shorter than ours");
        let (again, left) = batch::take::<M>(&encoded).expect("it was encoded here");
        assert!(left.is_empty() && again == message, "{message:?}");
        taken.push(message);
        rest = after;
    }
    taken
}
