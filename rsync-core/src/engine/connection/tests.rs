use std::os::unix::net::UnixStream;
use std::thread;

use super::*;
use crate::options::Options;
use crate::session::SessionError;
use crate::wire::message::*;

fn request(role: Role) -> Request {
    Request {
        role,
        path: b"/data".to_vec(),
        options: Options::default(),
    }
}

/// Two streams, each the other's far end.
fn stream_pair() -> (Stream, Stream) {
    let (up_in, up_out) = UnixStream::pair().unwrap();
    let (down_in, down_out) = UnixStream::pair().unwrap();
    let stream = |reader, writer| Stream {
        reader: Box::new(reader),
        writer: Box::new(writer),
    };
    (stream(down_out, up_in), stream(up_out, down_in))
}

type SenderEnds = Ends<FromSender, FromReceiver>;
type ReceiverEnds = Ends<FromReceiver, FromSender>;

/// A connection whose client receives.
fn pull(request: Request, settings: &Settings) -> (ReceiverEnds, SenderEnds) {
    let (client, agent) = stream_pair();
    thread::scope(|scope| {
        let agent = scope.spawn(|| accept(agent, settings).unwrap().1.into_sender().unwrap());
        let client = connect(client, &request, settings)
            .unwrap()
            .into_receiver()
            .unwrap();
        (client, agent.join().unwrap())
    })
}

fn source() -> FromSender {
    use crate::entry::*;
    FromSender::Source(Source {
        root: Entry {
            name: crate::path::FileName::new(b"data").unwrap(),
            kind: Kind::Dir,
            mode: 0o755,
            mtime: Timestamp::default(),
            owner: None,
            link: None,
            xattrs: Vec::new(),
            digest: None,
        },
        incarnation: [1; 16],
        only_one: false,
    })
}

#[test]
fn a_small_pass_goes_through_and_both_ends_close() {
    let (mut client, mut agent) = pull(request(Role::Sender), &Settings::default());
    assert_eq!(client.agreed.client_nonce, agent.agreed.client_nonce);
    assert_eq!(client.agreed.agent_nonce, agent.agreed.agent_nonce);
    let agent = thread::spawn(move || {
        agent.outbox.send(&source()).unwrap();
        assert!(matches!(agent.inbox.recv(), Ok(FromReceiver::Holdings(_))));
        agent
            .outbox
            .send(&FromSender::Listed(Listed::default()))
            .unwrap();
        assert!(matches!(agent.inbox.recv(), Ok(FromReceiver::Finished(_))));
        agent
            .outbox
            .send(&FromSender::Finished(SenderTotals::default()))
            .unwrap();
        agent.link.close()
    });
    assert_eq!(client.inbox.recv().unwrap(), source());
    client
        .outbox
        .send(&FromReceiver::Holdings(Holdings::Nothing))
        .unwrap();
    assert!(matches!(client.inbox.recv(), Ok(FromSender::Listed(_))));
    client
        .outbox
        .send(&FromReceiver::Finished(ReceiverTotals::default()))
        .unwrap();
    assert!(matches!(client.inbox.recv(), Ok(FromSender::Finished(_))));
    let here = client.link.close().unwrap();
    let there = agent.join().unwrap().unwrap();
    assert_eq!(here.sent, there.received);
    assert_eq!(here.received_unpacked, there.sent_unpacked);
}

#[test]
fn a_message_out_of_order_fails_both_ends() {
    let (mut client, mut agent) = pull(request(Role::Sender), &Settings::default());
    agent
        .outbox
        .send(&FromSender::Listed(Listed::default()))
        .unwrap();
    let error = client.inbox.recv().unwrap_err();
    assert!(matches!(error, ConnectionError::Order(_)), "{error}");
    let error = agent.inbox.recv().unwrap_err();
    assert!(
        matches!(
            &error,
            ConnectionError::Session(SessionError::Aborted { code: 12, .. })
        ),
        "{error}"
    );
    assert!(error.to_string().contains("before Source"), "{error}");
}
