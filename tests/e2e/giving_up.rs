//! `DELETE /api/queue/{ticket}`: a place is given up, or a stream is stopped, by whoever knows the ticket.

use http::Method;
use serde_json::{Value, json};
use sluice_host::store::Store;

use crate::common::{Answer, App, End, Setup, eventually, fill, run, settles, within};

#[test]
fn a_place_that_is_given_up_is_free_and_its_stream_ends() {
    run(async {
        let setup = Setup::answering("tokens=1000 pace=20ms").with("max_concurrent", "1");
        let app = setup.start().await;
        let held = fill(app.addr(), &app.sim, 1).await;
        let (second, ticket) = waiting(&app).await;
        let (mut third, _) = waiting(&app).await;
        give_up(&app, &ticket).await;
        let ended = within("the second ends", second.whole()).await;
        assert_eq!(
            (
                ended.end,
                &ended.lines.last().expect("a line").json()["code"]
            ),
            (End::Broken, &json!("cancelled"))
        );
        eventually("one waits", || async {
            app.queue_status().await == [1, 1, 1]
        })
        .await;
        assert_eq!(
            app.sim.counts().requests,
            1,
            "the second never reached the upstream"
        );
        drop(held);
        let started = async { while third.line().await.expect("a line").queue().is_some() {} };
        within("the third starts", started).await;
    });
}

#[test]
fn a_stream_that_is_stopped_leaves_the_upstream_and_frees_its_slot() {
    run(async {
        let setup = Setup::answering("tokens=1000 pace=20ms").with("max_concurrent", "1");
        let app = setup.start().await;
        let answer = app.chat("Hello").await;
        let ticket = answer.headers["x-queue-ticket"]
            .to_str()
            .expect("text")
            .to_owned();
        within(
            "it streams",
            app.sim.wait_until(|counts| counts.streams.now == 1),
        )
        .await;
        give_up(&app, &ticket).await;
        within(
            "the upstream is left",
            app.sim.wait_until(|counts| counts.streams.aborted == 1),
        )
        .await;
        let ended = within("the stream ends", answer.whole()).await;
        assert_eq!(
            (
                ended.end,
                &ended.lines.last().expect("a line").json()["code"]
            ),
            (End::Broken, &json!("cancelled"))
        );
        settles(&*app.store()).await;
        assert_eq!(
            delete(&app, &ticket).await,
            (404, json!("unknown_ticket")),
            "it is over"
        );
        drop(fill(app.addr(), &app.sim, 1).await);
    });
}

#[test]
fn a_ticket_that_is_not_ones_own_is_unknown_and_nothing_is_written() {
    run(async {
        let app = Setup::answering("tokens=1000 pace=20ms").start().await;
        let answer = app.chat("Hello").await;
        let ticket = answer.headers["x-queue-ticket"]
            .to_str()
            .expect("text")
            .to_owned();
        within(
            "it streams",
            app.sim.wait_until(|counts| counts.streams.now == 1),
        )
        .await;
        let (number, secret) = ticket.rsplit_once('-').expect("numbers and secret");
        let other_secret = format!(
            "{number}-{:032x}",
            u128::from_str_radix(secret, 16).expect("hex") ^ 1
        );
        let store = app.store();
        // The board of an older term is deleted behind the newest: that is not what is looked for here.
        eventually("one board is left", || async {
            let keys = keys(&*store).await;
            keys.iter().filter(|key| key.contains("/board/")).count() == 1
        })
        .await;
        for wrong in [
            other_secret.as_str(),
            number,
            &format!("{number}-"),
            &format!("2-{secret}"),
            &format!("0{ticket}"),
            &ticket
                .to_uppercase()
                .replace(|c: char| c.is_ascii_uppercase(), "0"),
        ] {
            let before = keys(&*store).await;
            assert_eq!(
                delete(&app, wrong).await,
                (404, json!("unknown_ticket")),
                "{wrong}"
            );
            assert_eq!(keys(&*store).await, before, "{wrong}");
        }
        assert_eq!(app.sim.counts().streams.now, 1);
        eventually("one is active", || async {
            app.queue_status().await == [1, 0, 4]
        })
        .await;
    });
}

/// A chat that waits, with its ticket as its first heartbeat tells it.
async fn waiting(app: &App) -> (Answer, String) {
    let mut answer = app.chat("Hello").await;
    let place = answer
        .line()
        .await
        .expect("a heartbeat")
        .queue()
        .expect("a place");
    let ticket = place["ticket"].as_str().expect("a ticket").to_owned();
    assert_eq!(
        answer.headers["x-queue-ticket"], ticket,
        "the head tells the same"
    );
    (answer, ticket)
}

async fn give_up(app: &App, ticket: &str) {
    let answer = app
        .ask(Method::DELETE, &format!("/api/queue/{ticket}"))
        .await
        .whole()
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (200, json!({ "cancelled": true }))
    );
}

async fn delete(app: &App, ticket: &str) -> (u16, Value) {
    let answer = app
        .ask(Method::DELETE, &format!("/api/queue/{ticket}"))
        .await
        .whole()
        .await;
    (answer.status.as_u16(), answer.json()["code"].clone())
}

async fn keys(store: &dyn Store) -> Vec<String> {
    store.keys().await.expect("a listing")
}
