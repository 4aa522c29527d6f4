//! Names, paths and link targets as a peer sends them, and how they are shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oracles::{is_plain_name, is_plain_path};
use rsync_core::entry::{LinkTarget, Timestamp};
use rsync_core::path::{FileName, RelPath, escape};

fuzz_target!(|bytes: &[u8]| {
    let shown = escape(bytes);
    assert!(!shown.contains(char::is_control));
    assert!(shown.len() <= 5 * bytes.len());

    let name = FileName::new(bytes);
    assert_eq!(name.is_ok(), is_plain_name(bytes));
    let path = RelPath::new(bytes);
    assert_eq!(path.is_ok(), is_plain_path(bytes));

    // Deserialising is another way to the same types: it must be no way around.
    if let Ok((name, _)) = postcard::take_from_bytes::<FileName>(bytes) {
        assert!(is_plain_name(name.as_bytes()));
        let encoded = postcard::to_stdvec(&name).expect("memory");
        assert_eq!(postcard::from_bytes(&encoded), Ok(name));
    }
    if let Ok((path, _)) = postcard::take_from_bytes::<RelPath>(bytes) {
        assert!(is_plain_path(path.as_bytes()));
    }
    if let Ok((target, _)) = postcard::take_from_bytes::<LinkTarget>(bytes) {
        assert!(!target.as_bytes().is_empty() && !target.as_bytes().contains(&0));
    }
    if let Ok((time, _)) = postcard::take_from_bytes::<Timestamp>(bytes) {
        assert!(time.nanos() < 1_000_000_000);
    }

    if let Ok(path) = path {
        taken_apart_and_put_together(&path);
    }
});

fn taken_apart_and_put_together(path: &RelPath) {
    let names: Vec<FileName> = path
        .components()
        .map(|name| FileName::new(name).expect("a component is a name"))
        .collect();
    assert_eq!(names.len(), path.depth());
    let mut above = RelPath::root();
    for name in &names {
        let below = above.join(name);
        assert!(below > above && below.starts_with(&above) && !above.starts_with(&below));
        assert_eq!(below.parent().as_ref(), Some(&above));
        assert_eq!(below.file_name().as_ref(), Some(name));
        above = below;
    }
    assert_eq!(&above, path);
}
