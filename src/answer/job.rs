//! One gated request on its way: what is sent, for whom, and how it goes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use http::HeaderMap;
use sluice_gate::Now;
use sluice_ollama::framing::{Cut, Tally};
use sluice_ollama::openai::Translation;
use sluice_ollama::request::{Body, Payload, Sending};
use sluice_ollama::{Endpoint, Heartbeat, ModelName, Passage};

use super::insert;
use crate::budget::Share;
use crate::clock;
use crate::config::Config;
use crate::counters::endings;
use crate::gate::{Account, Ending, PublicTicket, Stay};
use crate::http::head::Head;
use crate::http::log::Line;
use crate::http::refuse::Refusal;
use crate::request::client::Client;
use crate::request::model::Known;

/// What goes to the upstream.
pub struct Outgoing {
    /// The path there, without the upstream's base.
    pub path: &'static str,
    /// The body, until the first byte of its answer is relayed: it is not sent again after that.
    body: RefCell<Option<(Body, Share)>>,
    /// How its answer is translated; `None`: it is passed on as it comes.
    pub translation: Option<Translation>,
    /// What is known of its model.
    pub known: Known,
}

impl Outgoing {
    /// A body with its share of the memory for bodies, how its answer is translated, and what is known of its model.
    pub fn new(
        path: &'static str,
        body: Body,
        mut share: Share,
        translation: Option<Translation>,
        known: Known,
    ) -> Outgoing {
        share.set(body.held());
        Outgoing {
            path,
            body: RefCell::new(Some((body, share))),
            translation,
            known,
        }
    }

    /// What is sent this time, while it may still be sent.
    pub fn payload(&self, sending: &Sending) -> Payload {
        let body = self.body.borrow();
        let payload = body.as_ref().map(|(body, _)| body.payload(sending));
        payload.unwrap_or_default()
    }

    /// It will not be sent again: its memory is free.
    pub fn let_go(&self) {
        self.body.take();
    }
}

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
    stay: RefCell<Option<Rc<Stay>>>,
    account: Rc<Account>,
    trace: Option<String>,
    client: String,
    model: String,
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
        stay: Stay,
    ) -> Job {
        Job {
            config,
            endpoint,
            model: heartbeat.model().to_owned(),
            heartbeat,
            outgoing,
            trace: head.trace_id(),
            headers: head.headers,
            attempt: Cell::new(None),
            upstream: Cell::new(0),
            cut: Cell::new(None),
            begun: Cell::new(None),
            account: stay.account(),
            stay: RefCell::new(Some(Rc::new(stay))),
            client: client.to_string(),
        }
    }

    /// Its place at the gate; `None` once it has been given back.
    pub fn stay(&self) -> Option<Rc<Stay>> {
        self.stay.borrow().clone()
    }

    /// The way of one answer to the client.
    pub fn passage(&self) -> Passage {
        Passage::new(self.heartbeat.form(), self.outgoing.translation.as_ref())
            .with_cut(self.cut.get())
    }

    /// The model that was asked for.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether its model is served by the operator's account elsewhere.
    pub fn is_cloud(&self) -> bool {
        self.outgoing.known.runs_elsewhere
            || ModelName::parse(&self.model).is_some_and(|name| name.is_cloud())
    }

    /// Its public ticket, once it is drawn.
    pub fn ticket(&self) -> Option<PublicTicket> {
        self.stay()?.ticket()
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
            .map_or(0, |begun| clock::now().since(begun));
        self.config
            .request_timeout
            .saturating_sub(Duration::from_millis(spent_ms))
    }

    /// What it has come to so far.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The upstream with this index is asked now.
    pub fn ask(&self, upstream: u8) {
        self.attempt.set(Some(clock::now()));
        self.upstream.set(upstream);
        self.account.ask(upstream.into());
    }

    /// A refusal as this client reads it: where its answers are translated, an upstream's document is none of its own form.
    pub fn in_its_form(&self, refusal: Refusal) -> Refusal {
        if self.outgoing.translation.is_some() {
            refusal.without_document()
        } else {
            refusal
        }
    }

    /// Gives the slot back, with what the line is to remember, and logs how it went: once, whoever says so first.
    /// `outcome` is `complete`, `failed`, `client_gone` or the code of a refusal.
    pub fn finish(&self, outcome: &str, tally: Tally, is_complete: bool) {
        let Some(stay) = self.stay.borrow_mut().take() else {
            return;
        };
        let ticket = stay.ticket().map(|ticket| ticket.number());
        let tokens = tally.eval_count.unwrap_or(tally.frames);
        let figures = stay.end(Ending {
            number: endings::number(outcome),
            is_complete,
            tokens,
            input_tokens: tally.prompt_eval_count,
            pace_us: tally
                .eval_duration_ns
                .and_then(|ns| (ns / 1_000).checked_div(tokens)),
        });
        Line::new("request")
            .with("method", "POST")
            .with("path", self.endpoint.path())
            .with("client", self.client.as_str())
            .with("model", self.model.as_str())
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

    /// The same for one that relayed nothing.
    pub fn finish_without_answer(&self, outcome: &str) {
        self.finish(outcome, Tally::default(), false);
    }
}
