//! The fence around a board (rule 1): what is read behind it, and what that says.
//!
//! A counter of terms that was lost stands below its base, so the newest term says whether the epoch stands. That another was founded
//! while this one's keys stand is seen by its word alone.

use super::Instance;
use crate::mutant::Mutant;
use crate::store::{Epoch, Found, Key, TermNo};

/// What a fence has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fence {
    /// The epoch stands, and this is its newest term; 0: none was drawn yet.
    Term(TermNo),
    /// Its terms were lost, and its word is in force, as far as that was read.
    Void,
    /// Another word is in force, or none.
    Lost,
    /// It could not be read.
    Unknown,
}

impl Instance {
    /// What is read at a fence: the newest term; in a renewal the epoch beside it, and also before a session's first one, so that who
    /// founds at the same moment as another learns of it early. `has_doubts`: it is a renewal, or there is another reason.
    pub(super) fn fence_keys(&self, has_doubts: bool) -> Vec<Key> {
        let Some(session) = &self.session else {
            return Vec::new();
        };
        let reads_epoch = has_doubts || !session.was_renewed;
        let epoch =
            (reads_epoch && !self.times.lacks(Mutant::NoEpochAtRenewal)).then_some(Key::Epoch);
        std::iter::once(Key::Term(session.epoch))
            .chain(epoch)
            .collect()
    }

    /// What they say of this epoch.
    pub(super) fn fence(&self, epoch: Epoch, found: &[Found]) -> Fence {
        let word = match found.get(1) {
            Some(Found::Failed) => return Fence::Unknown,
            Some(Found::Bytes(bytes)) => Epoch::decode(bytes),
            Some(Found::Absent | Found::Number(_)) => None,
            None => Some(epoch),
        };
        match found.first() {
            None | Some(Found::Failed) => Fence::Unknown,
            _ if word != Some(epoch) => Fence::Lost,
            Some(Found::Number(term)) => Fence::Term(*term),
            Some(_) if self.times.lacks(Mutant::TermsFromZero) => Fence::Term(0),
            Some(_) => Fence::Void,
        }
    }
}
