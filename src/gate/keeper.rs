//! The task behind a stay: it does what the turn asks for, and tells it what happened.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use crate::tasks::spawn;
use crate::upstreams::breakers;
use futures::future::{Either, select};
use sluice_gate::{Effect, Epoch, Event, Now, Op, Phase, Standing, Value};
use spin_sdk::time::sleep;

use super::stay::Desk;
use super::{bell, store, tidying};
use crate::clock::now;

thread_local! {
    static EPOCH_SEEN: Cell<Option<(Epoch, Now)>> = const { Cell::new(None) };
}

/// The epoch that this instance last saw in the store, and when it saw it first.
pub(super) fn epoch_seen() -> Option<(Epoch, Now)> {
    EPOCH_SEEN.get()
}

/// Drives the turn of `desk` to its end, in a task of its own; `first` is the first that it is told.
pub(super) fn keep(desk: Rc<Desk>, first: Event) {
    spawn(async move {
        drive(&desk, first).await;
        desk.close();
        desk.announce();
        tidying::after_a_turn(&desk.turn.borrow());
    });
}

pub(super) async fn drive(desk: &Desk, first: Event) {
    let mut event = first;
    let mut has_let_pass = false;
    loop {
        let effect = match step(desk, event) {
            Some(effect) => effect,
            None => return,
        };
        desk.announce();
        if !has_let_pass && matches!(effect, Effect::Store(Op::Delete(_))) {
            has_let_pass = true;
            let first_token = pin!(sleep(FIRST_TOKEN));
            select(pin!(desk.wished()), first_token).await;
        }
        event = match effect {
            Effect::Store(op) => {
                let tells = tells_figures(&op);
                if gives_slot_on(&op) && desk.leaves_its_upstream() {
                    sleep(NOTICE).await;
                }
                let event = perform(op).await;
                if tells && event == Event::Done {
                    desk.tell();
                }
                event
            }
            Effect::Rest { until_ms } => {
                let event = rest(desk, until_ms).await;
                // Whoever stands in line starts by how the upstreams are then.
                if desk.is_in_line() {
                    breakers::refresh_by_current().await;
                }
                event
            }
            Effect::Over => return,
        };
    }
}

/// How long the clean-up after a start is put off, unless the answer ends sooner: a store that commits holds up its instance,
/// and with it the first token of the answer that has just started.
const FIRST_TOKEN: Duration = Duration::from_millis(20);

/// How long an upstream gets to notice that it is left: Ollama sees it when its next token is due, and the next request comes by
/// another connection, which may be faster than the end of this one.
const NOTICE: Duration = Duration::from_millis(50);

fn gives_slot_on(op: &Op) -> bool {
    matches!(op, Op::Put(_, Value::Record(record)) if record.standing == Standing::Finished)
}

fn tells_figures(op: &Op) -> bool {
    matches!(op, Op::Put(_, Value::Record(record)) if record.figures.is_some())
}

fn step(desk: &Desk, event: Event) -> Option<Effect> {
    let predecessor = desk.turn.borrow().predecessor();
    let is_here = predecessor.is_some_and(|(epoch, ticket)| bell::waits_here(epoch, ticket));
    let mut turn = desk.turn.borrow_mut();
    turn.hear_of_predecessor(is_here);
    if let Some(room) = breakers::room_by_current() {
        turn.set_room(room);
    }
    if let Some(account) = &desk.account
        && turn.phase() == Phase::Relaying
    {
        turn.account(account.figures());
    }
    let event = turn.heard(event);
    match turn.step(now(), event) {
        Ok(effect) => {
            if let Some(seen) = turn.epoch_seen() {
                EPOCH_SEEN.set(Some(seen));
            }
            Some(effect)
        }
        Err(illegal) => {
            // A fault of ours. The record lapses by itself; a trap would silence every other stream.
            super::fault(&illegal);
            None
        }
    }
}

async fn perform(op: Op) -> Event {
    let changed = op.clone();
    let event = store::perform(op).await;
    if event == Event::Done {
        bell::ring_for(&changed);
    }
    event
}

/// Rests until it is time, or somebody wishes something, or the bell rings.
async fn rest(desk: &Desk, until_ms: u64) -> Event {
    let left_ms = until_ms.saturating_sub(now().mono_ms);
    match select(
        pin!(desk.disturbed()),
        pin!(sleep(Duration::from_millis(left_ms))),
    )
    .await
    {
        Either::Left((event, _)) => event,
        Either::Right(_) => Event::Due,
    }
}
