//! What those who wait are told, on small boards.

use super::*;
use crate::board::{Class, Grant, Member};
use crate::policy::{Joined, Rules};
use crate::room::Room;

static NOTHING: Models = Models::NONE;

fn ask(k: u64) -> AskId {
    AskId { session: 1, k }
}

fn board() -> Board {
    Board {
        open: true,
        top: 1,
        members: vec![Member {
            session: 1,
            ..Member::default()
        }],
        ..Board::default()
    }
}

fn waits(board: &mut Board, k: u64, model: u64) {
    let wants = Wants {
        model,
        ..Wants::default()
    };
    board.line.push(Waiting {
        ask: ask(k),
        wants,
        ..Waiting::default()
    });
}

fn relays(board: &mut Board, k: u64, model: u64, granted_ms: u64) {
    board.grants.push(Grant {
        ask: ask(k),
        wants: Wants {
            model,
            ..Wants::default()
        },
        granted_ms,
        class: Class::Interactive,
        ..Grant::default()
    });
}

fn policy(models: &Models) -> Policy<'_> {
    Policy {
        rules: Rules {
            max_queue: 100,
            places_per_client: 100,
            batch_wait_max_ms: 60_000,
            model_turn_ms: 60_000,
            swap_share: 25,
        },
        room: Room::one(2),
        models,
    }
}

fn aheads(foreseen: &[Foreseen]) -> Vec<(u64, u32)> {
    foreseen.iter().map(|one| (one.ask.k, one.ahead)).collect()
}

#[test]
fn with_one_model_a_place_is_the_place_in_the_line_and_nothing_is_estimated_before_five_answers() {
    let mut board = board();
    (1..=2).for_each(|k| relays(&mut board, k, 0, 0));
    (3..=6).for_each(|k| waits(&mut board, k, 0));
    for answers in 0..=5_u64 {
        let foreseen = policy(&NOTHING).foresee(&board);
        assert_eq!(aheads(&foreseen), [(3, 0), (4, 1), (5, 2), (6, 3)]);
        assert!(foreseen.iter().all(|one| one.reason == Reason::Slots));
        assert_eq!(foreseen.iter().all(|one| one.start.is_some()), answers == 5);
        board.policy.measure(0, 0, |figure| figure.note(10_240));
    }
}

#[test]
fn service_times_that_are_alike_give_a_narrow_range_around_what_happens() {
    let mut board = board();
    (0..20).for_each(|_| board.policy.measure(0, 0, |figure| figure.note(10_240)));
    relays(&mut board, 1, 0, 2_240);
    relays(&mut board, 2, 0, 6_240);
    (3..=6).for_each(|k| waits(&mut board, k, 0));
    let foreseen = policy(&NOTHING).foresee(&board);
    let middles: Vec<u64> = foreseen
        .iter()
        .filter_map(|one| Some(one.start?.middle_ms))
        .collect();
    assert_eq!(middles, [4_000, 8_000, 14_240, 18_240]);
    assert!(
        foreseen
            .iter()
            .all(|one| one.start.is_some_and(|start| start.low_ms == start.high_ms))
    );
}

#[test]
fn a_range_widens_with_the_spread_of_service_times_and_stands_in_order() {
    let mut board = board();
    for n in 0..64 {
        board
            .policy
            .measure(0, 0, |figure| figure.note(1_000 + n * 700));
    }
    (1..=2).for_each(|k| relays(&mut board, k, 0, 3_000));
    (3..=8).for_each(|k| waits(&mut board, k, 0));
    for one in policy(&NOTHING).foresee(&board) {
        let start = one.start.expect("measured");
        assert!(
            start.low_ms < start.middle_ms && start.middle_ms < start.high_ms,
            "{one:?}"
        );
    }
}

#[test]
fn whose_model_is_next_is_told_so_and_starts_after_the_turn_and_its_load() {
    let upstreams = [crate::replay::Upstream::new(2, 1, 20_000)];
    let mut models = Models::of(&upstreams, &[1, 2], 1);
    models.seen[0].is_loaded = true;
    let mut board = board();
    (0..20).for_each(|_| board.policy.measure(0, 1, |figure| figure.note(10_240)));
    (1..=2).for_each(|k| relays(&mut board, k, 1, 240));
    board.policy.holds.push(crate::policy::Hold {
        upstream: 0,
        turns: vec![crate::policy::Turn {
            model: 1,
            stage: Stage::Running,
            for_ms: 55_000,
            idle_ms: 0,
        }],
        ..crate::policy::Hold::default()
    });
    waits(&mut board, 3, 2);
    waits(&mut board, 4, 1);
    let foreseen = policy(&models).foresee(&board);
    let reasons: Vec<Reason> = foreseen.iter().map(|one| one.reason).collect();
    assert_eq!(reasons, [Reason::ModelTurn, Reason::Slots]);
    // The turn ends after 5 s, both of the first model's answers 5 s later; then 20 s of loading.
    let first = foreseen[0].start.expect("measured");
    assert_eq!(first.middle_ms, 30_000);
    assert_eq!(
        aheads(&foreseen),
        [(3, 0), (4, 1)],
        "the other one's turn is over first"
    );
}

#[test]
fn a_model_that_made_room_for_another_is_loaded_again_before_it_goes_on() {
    let upstreams = [crate::replay::Upstream::new(2, 1, 20_000)];
    let mut models = Models::of(&upstreams, &[1, 2], 1);
    models.seen[0].is_loaded = true;
    let mut board = board();
    (0..20).for_each(|_| board.policy.measure(0, 1, |figure| figure.note(10_240)));
    (1..=2).for_each(|k| relays(&mut board, k, 1, 240));
    board.policy.holds.push(crate::policy::Hold {
        upstream: 0,
        turns: vec![crate::policy::Turn {
            model: 1,
            stage: Stage::Running,
            for_ms: 60_000,
            idle_ms: 0,
        }],
        ..crate::policy::Hold::default()
    });
    waits(&mut board, 3, 2);
    waits(&mut board, 4, 1);
    let starts: Vec<u64> = policy(&models)
        .foresee(&board)
        .iter()
        .filter_map(|one| Some(one.start?.middle_ms))
        .collect();
    // Both answers end after 10 s, then 20 s of loading, 10.24 s of the answer and 5 s in which nobody wants the other model: at
    // 45.24 s the first is loaded again.
    assert_eq!(starts, [30_000, 65_240]);
}

#[test]
fn a_model_with_all_its_places_taken_a_closed_board_and_an_upstream_that_is_down_are_told_apart() {
    let mut board = board();
    relays(&mut board, 1, 7, 0);
    waits(&mut board, 2, 7);
    board.line[0].wants.places = crate::models::Places::Told(1);
    let of = |policy: Policy<'_>, board: &Board| policy.foresee(board)[0].reason;
    assert_eq!(of(policy(&NOTHING), &board), Reason::ModelBusy);
    let down = Policy {
        room: Room::one(2).without(0),
        ..policy(&NOTHING)
    };
    assert_eq!(of(down, &board), Reason::UpstreamDown);
    board.open = false;
    assert_eq!(of(policy(&NOTHING), &board), Reason::Settling);
}

#[test]
fn the_longest_line_costs_a_bounded_effort() {
    let mut board = board();
    (0..1_000).for_each(|k| waits(&mut board, k + 10, k % 3));
    (0..20).for_each(|_| board.policy.measure(0, 1, |figure| figure.note(1_000)));
    let foreseen = policy(&NOTHING).foresee(&board);
    let mut aheads: Vec<u32> = foreseen.iter().map(|one| one.ahead).collect();
    aheads.sort_unstable();
    assert_eq!(aheads, (0..1_000).collect::<Vec<u32>>(), "each place once");
}

fn comes(board: &Board, model: u64) -> Newcomer {
    let one = Joined {
        wants: Wants {
            model,
            ..Wants::default()
        },
        ..Joined::default()
    };
    policy(&NOTHING).foresee_newcomer(board, one)
}

#[test]
fn one_who_came_now_would_start_where_there_is_room_and_else_wait_like_the_last_in_line() {
    let mut board = board();
    relays(&mut board, 1, 0, 0);
    assert_eq!(comes(&board, 0), Newcomer::Starts);
    relays(&mut board, 2, 0, 0);
    waits(&mut board, 3, 0);
    assert_eq!(
        comes(&board, 0),
        Newcomer::Waits(None),
        "nothing was measured"
    );
    (0..20).for_each(|_| board.policy.measure(0, 0, |figure| figure.note(10_240)));
    let told = comes(&board, 0);
    waits(&mut board, 4, 0);
    let last = policy(&NOTHING).foresee(&board).pop().expect("it waits");
    assert!(last.start.is_some());
    assert_eq!(told, Newcomer::Waits(last.start));
}

#[test]
fn one_of_another_model_passes_those_who_wait_for_a_place_of_theirs() {
    let mut board = board();
    (0..20).for_each(|_| board.policy.measure(0, 7, |figure| figure.note(10_240)));
    relays(&mut board, 1, 7, 0);
    waits(&mut board, 2, 7);
    board.line[0].wants.places = crate::models::Places::Told(1);
    assert_eq!(comes(&board, 8), Newcomer::Starts);
    assert!(matches!(comes(&board, 7), Newcomer::Waits(Some(_))));
}

#[test]
fn one_for_whom_there_is_no_place_in_line_would_be_refused() {
    let mut board = board();
    (1..=2).for_each(|k| relays(&mut board, k, 0, 0));
    (3..=102).for_each(|k| waits(&mut board, k, 0));
    assert_eq!(
        comes(&board, 0),
        Newcomer::Refused(crate::board::Refusal::QueueFull)
    );
}
