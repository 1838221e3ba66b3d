//! A request's place at the gate, from its arrival to its end.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use sluice_gate::Wants;
use sluice_gate::board::{AskId, Board};
use sluice_gate::instance::{Cancel, Instance, Phase, Request, RequestNo, Why, Work};
use sluice_gate::policy::{Foreseen, Service};

use super::account::Account;
use super::driver::Gate;
use super::foresight::FirstTold;
use super::ticket::{PublicTicket, TicketSecret};
use crate::store::PATIENCE;
use crate::world::{StoreError, World};

/// How long an upstream gets to notice that it is left before its slot is given on: Ollama sees it when its next token is due, and
/// the next request comes by another connection, which may be faster than the end of this one.
const NOTICE: Duration = Duration::from_millis(50);

/// After so long it is asked again whether there is room for one more cancel.
const MOMENT: Duration = Duration::from_millis(20);

/// A request's place. Dropping it leaves the line, or frees the slot.
pub struct Place<W: World> {
    gate: Gate<W>,
    number: RequestNo,
    request: Request,
    secret: TicketSecret,
    account: Rc<Account>,
    /// How many operations on the store had failed when it came.
    failures: u64,
    is_over: Cell<bool>,
    /// The ask that it was when it ended.
    ended_as: Cell<Option<AskId>>,
    /// Whether a board has shown it in line. Its instance may have none to tell by while the store fails.
    stood_in_line: Cell<bool>,
    /// The first estimate that its client was told.
    told: Cell<Option<FirstTold>>,
}

impl<W: World> Gate<W> {
    /// Comes to the gate. Nothing is awaited. `request` has the hash of `secret`.
    pub fn enter(&self, request: Request, secret: TicketSecret) -> Place<W> {
        let now = self.0.world.now();
        let account = Rc::new(Account::open(now));
        account.take_up(request.waited_ms, now);
        self.enter_with(request, secret, account)
    }

    fn enter_with(&self, request: Request, secret: TicketSecret, account: Rc<Account>) -> Place<W> {
        let now = self.0.world.now();
        Place {
            gate: self.clone(),
            number: self.note(|machine| machine.arrive(request, now)),
            request,
            secret,
            account,
            failures: self.0.failures.get(),
            is_over: Cell::new(false),
            ended_as: Cell::new(None),
            stood_in_line: Cell::new(false),
            told: Cell::new(None),
        }
    }
}

impl<W: World> Place<W> {
    /// Where the request stands.
    pub fn phase(&self) -> Phase {
        self.gate.0.machine.borrow().phase(self.number)
    }

    /// Waits until the phase is another one than `last`, and answers it.
    pub async fn changed_from(&self, last: Phase) -> Phase {
        self.gate
            .until_phase(self.number, |machine| {
                Some(machine.phase(self.number)).filter(|phase| *phase != last)
            })
            .await
    }

    /// The same, or `None` once the store has failed for longer than this request waits for it: one that has stood in line for
    /// `patience`, any other not at all.
    pub async fn changed_or_given_up(&self, last: Phase, patience: Duration) -> Option<Phase> {
        let patience_ms = super::ms(patience);
        let world = &self.gate.0.world;
        self.gate
            .until_phase(self.number, |machine| {
                let phase = machine.phase(self.number);
                if phase != last {
                    return Some(Some(phase));
                }
                let is_over = match self.has_stood_in_line(machine) {
                    true => {
                        let failing_ms = machine.report(world.now()).failing_ms;
                        failing_ms.is_some_and(|failing_ms| failing_ms >= patience_ms)
                    }
                    false => self.is_failed(),
                };
                is_over.then_some(None)
            })
            .await
    }

    /// A place for the same request, which has waited for as long as this one has. One that was refused has had no place: it comes
    /// as anybody new, and is held to the same bounds, unless it goes on with one that it lost.
    #[must_use]
    pub fn again(&self) -> Place<W> {
        let is_new = matches!(self.phase(), Phase::Over(Why::Refused(_)));
        let waited_ms = match is_new && !self.account.has_lost_a_place() {
            true => 0,
            false => self.account.age_ms(self.gate.0.world.now()),
        };
        let request = Request {
            waited_ms,
            ..self.request
        };
        self.gate
            .enter_with(request, self.secret, self.account.clone())
    }

    /// The upstream that it is granted for, if it is.
    pub fn upstream(&self) -> Option<u8> {
        match self.phase() {
            Phase::Relaying { upstream } => Some(upstream),
            Phase::Waiting | Phase::Sending { .. } | Phase::Over(_) => None,
        }
    }

    /// The ask by which the boards know it, or knew it until it ended; `None` before its instance has a session.
    pub fn ask(&self) -> Option<AskId> {
        let now = self.gate.0.machine.borrow().ask(self.number);
        now.or(self.ended_as.get())
    }

    /// Whether it waits, and a board says so.
    pub fn is_in_line(&self) -> bool {
        let machine = self.gate.0.machine.borrow();
        machine.phase(self.number) == Phase::Waiting && self.is_known_to(&machine)
    }

    fn has_stood_in_line(&self, machine: &Instance) -> bool {
        let has_stood = self.stood_in_line.get() || self.is_known_to(machine);
        self.stood_in_line.set(has_stood);
        has_stood
    }

    fn is_known_to(&self, machine: &Instance) -> bool {
        let ask = machine.ask(self.number);
        let board = machine.board(self.gate.0.world.now());
        ask.zip(board)
            .is_some_and(|(ask, (board, _))| board.ahead(ask).is_some())
    }

    /// How many wait before it, as `board` tells it. One that the board does not know yet stands behind all.
    pub fn ahead_in(&self, board: &Board) -> u32 {
        self.ask()
            .and_then(|ask| board.ahead(ask))
            .unwrap_or_else(|| board.count().queued)
    }

    /// What it says of its model.
    pub fn wants(&self) -> Wants {
        self.request.wants
    }

    /// What its client can be told of its wait, as `board` shows it; `None` if it does not wait there, or came a moment ago. Nothing is
    /// run forward for one that waits no longer: its request upstream would wait for that.
    pub fn foreseen(&self, board: &Board) -> Option<Foreseen> {
        if !self.phase().waits() {
            return None;
        }
        let gate = &self.gate.0;
        let now_ms = gate.world.now().mono_ms;
        let room = (gate.around.room)();
        let foresee = || self.gate.foresee(board);
        let one = gate.foresight.of(self.ask()?, room, now_ms, foresee)?;
        if self.told.get().is_none() {
            let active = board.count().active;
            let plain_ms = Service::of(board).wait_ms(one.ahead, active, room.capacity());
            let told = one.start.zip(plain_ms).map(|(range, plain_ms)| FirstTold {
                range,
                plain_ms,
                at_ms: now_ms,
            });
            self.told.set(told);
        }
        Some(one)
    }

    /// It has its slot from now on.
    pub fn start(&self) {
        self.account.grant(self.gate.0.world.now());
        if let Some(told) = self.told.take() {
            let gate = &self.gate.0;
            gate.foresight.came_true(told, gate.world.now().mono_ms);
        }
    }

    /// Whether a chunk may be relayed at this moment.
    pub fn may_relay(&self) -> bool {
        let machine = self.gate.0.machine.borrow();
        machine.may_relay(self.number, self.gate.0.world.now())
    }

    /// Waits until nothing may be relayed any more, whatever the store does meanwhile: the phase is another one, or the session was
    /// not renewed in time.
    pub async fn until_stopped(&self) {
        loop {
            let left_ms = self.relays_for_ms();
            if left_ms == 0 {
                return;
            }
            let ended = self.gate.until_phase(self.number, |machine| {
                let phase = machine.phase(self.number);
                (!matches!(phase, Phase::Relaying { .. })).then_some(())
            });
            if self
                .gate
                .within(Duration::from_millis(left_ms), ended)
                .await
                .is_some()
            {
                return;
            }
        }
    }

    /// Asks for another upstream than those of the set bits, before anything was relayed, and waits until that is decided.
    pub async fn move_from(&self, avoid: u8) {
        self.gate
            .note(|machine| machine.move_from(self.number, avoid));
        self.gate
            .until(|machine| (!machine.is_moving(self.number)).then_some(()))
            .await;
    }

    /// For how long relaying is still allowed, in milliseconds.
    pub fn relays_for_ms(&self) -> u64 {
        let machine = self.gate.0.machine.borrow();
        machine.relays_for_ms(self.number, self.gate.0.world.now())
    }

    /// The world that it is in.
    pub fn world(&self) -> &W {
        &self.gate.0.world
    }

    /// Its public ticket; `None` before its instance has a session.
    pub fn ticket(&self) -> Option<PublicTicket> {
        Some(self.secret.ticket(self.ask()?))
    }

    /// Whether the store has failed since this request came, and nothing has succeeded after that.
    pub fn is_failed(&self) -> bool {
        let gate = &self.gate.0;
        gate.is_failing.get() && gate.failures.get() > self.failures
    }

    /// What it has come to so far.
    pub fn account(&self) -> &Rc<Account> {
        &self.account
    }

    /// Whether it was given back by whoever has it.
    pub fn is_given_back(&self) -> bool {
        self.is_over.get()
    }

    /// It has nothing at the gate any more: frees the slot, or leaves the line. An upstream that may still work for it gets a
    /// moment to notice.
    pub fn end(&self) {
        if self.is_over.replace(true) {
            return;
        }
        self.ended_as.set(self.ask());
        let (gate, number) = (self.gate.clone(), self.number);
        let now = gate.0.world.now();
        self.account.leave(now);
        let work = self.account.work(now);
        let leaving = Leaving { gate, number, work };
        if self.account.is_worked_for() {
            let world = &self.gate.0.world;
            let notice = world.sleep(NOTICE);
            world.spawn(async move {
                let _leaving = leaving;
                notice.await;
            });
        }
    }
}

/// A request that leaves the gate when this is dropped: with the task that waits before that, if not sooner.
struct Leaving<W: World> {
    gate: Gate<W>,
    number: RequestNo,
    work: Option<Work>,
}

impl<W: World> Drop for Leaving<W> {
    fn drop(&mut self) {
        self.gate.leave(self.number, self.work.take());
    }
}

impl<W: World> Gate<W> {
    /// Cancels the request that is meant, if there is one, wherever it is. Answers whether there is.
    pub(super) async fn cancel(&self, cancel: Cancel) -> Result<bool, StoreError> {
        let board = self.board(0).await?;
        let is_there = match cancel {
            Cancel::Ticket(guard) => board.ask_of(guard).is_some(),
            Cancel::Operator(ask) => board.knows(ask),
        };
        if !is_there {
            return Ok(false);
        }
        let cancelled = async {
            // There may be as many to be said already as an outbox holds.
            while !self.note(|machine| machine.cancel(cancel, self.0.world.now())) {
                self.0.world.sleep(MOMENT).await;
            }
            self.until(|machine| machine.is_cancelled(cancel).then_some(()))
                .await;
        };
        let in_time = self.within(PATIENCE, cancelled).await;
        in_time.map(|()| true).ok_or(StoreError::Late(PATIENCE))
    }

    fn leave(&self, number: RequestNo, work: Option<Work>) {
        let now = self.0.world.now();
        self.note(|machine| {
            machine.end(number, work, now);
            machine.forget(number);
        });
        // Another may have started in its slot.
        self.wake_phases();
    }
}

impl<W: World> Drop for Place<W> {
    fn drop(&mut self) {
        self.end();
    }
}
