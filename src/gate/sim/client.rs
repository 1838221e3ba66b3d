//! One client of the simulation: it comes to the gate, waits, is served or not, and may hang up at any moment.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};
use sluice_gate::history::Span;
use sluice_gate::instance::{Cancel, Phase, Request, Why};

use super::world::{Counts, Instance, Relay, Shared};
use crate::gate::driver::Gate;
use crate::gate::place::Place;
use crate::gate::ticket::TicketSecret;

/// How long a look at the client takes at most.
const LOOK_US: u64 = 300;

/// One client and its request. One that dies with its instance is counted when it is dropped.
pub(super) struct Client {
    pub(super) shared: Rc<Shared>,
    pub(super) number: u64,
    /// The instance that it comes to.
    pub(super) index: usize,
    pub(super) arrived_us: u64,
    /// The gate at which its ticket is given up, if it is.
    pub(super) elsewhere: Option<Gate<Instance>>,
    pub(super) has_given_up: Cell<bool>,
    pub(super) is_counted: Cell<bool>,
}

/// While it lives an answer is relayed.
struct Relaying {
    shared: Rc<Shared>,
    number: u64,
    span: Span,
}

impl Relaying {
    fn begin(client: &Client, place: &Rc<Place<Instance>>, granted_us: u64) -> Relaying {
        let shared = client.shared.clone();
        shared.relays.borrow_mut().push(Relay {
            request: client.number,
            instance: client.index,
            place: place.clone(),
        });
        let span = Span {
            line: client.index as u64,
            arrived_us: client.arrived_us,
            started_us: Some(granted_us),
            ended_us: None,
        };
        Relaying {
            shared,
            number: client.number,
            span,
        }
    }
}

impl Drop for Relaying {
    fn drop(&mut self) {
        let shared = &self.shared;
        shared
            .relays
            .borrow_mut()
            .retain(|relay| relay.request != self.number);
        let ended_us = Some(shared.executor.now_us());
        let span = Span {
            ended_us,
            ..self.span
        };
        shared.history.borrow_mut().push(span);
    }
}

impl Client {
    /// The whole visit: it leaves after so long, wherever it stands then.
    pub(super) async fn visit(
        &self,
        gate: Gate<Instance>,
        request: Request,
        service_us: u64,
        leaves_after_us: Option<u64>,
    ) {
        let secret = TicketSecret::of(self.number, request.guard);
        let place = Rc::new(gate.enter(request, secret));
        let leaves = async {
            match leaves_after_us {
                Some(us) => self.shared.pause(us).await,
                None => std::future::pending().await,
            }
        };
        match select(pin!(self.be_served(&place, service_us)), pin!(leaves)).await {
            Either::Left(((), _)) => {}
            Either::Right((_, being_served)) => {
                let giving_up = pin!(self.give_up(request.guard));
                match select(giving_up, being_served).await {
                    // It is over now, or is told so.
                    Either::Left((true, being_served)) => being_served.await,
                    Either::Left((false, _)) | Either::Right(_) => {}
                }
                self.count("left", |counts| counts.left += 1);
            }
        }
        place.end();
    }

    /// Gives its ticket up, by whatever instance; `false`: it does not, or cannot.
    async fn give_up(&self, guard: u64) -> bool {
        let Some(elsewhere) = &self.elsewhere else {
            return false;
        };
        self.has_given_up.set(true);
        elsewhere.cancel(Cancel::Ticket(guard)).await == Ok(true)
    }

    async fn be_served(&self, place: &Rc<Place<Instance>>, service_us: u64) {
        let shared = &self.shared;
        let mut phase = place.phase();
        loop {
            match phase {
                Phase::Relaying { .. } => break,
                Phase::Over(Why::Refused(_)) => {
                    return self.count("refused", |counts| counts.refused += 1);
                }
                Phase::Over(_) => return self.count_over(phase, "stopped before it began"),
                Phase::Waiting | Phase::Sending { .. } => phase = place.changed_from(phase).await,
            }
        }
        let granted_us = shared.executor.now_us();
        // The look at the client.
        let look_us = shared.throw(|dice| dice.below(LOOK_US));
        shared.pause(look_us).await;
        if !place.may_relay() {
            return self.count_over(place.phase(), "stopped before its first byte");
        }
        shared.say(|| format!("request {} relays in instance {}", self.number, self.index));
        place.start();
        let _relaying = Relaying::begin(self, place, granted_us);
        let served = shared.pause(service_us);
        match select(pin!(served), pin!(place.until_stopped())).await {
            Either::Left(_) => self.count("served", |counts| counts.served += 1),
            Either::Right(_) => self.count_over(place.phase(), "stopped"),
        }
    }

    /// It is over: its ticket was given up, or something went wrong.
    fn count_over(&self, phase: Phase, what: &str) {
        if phase != Phase::Over(Why::Cancelled) {
            return self.count(what, |counts| counts.stopped += 1);
        }
        if !self.has_given_up.get() {
            let number = self.number;
            self.shared
                .fail(|| format!("request {number} was cancelled, and nobody gave it up"));
        }
        self.count("given up", |counts| counts.left += 1);
    }

    fn count(&self, what: &str, count: impl FnOnce(&mut Counts)) {
        if !self.is_counted.replace(true) {
            self.shared
                .say(|| format!("request {}: {what}", self.number));
            count(&mut self.shared.counts.borrow_mut());
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.count("died", |counts| counts.died += 1);
    }
}
