//! How many answers of one model run at once at one upstream: measured, since nothing of Ollama's tells it.
//!
//! # How
//!
//! The last frame of an answer says how long its prompt and its answer were worked on. So it was worked on from its end less that
//! time to its end, and how many such spans overlap is how many run at once. An answer tells something only if others were granted
//! beside it before its own work began and were not over at its end: where they had not been worked on at the same time, they
//! waited inside Ollama.
//!
//! # What is concluded
//!
//! Something only from [`Parallel::WINDOW`] such answers. Fewer at once than were granted side by side, twice: so many are granted
//! from then on. One more is tried now and then, for as many answers.
//!
//! # Limits
//!
//! Ends are heard of with a delay, so spans are cut at both sides by a quarter, at most [`CUT_MS`], and what took less than
//! [`LEAST_MS`] tells nothing. An answer whose client left has no span, and is missing.

use serde::{Deserialize, Serialize};

/// By how much a span is cut at each side at most, in milliseconds: longer than an end takes to be heard of.
const CUT_MS: u64 = 300;

/// A shorter answer may have ended as long before it was heard of as it was worked on, in milliseconds.
const LEAST_MS: u64 = 1_000;

/// What is known of it. It stands on the board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Parallel {
    /// How many run at once, where that is fewer than were granted; 0 before that was seen.
    believed: u8,
    /// One more than that is granted, to see whether it runs.
    is_trying: bool,
    /// How many answers this window has.
    answers: u8,
    /// How many were heard since one more was tried.
    since_try: u8,
    /// The two largest numbers that were granted side by side in this window, and the largest that ran at once.
    granted: Top,
    ran: u8,
}

/// The two largest of what was counted: what was seen once may be chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Top(u8, u8);

impl Top {
    fn note(&mut self, count: u8) {
        if count > self.0 {
            *self = Top(count, self.0);
        } else if count > self.1 {
            self.1 = count;
        }
    }

    fn seen_twice(self) -> u8 {
        self.1
    }
}

/// One answer that has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// How many were granted side by side while it was worked on, itself included.
    pub granted: u8,
    /// How many ran at once, itself included, as far as those have ended.
    pub ran: u8,
}

impl Parallel {
    /// How many answers something is concluded from.
    pub const WINDOW: u8 = 20;

    /// After so many answers one more is tried.
    const TRY_AFTER: u8 = 100;

    /// How many may be granted at once; `None` while nothing says that fewer run than were granted.
    pub fn limit(&self) -> Option<u8> {
        match self.believed {
            0 => None,
            believed => Some(believed.saturating_add(u8::from(self.is_trying))),
        }
    }

    /// How many run at once, where that is fewer than were granted.
    pub fn believed(&self) -> Option<u8> {
        (self.believed > 0).then_some(self.believed)
    }

    /// One more has ended.
    pub fn note(&mut self, answer: Answer) {
        self.since_try = self.since_try.saturating_add(1);
        if self.believed > 0 && !self.is_trying && self.since_try >= Self::TRY_AFTER {
            self.begin_window();
            self.is_trying = true;
        }
        // One that was granted alone at its beginning may be the last of several that ran at once.
        self.ran = self.ran.max(answer.ran);
        if answer.granted < 2 {
            return;
        }
        self.granted.note(answer.granted);
        self.answers = self.answers.saturating_add(1);
        if self.answers >= Self::WINDOW {
            self.conclude();
        }
    }

    fn conclude(&mut self) {
        let (granted, ran) = (self.granted.seen_twice(), self.ran.max(1));
        match self.believed {
            0 if ran < granted => self.believed = ran,
            0 => {}
            // Trying goes on at once where one more did run.
            believed if self.is_trying && ran > believed => self.believed = ran,
            believed => {
                self.believed = believed.min(ran);
                if self.is_trying {
                    self.is_trying = false;
                    self.since_try = 0;
                }
            }
        }
        self.begin_window();
    }

    fn begin_window(&mut self) {
        self.answers = 0;
        self.granted = Top::default();
        self.ran = 0;
    }
}

/// The spans in which the last answers were worked on, as the present scheduler has heard of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Spans {
    list: Vec<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Span {
    upstream: u8,
    model: u64,
    from_ms: u64,
    until_ms: u64,
}

impl Spans {
    /// How many are kept.
    const SPANS: usize = 128;

    /// Takes in an answer that ended at `end_ms` of this process's clock and was worked on for `busy_ms`: how many ran at once;
    /// `None`: it was too short to tell.
    pub fn note(&mut self, upstream: u8, model: u64, end_ms: u64, busy_ms: u64) -> Option<u8> {
        if busy_ms < LEAST_MS {
            return None;
        }
        let cut_ms = (busy_ms / 4).min(CUT_MS);
        let span = Span {
            upstream,
            model,
            from_ms: end_ms.saturating_sub(busy_ms).saturating_add(cut_ms),
            until_ms: end_ms.saturating_sub(cut_ms),
        };
        let is_beside = |other: &&Span| {
            other.upstream == upstream
                && other.model == model
                && other.from_ms < span.until_ms
                && span.from_ms < other.until_ms
        };
        let beside: Vec<Span> = self.list.iter().filter(is_beside).copied().collect();
        // The most at any moment is reached where one of them begins.
        let at = |ms: u64| {
            let runs = beside
                .iter()
                .filter(|other| other.from_ms <= ms && ms < other.until_ms);
            runs.count()
        };
        let begins = beside.iter().map(|other| other.from_ms.max(span.from_ms));
        let most = begins.map(at).max().unwrap_or(0);
        if self.list.len() >= Self::SPANS {
            self.list.remove(0);
        }
        self.list.push(span);
        Some(u8::try_from(most + 1).unwrap_or(u8::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An upstream that runs `runs` at once, first come, first served, and whoever is granted.
    #[derive(Default)]
    struct Upstream {
        now_ms: u64,
        /// Who waits inside it: since when, and for how long it will be worked on.
        waiting: Vec<(u64, u64)>,
        /// Who is worked on: since when it is granted, and from when to when it is worked on.
        running: Vec<(u64, u64, u64)>,
        spans: Spans,
        came: u64,
    }

    impl Upstream {
        /// Serves so many, with at most `granted` at a time and never more than `parallel` lets in.
        fn serve(&mut self, parallel: &mut Parallel, runs: usize, granted: usize, answers: usize) {
            for _ in 0..answers {
                let limit = parallel
                    .limit()
                    .map_or(granted, |limit| granted.min(limit.into()));
                while self.waiting.len() + self.running.len() < limit {
                    self.came += 1;
                    self.waiting
                        .push((self.now_ms, 1_000 + 370 * (self.came * 7 % 11)));
                }
                while self.running.len() < runs && !self.waiting.is_empty() {
                    let (since_ms, busy_ms) = self.waiting.remove(0);
                    self.running
                        .push((since_ms, self.now_ms, self.now_ms + busy_ms));
                }
                self.running.sort_by_key(|(_, _, end_ms)| *end_ms);
                let (_, from_ms, end_ms) = self.running.remove(0);
                self.now_ms = end_ms;
                let others = self.running.iter().map(|(since_ms, ..)| since_ms);
                let others = others.chain(self.waiting.iter().map(|(since_ms, _)| since_ms));
                let beside = others.filter(|since_ms| **since_ms <= from_ms).count();
                if let Some(ran) = self.spans.note(0, 7, end_ms, end_ms - from_ms) {
                    let granted = beside as u8 + 1;
                    parallel.note(Answer { granted, ran });
                }
            }
        }
    }

    fn serve(parallel: &mut Parallel, runs: usize, granted: usize, answers: usize) {
        Upstream::default().serve(parallel, runs, granted, answers);
    }

    #[test]
    fn one_at_once_behind_four_is_believed_after_twenty_answers() {
        let mut parallel = Parallel::default();
        serve(&mut parallel, 1, 4, 19);
        assert_eq!(parallel.limit(), None);
        serve(&mut parallel, 1, 4, 6);
        assert_eq!(parallel.limit(), Some(1));
    }

    #[test]
    fn where_all_that_are_granted_run_nothing_is_limited() {
        let mut parallel = Parallel::default();
        serve(&mut parallel, 4, 4, 400);
        assert_eq!(parallel.limit(), None);
    }

    #[test]
    fn two_at_once_behind_four_are_two() {
        let mut parallel = Parallel::default();
        serve(&mut parallel, 2, 4, 60);
        assert_eq!(parallel.believed(), Some(2));
    }

    #[test]
    fn one_more_is_tried_now_and_then_and_kept_where_it_runs() {
        let mut parallel = Parallel::default();
        serve(&mut parallel, 1, 4, 40);
        assert_eq!(parallel.believed(), Some(1));
        serve(&mut parallel, 1, 4, 300);
        assert_eq!(parallel.believed(), Some(1), "it does not");
        serve(&mut parallel, 3, 4, 600);
        assert!(parallel.believed() >= Some(2), "{parallel:?}");
    }

    #[test]
    fn spans_of_other_models_and_upstreams_and_such_as_only_touch_are_not_at_once() {
        let mut spans = Spans::default();
        assert_eq!(spans.note(0, 7, 10_000, 5_000), Some(1));
        assert_eq!(spans.note(0, 8, 10_000, 5_000), Some(1));
        assert_eq!(spans.note(1, 7, 10_000, 5_000), Some(1));
        assert_eq!(
            spans.note(0, 7, 14_900, 5_000),
            Some(1),
            "a tenth of a second is delay"
        );
        assert_eq!(
            spans.note(0, 7, 13_000, 6_000),
            Some(2),
            "beside each, but those only touch"
        );
        assert_eq!(
            spans.note(0, 7, 14_000, 6_000),
            Some(3),
            "beside the last two"
        );
    }

    #[test]
    fn answers_that_end_sooner_than_that_is_heard_of_tell_nothing() {
        let mut spans = Spans::default();
        assert_eq!(spans.note(0, 7, 10_000, 999), None);
        assert_eq!(
            spans.note(0, 7, 10_000, 1_000),
            Some(1),
            "the first is not counted"
        );
    }
}
