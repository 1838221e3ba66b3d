//! What the simulator saw: the counts of streams and the record of requests.
//!
//! **Invariant:** a request's record is written before the counts that tell of it, so whoever waited on the counts
//! finds the record complete; and a stream is booked as ended before its last byte is handed to the connection, so
//! that a client that saw the end is never counted as running.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use serde_json::Value;
use tokio::{sync::watch, time::Instant};

/// Counts since the start, or since `POST /sim/reset`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Requests of every kind, those to `/sim/…` left out.
    pub requests: u64,
    /// Requests that wait in the simulator's own line (`parallel`) now.
    pub waiting: u64,
    /// Models that were loaded, each time anew.
    pub loads: u64,
    /// Streams of all models.
    pub streams: Streams,
    /// Streams by model.
    pub models: BTreeMap<String, Streams>,
}

/// Counts of streams: `started == now + finished + aborted + failed`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Streams {
    /// Running now.
    pub now: u64,
    /// The most that ran at once.
    pub peak: u64,
    /// Ever taken up.
    pub started: u64,
    /// Ended as an answer should.
    pub finished: u64,
    /// Left by their client.
    pub aborted: u64,
    /// Ended by a fault of their script, or by [`Sim::stop`](crate::Sim::stop).
    pub failed: u64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Answered as it should be.
    Finished,
    /// Answered with an error status.
    Refused,
    /// The client left first.
    Aborted,
    /// The script made it fail: an error line, a cut, a reset, an end without `done`.
    Failed,
}

/// One request, as it arrived and as it ended.
#[derive(Clone, Debug, Serialize)]
pub struct Recorded {
    /// Number in order of arrival, from 0.
    pub number: u64,
    /// When its head arrived, in milliseconds since the start of the simulator.
    pub at_ms: u64,
    /// The same in microseconds.
    pub at_us: u64,
    /// When it ended, in microseconds since the start of the simulator; `None` while it runs.
    pub ended_us: Option<u64>,
    /// The method.
    pub method: String,
    /// The path and query, without the base path.
    pub path: String,
    /// The headers as they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, if it is JSON of at most 256 KiB; else `null`.
    pub body: Value,
    /// Tokens sent, known at the end.
    pub tokens: u32,
    /// How it ended; `None` while it runs.
    pub outcome: Option<Outcome>,
}

/// The counts and records, shared by all connections.
pub(crate) struct Ledger {
    counts: watch::Sender<Counts>,
    records: Mutex<Records>,
    epoch: Instant,
}

#[derive(Default)]
struct Records {
    /// The number of the next one.
    next: u64,
    kept: VecDeque<Recorded>,
}

impl Recorded {
    /// The first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What a gateway asks to know what it has to do with.
const LOOKS: [&str; 3] = ["/api/show", "/api/ps", "/api/tags"];

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            counts: watch::Sender::default(),
            records: Mutex::default(),
            epoch: Instant::now(),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Counts> {
        self.counts.subscribe()
    }

    pub(crate) fn records(&self) -> Vec<Recorded> {
        self.lock().kept.iter().cloned().collect()
    }

    /// Forgets the requests that have ended; running streams go on being counted, and numbers go on rising.
    pub(crate) fn reset(&self) {
        self.lock().kept.retain(|record| record.outcome.is_none());
        self.counts.send_modify(|counts| {
            counts.requests = 0;
            counts.loads = 0;
            counts.streams = counts.streams.forget_ended();
            counts.models.retain(|_, streams| {
                *streams = streams.forget_ended();
                streams.now > 0
            });
        });
    }

    /// Records a request whose head has arrived. Returns its number. The looks that a gateway takes by itself, when it likes, are
    /// neither kept nor counted.
    pub(crate) fn arrive(&self, request: &http::request::Parts, path: &str) -> u64 {
        if LOOKS.contains(&path) {
            return u64::MAX;
        }
        let headers = request.headers.iter();
        let headers = headers.map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into(),
            )
        });
        let at = self.epoch.elapsed();
        let mut records = self.lock();
        let number = records.next;
        records.next += 1;
        records.kept.push_back(Recorded {
            number,
            at_ms: millis(at),
            at_us: micros(at),
            ended_us: None,
            method: request.method.to_string(),
            path: path.to_owned(),
            headers: headers.collect(),
            body: Value::Null,
            tokens: 0,
            outcome: None,
        });
        if records.kept.len() > MAX_RECORDS {
            records.kept.pop_front();
        }
        drop(records);
        self.counts.send_modify(|counts| counts.requests += 1);
        number
    }

    pub(crate) fn body(&self, number: u64, body: Value) {
        self.amend(number, |record| record.body = body);
    }

    /// A model was loaded.
    pub(crate) fn load(&self) {
        self.counts.send_modify(|counts| counts.loads += 1);
    }

    /// A request joins the line of `parallel`.
    pub(crate) fn join_line(&self) {
        self.counts.send_modify(|counts| counts.waiting += 1);
    }

    pub(crate) fn leave_line(&self) {
        self.counts.send_modify(|counts| counts.waiting -= 1);
    }

    pub(crate) fn start(&self, model: &str) {
        self.count(model, Streams::start);
    }

    /// Ends a request, and its stream if it had one of `model`.
    pub(crate) fn end(&self, number: u64, model: Option<&str>, outcome: Outcome, tokens: u32) {
        let ended_us = micros(self.epoch.elapsed());
        self.amend(number, |record| {
            record.outcome = Some(outcome);
            record.ended_us = Some(ended_us);
            record.tokens = tokens;
        });
        match model {
            Some(model) => self.count(model, |streams| streams.end(outcome)),
            // The counts stand, but whoever waits looks at the records too.
            None => self.counts.send_modify(|_| {}),
        }
    }

    fn count(&self, model: &str, change: impl Fn(&mut Streams)) {
        self.counts.send_modify(|counts| {
            change(&mut counts.streams);
            match counts.models.get_mut(model) {
                Some(streams) => change(streams),
                None => change(counts.models.entry(model.to_owned()).or_default()),
            }
        });
    }

    fn amend(&self, number: u64, change: impl FnOnce(&mut Recorded)) {
        let mut records = self.lock();
        if let Ok(at) = records
            .kept
            .binary_search_by_key(&number, |record| record.number)
        {
            change(&mut records.kept[at]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streams {
    fn start(&mut self) {
        self.started += 1;
        self.now += 1;
        self.peak = self.peak.max(self.now);
    }

    fn end(&mut self, outcome: Outcome) {
        self.now -= 1;
        match outcome {
            Outcome::Finished => self.finished += 1,
            Outcome::Aborted => self.aborted += 1,
            Outcome::Failed | Outcome::Refused => self.failed += 1,
        }
    }

    fn forget_ended(self) -> Self {
        Self {
            now: self.now,
            peak: self.now,
            started: self.now,
            ..Self::default()
        }
    }
}

/// A duration in whole milliseconds.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A duration in whole microseconds.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The oldest records are forgotten beyond this: with their bodies they are the only thing that grows.
const MAX_RECORDS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn arrive(ledger: &Ledger, path: &str) -> u64 {
        let (parts, ()) = http::Request::new(()).into_parts();
        ledger.arrive(&parts, path)
    }

    #[test]
    fn counts_add_up_through_every_end() {
        let ledger = Ledger::new();
        for outcome in [Outcome::Finished, Outcome::Aborted, Outcome::Failed] {
            let number = arrive(&ledger, "/");
            ledger.start("m");
            ledger.end(number, Some("m"), outcome, 1);
        }
        arrive(&ledger, "/");
        ledger.start("n");
        let counts = ledger.counts();
        assert_eq!(
            counts.streams,
            Streams {
                now: 1,
                peak: 1,
                started: 4,
                finished: 1,
                aborted: 1,
                failed: 1
            }
        );
        assert_eq!(counts.models["n"].now, 1);
        assert_eq!(counts.models["m"].now, 0);
    }

    #[test]
    fn a_reset_keeps_what_runs() {
        let ledger = Ledger::new();
        let ended = arrive(&ledger, "/ended");
        ledger.start("m");
        ledger.end(ended, Some("m"), Outcome::Finished, 1);
        let running = arrive(&ledger, "/running");
        ledger.start("n");
        ledger.reset();
        assert_eq!(
            ledger
                .records()
                .iter()
                .map(|record| record.number)
                .collect::<Vec<_>>(),
            [running]
        );
        let counts = ledger.counts();
        assert_eq!(
            (
                counts.streams.started,
                counts.streams.now,
                counts.models.len()
            ),
            (1, 1, 1)
        );
        ledger.end(running, Some("n"), Outcome::Finished, 1);
        assert_eq!(ledger.counts().streams.finished, 1);
    }

    #[test]
    fn old_records_are_forgotten() {
        let ledger = Ledger::new();
        for _ in 0..=MAX_RECORDS {
            arrive(&ledger, "/");
        }
        let records = ledger.records();
        assert_eq!((records.len(), records[0].number), (MAX_RECORDS, 1));
    }
}
