//! The states of a turn. Each but the rests stands for one store operation under way.

use crate::Ticket;

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// Nothing yet.
    New,
    /// Get the epoch, to enter it.
    EpochRead,
    /// Put an epoch, since there was none.
    EpochFounded,
    /// Draw a ticket.
    Drawing,
    /// Get the record of the ticket before.
    Following,
    /// Get the settled mark: there is no ticket before.
    BottomRead,
    /// Get the record of the view's ticket with this index.
    Counting(usize),
    /// Put the verdict on a ticket.
    Condemning(Ticket),
    /// Get a condemned ticket's record once more.
    Reconsidering(Ticket),
    /// Put the own record, waiting: the first time, or renewed.
    Enrolling,
    /// Get the epoch after a renewal of a waiting record.
    EnrolledEpoch,
    /// Get the own verdict after a renewal of a waiting record.
    EnrolledVerdict,
    /// Rest in line.
    Waiting,
    /// Rest until the store may be tried again, then begin anew.
    Pausing,
    /// Put the own record, active. The request goes out meanwhile.
    Starting,
    /// Get the epoch after the start.
    StartEpoch,
    /// Get the own verdict: the start stands, or is taken back.
    StartVerdict,
    /// Get the own verdict after a tidying turn has finished.
    TidyVerdict,
    /// Rest, relaying.
    Holding,
    /// Put the own record, active, renewed.
    Renewing,
    /// Get the epoch after a renewal.
    RenewedEpoch,
    /// Get the own verdict after a renewal.
    RenewedVerdict,
    /// Delete one piece of debris.
    Clearing,
    /// Put the settled mark.
    Settling,
    /// Get the cancel key, waiting or holding.
    CancelRead,
    /// Delete the cancel key: the turn is cancelled.
    CancelCleared,
    /// Put the own record, finished; then over, or begin anew.
    Finishing(Then),
    /// Put the own record, left; then over, or begin anew.
    Leaving(Then),
    /// Delete the own record: its epoch is gone.
    Withdrawing(Then),
    /// Rest until the last write may be tried again.
    Lingering,
    /// The end.
    Over,
}

/// What follows when a record has been closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Then {
    /// Another ticket.
    Redraw,
    /// The end.
    End,
}

/// Where a turn that is not yet active looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Spot {
    /// At the ticket before.
    Behind,
    /// At the tickets of its view.
    Room,
    /// At the bottom of an epoch.
    Bottom,
}

/// What the own record says, as far as acknowledged or issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wrote {
    /// It has not been written.
    Nothing,
    /// Waiting.
    Waiting,
    /// Active.
    Active,
}
