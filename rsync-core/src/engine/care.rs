//! What a client takes care of in its runs. The agent decides nothing of it: of a push it is told what
//! it may not delete, and obeys.

use crate::engine::error::Error;
use crate::engine::keeper::Keeper;
use crate::wire::hello::Features;
use crate::wire::message::Caution;

/// Tells one life of a source from the next.
pub type Incarnation = [u8; 16];

/// What a client takes care of in one run.
#[derive(Clone, Copy, Default)]
pub struct Care<'a> {
    /// Who keeps what a pull replaces or deletes.
    pub keeper: Option<&'a dyn Keeper>,
    /// The life of the source that earlier runs came from. Nothing is deleted because of another.
    pub incarnation: Option<Incarnation>,
    /// Most of the destination's entries, in percent, that may be deleted.
    pub max_delete_percent: Option<u8>,
    /// Leaves alone at the destination of a pull what programs run by themselves
    /// ([`runs_by_itself`](crate::plan::runs_by_itself)), for a source that is not trusted: it is
    /// neither made nor changed nor deleted, unless the source was asked for by that very name.
    pub guarded: bool,
}

impl Care<'_> {
    /// What the receiver of a push is told not to delete, given the life of its source.
    ///
    /// # Errors
    /// There is something to be told, and the other end is too old to understand it.
    pub(crate) fn caution(
        &self,
        incarnation: Incarnation,
        features: Features,
    ) -> Result<Option<Caution>, Error> {
        let caution = Caution {
            source_is_new: self.incarnation.is_some_and(|agreed| agreed != incarnation),
            max_delete_percent: self.max_delete_percent,
        };
        if caution == Caution::default() {
            return Ok(None);
        }
        if features.contains(Features::CAUTION) {
            Ok(Some(caution))
        } else {
            Err(Error::PeerIsCareless)
        }
    }
}
