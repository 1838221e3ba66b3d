//! The gate's adapter: it does what [`sluice_gate::instance::Instance`] asks for, and holds requests' places at it.
//!
//! # Who does what
//! [`Place`] is a request's place, from its arrival to its end: dropping it leaves the line or frees the slot. One task for each
//! instance drives the machine (`driver`), whatever number of requests there is. What is shown of the line is read once for all who
//! ask (`reading`); readers are no members and take no term.
//!
//! # Shape
//! All of it is generic over a [`crate::world::World`]: the component's, or that of the simulation (`sim`), which runs this very
//! code on a virtual clock.
//!
//! # What it does not do
//! It knows no rule of the protocol and no order: both are the machine's.

mod account;
mod driver;
mod foresight;
mod last;
mod operations;
mod place;
mod reading;
#[cfg(test)]
mod sim;
mod ticket;
mod upgrade;
mod wakers;

pub use account::{Account, Figures};
pub use sluice_gate::Wants;
pub use ticket::{PublicTicket, ask_of, number as ticket_number};

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sluice_gate::Room;
use sluice_gate::board::{AskId, Board};
use sluice_gate::instance::{Cancel, Request, Sums};
use sluice_gate::policy::{Class, Foreseen, Joined, Newcomer, Rules};
use sluice_gate::times::Times;

use crate::config::{self, Config};
use crate::counters::{self, GateCount, Tallied};
use crate::random;
use crate::store::{self, Component, StoreError};
use crate::upstreams::{breakers, runners};
use driver::Around;
use foresight::Score;
use ticket::TicketSecret;

/// A request's place at the gate of this instance.
pub type Place = place::Place<Component>;

type Gate = driver::Gate<Component>;

/// How old a board may be for those who are shown it, in milliseconds.
pub const SHOWN_MS: u64 = 500;

/// Comes to the gate, as one that has waited for so long already. Nothing is awaited.
pub fn enter(config: &Config, class: Class, client: u64, waited_ms: u64, wants: Wants) -> Place {
    let secret = TicketSecret::of(random::number(), random::number());
    let request = Request {
        class,
        client,
        guard: secret.guard(),
        wants,
        waited_ms,
    };
    gate(config).enter(request, secret)
}

/// The board as it stood at most `max_age_ms` before this call, or later.
///
/// # Errors
/// The store could not be read: that is not an empty board.
pub async fn board(config: &Config, max_age_ms: u64) -> Result<Rc<Board>, StoreError> {
    gate(config).board(max_age_ms).await
}

/// The last board that is known here, if it is not older than `max_age_ms`.
pub fn cached(config: &Config, max_age_ms: u64) -> Option<Rc<Board>> {
    gate(config).cached(max_age_ms)
}

/// How it goes with those who wait, as `board` shows it, each as its client is told.
pub fn foresee(config: &Config, board: &Board) -> Vec<Foreseen> {
    gate(config).foresee(board)
}

/// How it would go with one who came now, as `board` shows it.
pub fn foresee_newcomer(config: &Config, board: &Board, one: Joined) -> Newcomer {
    gate(config).foresee_newcomer(board, one)
}

/// Where one who is granted may go instead, without the upstreams of the set bits, as `board` shows it.
pub fn another(config: &Config, board: &Board, wants: Wants, avoid: u8) -> Option<u8> {
    gate(config).another(board, wants, avoid)
}

/// Asks whoever holds this ticket to stop. Answers whether there is such a ticket, waiting or relaying; nothing is written where
/// there is not.
///
/// # Errors
/// The store could not be read, or nobody took notice in time.
pub async fn cancel(config: &Config, ticket: PublicTicket) -> Result<bool, StoreError> {
    gate(config).cancel(Cancel::Ticket(ticket.guard())).await
}

/// Ends this request, on behalf of whoever runs the place. Answers whether it stands anywhere.
///
/// # Errors
/// The store could not be read, or nobody took notice in time.
pub async fn cancel_as_operator(config: &Config, ask: AskId) -> Result<bool, StoreError> {
    gate(config).cancel(Cancel::Operator(ask)).await
}

/// How the gate stands, for an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Nothing is granted yet, since the store was founded or emptied a moment ago.
    pub is_settling: bool,
    /// A chain of tickets that stood here before is in the store.
    pub is_upgrading: bool,
    /// Plain order is in force.
    pub is_degraded: bool,
    /// The board was put by one with other settings than those here.
    pub settings_differ: bool,
    /// The longest that the first request of a model waits for its turn; `None` where models take no turns.
    pub longest_turn_wait: Option<Duration>,
}

/// How the gate stands.
///
/// # Errors
/// The store could not be read.
pub async fn standing(config: &Config) -> Result<Standing, StoreError> {
    let board = board(config, SHOWN_MS).await?;
    let own = rules(config).signature();
    Ok(Standing {
        is_settling: is_settling(&board),
        is_upgrading: upgrade::stands(&store::shared()).await?,
        is_degraded: board.degraded,
        settings_differ: board.top > 0 && board.settings != own,
        longest_turn_wait: gate(config).longest_turn_wait(&board, longest_answer(config)),
    })
}

/// The longest that an answer of any model may take.
fn longest_answer(config: &Config) -> Duration {
    let own = config.model_options.iter();
    let own = own.filter_map(|options| options.request_timeout);
    own.fold(config.request_timeout, Duration::max)
}

/// Whether nobody is granted yet: somebody may still relay who was granted before the store was founded or emptied.
pub fn is_settling(board: &Board) -> bool {
    !board.open && board.top > 0
}

/// Counts what the gate has done here since this was last called.
pub fn count_doings(config: &Config) {
    let gate = gate(config);
    let sums = gate.report().sums;
    let last = COUNTED.replace(sums);
    let score = gate.0.foresight.score();
    let told = SCORED.replace(score);
    for (what, sum, last) in [
        (GateCount::Sessions, sums.sessions, last.sessions),
        (GateCount::Terms, sums.terms, last.terms),
        (GateCount::TakeOvers, sums.takeovers, last.takeovers),
        (GateCount::Boards, sums.boards, last.boards),
        (
            GateCount::FenceFailures,
            sums.fence_failures,
            last.fence_failures,
        ),
        (GateCount::Lapsed, sums.lapsed, last.lapsed),
        (GateCount::Lost, sums.lost, last.lost),
        (
            GateCount::IdleSettling,
            sums.idle_settling_ms,
            last.idle_settling_ms,
        ),
        (
            GateCount::IdleTakeOver,
            sums.idle_takeover_ms,
            last.idle_takeover_ms,
        ),
        (
            GateCount::IdleHandoff,
            sums.idle_handoff_ms,
            last.idle_handoff_ms,
        ),
        (GateCount::Estimates, score.told, told.told),
        (GateCount::EstimatesWithin, score.within, told.within),
        (GateCount::EstimateWidth, score.width_ms, told.width_ms),
        (GateCount::EstimateError, score.error_ms, told.error_ms),
        (
            GateCount::PlainError,
            score.plain_error_ms,
            told.plain_error_ms,
        ),
    ] {
        counters::count_many(Tallied::Gate(what), sum.saturating_sub(last));
    }
}

/// Whether the store can be read.
///
/// # Errors
/// It cannot.
pub async fn probe() -> Result<(), StoreError> {
    let epoch = sluice_gate::store::Key::Epoch.to_string();
    store::read(epoch).await.map(|_| ())
}

/// The gate of this instance, by the settings in force.
fn gate(config: &Config) -> Gate {
    let rules = rules(config);
    let gate = GATE.with_borrow_mut(|gate| {
        let begin = || {
            let ttl = config.record_ttl;
            let times = Times::new(u64::try_from(ttl.as_millis()).unwrap_or(Times::TTL_MAX_MS));
            Gate::new(Component, store::shared(), times, rules, around())
        };
        gate.get_or_insert_with(begin).clone()
    });
    let (_, last) = gate.0.settings.get();
    if last != rules {
        gate.set_rules(rules);
    }
    gate
}

fn rules(config: &Config) -> Rules {
    Rules {
        max_queue: config.max_queue,
        places_per_client: config.places_per_client,
        batch_wait_max_ms: ms(config.batch_wait_max),
        model_turn_ms: ms(config.model_turn),
        swap_share: config.swap_share,
    }
}

fn around() -> Around {
    Around {
        room: Box::new(room),
        models: Box::new(|| {
            config::parsed().map_or_else(Arc::default, |config| runners::seen(&config))
        }),
        load: Box::new(runners::load_soon),
    }
}

/// How many may relay, as far as is known here; what is known is kept fresh while somebody asks.
fn room() -> Room {
    breakers::refresh_soon();
    breakers::room_by_current().unwrap_or_else(|| Room::one(0))
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

thread_local! {
    static GATE: RefCell<Option<Gate>> = const { RefCell::new(None) };
    static COUNTED: Cell<Sums> = Cell::default();
    static SCORED: Cell<Score> = Cell::default();
}
