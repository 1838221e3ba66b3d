//! One gated request on its way: what is sent, for whom, and how it goes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use http::HeaderMap;
use sluice_gate::Now;
use sluice_gate::board::Board;
use sluice_gate::policy::Class;
use sluice_ollama::framing::{Cut, Tally, Waited};
use sluice_ollama::{Endpoint, Heartbeat, ModelName, Passage};

use super::insert;
use super::look::Look;
use super::lost::{self, Mark};
use super::outgoing::Outgoing;
use super::watch::Watch;
use crate::clock;
use crate::config::Config;
use crate::counters::{self, Histogram, ModelCount, Single, Tallied, endings};
use crate::gate::{self, Account, Figures, Place, PublicTicket};
use crate::http::head::Head;
use crate::http::log::Line;
use crate::http::refuse::Refusal;
use crate::request::client::{self, Client};

/// What a start takes where nobody waits is no wait.
const START: Duration = Duration::from_secs(1);

/// One gated request.
pub struct Job {
    /// The settings.
    pub config: Rc<Config>,
    /// What its client asked.
    pub endpoint: Endpoint,
    /// How its client is told things.
    pub heartbeat: Heartbeat,
    /// What is sent.
    pub outgoing: Outgoing,
    /// The client's headers.
    pub headers: HeaderMap,
    /// When the present attempt to reach an upstream began.
    pub attempt: Cell<Option<Now>>,
    /// The upstream that it goes to.
    pub upstream: Cell<u8>,
    /// How much its prompt was too long, once that is known: from then on it may be cut.
    pub cut: Cell<Option<Cut>>,
    begun: Cell<Option<Now>>,
    place: RefCell<Option<Rc<Place>>>,
    mark: Cell<Option<Mark>>,
    account: Rc<Account>,
    look: Look,
    client_number: u64,
    trace: Option<String>,
    client: String,
    class: Class,
    wait_at_most: Option<Duration>,
    watch: RefCell<Watch>,
}

impl Job {
    /// A request that has come to the gate.
    pub fn new(
        config: Rc<Config>,
        endpoint: Endpoint,
        heartbeat: Heartbeat,
        outgoing: Outgoing,
        head: Head,
        client: Client,
        place: Place,
    ) -> Job {
        Job {
            config,
            endpoint,
            heartbeat,
            outgoing,
            trace: head.trace_id(),
            headers: head.headers,
            attempt: Cell::new(None),
            upstream: Cell::new(0),
            cut: Cell::new(None),
            begun: Cell::new(None),
            account: place.account().clone(),
            place: RefCell::new(Some(Rc::new(place))),
            mark: Cell::new(None),
            look: Look::default(),
            client_number: client.fingerprint(),
            client: client.to_string(),
            class: Class::Interactive,
            wait_at_most: None,
            watch: RefCell::default(),
        }
    }

    /// The same of a request that stands in line as one of this class.
    pub fn of_class(mut self, class: Class) -> Job {
        self.class = class;
        self
    }

    /// The same of a request whose client waits for so long at most.
    pub fn waiting_at_most(mut self, most: Option<Duration>) -> Job {
        self.wait_at_most = most;
        self
    }

    /// How long its client waits at most, where it said so.
    pub fn wait_at_most(&self) -> Option<Duration> {
        self.wait_at_most
    }

    /// Its place at the gate; `None` once it has been given back.
    pub fn place(&self) -> Option<Rc<Place>> {
        self.place.borrow().clone()
    }

    /// Comes to the gate again, as one that has waited for as long as this one has.
    pub fn come_again(&self) {
        self.place
            .borrow_mut()
            .iter_mut()
            .for_each(|place| *place = Rc::new(place.again()));
    }

    /// By what a repetition of this request is known. It is made out when it is first asked for, before the body goes.
    pub fn mark(&self) -> Option<Mark> {
        if self.mark.get().is_none() {
            let mark = self
                .outgoing
                .while_held(|body| Mark::of(&self.client, self.endpoint, &self.headers, body));
            self.mark.set(mark);
        }
        self.mark.get()
    }

    /// What the one who waits and the one who writes heartbeats tell each other.
    pub fn look(&self) -> &Look {
        &self.look
    }

    /// The number of its client at the gate; 0 without a key.
    pub fn client(&self) -> u64 {
        self.client_number
    }

    /// A board is looked at for it: while it waits, and the first that grants it.
    pub fn see(&self, board: &Board) {
        let Some(place) = self.place() else { return };
        let now = clock::now();
        let mut watch = self.watch.borrow_mut();
        watch.see(board, place.wants(), now.mono_ms);
        if self.account.service_ms(now).is_some() {
            watch.close();
        }
    }

    /// What it has waited for, if that was long.
    pub fn waited(&self) -> Option<Waited> {
        let wait_ms = self.account.wait_ms(clock::now());
        self.watch.borrow().told(wait_ms)
    }

    /// The way of one answer to the client.
    pub fn passage(&self) -> Passage {
        Passage::new(self.heartbeat.form(), self.outgoing.translation.as_ref())
            .telling(self.cut.get(), self.waited().as_ref())
            .with_name(self.model(), self.heartbeat.model())
    }

    /// The model that answers; its client may have another name for it.
    pub fn model(&self) -> &str {
        self.outgoing.model()
    }

    /// Whether its model is served by the operator's account elsewhere.
    pub fn is_cloud(&self) -> bool {
        self.outgoing.known.runs_elsewhere
            || ModelName::parse(self.model()).is_some_and(|name| name.is_cloud())
    }

    /// Its public ticket, once it is drawn.
    pub fn ticket(&self) -> Option<PublicTicket> {
        self.place()?.ticket()
    }

    /// Puts the ticket into an answer's headers.
    pub fn tell_ticket(&self, headers: &mut HeaderMap) {
        if let Some(ticket) = self.ticket() {
            insert(headers, "x-queue-ticket", &ticket.to_string());
        }
    }

    /// Notes that it is sent now, for the first time since its start.
    pub fn begin(&self) {
        self.begun.set(Some(clock::now()));
    }

    /// How much of `request_timeout` is left since it began.
    pub fn time_left(&self) -> Duration {
        let spent_ms = self
            .begun
            .get()
            .map_or(0, |begun| clock::now_ms().saturating_sub(begun.mono_ms));
        let all = || self.config.request_timeout_of(self.model());
        let batch = self.config.batch_request_timeout;
        let in_all = batch.filter(|_| self.is_batch()).unwrap_or_else(all);
        in_all.saturating_sub(Duration::from_millis(spent_ms))
    }

    /// How long it may wait, by itself: the age that it has taken up is not counted.
    pub fn queue_timeout(&self) -> Duration {
        let all = || self.config.queue_timeout_of(self.model());
        let batch = self.config.batch_queue_timeout;
        let in_all = batch.filter(|_| self.is_batch()).unwrap_or_else(all);
        self.wait_at_most
            .map_or(in_all, |most| most.max(START).min(in_all))
    }

    /// Whether it stands in line as one that can wait.
    pub fn is_batch(&self) -> bool {
        self.class == Class::Batch
    }

    /// What it has come to so far.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The upstream with this index is asked now.
    pub fn ask(&self, upstream: u8) {
        self.attempt.set(Some(clock::now()));
        self.upstream.set(upstream);
        self.account.ask(upstream);
    }

    /// A refusal as this client reads it: where its answers are translated, an upstream's document is none of its own form.
    pub fn in_its_form(&self, refusal: Refusal) -> Refusal {
        if self.outgoing.translation.is_some() {
            refusal.without_document()
        } else {
            refusal
        }
    }

    /// Frees the slot, and notes what the upstream has said of its work.
    pub fn give_back(&self, place: &Place, tally: Tally) {
        self.account.note_busy(tally.busy_ms());
        place.end();
    }

    /// Gives the slot back, counts and logs how it went: once, whoever says so first.
    /// `outcome` is `complete`, `failed`, `client_gone` or the code of a refusal.
    pub fn finish(&self, outcome: &str, tally: Tally, is_complete: bool) {
        let Some(place) = self.place.borrow_mut().take() else {
            return;
        };
        let ticket = place.ticket().map(|ticket| ticket.number());
        self.give_back(&place, tally);
        let figures = self.account.figures(clock::now());
        let is_lost = has_lost_its_place(outcome, is_complete, figures.first_ms);
        if let Some(mark) = self.mark.get().filter(|_| is_lost) {
            lost::keep(mark, self.account.age_ms(clock::now()));
        }
        let tokens = tally.eval_count.unwrap_or(tally.frames);
        self.count(endings::known(outcome), &figures, &tally, is_complete);
        gate::count_doings(&self.config);
        Line::new("request")
            .with("method", "POST")
            .with("path", self.endpoint.path())
            .with("client", self.client.as_str())
            .with("client_id", client::id(self.client_number))
            .with("model", self.model())
            .with("ticket", ticket)
            .with("upstream", self.begun.get().map(|_| self.upstream.get()))
            .with("wait_ms", figures.wait_ms)
            .with("first_ms", figures.first_ms)
            .with("service_ms", figures.service_ms)
            .with("attempts", self.account.attempts())
            .with("tokens", tokens)
            .with("outcome", outcome)
            .with("trace", self.trace.as_deref())
            .write();
    }

    fn count(&self, word: &'static str, figures: &Figures, tally: &Tally, is_complete: bool) {
        if figures.sent.is_empty() {
            counters::count(match word {
                endings::CLIENT_GONE => Tallied::One(Single::LeftWaiting),
                word => Tallied::Refused(word),
            });
            return;
        }
        counters::count(Tallied::Admitted(word));
        if let Some(name) = ModelName::parse(self.model()).filter(|_| is_complete) {
            counters::count_model(&name.to_string(), ModelCount::Answers);
        }
        for upstream in &figures.sent {
            counters::count(Tallied::Sent(*upstream));
        }
        counters::count_many(
            Tallied::One(Single::Retry),
            u64::try_from(self.account.attempts().saturating_sub(1)).unwrap_or(0),
        );
        let service_ms = figures.service_ms.unwrap_or(0);
        counters::count_many(Tallied::One(Single::ServiceMs), service_ms);
        counters::note(Histogram::Waits, figures.wait_ms);
        counters::note(Histogram::Durations, figures.duration_ms);
        let tokens = tally.eval_count.unwrap_or(tally.frames);
        // Where the answer did not stream, the upstream's own clock tells.
        let own_pace_us = tally
            .eval_duration_ns
            .and_then(|ns| (ns / 1_000).checked_div(tokens));
        let pace_us = figures.pace_us.or(own_pace_us).filter(|_| is_complete);
        for (histogram, value) in [
            (Histogram::Firsts, figures.first_ms),
            (Histogram::Paces, pace_us),
            (Histogram::Inputs, tally.prompt_eval_count),
            // Nothing relayed is no answer of no tokens.
            (
                Histogram::Outputs,
                Some(tokens).filter(|tokens| *tokens > 0),
            ),
        ] {
            if let Some(value) = value {
                counters::note(histogram, value);
            }
        }
    }

    /// The same for one that relayed nothing.
    pub fn finish_without_answer(&self, outcome: &str) {
        self.finish(outcome, Tally::default(), false);
    }
}

/// The outcome of one that was given up by its ticket.
const CANCELLED: &str = "cancelled";

/// Whether whoever asks the same again goes on waiting where one stood that ended so, and had its first byte then, if at all.
fn has_lost_its_place(outcome: &str, is_complete: bool, first_ms: Option<u64>) -> bool {
    match outcome {
        // Whoever gave it up does not want it back, and whoever was being served and left had its place.
        CANCELLED => false,
        endings::CLIENT_GONE => first_ms.is_none(),
        _ => !is_complete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_cut_or_failed_has_lost_its_place_and_whoever_was_served_and_left_has_not() {
        let first = Some(7);
        for (outcome, is_complete, first_ms, expected) in [
            (endings::CLIENT_GONE, false, None, true),
            (endings::CLIENT_GONE, false, first, false),
            ("upstream_error", false, None, true),
            ("upstream_error", false, first, true),
            ("failed", false, first, true),
            (CANCELLED, false, None, false),
            ("complete", true, first, false),
        ] {
            let found = has_lost_its_place(outcome, is_complete, first_ms);
            assert_eq!(found, expected, "{outcome}, first byte: {first_ms:?}");
        }
    }
}
