//! Hellos of any version, and what two of them agree on.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rsync_core::wire::hello::{Hello, MAX_VERSION_TEXT_LEN};
use rsync_core::wire::limits::{MAX_CREDIT, MAX_HELLO_LEN, MIN_CREDIT};

fuzz_target!(|bytes: &[u8]| {
    let Some((&len, bytes)) = bytes.split_first() else {
        return;
    };
    let (one, other) = bytes.split_at(usize::from(len).min(bytes.len()));
    let (Some(one), Some(other)) = (checked(one), checked(other)) else {
        return;
    };
    match (one.agree(&other), other.agree(&one)) {
        (Ok(version), Ok(same)) => {
            assert_eq!(version, same);
            for end in [&one, &other] {
                assert!((end.min_version..=end.max_version).contains(&version));
            }
        }
        (Err(error), Err(_)) => {
            assert!(one.max_version < other.min_version || other.max_version < one.min_version);
            assert!(!error.to_string().contains(char::is_control));
        }
        (one, other) => panic!("only one end agrees: {one:?}, {other:?}"),
    }
});

fn checked(bytes: &[u8]) -> Option<Hello> {
    let hello = Hello::parse(bytes).ok()?;
    assert!(0 < hello.min_version && hello.min_version <= hello.max_version);
    assert!((MIN_CREDIT..=MAX_CREDIT).contains(&hello.credit));
    let encoded = hello.encode();
    assert!(encoded.len() <= MAX_HELLO_LEN);
    let again = Hello::parse(&encoded).expect("what was just encoded");
    assert!(again.version_text.len() <= MAX_VERSION_TEXT_LEN);
    assert!(hello.version_text.starts_with(&again.version_text));
    assert_eq!(
        Hello {
            version_text: String::new(),
            ..again
        },
        Hello {
            version_text: String::new(),
            ..hello.clone()
        }
    );
    Some(hello)
}
