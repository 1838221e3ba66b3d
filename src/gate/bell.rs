//! The bell: who waits in this instance for a ticket of this instance hears of its change at once.
//!
//! It only shortens a rest. Whoever hears it looks at the store as it would have done later.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use sluice_gate::{Key, Op, Standing, Ticket, Value};

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
        let now = super::now();
        each(|desk| {
            if let Ok(mut turn) = desk.turn.try_borrow_mut() {
                turn.saw_start_of(now, *epoch, *ticket);
            }
        });
    }
    if let Op::Put(Key::Record(_, ticket), _) | Op::Delete(Key::Record(_, ticket)) = op {
        ring(*ticket);
    }
}

fn ring(ticket: Ticket) {
    each(|desk| desk.ring(ticket));
}

/// Calls `f` for each desk of this instance, and forgets those that are gone.
pub(super) fn each(mut f: impl FnMut(&Desk)) {
    let desks: Vec<Rc<Desk>> = DESKS.with_borrow_mut(|desks| {
        desks.retain(|desk| desk.strong_count() > 0);
        desks.iter().filter_map(Weak::upgrade).collect()
    });
    desks.iter().for_each(|desk| f(desk));
}
