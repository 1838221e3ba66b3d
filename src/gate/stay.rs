//! A request's place, from before its draw to after its end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::random;
use futures::future::poll_fn;
use futures::task::AtomicWaker;
use sluice_gate::{
    Behind, Epoch, Errand, Event, Figures, Holdings, Identity, Lane, Line, Phase, Ticket, Turn,
};
use std::task::Poll;

use super::account::{Account, Ending};
use super::right::Right;
use super::ticket::{PublicTicket, TicketSecret};
use super::{bell, keeper, settings, timing};
use crate::clock::now;
use crate::config::Config;
use crate::counters;

/// Who comes to the gate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Newcomer {
    /// Hash of the client's key; 0 without one.
    pub client: u64,
    /// The line that it stands in first.
    pub lane: Lane,
}

/// A request's place. Dropping it leaves the line, or frees the slot.
pub struct Stay {
    desk: Rc<Desk>,
    secret: TicketSecret,
    /// Where it came through the batch line.
    right: Option<Rc<Right>>,
}

impl Stay {
    /// Comes to the gate. Nothing is awaited: a task of its own draws the ticket.
    pub fn enter(config: &Config, newcomer: Newcomer) -> Stay {
        let secret = TicketSecret::random();
        let identity = Identity {
            nonce: random::number(),
            guard: secret.guard(),
            client: newcomer.client,
            via: newcomer.lane,
            upstream: 0,
        };
        let settings = settings(config);
        let turn = Turn::new(settings, Errand::Serve, identity, keeper::epoch_seen());
        let desk = Rc::new(Desk::new(turn, Some(Rc::new(Account::open()))));
        let right = match newcomer.lane {
            Lane::Main => {
                bell::listen(&desk);
                keeper::keep(desk.clone(), Event::Begin);
                None
            }
            Lane::Batch => {
                let wait_max_ms = config.batch_wait_max.as_millis();
                let wait_max_ms = u64::try_from(wait_max_ms).unwrap_or(u64::MAX);
                let behind = Behind::new(now(), wait_max_ms);
                Some(Right::seek(desk.clone(), settings, identity, behind))
            }
        };
        Stay {
            desk,
            secret,
            right,
        }
    }

    /// Where the turn stands.
    pub fn phase(&self) -> Phase {
        self.desk.phase()
    }

    /// Waits until the phase is another one than `last`, and answers it.
    pub async fn changed_from(&self, last: Phase) -> Phase {
        self.desk.changed_from(last).await
    }

    /// Whether it has to wait, as far as is known by now.
    pub fn is_in_line(&self) -> bool {
        self.desk.is_in_line() || self.behind().is_some_and(|right| right.is_in_line())
    }

    /// The upstream that the gate has chosen, or that the request has moved to; from [`Phase::Sending`] on.
    pub fn upstream(&self) -> u8 {
        self.desk.turn.borrow().upstream()
    }

    /// Moves to another upstream before anything was relayed, and waits until the record says so or the turn is ended.
    pub async fn move_to(&self, upstream: u8) {
        self.desk.turn.borrow_mut().move_to(upstream);
        self.desk.disturb();
        poll_fn(|context| {
            self.desk.watcher.register(context.waker());
            if self.desk.turn.borrow().owes_move() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    /// Whether a chunk may be relayed at this moment.
    pub fn may_relay(&self) -> bool {
        let turn = self.desk.turn.borrow();
        turn.phase() == Phase::Relaying && !turn.lapsed(now())
    }

    /// The public ticket; `None` before the draw. It is that of the line in which it stood first.
    pub fn ticket(&self) -> Option<PublicTicket> {
        let (lane, number) = match &self.right {
            None => (Lane::Main, self.number()),
            Some(right) => (Lane::Batch, right.number()),
        };
        number.map(|number| self.secret.ticket(lane, number))
    }

    /// How many wait before this one, in `line`.
    pub fn ahead_in(&self, line: &Line) -> u32 {
        match self.behind() {
            Some(right) => right
                .number()
                .map_or(line.queued_in_all(), |number| line.ahead_of_behind(number)),
            None => self
                .number()
                .map_or(line.queued, |number| line.ahead_of(number)),
        }
    }

    /// At most how many can wait before this one, by a `line` that may be as old as it likes: those who were drawn after the
    /// last start that it knows. `None` where it is of another epoch.
    pub fn most_ahead_in(&self, line: &Line) -> Option<u64> {
        let (epoch, number) = self.desk.turn.borrow().ticket()?;
        (line.epoch == Some(epoch)).then(|| number.saturating_sub(line.front + 1))
    }

    /// Whether `line` was read after the draw of this one.
    pub fn is_counted_in(&self, line: &Line) -> bool {
        let (line, number) = match self.behind() {
            Some(right) => (line.behind.as_deref(), right.number()),
            None => (Some(line), self.number()),
        };
        line.zip(number)
            .is_some_and(|(line, number)| line.counter >= number)
    }

    /// The number of its client; 0 without a key.
    pub fn client(&self) -> u64 {
        self.desk.turn.borrow().identity().client
    }

    /// How many requests of its own client, as far as that has a key, stand before it in `line`.
    pub fn own_before(&self, line: &Line) -> u32 {
        let identity = self.desk.turn.borrow().identity();
        Holdings::before(identity.client, identity.guard, line)
    }

    /// What it has come to so far.
    pub fn account(&self) -> Rc<Account> {
        self.desk
            .account
            .clone()
            .unwrap_or_else(|| Rc::new(Account::open()))
    }

    /// The answer ended: frees the slot, and leaves the figures to the line.
    pub fn end(&self, ending: Ending) -> Figures {
        let figures = self.account().close(ending);
        self.desk.wish(Event::Served(figures.clone()));
        self.desk.settle();
        figures
    }

    /// Its right, while it has not drawn in the main line.
    fn behind(&self) -> Option<&Right> {
        self.right.as_deref().filter(|right| !right.has_drawn())
    }

    fn number(&self) -> Option<Ticket> {
        self.desk.turn.borrow().ticket().map(|(_, number)| number)
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.desk.wish(Event::Leave);
    }
}

/// What a stay and the task behind it share.
pub(super) struct Desk {
    pub(super) turn: RefCell<Turn>,
    /// `None` for a turn without a request.
    pub(super) account: Option<Rc<Account>>,
    /// Whether a record tells its figures.
    told: Cell<bool>,
    /// Whether the turn is over.
    over: Cell<bool>,
    /// What the client's side wants to tell the turn, at its next rest. The first wish counts.
    wish: Cell<Option<Event>>,
    rung: Cell<bool>,
    /// Wakes the task from its rest.
    keeper: AtomicWaker,
    /// Wakes the client's side when the phase changes.
    watcher: AtomicWaker,
    /// Wakes whoever leads it from the batch line to the main line.
    leader: AtomicWaker,
}

impl Desk {
    pub(super) fn new(turn: Turn, account: Option<Rc<Account>>) -> Desk {
        Desk {
            turn: RefCell::new(turn),
            account,
            told: Cell::new(false),
            over: Cell::new(false),
            wish: Cell::new(None),
            rung: Cell::new(false),
            keeper: AtomicWaker::new(),
            watcher: AtomicWaker::new(),
            leader: AtomicWaker::new(),
        }
    }

    /// Where the turn stands.
    pub(super) fn phase(&self) -> Phase {
        self.turn.borrow().phase()
    }

    /// Waits until the phase is another one than `last`, and answers it.
    pub(super) async fn changed_from(&self, last: Phase) -> Phase {
        poll_fn(|context| {
            self.watcher.register(context.waker());
            match self.phase() {
                phase if phase == last => Poll::Pending,
                phase => Poll::Ready(phase),
            }
        })
        .await
    }

    /// Waits until the phase is as wanted: for whoever leads it, beside whoever waits for a change.
    pub(super) async fn until(&self, is_it: impl Fn(Phase) -> bool) {
        poll_fn(|context| {
            self.leader.register(context.waker());
            if is_it(self.phase()) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    pub(super) fn wish(&self, event: Event) {
        let first = self.wish.take().unwrap_or(event);
        self.wish.set(Some(first));
        self.keeper.wake();
    }

    /// Shortens the rest of a turn that waits for `ticket`.
    pub(super) fn ring(&self, epoch: Epoch, ticket: Ticket) {
        if self.turn.try_borrow().is_ok_and(|turn| {
            let is_of_its_line = turn.ticket().is_some_and(|(word, _)| word == epoch);
            is_of_its_line && turn.is_in_line() && turn.watches(ticket)
        }) {
            self.disturb();
        }
    }

    /// Makes the turn look whether it was asked to stop, if it holds this ticket.
    pub(super) fn doubt(&self, epoch: Epoch, ticket: Ticket) {
        if let Ok(mut turn) = self.turn.try_borrow_mut()
            && turn.ticket() == Some((epoch, ticket))
        {
            turn.doubt();
            self.rung.set(true);
            self.keeper.wake();
        }
    }

    /// Ends a rest.
    fn disturb(&self) {
        self.rung.set(true);
        self.keeper.wake();
    }

    pub(super) fn is_in_line(&self) -> bool {
        self.turn.borrow().is_in_line()
    }

    /// Waits for a wish or the bell.
    pub(super) async fn disturbed(&self) -> Event {
        poll_fn(|context| {
            self.keeper.register(context.waker());
            if let Some(wish) = self.wish.take() {
                return Poll::Ready(wish);
            }
            if self.rung.take() {
                Poll::Ready(Event::Due)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Whether something is wished that the turn was not told yet.
    pub(super) fn has_wish(&self) -> bool {
        let wish = self.wish.take();
        let is_wished = wish.is_some();
        self.wish.set(wish);
        is_wished
    }

    /// Waits for a wish, and leaves it for the next rest.
    pub(super) async fn wished(&self) {
        poll_fn(|context| {
            self.keeper.register(context.waker());
            if self.has_wish() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// A record with its figures stands.
    pub(super) fn tell(&self) {
        self.told.set(true);
    }

    /// The turn is over.
    pub(super) fn close(&self) {
        self.over.set(true);
        self.settle();
    }

    /// Once both sides are done: what no record tells of is counted beside the line. That is who never started, and what
    /// could not be written.
    fn settle(&self) {
        let Some(figures) = self.account.as_ref().and_then(|account| account.closed()) else {
            return;
        };
        if self.over.get() && !self.told.replace(true) {
            timing::give_back(&figures.store);
            let was_admitted = self
                .account
                .as_ref()
                .is_some_and(|account| account.was_admitted());
            counters::count_ending(figures.ending, was_admitted);
        }
    }

    /// Whether an upstream still works for it.
    pub(super) fn leaves_its_upstream(&self) -> bool {
        self.account
            .as_ref()
            .is_some_and(|account| account.is_worked_for())
    }

    /// Tells the client's side that the phase may have changed.
    pub(super) fn announce(&self) {
        self.watcher.wake();
        self.leader.wake();
    }
}
