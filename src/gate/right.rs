//! A request that stands behind the main line: two turns, the one in the batch line that gets it the right to draw, and the one
//! in the main line after it. What is next [`sluice_gate::Behind`] says.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use crate::random;
use futures::future::{Either, select};
use sluice_gate::{
    Behind, Errand, Event, Figures, Identity, Outcome, Phase, RIGHT_LOOK_MS, Settings, Ticket,
    Turn, Way,
};
use spin_sdk::time::sleep;

use super::stay::Desk;
use super::{bell, keeper, line};
use crate::clock::now;
use crate::tasks::spawn;

/// The right of one request, sought or held.
pub(super) struct Right {
    settings: Settings,
    identity: Identity,
    behind: Behind,
    /// The turn in the batch line.
    desk: RefCell<Rc<Desk>>,
    /// Whether the turn in the main line has begun.
    has_drawn: Cell<bool>,
}

impl Right {
    /// Seeks it, and lets the turn of `main` begin with it.
    pub(super) fn seek(
        main: Rc<Desk>,
        settings: Settings,
        identity: Identity,
        behind: Behind,
    ) -> Rc<Right> {
        let right = Rc::new(Right {
            settings: settings.behind(),
            identity,
            behind,
            desk: RefCell::new(desk(settings.behind(), identity)),
            has_drawn: Cell::new(false),
        });
        spawn(right.clone().lead(main));
        right
    }

    /// Whether the turn in the main line has begun: the right was held, or nothing will come of it.
    pub(super) fn has_drawn(&self) -> bool {
        self.has_drawn.get()
    }

    /// The number in the batch line; `None` before its draw.
    pub(super) fn number(&self) -> Option<Ticket> {
        let desk = self.desk();
        let turn = desk.turn.borrow();
        turn.ticket().map(|(_, number)| number)
    }

    /// Whether it stands in the batch line, or in front of the main one.
    pub(super) fn is_in_line(&self) -> bool {
        let desk = self.desk();
        !self.has_drawn() && (desk.is_in_line() || desk.phase() == Phase::Relaying)
    }

    async fn lead(self: Rc<Self>, main: Rc<Desk>) {
        let begins_with = loop {
            keeper::keep(self.desk(), Event::Begin);
            match self.come_to(&main).await {
                Way::Again => _ = self.desk.replace(desk(self.settings, self.identity)),
                Way::Over(Outcome::StoreUnavailable) => break Event::Failed,
                Way::Over(_) => break Event::Leave,
                Way::Draw | Way::Wait | Way::Look => break Event::Begin,
            }
        };
        self.has_drawn.set(true);
        bell::listen(&main);
        keeper::keep(main.clone(), begins_with);
        self.give_back(&main).await;
    }

    /// Until it may draw, has to begin anew, or is over.
    async fn come_to(&self, main: &Desk) -> Way {
        let desk = self.desk();
        loop {
            let phase = desk.phase();
            let main_line = match phase {
                Phase::Relaying => line::line(RIGHT_LOOK_MS).await.ok(),
                _ => None,
            };
            let settings = main.turn.borrow().settings();
            let way = self
                .behind
                .way(now(), &settings, desk.phase(), main_line.as_deref());
            match way {
                Way::Wait => _ = select(pin!(desk.changed_from(phase)), pin!(main.wished())).await,
                Way::Look => {
                    let again = pin!(sleep(Duration::from_millis(RIGHT_LOOK_MS)));
                    let changed = pin!(desk.changed_from(phase));
                    let wished = pin!(main.wished());
                    select(select(changed, wished), again).await;
                }
                way => return way,
            }
            if main.has_wish() {
                desk.wish(Event::Leave);
                return Way::Over(Outcome::Left);
            }
        }
    }

    /// Gives the right back when the ticket of the main line no longer waits. Whoever is asked to stop by its ticket of the
    /// batch line leaves the main line too.
    async fn give_back(&self, main: &Desk) {
        let desk = self.desk();
        let settings = main.turn.borrow().settings();
        let until_given = main.until(|phase| Behind::gives_back(&settings, phase));
        let until_over = desk.until(|phase| matches!(phase, Phase::Over(_)));
        match select(pin!(until_given), pin!(until_over)).await {
            Either::Left(_) => desk.wish(Event::Served(Figures::default())),
            Either::Right(_) if desk.phase() == Phase::Over(Outcome::Cancelled) => {
                main.wish(Event::Leave);
            }
            // Lost: its ticket of the main line stays.
            Either::Right(_) => {}
        }
    }

    fn desk(&self) -> Rc<Desk> {
        self.desk.borrow().clone()
    }
}

/// A turn for the batch line.
fn desk(settings: Settings, identity: Identity) -> Rc<Desk> {
    let identity = Identity {
        nonce: random::number(),
        ..identity
    };
    let turn = Turn::new(settings, Errand::Serve, identity, keeper::epoch_seen());
    let desk = Rc::new(Desk::new(turn, None));
    bell::listen(&desk);
    desk
}
