//! Those who leave: no slot and no key stays behind, and the upstream is stopped.

use std::{collections::VecDeque, future::pending, pin::pin, time::Duration};

use futures::future::{Either, join_all, select};
use ollama_sim::Sim;

use crate::common::{App, Random, Setup, fill, prompt, run, settles, within};

#[test]
fn half_of_the_clients_hang_up_and_no_slot_is_lost() {
    run(async {
        const CLIENTS: u64 = 32;
        let app = Setup::answering("tokens=20 pace=30ms").start().await;
        let mut random = Random(SEED);
        let mut leaves = |n| match n % 4 {
            1 => Leaves::After(Duration::from_millis(random.below(500))),
            3 => Leaves::WhileServed,
            _ => Leaves::Never,
        };
        let visits: Vec<_> = (0..CLIENTS).map(|n| visit(&app, n, leaves(n))).collect();
        join_all(visits).await;

        // Whoever left while waiting may have been started before that was noticed, but not for long.
        within(
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
        fill(app.addr(), &app.sim, 4).await;
    });
}

#[test]
fn whoever_has_left_the_line_is_not_sent_upstream_when_its_turn_comes() {
    run(async {
        const WAITING: usize = 24;
        let setup = Setup::answering("tokens=1000 pace=20ms").with("max_concurrent", "1");
        let app = setup.start().await;
        let held = fill(app.addr(), &app.sim, 1).await;
        let mut waiting = Vec::new();
        for n in 0..WAITING {
            let mut one = app.chat(&format!("leaver {n}")).await;
            let line = within("a heartbeat", one.line()).await;
            assert!(line.expect("a line").queue().is_some());
            waiting.push(one);
        }
        let stays = app.chat("it stays").await;
        drop(waiting);
        drop(held);
        let served = app.sim.wait_until(|_| is_running(&app.sim, "it stays"));
        within("whoever stays is served", served).await;
        let requests = app.sim.requests();
        let leavers = requests
            .iter()
            .filter(|one| prompt(one).starts_with("leaver"));
        // The host may not have noticed yet that the first of them have hung up.
        let started = leavers.count();
        assert!(started <= WAITING / 4, "{started} of {WAITING}");
        drop(stays);
        settles(&*app.store()).await;
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
            within("it streams", streams)
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

/// When a client hangs up.
#[derive(Clone, Copy, PartialEq)]
enum Leaves {
    Never,
    /// Wherever it stands by then.
    After(Duration),
    /// Once the upstream has its request.
    WhileServed,
}

/// A chat that is read to its end, or until the client hangs up.
async fn visit(app: &App, n: u64, leaves: Leaves) {
    let prompt = format!("client {n}");
    let chat = async { app.chat(&prompt).await.whole().await };
    let is_served = || is_running(&app.sim, &prompt);
    let moment = async {
        match leaves {
            Leaves::Never => pending().await,
            Leaves::After(time) => tokio::time::sleep(time).await,
            Leaves::WhileServed => _ = app.sim.wait_until(|_| is_served()).await,
        }
    };
    match select(pin!(chat), pin!(moment)).await {
        Either::Left((whole, _)) if leaves == Leaves::Never => return whole.assert_complete(),
        Either::Left(_) => return,
        // The connection is dropped behind this.
        Either::Right(_) => {}
    }
    let what = format!("{prompt} has left, seed {SEED}");
    within(&what, app.sim.wait_until(|_| !is_served())).await;
}

fn is_running(sim: &Sim, of: &str) -> bool {
    let requests = sim.requests();
    requests
        .iter()
        .any(|request| prompt(request) == of && request.outcome.is_none())
}

const SEED: u64 = 7;
