//! Entries of the destination that are there and can not be described.

use super::{Listings, OpenListing};
use crate::options::DeleteWhen;
use crate::path::FileName;
use crate::root;
use crate::wire::message::ProblemKind;

impl Listings<'_, '_> {
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
