//! The bell: who waits in this instance for a ticket of this instance hears of its change at once.
//!
//! It only says when to look. Whoever hears it looks at the store as it would have done later; whose predecessor waits in
//! this instance will hear of it, and need not look before.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use sluice_gate::{Epoch, Holdings, Key, Line, Op, Standing, Ticket, Value};

use super::stay::Desk;

thread_local! {
    static DESKS: RefCell<Vec<Weak<Desk>>> = const { RefCell::new(Vec::new()) };
}

/// Lets `desk` hear the bell for as long as it lives.
pub(super) fn listen(desk: &Rc<Desk>) {
    DESKS.with_borrow_mut(|desks| desks.push(Rc::downgrade(desk)));
}

/// Rings if `op` changed a ticket's record; whoever waits behind one that has started is nearer by it.
pub(super) fn ring_for(op: &Op) {
    if let Op::Put(Key::Record(epoch, ticket), Value::Record(record)) = op
        && record.standing == Standing::Active
    {
        let now = crate::clock::now();
        each(|desk| {
            if let Ok(mut turn) = desk.turn.try_borrow_mut() {
                turn.saw_start_of(now, *epoch, *ticket);
            }
        });
    }
    if let Op::Put(Key::Record(epoch, ticket), _) | Op::Delete(Key::Record(epoch, ticket)) = op {
        each(|desk| desk.ring(*epoch, *ticket));
    }
}

/// Whether nobody is at the gate in this instance.
pub fn is_empty_here() -> bool {
    DESKS.with_borrow(|desks| desks.iter().all(|desk| desk.strong_count() == 0))
}

/// What a client has at the gate, as `line` tells it and this instance knows better.
pub fn holdings(client: u64, line: &Line) -> Holdings {
    let mut known = Vec::new();
    each(|desk| {
        if let Ok(turn) = desk.turn.try_borrow()
            && turn.identity().client == client
            && turn.settings().lane == sluice_gate::Lane::Main
        {
            known.push((turn.identity().guard, turn.phase().holds_a_place()));
        }
    });
    Holdings::of(client, line, known)
}

/// Whether a ticket stands in line here: the bell will be rung when that changes.
pub(super) fn waits_here(epoch: Epoch, ticket: Ticket) -> bool {
    DESKS.with_borrow(|desks| {
        desks.iter().filter_map(Weak::upgrade).any(|desk| {
            desk.turn
                .try_borrow()
                .is_ok_and(|turn| turn.is_in_line() && turn.ticket() == Some((epoch, ticket)))
        })
    })
}

/// Somebody asked for the end of a ticket, which may be one of this instance.
pub(super) fn ask_to_stop(epoch: Epoch, ticket: Ticket) {
    each(|desk| desk.doubt(epoch, ticket));
}

/// Calls `f` for each desk of this instance, and forgets those that are gone.
pub(super) fn each(mut f: impl FnMut(&Desk)) {
    let desks: Vec<Rc<Desk>> = DESKS.with_borrow_mut(|desks| {
        desks.retain(|desk| desk.strong_count() > 0);
        desks.iter().filter_map(Weak::upgrade).collect()
    });
    desks.iter().for_each(|desk| f(desk));
}
