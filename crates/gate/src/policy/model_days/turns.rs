//! Days on which models take turns: how often they change, and how long anybody waits.

use super::*;

#[test]
fn two_models_that_do_not_fit_are_loaded_once_each_for_a_mixed_crowd() {
    let crowd: Vec<Request> = (0..24)
        .map(|n| request(n * 100, 1 + n % 2, 3_000))
        .collect();
    let outcome = run(&day(10_000, 2), &crowd);
    assert_eq!(outcome.all_loads(), 2, "one load a model");
    let work_ms = 24 * 3_000 / 2 + 2 * 10_000;
    assert!(
        outcome.ended_ms <= work_ms * 115 / 100,
        "{}",
        outcome.ended_ms
    );
}

#[test]
fn without_turns_the_same_crowd_makes_the_upstream_load_again_and_again() {
    let crowd: Vec<Request> = (0..24)
        .map(|n| request(n * 100, 1 + n % 2, 3_000))
        .collect();
    let plain = Day {
        models: Models::default(),
        ..day(10_000, 2)
    };
    let outcome = run(&plain, &crowd);
    assert!(outcome.all_loads() >= 12, "{}", outcome.all_loads());
}

#[test]
fn two_agents_that_take_turns_change_models_no_more_often_than_turns_and_lingers_allow() {
    for (think_ms, load_ms) in [
        (200, 10_000),
        (500, 22_000),
        (2_000, 4_000),
        (4_000, 10_000),
    ] {
        let mut agents = day(load_ms, 2);
        agents.rules.max_queue = 8;
        let first = [request(0, 1, 2_000), request(50, 2, 2_000)];
        let mut models = vec![1, 2];
        let outcome = agents.run(
            &first,
            |ended, now_ms| {
                let model = models[ended];
                models.push(model);
                (now_ms < HOUR_MS).then(|| request(now_ms + think_ms, model, 2_000))
            },
            |_, _| {},
        );
        // An agent that thinks for longer than a model lingers gives its turn away each time.
        let lingers = match think_ms >= linger_ms(Some(load_ms)) {
            true => outcome.fates.len() as u64,
            false => 0,
        };
        let quantum_ms = quantum_ms(&RULES, load_ms, 0);
        let bound = outcome.ended_ms / quantum_ms + 1 + lingers;
        assert!(
            outcome.all_loads() <= bound + 1,
            "{think_ms} {load_ms}: {} loads, bound {bound}",
            outcome.all_loads()
        );
        assert!(outcome.all_loads() > outcome.ended_ms / quantum_ms / 3);
    }
}

/// A crowd of one model that never ends, and single requests of the others.
fn adversarial(dice: &mut Dice, models: u64) -> Vec<Request> {
    let mut requests: Vec<Request> = (0..600)
        .map(|_| {
            let model = 1 + dice.below(models);
            let (at_ms, busy_ms) = (dice.below(HOUR_MS), 500 + dice.below(20_000));
            request(at_ms, model, busy_ms)
        })
        .collect();
    // The crowd: always more than can be served.
    requests.extend((0..900).map(|n| request(n * 4_000, 1, 8_000)));
    requests.sort_by_key(|request| request.at_ms);
    requests
}

#[test]
fn the_first_of_a_model_never_waits_longer_than_the_bound_and_nobody_starves() {
    for (seed, models, load_ms) in [(1, 2, 10_000), (2, 3, 5_000), (3, 4, 20_000), (4, 4, 1_000)] {
        let day = day(load_ms, 2);
        let requests = adversarial(&mut Dice(seed * 0x9e37_79b9), models);
        // Who is the first of its model's line, and since when.
        let mut firsts: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        let mut longest_ms = 0;
        let outcome = day.run(
            &requests,
            |_, _| None,
            |board, now_ms| {
                let mut seen = BTreeMap::new();
                for waiting in board.waiting() {
                    seen.entry(waiting.wants.model).or_insert(waiting.ask.k);
                }
                // A model that runs is served: the bound is for one that waits for its turn.
                let hold = board.policy.hold(0);
                let runs = |model: u64| {
                    let turn = hold.and_then(|hold| hold.turn(model));
                    turn.is_some_and(|turn| turn.stage == Stage::Running)
                };
                firsts.retain(|model, (k, _)| seen.get(model) == Some(k) && !runs(*model));
                for (model, k) in seen.into_iter().filter(|(model, _)| !runs(*model)) {
                    let (_, since_ms) = *firsts.entry(model).or_insert((k, now_ms));
                    longest_ms = longest_ms.max(now_ms - since_ms);
                }
            },
        );
        let request_ms = 20_500;
        // Drains are measured, so a turn is as long as the longest of them makes it.
        let share = Share {
            load_ms,
            quantum_ms: quantum_ms(&RULES, load_ms, request_ms),
        };
        let others = vec![share; models as usize - 1];
        let bound_ms = longest_wait_ms(share, &others, request_ms);
        assert!(
            longest_ms <= bound_ms,
            "seed {seed}: {longest_ms} ms, bound {bound_ms} ms"
        );
        assert!(
            longest_ms > bound_ms / 10,
            "the bound says something: {longest_ms} of {bound_ms}"
        );
        assert!(
            outcome
                .fates
                .iter()
                .all(|(_, fate)| fate.ended_ms.is_some()),
            "seed {seed}"
        );
    }
}

#[test]
fn nobody_is_sent_where_the_model_has_to_be_loaded_if_it_is_loaded_elsewhere() {
    let upstreams = vec![Upstream::new(1, 1, 30_000), Upstream::new(1, 1, 30_000)];
    let day = Day {
        rules: RULES,
        max_concurrent: 2,
        models: Models::of(&upstreams, &[1, 2], 1),
        upstreams,
    };
    let requests: Vec<Request> = (0..40)
        .map(|n| request(n * 5_000, 1 + n % 2, 2_000))
        .collect();
    let outcome = run(&day, &requests);
    assert_eq!(outcome.loads, [1, 1], "each keeps its model");
}

#[test]
fn a_second_upstream_helps_once_the_line_is_longer_than_a_load() {
    let upstreams = vec![Upstream::new(1, 1, 10_000), Upstream::new(1, 1, 10_000)];
    let day = Day {
        rules: RULES,
        max_concurrent: 2,
        models: Models::of(&upstreams, &[1, 2], 1),
        upstreams,
    };
    let requests: Vec<Request> = (0..40).map(|_| request(0, 1, 4_000)).collect();
    let outcome = run(&day, &requests);
    assert_eq!(outcome.loads, [1, 1]);
    assert!(
        outcome.ended_ms <= 10_000 + 40 * 4_000 / 2 + 4_000,
        "{}",
        outcome.ended_ms
    );
}

#[test]
fn models_that_were_seen_apart_take_turns_and_others_run_beside_them() {
    let upstreams = vec![Upstream::new(4, 2, 5_000)];
    let mut models = Models::of(&upstreams, &[1, 2, 3], 0);
    models.apart.push(Apart {
        upstream: 0,
        one: 1,
        other: 2,
    });
    let day = Day {
        rules: RULES,
        max_concurrent: 4,
        models,
        upstreams,
    };
    let requests: Vec<Request> = (0..90)
        .map(|n| request(n * 300, 1 + n % 3, 1_000))
        .collect();
    let mut both = false;
    let outcome = day.run(
        &requests,
        |_, _| None,
        |board, _| {
            let has = |model: u64| board.grants.iter().any(|grant| grant.wants.model == model);
            assert!(!(has(1) && has(2)));
            both |= has(3) && (has(1) || has(2));
        },
    );
    assert!(both, "the third runs beside them");
    assert!(outcome.all_loads() <= 4, "{}", outcome.all_loads());
}

#[test]
fn those_whose_model_cannot_be_loaded_anywhere_are_told_at_once() {
    let mut day = day(10_000, 2);
    day.models.seen[0].barred_ms = 60_000;
    let outcome = run(&day, &[request(0, 1, 1_000), request(0, 2, 1_000)]);
    assert!(outcome.fates[0].1.is_refused && !outcome.fates[1].1.is_refused);
    assert!(outcome.fates[1].1.ended_ms.is_some());
}

#[test]
fn with_one_model_at_one_upstream_nothing_takes_turns_and_the_day_is_as_without_models() {
    let mut dice = Dice(77);
    let mut requests: Vec<Request> = (0..300)
        .map(|_| request(dice.below(600_000), 1, 500 + dice.below(6_000)))
        .collect();
    requests.sort_by_key(|request| request.at_ms);
    let upstreams = vec![Upstream::new(2, 9, 3_000)];
    let known = Day {
        rules: RULES,
        max_concurrent: 2,
        models: Models::of(&upstreams, &[1], 0),
        upstreams,
    };
    let unknown = Day {
        models: Models::default(),
        ..known.clone()
    };
    let unnamed: Vec<Request> = requests
        .iter()
        .map(|request| Request {
            wants: Wants::default(),
            ..*request
        })
        .collect();
    let granted = |outcome: &Outcome| -> Vec<Option<(u64, u8)>> {
        outcome.fates.iter().map(|(_, fate)| fate.granted).collect()
    };
    let plain = granted(&run(&unknown, &unnamed));
    let of_known = known.run(
        &requests,
        |_, _| None,
        |board, _| assert!(board.policy.holds.is_empty()),
    );
    assert_eq!(granted(&of_known), plain);
}

#[test]
fn so_many_models_have_their_turn_at_once_and_what_nobody_wants_makes_room() {
    let models = Models {
        apart: vec![Apart {
            upstream: 0,
            one: 998,
            other: 999,
        }],
        ..Models::default()
    };
    let policy = Policy {
        rules: RULES,
        room: crate::room::Room::one(1),
        models: &models,
    };
    let mut board = Board {
        open: true,
        top: 1,
        members: vec![crate::board::Member {
            session: 1,
            ..crate::board::Member::default()
        }],
        ..Board::default()
    };
    for k in 1..=40 {
        let ask = AskId { session: 1, k };
        let wants = Wants {
            model: k,
            ..Wants::default()
        };
        let joined = vec![Joined {
            ask,
            wants,
            ..Joined::default()
        }];
        let asks = Asks {
            joined,
            ..Asks::default()
        };
        for decision in policy.schedule(&board, &asks).expect("lawful") {
            board.apply(&decision, 1).expect("lawful");
        }
        assert!(board.grant(ask).is_some(), "{k} has its turn");
        let turns = board.policy.hold(0).map_or(0, |hold| hold.turns.len());
        assert!(turns <= 16, "{turns} turns");
        board.remove_ask(ask);
        board.age(1_000);
    }
}

#[test]
fn one_that_moves_finds_no_place_where_its_model_has_none_or_has_no_turn() {
    let told = |limit| Wants {
        model: 7,
        places: Places::Told(limit),
        ..Wants::default()
    };
    let grant = |k, upstream| crate::board::Grant {
        ask: AskId { session: 1, k },
        upstream,
        wants: told(1),
        ..crate::board::Grant::default()
    };
    let board = Board {
        open: true,
        grants: vec![grant(1, 0), grant(2, 1)],
        ..Board::default()
    };
    let another = |models: &Models, wants| {
        let policy = Policy {
            rules: RULES,
            room: crate::room::Room::new(8, [4, 4]),
            models,
        };
        policy.another(&board, wants, 0b1)
    };
    assert_eq!(another(&Models::NONE, told(2)), Some(1));
    assert_eq!(another(&Models::NONE, told(1)), None);
    let mut one_at_a_time = Models::NONE;
    one_at_a_time.at_once[1] = 1;
    assert_eq!(another(&one_at_a_time, told(2)), None);
}
