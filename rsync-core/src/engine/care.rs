//! What a client takes care of at its own end of a pull. Nothing of it travels.

use crate::engine::keeper::Keeper;

/// Tells one life of a source from the next.
pub type Incarnation = [u8; 16];

/// What a client takes care of at its own end of a pull.
#[derive(Clone, Copy, Default)]
pub struct Care<'a> {
    /// Who keeps what the run replaces or deletes.
    pub keeper: Option<&'a dyn Keeper>,
    /// The life of the source that earlier runs came from. Nothing is deleted because of another.
    pub incarnation: Option<Incarnation>,
    /// Most of the destination's entries, in percent, that may be deleted.
    pub max_delete_percent: Option<u8>,
    /// Leaves alone at the destination what programs run by themselves
    /// ([`runs_by_itself`](crate::plan::runs_by_itself)), for a source that is not trusted: it is
    /// neither made nor changed nor deleted, unless the source was asked for by that very name.
    pub guarded: bool,
}
