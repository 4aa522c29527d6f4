//! What one end packs the other unpacks, frame after frame.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rsync_core::wire::compress::{Codec, Effort, Packer, Unpacker, worst_case_len};

fuzz_target!(|input: (u8, Vec<(bool, Vec<u8>)>)| {
    let (level, batches) = input;
    for codec in [Codec::Lz4, Codec::Zstd] {
        let effort = Effort::Level(i32::from(level) % 6);
        let mut packer = Packer::new(codec, effort).expect("memory");
        let mut unpacker = Unpacker::new(codec).expect("memory");
        let (mut payload, mut unpacked) = (Vec::new(), Vec::new());
        for (long, batch) in &batches {
            // Long batches out of short inputs.
            let batch = if *long {
                batch.repeat(40)
            } else {
                batch.clone()
            };
            if batch.is_empty() {
                continue;
            }
            packer.probe(&batch);
            // Half of the inputs change the effort on the way.
            packer.set_effort(match (level / 6, *long) {
                (0..=20, _) => effort,
                (_, true) => Effort::Thorough,
                (_, false) => Effort::Deep,
            });
            payload.clear();
            if packer.pack(&batch, &mut payload).expect("packing is local") {
                assert!(payload.len() <= worst_case_len(batch.len()));
                unpacker
                    .unpack(&payload, &mut unpacked)
                    .expect("it was packed here");
                assert_eq!(unpacked, batch);
            } else {
                assert!(payload.is_empty());
            }
        }
    }
});
