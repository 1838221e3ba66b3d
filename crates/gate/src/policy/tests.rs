//! Tables for each rule of the policy.

use super::*;
use crate::board::Member;
use crate::mutant::Mutant;

const SESSIONS: u64 = 3;

static NOTHING: Models = Models::NONE;

/// A board that is open, with its members, and a policy over it.
pub(super) struct Day {
    pub(super) board: Board,
    pub(super) policy: Policy<'static>,
    next: u64,
}

impl Day {
    pub(super) fn new(room: Room) -> Day {
        let members = (1..=SESSIONS).map(|session| Member {
            session,
            ..Member::default()
        });
        Day {
            board: Board {
                open: true,
                top: SESSIONS,
                members: members.collect(),
                ..Board::default()
            },
            policy: Policy {
                rules: Rules {
                    max_queue: 100,
                    places_per_client: 100,
                    batch_wait_max_ms: 60_000,
                    model_turn_ms: Rules::MODEL_TURN_MS,
                    swap_share: Rules::SWAP_SHARE,
                },
                room,
                models: &NOTHING,
            },
            next: 0,
        }
    }

    pub(super) fn asks(&mut self, class: Class, client: u64, waited_ms: u64) -> Joined {
        self.next += 1;
        Joined {
            ask: AskId {
                session: 1 + self.next % SESSIONS,
                k: self.next,
            },
            class,
            client,
            guard: 1_000 + self.next,
            wants: Wants::default(),
            waited_ms,
            again: match waited_ms {
                0 => Again::No,
                _ => Again::Resumed,
            },
        }
    }

    /// Decides about these, and does it; the asks that were granted, in this order.
    fn round(&mut self, asks: &Asks) -> Vec<u64> {
        let decisions = self
            .policy
            .schedule(&self.board, asks)
            .expect("lawful decisions");
        let again = self.policy.schedule(&self.board, asks);
        assert_eq!(
            again.as_ref(),
            Ok(&decisions),
            "the same board, the same decisions"
        );
        let mut granted = Vec::new();
        for decision in &decisions {
            self.board
                .apply(decision, self.policy.room.total())
                .expect("lawful decisions");
            if let Decision::Grant { ask, .. } = decision {
                granted.push(ask.k);
            }
        }
        assert!(self.board.is_sound());
        granted
    }

    pub(super) fn come(&mut self, joined: &[Joined]) -> Vec<u64> {
        self.round(&Asks {
            joined: joined.to_vec(),
            ..Asks::default()
        })
    }

    pub(super) fn come_one(&mut self, class: Class, client: u64) -> u64 {
        let one = self.asks(class, client, 0);
        self.come(&[one]);
        one.ask.k
    }

    pub(super) fn end(&mut self, k: u64) -> Vec<u64> {
        let grants = self.board.grants.iter().map(|grant| grant.ask);
        let ask = grants
            .chain(self.board.line.iter().map(|waiting| waiting.ask))
            .find(|ask| ask.k == k);
        assert!(self.board.remove_ask(ask.expect("it is here")));
        self.round(&Asks::default())
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.board
            .line
            .iter_mut()
            .for_each(|waiting| waiting.waited_ms += ms);
    }

    fn line(&self) -> Vec<u64> {
        self.board.waiting().map(|waiting| waiting.ask.k).collect()
    }

    fn mark(&self, k: u64) -> Option<Mark> {
        let mut line = self.board.line.iter();
        line.find(|waiting| waiting.ask.k == k)
            .and_then(|waiting| waiting.mark)
    }
}

use Class::{Batch, Interactive};

#[test]
fn whoever_came_first_is_served_first_and_no_slot_is_left_free() {
    let mut day = Day::new(Room::one(2));
    let ks: Vec<u64> = (0..4).map(|_| day.come_one(Interactive, 0)).collect();
    assert_eq!(day.board.grants.len(), 2);
    assert_eq!(day.line(), ks[2..]);
    assert_eq!(day.end(ks[0]), [ks[2]]);
    assert_eq!(day.end(ks[1]), [ks[3]]);
}

#[test]
fn a_batch_request_waits_until_nobody_else_does_or_for_its_longest_time() {
    let mut day = Day::new(Room::one(1));
    let first = day.come_one(Interactive, 0);
    let front = day.come_one(Interactive, 0);
    let batch = day.come_one(Batch, 0);
    let later = day.come_one(Interactive, 0);
    assert_eq!(day.line(), [front, later, batch]);
    assert_eq!(day.end(first), [front]);
    day.wait(60_000);
    day.round(&Asks::default());
    let last = day.come_one(Interactive, 0);
    assert_eq!(day.line(), [later, batch, last], "it stands in order now");
    assert_eq!(day.end(front), [later]);
    assert_eq!(day.end(later), [batch]);
    assert_eq!(day.end(batch), [last]);
}

#[test]
fn one_batch_request_at_a_time_steps_in_front() {
    let mut day = Day::new(Room::one(1));
    let first = day.come_one(Interactive, 0);
    let batch = [day.come_one(Batch, 0), day.come_one(Batch, 0)];
    let front = day.come_one(Interactive, 0);
    assert_eq!(
        day.line(),
        [batch[0], front, batch[1]],
        "nobody else waited when it came"
    );
    day.wait(60_000);
    day.round(&Asks::default());
    assert_eq!(day.line(), [batch[0], front, batch[1]]);
    assert_eq!(day.end(first), [batch[0]]);
    let last = day.come_one(Interactive, 0);
    assert_eq!(day.line(), [front, batch[1], last]);
}

#[test]
fn a_client_whose_request_waits_already_stands_behind_with_the_next() {
    let mut day = Day::new(Room::one(1));
    day.come_one(Interactive, 7);
    let waiting = day.come_one(Interactive, 7);
    let second = day.come_one(Interactive, 7);
    let other = day.come_one(Interactive, 8);
    let nobody = [day.come_one(Interactive, 0), day.come_one(Interactive, 0)];
    assert_eq!(day.line(), [waiting, other, nobody[0], nobody[1], second]);
}

#[test]
fn a_client_has_its_places_and_no_more() {
    let mut day = Day::new(Room::one(1));
    day.policy.rules.places_per_client = 2;
    let ks = [7, 7, 7, 8, 0, 0, 0].map(|client| day.come_one(Interactive, client));
    let refused = Some(Mark::Refused(Refusal::PlacesTaken));
    assert_eq!(
        ks.map(|k| day.mark(k)),
        [None, None, refused, None, None, None, None]
    );
    let again = day.asks(Interactive, 7, 5_000);
    day.come(&[again]);
    assert_eq!(day.mark(again.ask.k), None, "it was let in once");
}

#[test]
fn so_many_wait_as_may_and_those_who_can_wait_take_half_of_it() {
    let full = |rules: u32, classes: &[Class]| {
        let mut day = Day::new(Room::one(2));
        day.policy.rules.max_queue = rules;
        let ks: Vec<u64> = classes
            .iter()
            .map(|class| day.come_one(*class, 0))
            .collect();
        let refused = |k: &&u64| day.mark(**k) == Some(Mark::Refused(Refusal::QueueFull));
        ks.iter().filter(refused).count()
    };
    assert_eq!(full(0, &[Interactive; 2]), 0, "start now");
    assert_eq!(full(0, &[Interactive; 3]), 1, "or be refused");
    assert_eq!(full(3, &[Interactive; 5]), 0);
    assert_eq!(full(3, &[Interactive; 6]), 1);
    let behind = [[Interactive; 3], [Batch; 3]].concat();
    assert_eq!(full(4, &behind), 1);
    assert_eq!(full(6, &behind), 0);
    let mut day = Day::new(Room::one(2));
    day.policy.rules.max_queue = 0;
    let burst = [(); 3].map(|()| day.asks(Interactive, 0, 0));
    assert_eq!(day.come(&burst).len(), 2, "of those that come at once, too");
}

#[test]
fn an_ask_that_has_waited_elsewhere_keeps_its_turn() {
    let mut day = Day::new(Room::one(1));
    day.come_one(Interactive, 0);
    let first = day.come_one(Interactive, 0);
    day.wait(10_000);
    let second = day.come_one(Interactive, 0);
    let resumed = day.asks(Interactive, 0, 5_000);
    let late_read = day.asks(Interactive, 0, join::KEEPS_TURN_MS - 1);
    day.come(&[late_read, resumed]);
    assert_eq!(day.line(), [first, resumed.ask.k, second, late_read.ask.k]);
}

#[test]
fn no_upstream_gets_more_than_its_limit_and_a_broken_one_gets_nobody() {
    let mut day = Day::new(Room::new(8, [1, 3]));
    let ks: Vec<u64> = (0..6).map(|_| day.come_one(Interactive, 0)).collect();
    assert_eq!([0, 1].map(|upstream| day.board.load().at(upstream)), [1, 3]);
    day.policy.room = Room::new(8, [0, 3]);
    let at_first = day.board.grants.iter().find(|grant| grant.upstream == 0);
    let k = at_first.map(|grant| grant.ask.k).expect("one is there");
    assert!(day.end(k).is_empty(), "the other one is full");
    let k = ks
        .iter()
        .find(|other| **other != k && !day.line().contains(other));
    assert_eq!(day.end(*k.expect("one is there")).len(), 1);
}

#[test]
fn holders_at_a_broken_upstream_hold_up_nobody_at_the_others() {
    let mut day = Day::new(Room::new(8, [4, 4]));
    (0..8).for_each(|_| _ = day.come_one(Interactive, 0));
    let at_second = |day: &Day, upstream| {
        let mut grants = day.board.grants.iter();
        grants
            .find(|grant| grant.upstream == upstream)
            .map(|grant| grant.ask.k)
    };
    while let Some(k) = at_second(&day, 0) {
        day.end(k);
    }
    day.policy.room = Room::new(8, [4, 0]);
    (0..5).for_each(|_| _ = day.come_one(Interactive, 0));
    assert_eq!([0, 1].map(|upstream| day.board.load().at(upstream)), [4, 4]);
    assert_eq!(day.line().len(), 1);
}

#[test]
fn one_that_moves_goes_where_there_is_room_or_stays_and_is_told() {
    let mut day = Day::new(Room::new(4, [2, 1]));
    let ks = [(); 3].map(|()| day.come_one(Interactive, 0));
    let at = |day: &Day, k: u64| {
        let grant = day.board.grants.iter().find(|grant| grant.ask.k == k);
        grant
            .map(|grant| (grant.upstream, grant.moves))
            .expect("it relays")
    };
    let wish = |day: &Day, k: u64, avoid: u8, moves: u8| Asks {
        moves: vec![Move {
            ask: day
                .board
                .grants
                .iter()
                .find(|grant| grant.ask.k == k)
                .expect("it relays")
                .ask,
            avoid,
            moves,
        }],
        ..Asks::default()
    };
    let moving = ks
        .into_iter()
        .find(|k| at(&day, *k).0 == 0)
        .expect("two are there");
    let other = ks
        .into_iter()
        .find(|k| at(&day, *k).0 == 1)
        .expect("one is there");
    day.round(&wish(&day, moving, 0b1, 1));
    assert_eq!(at(&day, moving), (0, 1), "the other one is full");
    day.end(other);
    day.round(&wish(&day, moving, 0b1, 1));
    assert_eq!(at(&day, moving), (0, 1), "that wish was decided");
    day.round(&wish(&day, moving, 0b1, 2));
    assert_eq!(at(&day, moving), (1, 2));
}

#[test]
fn a_cancel_takes_out_who_waits_and_recalls_who_relays() {
    let mut day = Day::new(Room::one(1));
    let relaying = day.come_one(Interactive, 0);
    let waiting = [day.come_one(Interactive, 0), day.come_one(Interactive, 0)];
    let by_operator = day.board.line[1].ask;
    let cancels = vec![
        Cancel::Ticket(1_000 + relaying),
        Cancel::Ticket(1_000 + waiting[0]),
        Cancel::Ticket(0),
        Cancel::Ticket(5),
        Cancel::Operator(by_operator),
        Cancel::Operator(AskId { session: 9, k: 9 }),
    ];
    day.round(&Asks {
        cancels: cancels.clone(),
        ..Asks::default()
    });
    assert!(day.board.grants[0].recall);
    assert_eq!(waiting.map(|k| day.mark(k)), [Some(Mark::Cancelled); 2]);
    assert!(day.line().is_empty());
    let again = day.policy.schedule(
        &day.board,
        &Asks {
            cancels,
            ..Asks::default()
        },
    );
    assert_eq!(again, Ok(vec![]), "once is enough");
}

#[test]
fn nobody_is_granted_anything_whose_session_is_condemned_and_the_others_go_on() {
    let mut day = Day::new(Room::one(1));
    let first = day.come_one(Interactive, 0);
    let ks = [(); 3].map(|()| day.come_one(Interactive, 0));
    let condemned = day.board.line[0].ask.session;
    day.board.member_mut(condemned).expect("a member").condemned = true;
    assert_eq!(day.end(first), [ks[1]]);
}

#[test]
fn plain_order_knows_no_classes() {
    let mut day = Day::new(Room::one(1));
    let ks = [Batch, Interactive, Batch].map(|class| day.asks(class, 7, 0));
    let asks = Asks {
        joined: ks.to_vec(),
        ..Asks::default()
    };
    let decisions = plain::schedule(&day.policy, &day.board, &asks).expect("lawful decisions");
    for decision in &decisions {
        day.board.apply(decision, 1).expect("lawful decisions");
    }
    assert_eq!(day.board.grants[0].ask, ks[0].ask);
    assert_eq!(day.line(), [ks[1].ask.k, ks[2].ask.k]);
}

#[test]
fn a_closed_board_lists_and_grants_nothing() {
    let mut day = Day::new(Room::one(4));
    day.board.open = false;
    let k = day.come_one(Interactive, 0);
    assert_eq!((day.board.grants.len(), day.line()), (0, vec![k]));
    assert!(
        !crate::times::Times::new(1_000).lacks(Mutant::NoWait),
        "every rule is kept by itself"
    );
}

#[test]
fn settings_that_differ_have_another_signature() {
    let rules = Day::new(Room::one(1)).policy.rules;
    let other = Rules {
        max_queue: 101,
        ..rules
    };
    assert_ne!(rules.signature(), other.signature());
    assert_ne!(rules.signature(), 0);
}
