//! A client's request with all its options, as far as an agent goes before it opens anything.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rsync_core::filter::Filter;
use rsync_core::wire::hello::{MAX_VERSION, encode_request, parse_request};

fuzz_target!(|payload: &[u8]| {
    let Ok(request) = parse_request(MAX_VERSION, payload) else {
        return;
    };
    let encoded = encode_request(MAX_VERSION, &request).expect("it fitted in a frame");
    assert!(
        encoded.len() <= payload.len(),
        "no encoding is shorter than ours"
    );
    assert_eq!(
        parse_request(MAX_VERSION, &encoded).as_ref(),
        Ok(&request),
        "what is encoded comes back"
    );
    assert!(parse_request(MAX_VERSION + 1, &encoded).is_err());

    let options = &request.options;
    let path_len = request.path.len();
    let rules_len: usize = options.filter.rules.iter().map(Vec::len).sum();
    assert!(path_len + rules_len <= payload.len());
    if let Err(error) = Filter::new(&options.filter, options.delete.excluded) {
        assert!(!error.to_string().contains(char::is_control));
    }
});
