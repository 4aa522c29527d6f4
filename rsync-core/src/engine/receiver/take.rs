//! Takes the sender's messages, in order, and sends each to where it is dealt with.

use std::sync::PoisonError;

use crate::checksum::Digest;
use crate::engine::connection::Inbox;
use crate::engine::error::Error;
use crate::engine::receiver::content::{self, Job};
use crate::engine::receiver::listing::Listings;
use crate::engine::receiver::metadata::Desired;
use crate::engine::receiver::moves;
use crate::engine::receiver::shared::Shared;
use crate::engine::receiver::{MORE_ITEMS, Opening};
use crate::engine::tree::{Marks, Summary};
use crate::wire::limits::MAX_DIGESTS;
use crate::wire::message::{Bundle, FileId, FromReceiver, FromSender, Holdings, Listed};

/// Takes messages until the sender's account.
pub(super) fn messages(
    shared: &Shared<'_>,
    opening: &Opening,
    desired: Desired<'_>,
    summary: Option<&Summary>,
    inbox: &mut Inbox<FromSender>,
) -> Result<(), Error> {
    let mut listings = Listings::new(shared, opening, desired, summary);
    listings.root(opening);
    loop {
        let message = match inbox.try_recv()? {
            Some(message) => message,
            None => {
                // What came so far is dealt with meanwhile.
                shared.outbox.flush();
                shared.wake_writers();
                inbox.recv()?
            }
        };
        match message {
            FromSender::Source(_) => {
                return Err(Error::Protocol("the source was announced twice".into()));
            }
            FromSender::Owners(owners) => listings.learn(&owners)?,
            FromSender::Listing(listing) => listings.part(listing)?,
            FromSender::Expand(paths) => {
                let holdings = expand(summary, &paths, Marks::of(shared.features));
                shared.outbox.send(&FromReceiver::Holdings(holdings))?;
            }
            FromSender::Problem(problem) => listings.problem(problem),
            FromSender::Caution(caution) => shared.be_cautious(caution)?,
            FromSender::Listed(listed) => {
                complete(shared, &listed);
                let deferred = listings.finish(&listed)?;
                shared.tell_listed();
                moves::resolve(shared, deferred)?;
                if shared.client_leaves {
                    shared.outbox.push(&FromReceiver::Enough)?;
                }
                shared.pending.listed();
            }
            FromSender::File {
                file,
                seen,
                digest,
                content,
            } => match shared.pending.take(file) {
                Some(pending) => shared.hand_over(
                    file,
                    Job::Small {
                        file,
                        pending,
                        seen,
                        digest,
                        content,
                    },
                ),
                None => return Err(unexpected(file)),
            },
            FromSender::Bundle(bundle) => {
                let (job, first) = unpack(shared, bundle)?;
                shared.hand_over(first, job);
            }
            FromSender::Begin { file, seen } => match shared.pending.take(file) {
                Some(pending) => shared.hand_over(
                    file,
                    Job::Begin {
                        file,
                        pending,
                        seen,
                    },
                ),
                None => return Err(unexpected(file)),
            },
            FromSender::Data { file, op } => shared.hand_over(file, Job::Data { file, op }),
            FromSender::End { file, result } => shared.hand_over(file, Job::End { file, result }),
            FromSender::NotLengthened { file } => {
                if !shared.signing.withdraw(file) {
                    return Err(unexpected(file));
                }
                shared.hand_over(file, Job::NotLengthened { file });
            }
            FromSender::Digested { file, result } => {
                shared.hand_over(file, Job::Digested { file, result })
            }
            FromSender::Failed { file, failure } => match shared.pending.take(file) {
                Some(pending) => content::failed(shared, file, &pending, failure),
                None => return Err(unexpected(file)),
            },
            FromSender::Tree(digest) => {
                *shared
                    .sent_tree
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = Some(digest);
            }
            FromSender::Interim(interim) => {
                if !shared.client_leaves {
                    let reason = "it gives an account to an end that does not ask for one yet";
                    return Err(Error::Protocol(reason.into()));
                }
                shared.pending.interim(interim);
            }
            FromSender::Finished(totals) => {
                if !shared.pending.is_settled() {
                    let reason = "its account came before this end had given its own";
                    return Err(Error::Protocol(reason.into()));
                }
                *shared.sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(totals);
                shared.pending.finished();
                return Ok(());
            }
        }
    }
}

/// A bundle as work for a writer, and the first of its files.
fn unpack(shared: &Shared<'_>, bundle: Bundle) -> Result<(Job, FileId), Error> {
    let Some(first) = bundle.first() else {
        return Err(Error::Protocol("a bundle holds no file".into()));
    };
    let mut files = Vec::with_capacity(bundle.files.len());
    for bundled in &bundle.files {
        let file = bundle.id(bundled);
        let pending = shared.pending.take(file).ok_or_else(|| unexpected(file))?;
        files.push((file, pending, bundled.seen));
    }
    content::arrived(shared, first, files.len() as u64, &bundle.digest);
    // Here, because writing takes longer than all else that is done with small files.
    let is_right = Digest::of(&bundle.content) == bundle.digest;
    let job = Job::Bundle {
        files,
        content: is_right.then_some(bundle.content),
    };
    Ok((job, first))
}

fn unexpected(file: FileId) -> Error {
    Error::Protocol(format!(
        "content of file {} of directory {} came unasked",
        file.index, file.dir.0
    ))
}

fn complete(shared: &Shared<'_>, listed: &Listed) {
    shared.account.count(|receipt| {
        receipt.unchanged = receipt.unchanged.saturating_add(listed.agreed);
        receipt.excluded = receipt
            .excluded
            .saturating_add(listed.excluded)
            .saturating_add(listed.skipped);
        receipt.bytes = receipt.bytes.saturating_add(listed.agreed_bytes);
        let more = [
            listed.listed,
            listed.agreed,
            listed.excluded,
            listed.skipped,
        ];
        receipt.entries = more
            .iter()
            .fold(0, |sum: u64, &count| sum.saturating_add(count));
    });
}

/// Digests of the subtrees that the sender asks about.
fn expand(summary: Option<&Summary>, paths: &[u64], marks: Marks) -> Holdings {
    let Some(summary) = summary else {
        return Holdings::Nothing;
    };
    let mut items = Vec::new();
    for &path in paths {
        let budget = (MORE_ITEMS / paths.len().max(1)).max(16);
        if let Some(number) = summary.find(path) {
            summary.items(number, budget, marks, &mut items);
        }
    }
    items.truncate(MAX_DIGESTS);
    Holdings::Digests(items)
}
