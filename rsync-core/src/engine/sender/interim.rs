//! How the sender's account stands, said before the receiver gives its own.
//!
//! A client that pulls and hears an account that agrees with its own has nothing more to wait for.
//! So it is said as soon as it may be the last one.

use std::sync::{Mutex, OnceLock, PoisonError};

use crate::engine::connection::{ConnectionError, Outbox};
use crate::engine::sender::content::Content;
use crate::engine::sender::requests::Requests;
use crate::wire::message::{FromSender, Interim, TreeDigest};

/// Says how the account of one pass stands.
pub(super) struct Interims<'a> {
    content: &'a Content<'a>,
    requests: &'a Requests,
    outbox: &'a Outbox<FromSender>,
    tree: OnceLock<Option<TreeDigest>>,
    last: Mutex<Option<Interim>>,
}

impl<'a> Interims<'a> {
    /// Nothing was said yet.
    pub(super) fn new(
        content: &'a Content<'a>,
        requests: &'a Requests,
        outbox: &'a Outbox<FromSender>,
    ) -> Self {
        Self {
            content,
            requests,
            outbox,
            tree: OnceLock::new(),
            last: Mutex::default(),
        }
    }

    /// The source is listed, and this is its digest.
    pub(super) fn listed(&self, tree: Option<TreeDigest>) {
        self.tree.get_or_init(|| tree);
        self.requests.listed();
    }

    /// Says how the account stands.
    ///
    /// # Errors
    /// The connection has failed.
    pub(super) fn say(&self) -> Result<(), ConnectionError> {
        let Some(&tree) = self.tree.get() else {
            return Ok(());
        };
        // Held until it is said, so that the last one that is said is the last one here.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let totals = self.content.totals();
        let interim = Interim { totals, tree };
        self.outbox.send(&FromSender::Interim(interim))?;
        *last = Some(interim);
        Ok(())
    }

    /// What was said last.
    pub(super) fn last(self) -> Option<Interim> {
        self.last
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
