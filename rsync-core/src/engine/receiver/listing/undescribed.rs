//! What is at the destination and can not be described, or listed at all.

use super::{Listings, OpenListing};
use crate::options::DeleteWhen;
use crate::path::{FileName, RelPath};
use crate::root;
use crate::wire::message::ProblemKind;

impl Listings<'_, '_> {
    /// Nobody knows what is in a directory of the destination, and what of it were to be deleted.
    pub(super) fn report_unlisted(&self, path: &RelPath, error: root::Error) {
        let account = &self.shared.account;
        if self.shared.options.delete.when != DeleteWhen::Never {
            account.count(|receipt| receipt.deletes_failed += 1);
        }
        account.trouble(path, error);
    }

    /// Entries of the destination of which nobody knows what they are can not be deleted.
    pub(super) fn report_undescribed(&self, open: &OpenListing) {
        if self.shared.options.delete.when == DeleteWhen::Never {
            return;
        }
        for (name, kind) in &open.undescribed {
            let source = match kind {
                ProblemKind::System(error) => std::io::Error::from_raw_os_error(error.code),
                _ => std::io::Error::other("it can not be described"),
            };
            let path = FileName::new(name)
                .map_or_else(|_| open.path.clone(), |name| open.path.join(&name));
            self.shared
                .account
                .count(|receipt| receipt.deletes_failed += 1);
            let error = root::Error {
                operation: "look at",
                path: path.as_bytes().to_vec(),
                source,
            };
            self.shared.account.trouble(&path, error);
        }
    }
}
