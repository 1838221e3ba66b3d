//! A circuit breaker: whether an upstream is worth a request. Pure: time comes in, and what is to be written goes out.
//!
//! # States
//!
//! ```text
//!           FAILURES in a row                 the pause is over
//! closed ──────────────────────► open ───────────────────────────► half-open
//!   ▲ ▲                            ▲                                  │  │
//!   │ └── an answer: from 0 again  └────────── a failure ─────────────┘  │
//!   └──────────────────────────── an answer ─────────────────────────────┘
//! ```
//!
//! Half-open is never written down: it is what an open breaker is after its pause, for everybody who looks. The gate lets
//! one request through to it at a time.
//!
//! # Limits
//!
//! The store keeps it for all instances, the last write wins, and a count may be lost when two fail at once: it is advice.
//! Two hosts' clocks can differ, so the pause is over when the wall clock says so or when the reader itself has seen the same
//! breaker for so long, whichever is first. One that opened further ahead than the pause was written before a clock was set back, and
//! is over: each new instance would begin to wait anew.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use sluice_gate::Now;

/// So many failures in a row open it.
pub const FAILURES: u32 = 5;

/// What is kept about one upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Breaker {
    /// Failures since the last answer.
    pub failures: u32,
    /// When it opened, in milliseconds of the wall clock; `None` where it is closed.
    pub opened_ms: Option<u64>,
    /// What the last failure was, if there was one since the last answer.
    pub cause: Option<Cause>,
}

/// What a failure was: what an operator has to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No connection.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// The answer broke off.
    Broken,
    /// It said that it failed.
    Failed,
    /// It refuses Sluice's own credentials.
    Credentials,
    /// It is no Ollama.
    Stranger,
    /// What another version wrote.
    #[serde(other)]
    Other,
}

/// Whether the upstream may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It may.
    Closed,
    /// It may not.
    Open,
    /// One request may try.
    HalfOpen,
}

impl Cause {
    /// Its word, for logs and reports.
    pub fn word(self) -> &'static str {
        match self {
            Cause::Unreachable => "unreachable",
            Cause::TimedOut => "timed_out",
            Cause::Broken => "broken",
            Cause::Failed => "failed",
            Cause::Credentials => "credentials",
            Cause::Stranger => "stranger",
            Cause::Other => "other",
        }
    }
}

impl State {
    /// Its word, for logs, reports and metrics.
    pub fn word(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Open => "open",
            State::HalfOpen => "half_open",
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// A breaker as one instance knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// What was read or written last.
    pub breaker: Breaker,
    /// Since when it has been that.
    since: Now,
}

impl Sight {
    /// Takes over what was read or written at `now`.
    pub fn learn(&mut self, breaker: Breaker, now: Now) {
        if self.breaker != breaker {
            *self = Sight {
                breaker,
                since: now,
            };
        }
    }

    /// The state at `now`, if it stays open for `pause`.
    pub fn state(&self, now: Now, pause: Duration) -> State {
        match self.left(now, pause) {
            None => State::Closed,
            Some(Duration::ZERO) => State::HalfOpen,
            Some(_) => State::Open,
        }
    }

    /// How long it stays open yet; nothing where it is closed.
    pub fn left(&self, now: Now, pause: Duration) -> Option<Duration> {
        let opened_ms = self.breaker.opened_ms?;
        let by_wall = now.wall_ms.abs_diff(opened_ms);
        let by_own = now.mono_ms.saturating_sub(self.since.mono_ms);
        Some(pause.saturating_sub(Duration::from_millis(by_wall.max(by_own))))
    }

    /// A request failed. Answers what is to be written, if anything.
    pub fn failed(&self, now: Now, pause: Duration, cause: Cause) -> Option<Breaker> {
        let failures = self.breaker.failures.saturating_add(1);
        let opens = match self.state(now, pause) {
            State::Closed => failures >= FAILURES,
            State::HalfOpen => true,
            // Requests that were under way when it opened end one after another.
            State::Open => return None,
        };
        Some(Breaker {
            failures,
            opened_ms: opens.then_some(now.wall_ms),
            cause: Some(cause),
        })
    }

    /// A request was answered. Answers what is to be written, if anything.
    pub fn answered(&self, now: Now, pause: Duration) -> Option<Breaker> {
        let closed = Breaker::default();
        match self.state(now, pause) {
            // The answer of a request that was sent before it opened says nothing of what came after.
            State::Open => None,
            State::Closed | State::HalfOpen => (closed != self.breaker).then_some(closed),
        }
    }
}

#[cfg(test)]
mod tests;
