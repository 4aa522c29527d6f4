//! A sender that follows the script of an attack.

use rsync_core::checksum::Digest;
use rsync_core::engine::connection::{ConnectionError, Ends};
use rsync_core::entry::Entry;
use rsync_core::path::RelPath;
use rsync_core::wire::message::*;

use super::{Attack, dir, id, seen};

type SenderEnds = Ends<FromSender, FromReceiver>;

/// A sender that says what it is told to say, and keeps the account that an honest one would.
pub struct Sender {
    pub ends: SenderEnds,
    next_dir: u32,
    listed: u64,
    pub totals: SenderTotals,
}

impl Sender {
    pub(super) fn new(ends: SenderEnds) -> Self {
        Self {
            ends,
            next_dir: 0,
            listed: 0,
            totals: SenderTotals::default(),
        }
    }

    pub fn say(&self, message: FromSender) -> Attack {
        self.ends.outbox.send(&message)
    }

    /// Announces the content of a directory, and waits for what the receiver has.
    pub fn open(&mut self) -> Attack {
        self.announce(dir("src"), false)
    }

    pub fn announce(&mut self, root: Entry, only_one: bool) -> Attack {
        self.say(FromSender::Source(Source {
            root,
            incarnation: [1; 16],
            only_one,
        }))?;
        self.ends.inbox.recv().map(drop)
    }

    /// Lists a directory and promises no content.
    pub fn list(&mut self, path: &str, entries: Vec<Entry>) -> Result<DirId, ConnectionError> {
        self.listing(path, entries, false)
    }

    pub fn listing(
        &mut self,
        path: &str,
        entries: Vec<Entry>,
        content_follows: bool,
    ) -> Result<DirId, ConnectionError> {
        let dir = DirId(self.next_dir);
        self.next_dir += 1;
        self.listed += entries.len() as u64;
        self.say(FromSender::Listing(Listing {
            dir,
            path: RelPath::new(path.as_bytes()).unwrap(),
            entries,
            more: false,
            complete: true,
            content_follows,
        }))?;
        Ok(dir)
    }

    /// Says that the listing is complete.
    pub fn listed(&mut self) -> Attack {
        self.say(FromSender::Listed(Listed {
            listed: self.listed,
            complete: true,
            ..Listed::default()
        }))
    }

    pub fn file(&mut self, file: FileId, content: &[u8]) -> Attack {
        self.file_as(file, content, Digest::of(content))
    }

    /// Sends a file of which `digest` is said to be the digest.
    pub fn file_as(&mut self, file: FileId, content: &[u8], digest: Digest) -> Attack {
        self.account(file, &digest);
        self.say(FromSender::File {
            file,
            seen: seen(content.len() as u64),
            digest,
            content: content.to_vec(),
        })
    }

    /// Streams a file of `size` bytes, of which `digest` is said to be the digest. Each op is asked for
    /// when it is due.
    pub fn streamed(
        &mut self,
        file: FileId,
        size: u64,
        ops: impl IntoIterator<Item = DataOp>,
        digest: Digest,
    ) -> Attack {
        self.say(FromSender::Begin {
            file,
            seen: seen(size),
        })?;
        for op in ops {
            self.say(FromSender::Data { file, op })?;
        }
        self.account(file, &digest);
        self.say(FromSender::End {
            file,
            result: Ok(digest),
        })
    }

    /// Sends files of 4 bytes each in one message, of which `digest` is said to be the digest.
    pub fn bundle(
        &mut self,
        dir: DirId,
        indices: &[u32],
        content: &[u8],
        digest: Digest,
    ) -> Attack {
        self.account(id(dir, indices[0]), &digest);
        self.totals.files_sent += indices.len() as u64 - 1;
        let bundled = |&index| Bundled {
            index,
            seen: seen(4),
        };
        self.say(FromSender::Bundle(Bundle {
            dir,
            files: indices.iter().map(bundled).collect(),
            digest,
            content: content.to_vec(),
        }))
    }

    /// Counts a file as sent.
    pub fn account(&mut self, file: FileId, digest: &Digest) {
        self.totals.files_sent += 1;
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&file.dir.0.to_le_bytes())
            .update(&file.index.to_le_bytes())
            .update(digest.as_bytes());
        let add = hasher.finalize();
        for (byte, add) in self.totals.content_digest.iter_mut().zip(add.as_bytes()) {
            *byte ^= add;
        }
    }

    /// Answers every wish with `answer` until the receiver has given its account, then gives its
    /// own.
    pub fn serve(&mut self, answer: impl FnMut(&mut Self, FileId, How) -> Attack) -> Attack {
        self.answer(answer)?;
        self.say(FromSender::Finished(self.totals))
    }

    /// Serves, and gives a digest of its tree as well.
    pub fn serve_with_tree(
        &mut self,
        tree: Option<TreeDigest>,
        answer: impl FnMut(&mut Self, FileId, How) -> Attack,
    ) -> Attack {
        self.answer(answer)?;
        self.say(FromSender::Tree(tree))?;
        self.say(FromSender::Finished(self.totals))
    }

    fn answer(&mut self, mut answer: impl FnMut(&mut Self, FileId, How) -> Attack) -> Attack {
        loop {
            match self.ends.inbox.recv()? {
                FromReceiver::Want { file, how, .. } => answer(self, file, how)?,
                FromReceiver::Finished(_) => return Ok(()),
                _ => {}
            }
        }
    }

    /// Lists nothing more and serves the content `evil` for everything.
    pub fn finish(&mut self) -> Attack {
        self.listed()?;
        self.serve(|sender, file, how| match how {
            How::Digest => sender.say(FromSender::Digested {
                file,
                result: Ok(Digest::of(b"evil")),
            }),
            _ => sender.file(file, b"evil"),
        })
    }

    /// Hears out the other end, which is about to fail.
    pub fn wait_for_the_end(&mut self) -> Attack {
        loop {
            self.ends.inbox.recv()?;
        }
    }
}
