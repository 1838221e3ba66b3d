//! The rules by name, so that a test can break one and see the model check fail.
//!
//! Outside tests every rule is kept, and the question costs nothing.

use crate::Settings;

/// A rule of the protocol that a mutant leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// A start inherits the view of the ticket before.
    InheritView,
    /// A view says at which upstream each of its tickets is.
    KnowUpstream,
    /// A ticket that was drawn and not written is waited for.
    AwaitAbsent,
    /// A finished record stays until a starter has read it.
    KeepFinished,
    /// A ticket waits for the one before it.
    AwaitPredecessor,
    /// A holder goes by its own clock.
    OwnClock,
    /// After a verdict the record is read again.
    SecondRead,
    /// A starter reads its own verdict.
    StarterCheck,
    /// After a write that is not resolved nothing is written to that key.
    StopUnresolved,
    /// The epoch is read at a start and at each renewal.
    Epoch,
    /// A start reads the epoch after it has written its active record.
    StartEpoch,
    /// At the bottom of a new epoch one time to live is waited.
    BottomWait,
    /// The grace runs from one's own draw, for all earlier tickets at once.
    SharedGrace,
    /// The sweep spares the highest started ticket and its view.
    SpareBase,
    /// A starter deletes what it struck and passed over.
    CleanUp,
    /// A record that is not renewed lapses.
    Lapse,
    /// Whoever stands behind the main line may draw in it after a bounded time.
    BatchBound,
    /// The right is kept until its holder's ticket of the main line no longer waits.
    KeepRight,
}

impl Settings {
    /// Whether `rule` is in force: always, but for a mutant in a test.
    #[cfg_attr(
        not(test),
        expect(clippy::unused_self, reason = "only a mutant has anything to say")
    )]
    pub(crate) fn keeps(&self, rule: Rule) -> bool {
        #[cfg(test)]
        return self.broken != Some(rule);
        #[cfg(not(test))]
        {
            let _ = rule;
            true
        }
    }
}
