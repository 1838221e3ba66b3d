//! What is counted under a name of its own, as a table.
//!
//! # How one is added
//! By a row: what it counts, its name, and the word that it has in the store. It is read with all others from then on; a family in
//! `src/operate/metrics/` tells it.

macro_rules! counters {
    ($($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal;)* })*) => {
        $($(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$what])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub(super) const ALL: &[$name] = &[$($name::$variant),*];

            /// Its word in the store.
            pub(super) fn word(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        })*
    };
}

counters! {
    /// What requests, upstreams and the store come to.
    Single {
        /// A request whose client left before there was a slot.
        LeftWaiting = "left_waiting";
        /// Milliseconds for which slots were held.
        ServiceMs = "service_ms";
        /// A request sent to an upstream once more.
        Retry = "retry";
        /// An operation on the store that failed.
        StoreError = "store_error";
        /// A prompt that did not fit, and was cut.
        PromptCut = "prompt_cut";
    }

    /// What the gate has done.
    GateCount {
        /// Sessions begun.
        Sessions = "sessions";
        /// Terms drawn.
        Terms = "terms";
        /// Of these, because nothing new was seen.
        TakeOvers = "takeovers";
        /// Boards that passed the fence.
        Boards = "boards";
        /// Boards that did not.
        FenceFailures = "fence_failures";
        /// Sessions that lapsed.
        Lapsed = "lapsed";
        /// Requests that relayed in one of them.
        Lost = "lost";
        /// Milliseconds in which a slot was free while somebody waited: the store was founded or emptied a moment ago.
        IdleSettling = "idle_settling_ms";
        /// The same: there was no scheduler.
        IdleTakeOver = "idle_takeover_ms";
        /// The same: the scheduler had yet to hear of it, or to put its board.
        IdleHandoff = "idle_handoff_ms";
        /// Requests that were told a range for their wait, and have started.
        Estimates = "estimates";
        /// Of these, within their range.
        EstimatesWithin = "estimates_within";
        /// The widths of the ranges, in milliseconds.
        EstimateWidth = "estimate_width_ms";
        /// By how much their middles were off, in milliseconds.
        EstimateError = "estimate_error_ms";
        /// By how much departures per second alone would have been off, in milliseconds.
        PlainError = "plain_error_ms";
    }

    /// What is counted of a model.
    ModelCount {
        /// Answers that were complete.
        Answers = "answers";
        /// Loads that Sluice has sent: changes of models, and those that are kept warm.
        Loads = "loads";
    }
}
