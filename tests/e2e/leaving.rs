//! Those who leave: no slot and no key stays behind, and the upstream is stopped.

use std::{collections::VecDeque, time::Duration};

use futures::future::join_all;
use ollama_sim::Sim;

use crate::common::{App, Random, SECOND, Setup, fill, prompt, run, settles, within};

#[test]
fn half_of_the_clients_hang_up_and_no_slot_is_lost() {
    run(async {
        const CLIENTS: u64 = 32;
        let app = Setup::answering("tokens=20 pace=30ms").start().await;
        let mut random = Random(SEED);
        let moments: Vec<_> = (0..CLIENTS)
            .map(|n| (n % 2 == 1).then(|| Duration::from_millis(random.below(3_000))))
            .collect();
        join_all(
            moments
                .iter()
                .enumerate()
                .map(|(n, moment)| visit(&app, n, *moment)),
        )
        .await;

        // Whoever left while waiting may have been started before that was noticed, but not for long.
        within(
            2 * SECOND,
            "nothing runs",
            app.sim.wait_until(|counts| counts.streams.now == 0),
        )
        .await;
        let streams = app.sim.counts().streams;
        assert!(streams.peak <= 4, "{streams:?}");
        assert!(
            streams.aborted > 0,
            "nobody left while streaming: {streams:?}"
        );
        assert!(
            streams.started < CLIENTS,
            "nobody left while waiting: {streams:?}"
        );
        settles(&*app.store()).await;
        fill(app.addr(), &app.sim, 4, SECOND).await;
    });
}

/// As the real Ollama: until its next token is due it works for whoever has left.
#[test]
fn an_upstream_that_is_left_has_time_to_notice_before_its_slot_is_given_on() {
    run(async {
        let script = "tokens=1000 pace=20ms notice=write";
        let app = Setup::answering(script).start().await;
        let streaming = |number| {
            let streams = app
                .sim
                .wait_until(move |counts| counts.streams.started >= number);
            within(2 * SECOND, "it streams", streams)
        };
        let mut answers = VecDeque::new();
        for n in 0..16 {
            answers.push_back(app.chat(&format!("client {n}")).await);
        }
        streaming(4).await;
        for left in 1..=12 {
            drop(answers.pop_front());
            streaming(4 + left).await;
        }
        let streams = app.sim.counts().streams;
        assert_eq!((streams.peak, streams.aborted), (4, 12), "{streams:?}");
    });
}

/// A chat that is read to its end, or until `hang_up`.
async fn visit(app: &App, n: usize, hang_up: Option<Duration>) {
    let prompt = format!("client {n}");
    let chat = async { app.chat(&prompt).await.whole().await };
    let Some(moment) = hang_up else {
        chat.await.assert_complete();
        return;
    };
    if tokio::time::timeout(moment, chat).await.is_err() {
        let what = format!("{prompt} has left, seed {SEED}");
        within(
            SECOND,
            &what,
            app.sim.wait_until(|_| !is_running(&app.sim, &prompt)),
        )
        .await;
    }
}

fn is_running(sim: &Sim, of: &str) -> bool {
    let requests = sim.requests();
    requests
        .iter()
        .any(|request| prompt(request) == of && request.outcome.is_none())
}

const SEED: u64 = 7;
