//! Much traffic.

use super::*;

const PIECE: usize = 256 << 10;

/// Sends so many pieces while the peer sends as many bytes of sums.
fn busy_sender(mut ends: SenderEnds, piece: &[u8], pieces: usize) -> Traffic {
    let outbox = ends.outbox.clone();
    let sums = thread::spawn(move || {
        let mut received = 0;
        for message in &mut ends.inbox {
            if let FromReceiver::Signature { sums, .. } = message.unwrap() {
                received += sums.len();
            }
        }
        (received, ends.link)
    });
    outbox.send(&source()).unwrap();
    outbox.send(&listing()).unwrap();
    outbox.send(&begin()).unwrap();
    for _ in 0..pieces {
        outbox.send(&literal(piece.to_vec())).unwrap();
    }
    outbox.send(&end()).unwrap();
    outbox.send(&listed()).unwrap();
    let (received, link) = sums.join().unwrap();
    assert_eq!(received, pieces * SUMS);
    outbox.send(&sender_finished()).unwrap();
    link.close().unwrap()
}

/// Bytes of sums in one message: whole blocks.
const SUMS: usize = PIECE / 12 * 12;

fn busy_receiver(mut ends: ReceiverEnds, piece: &[u8], pieces: usize) -> Traffic {
    assert_eq!(ends.inbox.recv().unwrap(), source());
    assert_eq!(ends.inbox.recv().unwrap(), listing());
    let outbox = ends.outbox.clone();
    let sums = thread::spawn(move || {
        let block_len = 512;
        let len = (pieces * SUMS / 12) as u64 * u64::from(block_len);
        outbox.send(&holdings()).unwrap();
        outbox
            .send(&want(How::Delta(Basis { len, block_len })))
            .unwrap();
        for _ in 0..pieces {
            let sums = vec![5; SUMS];
            outbox
                .send(&FromReceiver::Signature { file: FILE, sums })
                .unwrap();
        }
    });
    let mut received = 0;
    for message in &mut ends.inbox {
        match message.unwrap() {
            FromSender::Data {
                op: DataOp::Literal(bytes),
                ..
            } => {
                assert_eq!(bytes, piece);
                received += 1;
            }
            FromSender::Listed(_) => break,
            _ => {}
        }
    }
    assert_eq!(received, pieces);
    sums.join().unwrap();
    ends.outbox.send(&receiver_finished()).unwrap();
    assert_eq!(ends.inbox.recv().unwrap(), sender_finished());
    ends.link.close().unwrap()
}

fn text() -> Vec<u8> {
    (0..)
        .flat_map(|n: u32| format!("line {n} of a text\n").into_bytes())
        .take(PIECE)
        .collect()
}

#[test]
fn a_hundred_megabytes_in_both_directions_at_once_do_not_block() {
    let pieces = 400;
    let piece = text();
    let (client, agent) = pull(Compression::Off, &Settings::default());
    thread::scope(|scope| {
        let agent = scope.spawn(|| busy_sender(agent, &piece, pieces));
        let here = busy_receiver(client, &piece, pieces);
        let there = agent.join().unwrap();
        assert!(here.sent > 100_000_000 && there.sent > 100_000_000);
        assert_eq!(here.received, there.sent);
        assert_eq!(here.sent, there.received);
    });
}

#[test]
fn compressed_traffic_arrives_unchanged_and_is_smaller() {
    let pieces = 40;
    let piece = text();
    let (client, agent) = pull(Compression::Level(1), &Settings::default());
    thread::scope(|scope| {
        let agent = scope.spawn(|| busy_sender(agent, &piece, pieces));
        let here = busy_receiver(client, &piece, pieces);
        let there = agent.join().unwrap();
        assert_eq!(here.received_unpacked, there.sent_unpacked);
        if cfg!(any(feature = "lz4", feature = "zstd")) {
            assert!(there.sent * 3 < there.sent_unpacked, "{there:?}");
            assert!(here.sent * 3 < here.sent_unpacked, "{here:?}");
        }
    });
}

#[test]
fn many_senders_and_small_messages_keep_every_message() {
    const EACH: u32 = 5000;
    let (mut client, mut agent) = pull(Compression::Off, &Settings::default());
    thread::scope(|scope| {
        scope.spawn(move || {
            agent.outbox.send(&source()).unwrap();
            agent.outbox.send(&listing()).unwrap();
            thread::scope(|scope| {
                for thread in 0..4u8 {
                    let outbox = agent.outbox.clone();
                    scope.spawn(move || {
                        for number in 0..EACH {
                            let content = [&[thread][..], &number.to_le_bytes()].concat();
                            let message = FromSender::File {
                                file: FILE,
                                seen: Seen {
                                    size: 5,
                                    mtime: Timestamp::default(),
                                    mode: 0,
                                },
                                digest: [0; 32].into(),
                                content,
                            };
                            if number % 2 == 0 {
                                outbox.push(&message).unwrap();
                            } else {
                                outbox.send(&message).unwrap();
                            }
                        }
                    });
                }
            });
            agent.outbox.send(&listed()).unwrap();
            while agent.inbox.recv().unwrap() != receiver_finished() {}
            agent.outbox.send(&sender_finished()).unwrap();
            agent.link.close().unwrap();
        });
        client.outbox.send(&holdings()).unwrap();
        let mut next = [0; 4];
        loop {
            match client.inbox.recv().unwrap() {
                FromSender::File { content, .. } => {
                    let (thread, number) = content.split_first().unwrap();
                    let number = u32::from_le_bytes(number.try_into().unwrap());
                    let expected = &mut next[usize::from(*thread)];
                    assert_eq!(number, *expected, "each sender's messages stay in order");
                    *expected += 1;
                }
                FromSender::Listed(_) => break,
                _ => {}
            }
        }
        assert_eq!(next, [EACH; 4]);
        client.outbox.send(&receiver_finished()).unwrap();
        assert_eq!(client.inbox.recv().unwrap(), sender_finished());
        client.link.close().unwrap();
    });
}
