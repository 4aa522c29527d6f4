mod failures;
mod pass;
mod tampering;
mod traffic;

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::thread;

use super::*;
use crate::entry::{Entry, Kind, Timestamp};
use crate::options::{Compression, Options};
use crate::path::{FileName, RelPath};
use crate::wire::hello::Features;
use crate::wire::message::*;

type SenderEnds = Ends<FromSender, FromReceiver>;
type ReceiverEnds = Ends<FromReceiver, FromSender>;

fn request(role: Role, compression: Compression) -> Request {
    Request {
        role,
        path: b"/data".to_vec(),
        options: Options {
            compression,
            ..Options::default()
        },
    }
}

/// Settings of ends that both say goodbye, the agent first, whoever sends.
fn two_goodbyes() -> Settings {
    Settings {
        features: Features::TREES,
        ..Settings::default()
    }
}

fn stream(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Stream {
    Stream {
        reader: Box::new(reader),
        writer: Box::new(writer),
    }
}

/// Both ends of two operating system pipes: client's reader and writer, agent's reader and writer.
fn pipes() -> (PipeReader, PipeWriter, PipeReader, PipeWriter) {
    let (client_reader, agent_writer) = pipe().unwrap();
    let (agent_reader, client_writer) = pipe().unwrap();
    (client_reader, client_writer, agent_reader, agent_writer)
}

/// A connection over pipes whose client receives.
fn pull(compression: Compression, settings: &Settings) -> (ReceiverEnds, SenderEnds) {
    let (client_reader, client_writer, agent_reader, agent_writer) = pipes();
    let request = request(Role::Sender, compression);
    thread::scope(|scope| {
        let agent = scope.spawn(|| {
            let (request, connection) =
                accept(stream(agent_reader, agent_writer), settings).unwrap();
            assert_eq!(request.path, b"/data");
            connection.into_sender().unwrap()
        });
        let client = connect(stream(client_reader, client_writer), &request, settings).unwrap();
        (client.into_receiver().unwrap(), agent.join().unwrap())
    })
}

fn entry(name: &str, kind: Kind) -> Entry {
    Entry {
        name: FileName::new(name.as_bytes()).unwrap(),
        kind,
        mode: 0o755,
        mtime: Timestamp::default(),
        owner: None,
        link: None,
        xattrs: Vec::new(),
        digest: None,
    }
}

fn source() -> FromSender {
    FromSender::Source(Source {
        root: entry("data", Kind::Dir),
        incarnation: [1; 16],
        only_one: false,
    })
}

/// A listing of one file in the root.
fn listing() -> FromSender {
    FromSender::Listing(Listing {
        dir: DirId(0),
        path: RelPath::root(),
        entries: vec![entry("file", Kind::File { size: 1 << 40 })],
        more: false,
        complete: true,
        content_follows: false,
    })
}

const FILE: FileId = FileId {
    dir: DirId(0),
    index: 0,
};

fn begin() -> FromSender {
    let seen = Seen {
        size: 1 << 40,
        mtime: Timestamp::default(),
        mode: 0o644,
    };
    FromSender::Begin { file: FILE, seen }
}

fn literal(bytes: Vec<u8>) -> FromSender {
    FromSender::Data {
        file: FILE,
        op: DataOp::Literal(bytes),
    }
}

fn end() -> FromSender {
    FromSender::End {
        file: FILE,
        result: Ok([7; 32].into()),
    }
}

fn listed() -> FromSender {
    FromSender::Listed(Listed::default())
}

fn sender_finished() -> FromSender {
    FromSender::Finished(SenderTotals::default())
}

fn holdings() -> FromReceiver {
    FromReceiver::Holdings(Holdings::Unknown)
}

fn want(how: How) -> FromReceiver {
    FromReceiver::Want {
        file: FILE,
        name: FileName::new(b"file").unwrap(),
        how,
    }
}

fn receiver_finished() -> FromReceiver {
    FromReceiver::Finished(ReceiverTotals::default())
}

/// A whole small pass as the sender, step by step.
fn send_pass(mut ends: SenderEnds) -> Result<Traffic, ConnectionError> {
    ends.outbox.send(&source())?;
    assert_eq!(ends.inbox.recv()?, holdings());
    ends.outbox.send(&listing())?;
    ends.outbox.send(&listed())?;
    assert_eq!(ends.inbox.recv()?, want(How::Whole));
    ends.outbox.send(&begin())?;
    ends.outbox.send(&literal(b"content".to_vec()))?;
    ends.outbox.send(&end())?;
    assert_eq!(ends.inbox.recv()?, receiver_finished());
    ends.outbox.send(&sender_finished())?;
    ends.link.close()
}

/// The same pass as the receiver.
fn receive_pass(mut ends: ReceiverEnds) -> Result<Traffic, ConnectionError> {
    assert_eq!(ends.inbox.recv()?, source());
    ends.outbox.send(&holdings())?;
    assert_eq!(ends.inbox.recv()?, listing());
    ends.outbox.send(&want(How::Whole))?;
    assert_eq!(ends.inbox.recv()?, listed());
    assert_eq!(ends.inbox.recv()?, begin());
    assert_eq!(ends.inbox.recv()?, literal(b"content".to_vec()));
    assert_eq!(ends.inbox.recv()?, end());
    ends.outbox.send(&receiver_finished())?;
    assert_eq!(ends.inbox.recv()?, sender_finished());
    assert!(ends.inbox.next().is_none());
    ends.link.close()
}
