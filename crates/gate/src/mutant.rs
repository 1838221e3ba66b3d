//! The rules of the board's protocol by name, so that the model check can take each away and see it missed.
//!
//! In a build that is no test every rule is kept: [`crate::times::Times::lacks`] is a constant there.

/// A rule that can be taken away. The number is that of the protocol's rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(not(test), allow(dead_code, reason = "tests alone take rules away"))]
pub(crate) enum Mutant {
    /// 1: the term is read after the board, not before.
    TermBeforeBoard,
    /// 1: terms are counted from the epoch's base, so that a counter which was lost is known.
    TermsFromZero,
    /// 1, 19: own grants start only after the fence.
    StartBeforeFence,
    /// 2: an older board judges where the newest term has none.
    AbsentIsNoMember,
    /// 2: the newest term's board is read once more after an older one.
    NoSecondLook,
    /// 3: the terms and the epoch are read after a session's first put.
    EnterUnread,
    /// 4: a session that was not renewed in time is over.
    NoOwnLimit,
    /// 5: a session that ends says so.
    NoOver,
    /// 6: an ask that no board shows is put into the outbox.
    NoAsk,
    /// 7: what ends is said to have ended.
    NoEnded,
    /// 8: an `ended` is dropped only when its beat was seen.
    DropUnseen,
    /// 9: nothing is started by a board before the fence.
    StartByLook,
    /// 9: nothing is started for one who is condemned.
    StartCondemned,
    /// 10: a renewal counts from its issue.
    FreshFromAnswer,
    /// 10: the epoch is read in a renewal.
    NoEpochAtRenewal,
    /// 10: a renewal counts only when it was found good.
    FreshFromPut,
    /// 11: on its own board a scheduler is seen.
    OwnUnseen,
    /// 12a: who is above `top` is not judged.
    NoTop,
    /// 12b: who is no member, or condemned, is over.
    NoVerdict,
    /// 12c: a grant that is gone stops its relay.
    NoCut,
    /// 12d: a grant that nobody here has is given back.
    NoLevel,
    /// 13: whoever waits and sees nothing new takes the term.
    NoTakeover,
    /// 14: the newest board that exists, however old its term.
    WalkOne,
    /// 14: of the newest term nobody knows that it will have no board.
    BareNewest,
    /// 15: of a board that is full as found the holders are read before it is put.
    PutUnread,
    /// 16: a wait where no board was found.
    NoWait,
    /// 16: a board that was found closed stays closed.
    OpenOnTake,
    /// 17: new sessions are listed.
    NotListed,
    /// 17: the number up to which sessions are listed never falls.
    TopFalls,
    /// 18: every difference is a sign of life, also a lower beat.
    OnlyHigherBeats,
    /// 18: the content of a beat that was seen already is ignored.
    OldBeatsCount,
    /// 18: the quiet time is carried from board to board.
    ForgetQuiet,
    /// 18: a session is condemned before it is removed.
    OneStep,
    /// 18: it is removed only after another reading.
    NoSecondReading,
    /// 18: the mark must have passed on a board of this scheduler.
    MarkInMemory,
    /// 19: the term is given up when a put was not acknowledged.
    PutAgain,
    /// 19: where the fence cannot be read, nothing starts.
    FenceUnread,
    /// 20: who founds an epoch reads it again.
    FoundUnread,
    /// 21: a board without a line is idle.
    NeverIdle,
    /// 22: a board that gives the term up is as closed as it was.
    ResignOpens,
    /// 23: older boards are deleted only after the fence.
    DeleteEarly,
    /// 26: the slot of one that has ended is not given back while its successor relays in it.
    NoSuccessor,
    /// 26: who is a successor itself has none before its slot is its own on a board that passed.
    UnsettledSlot,
    /// 26: whoever is named as heir stays it until it has a slot or is gone.
    HeirChanges,
    /// 26: the heir has the next slot that is free, before anybody else.
    HeirNotFirst,
    /// 26: the second heir starts when two have ended, not one.
    HeirOutOfTurn,
    /// 26: the slot of one that has ended is not the heir's while its successor relays in it, unless that is an
    /// heir before it.
    HeirOfHandedOn,
    /// 26: an heir of which nobody has heard for too long starts only by a board that was read after that.
    HeirUnheard,
    /// 28: whose grant is recalled keeps it until it says that it has ended.
    RecallFrees,
    /// 30: who cannot read the board does not take over.
    TakeUnreadable,
    /// 30: a board that nobody alive can read is a lost one.
    KeepUnreadable,
    /// 32: by a provisional grant it relays only while it is heard of.
    NoHeardLimit,
    /// 32: nobody starts who is doubted.
    StartDoubted,
    /// 32: provisional grants are taken back only after a board that says so, and another reading.
    DoubtAtOnce,
    /// 32: a grant is provisional until a board that passed says otherwise.
    ForGoodWhenSaid,
    /// 31: the mark of a new store is looked at once more after the epoch was put, and deleted before it is used.
    MarkOnce,
}

#[cfg(test)]
impl Mutant {
    /// All of them.
    pub(crate) const ALL: [Mutant; 56] = [
        Mutant::TermBeforeBoard,
        Mutant::TermsFromZero,
        Mutant::StartBeforeFence,
        Mutant::AbsentIsNoMember,
        Mutant::NoSecondLook,
        Mutant::EnterUnread,
        Mutant::NoOwnLimit,
        Mutant::NoOver,
        Mutant::NoAsk,
        Mutant::NoEnded,
        Mutant::DropUnseen,
        Mutant::StartByLook,
        Mutant::StartCondemned,
        Mutant::FreshFromAnswer,
        Mutant::NoEpochAtRenewal,
        Mutant::FreshFromPut,
        Mutant::OwnUnseen,
        Mutant::NoTop,
        Mutant::NoVerdict,
        Mutant::NoCut,
        Mutant::NoLevel,
        Mutant::NoTakeover,
        Mutant::WalkOne,
        Mutant::BareNewest,
        Mutant::PutUnread,
        Mutant::NoWait,
        Mutant::OpenOnTake,
        Mutant::NotListed,
        Mutant::TopFalls,
        Mutant::OnlyHigherBeats,
        Mutant::OldBeatsCount,
        Mutant::ForgetQuiet,
        Mutant::OneStep,
        Mutant::NoSecondReading,
        Mutant::MarkInMemory,
        Mutant::PutAgain,
        Mutant::FenceUnread,
        Mutant::FoundUnread,
        Mutant::NeverIdle,
        Mutant::ResignOpens,
        Mutant::DeleteEarly,
        Mutant::NoSuccessor,
        Mutant::UnsettledSlot,
        Mutant::HeirChanges,
        Mutant::HeirNotFirst,
        Mutant::HeirOutOfTurn,
        Mutant::HeirOfHandedOn,
        Mutant::HeirUnheard,
        Mutant::RecallFrees,
        Mutant::TakeUnreadable,
        Mutant::KeepUnreadable,
        Mutant::NoHeardLimit,
        Mutant::StartDoubted,
        Mutant::DoubtAtOnce,
        Mutant::ForGoodWhenSaid,
        Mutant::MarkOnce,
    ];
}
