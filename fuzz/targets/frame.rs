//! Frame headers and the payloads of control frames.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rsync_core::wire::frame::{
    FrameType, HEADER_LEN, Header, MAX_ABORT_TEXT_LEN, parse_abort, parse_credit, parse_ping, put,
    put_abort,
};
use rsync_core::wire::limits::MAX_FRAME_LEN;

fuzz_target!(|bytes: &[u8]| {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return;
    };
    let Ok(header) = Header::parse(*header) else {
        return;
    };
    assert!(header.len <= MAX_FRAME_LEN);
    let Some(frame_type) = header.frame_type else {
        return;
    };
    assert_eq!(Header::parse(header.encode()), Ok(header));
    assert!(!header.compressed || frame_type == FrameType::Messages);

    let Some(payload) = rest.get(..header.len) else {
        return;
    };
    let mut again = Vec::new();
    put(&mut again, frame_type, payload);
    assert_eq!(&again[HEADER_LEN..], payload);
    // A header that passed has the length its payload needs.
    match frame_type {
        FrameType::Credit => {
            let granted = parse_credit(payload).expect("four bytes");
            assert_eq!(granted.to_le_bytes(), payload);
        }
        FrameType::Ping | FrameType::Pong => {
            let number = parse_ping(frame_type, payload).expect("eight bytes");
            assert_eq!(number.to_le_bytes(), payload);
        }
        FrameType::Abort => {
            let abort = parse_abort(payload).expect("at least two bytes");
            let mut encoded = Vec::new();
            put_abort(&mut encoded, &abort);
            assert!(encoded.len() <= HEADER_LEN + 2 + MAX_ABORT_TEXT_LEN);
            let (header, payload) = encoded.split_first_chunk().expect("a header");
            assert_eq!(
                Header::parse(*header).map(|header| header.len),
                Ok(payload.len())
            );
            let reread = parse_abort(payload).expect("what was just encoded");
            assert_eq!(reread.code, abort.code);
            assert!(abort.text.starts_with(&reread.text));
        }
        FrameType::Hello | FrameType::Request | FrameType::Messages | FrameType::Goodbye => {}
    }
});
