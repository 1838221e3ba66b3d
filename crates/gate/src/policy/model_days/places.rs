//! Days on which it is asked where a request goes and how many of a model run at once.

use super::*;

#[test]
fn within_a_model_and_class_the_order_is_arrival_and_no_limit_is_ever_exceeded() {
    for seed in 1..=12 {
        let mut dice = Dice(seed * 0x9e37_79b9);
        let limits = [1 + dice.below(3) as u32, 1 + dice.below(4) as u32, 2];
        let upstreams: Vec<Upstream> = limits
            .iter()
            .map(|limit| {
                Upstream::new(
                    *limit,
                    1 + dice.below(2) as usize,
                    1_000 + dice.below(9_000),
                )
            })
            .collect();
        let at_once = upstreams.iter().map(|upstream| upstream.fits as u8).min();
        let day = Day {
            rules: RULES,
            max_concurrent: 4,
            models: Models::of(&upstreams, &[1, 2, 3], at_once.unwrap_or(1)),
            upstreams,
        };
        let requests: Vec<Request> = (0..400)
            .map(|n| {
                let model = 1 + dice.below(3);
                let mut request = request(n * dice.below(3_000), model, 200 + dice.below(6_000));
                request.wants.places =
                    [Places::Unknown, Places::Told(2), Places::Told(1)][model as usize - 1];
                request.wants.is_auxiliary = model == 3;
                request.wants.hint = dice.below(20) as u16;
                request
            })
            .collect();
        let mut requests = requests;
        requests.sort_by_key(|request| request.at_ms);
        let outcome = day.run(
            &requests,
            |_, _| None,
            |board, _| {
                let load = board.load();
                assert!(load.all() <= 4);
                for (upstream, limit) in limits.iter().enumerate() {
                    assert!(load.at(upstream) <= *limit);
                    for (model, most) in [(2, 2), (3, 1)] {
                        let of_it = board.grants.iter().filter(|grant| {
                            usize::from(grant.upstream) == upstream && grant.wants.model == model
                        });
                        assert!(of_it.count() <= most, "model {model} has {most} places");
                    }
                }
            },
        );
        for model in 1..=3 {
            let of_it = outcome
                .fates
                .iter()
                .filter(|(request, _)| request.wants.model == model);
            let granted: Vec<u64> = of_it
                .map(|(_, fate)| fate.granted.expect("served").0)
                .collect();
            assert!(granted.is_sorted(), "seed {seed}, model {model}");
        }
    }
}

#[test]
fn nobody_waits_behind_one_of_another_model_that_has_no_place() {
    let upstreams = vec![Upstream::new(4, 2, 0)];
    let day = Day {
        rules: RULES,
        max_concurrent: 4,
        models: Models::default(),
        upstreams,
    };
    let mut requests: Vec<Request> = (0..5).map(|n| request(n, 1, 10_000)).collect();
    for request in &mut requests {
        request.wants.places = Places::Told(1);
    }
    requests.push(request(10, 2, 1_000));
    let outcome = run(&day, &requests);
    assert_eq!(wait_ms(&outcome.fates[5]), 0);
    assert_eq!(wait_ms(&outcome.fates[4]), 40_000 - 4);
}

#[test]
fn embeddings_take_one_place_while_a_chat_waits_and_all_of_them_when_none_does() {
    let upstreams = vec![Upstream::new(3, 9, 0)];
    let day = Day {
        rules: RULES,
        max_concurrent: 3,
        models: Models::default(),
        upstreams,
    };
    let embed = |at_ms| {
        let mut request = request(at_ms, 9, 1_000);
        request.wants.is_auxiliary = true;
        request
    };
    let alone: Vec<Request> = (0..3).map(|_| embed(0)).collect();
    assert_eq!(run(&day, &alone).ended_ms, 1_000, "all at once");
    let mut mixed: Vec<Request> = (0..6).map(|_| embed(0)).collect();
    mixed.extend((0..6).map(|_| request(0, 1, 1_000)));
    let mut most = 0;
    day.run(
        &mixed,
        |_, _| None,
        |board, _| {
            let chats_wait = board.waiting().any(|waiting| !waiting.wants.is_auxiliary);
            let embeds = board
                .grants
                .iter()
                .filter(|grant| grant.wants.is_auxiliary)
                .count();
            if chats_wait {
                most = embeds.max(most);
            }
        },
    );
    assert_eq!(most, 1);
}

#[test]
fn a_request_goes_only_where_its_model_is_and_to_the_faster_of_two() {
    let mut upstreams = vec![
        Upstream::new(2, 9, 0),
        Upstream::new(2, 9, 0),
        Upstream::new(2, 9, 0),
    ];
    upstreams[1].slowness = 300;
    let day = Day {
        rules: RULES,
        max_concurrent: 6,
        models: Models::default(),
        upstreams,
    };
    // Model 1 is at the first two, model 2 at the last alone.
    let mut requests: Vec<Request> = (0..80)
        .map(|n| {
            let mut request = request(n * 2_500, 1 + n % 2, 2_000);
            request.wants.lacks = if n % 2 == 0 { 0b100 } else { 0b011 };
            request
        })
        .collect();
    // Before that each was measured.
    requests.splice(
        0..0,
        (0..12).map(|_| {
            let mut request = request(0, 1, 2_000);
            request.wants.lacks = 0b100;
            request
        }),
    );
    let outcome = run(&day, &requests);
    for (request, fate) in &outcome.fates {
        let (_, upstream) = fate.granted.expect("served");
        assert!(request.wants.may_go(upstream));
    }
    let late = outcome
        .fates
        .iter()
        .skip(40)
        .filter(|(request, _)| request.wants.model == 1);
    let at: Vec<u8> = late
        .map(|(_, fate)| fate.granted.expect("served").1)
        .collect();
    assert!(at.iter().all(|upstream| *upstream == 0), "{at:?}");
}

#[test]
fn a_conversation_stays_where_it_was_while_that_costs_nobody_a_place() {
    let upstreams = vec![Upstream::new(4, 9, 0), Upstream::new(4, 9, 0)];
    let day = Day {
        rules: RULES,
        max_concurrent: 8,
        models: Models::default(),
        upstreams,
    };
    let requests: Vec<Request> = (0..200)
        .map(|n| {
            let mut request = request(n * 1_000, 1, 900);
            request.wants.hint = 1 + (n % 10) as u16;
            request
        })
        .collect();
    let outcome = run(&day, &requests);
    let mut homes: BTreeMap<u16, u8> = BTreeMap::new();
    for (request, fate) in &outcome.fates {
        let (_, upstream) = fate.granted.expect("served");
        assert_eq!(
            *homes.entry(request.wants.hint).or_insert(upstream),
            upstream
        );
    }
    let at_first = homes.values().filter(|home| **home == 0).count();
    assert!((2..=8).contains(&at_first), "both are used: {homes:?}");
    let rush: Vec<Request> = requests
        .iter()
        .map(|request| Request {
            at_ms: 0,
            ..*request
        })
        .collect();
    let mut most = 0;
    day.run(
        &rush,
        |_, _| None,
        |board, _| {
            most = board.grants.len().max(most);
        },
    );
    assert_eq!(most, 8, "no place stays free for it");
}

#[test]
fn what_ollama_runs_at_once_is_found_and_granted() {
    let mut upstreams = vec![Upstream::new(4, 9, 0)];
    upstreams[0].parallel = 1;
    let day = Day {
        rules: RULES,
        max_concurrent: 4,
        models: Models::default(),
        upstreams,
    };
    let requests: Vec<Request> = (0..200)
        .map(|n| request(n * 500, 1, 1_500 + n % 7 * 300))
        .collect();
    let mut found = None;
    let outcome = day.run(
        &requests,
        |_, _| None,
        |board, now_ms| {
            let figure = board.policy.figure(0, 1);
            let believed = figure.and_then(|figure| figure.parallel.believed());
            if believed == Some(1) && found.is_none() {
                found = Some(now_ms);
            }
        },
    );
    let found_ms = found.expect("it is found");
    let before = outcome
        .fates
        .iter()
        .filter(|(_, fate)| fate.ended_ms.is_some_and(|ended| ended <= found_ms));
    assert!(
        before.count() <= 24,
        "believed after twenty that were granted side by side"
    );
}

#[test]
fn of_two_that_have_the_model_the_one_that_has_it_loaded_is_taken() {
    let models = Models {
        seen: vec![crate::models::Seen {
            upstream: 1,
            model: 7,
            is_loaded: true,
            ..crate::models::Seen::default()
        }],
        looked: 0b11,
        ..Models::default()
    };
    let policy = Policy {
        rules: RULES,
        room: Room::new(8, [4, 4]),
        models: &models,
    };
    let session = 1;
    let board = Board {
        open: true,
        top: session,
        members: vec![crate::board::Member {
            session,
            ..crate::board::Member::default()
        }],
        ..Board::default()
    };
    let of = |model: u64| {
        let asks = Asks {
            joined: vec![Joined {
                ask: AskId { session, k: 1 },
                wants: Wants {
                    model,
                    ..Wants::default()
                },
                ..Joined::default()
            }],
            ..Asks::default()
        };
        let decisions = policy.schedule(&board, &asks).expect("lawful decisions");
        decisions.into_iter().find_map(|decision| match decision {
            Decision::Grant { upstream, .. } => Some(upstream),
            _ => None,
        })
    };
    assert_eq!(of(7), Some(1));
    assert_eq!(of(8), Some(0), "loaded nowhere: the first of equals");
}
