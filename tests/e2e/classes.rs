//! Clients with keys: what can wait lets the others go first, whoever asks for much stands behind, and each has so many places.

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::common::{Answer, App, Setup, eventually, prompt, run, settles, within};

const KEYS: &str = "ann:interactive:key-ann,bob:interactive:key-bob,jobs:batch:key-jobs";

const ENDLESS: &str = "on [[sim tokens=10000 pace=20ms]]";

async fn app(more: &[(&str, &str)]) -> App {
    let setup = Setup::answering("tokens=1 pace=0ms")
        .with("api_keys", KEYS)
        .with("max_concurrent", "1");
    let setup = more
        .iter()
        .fold(setup, |setup, (name, value)| setup.with(name, value));
    setup.start().await
}

async fn ask(app: &App, name: &str, prompt: &str) -> Answer {
    let mut client = app.client().await;
    let document = json!({ "prompt": prompt });
    let key = format!("key-{name}");
    client.post_with_key(&key, "/api/chat", &document).await
}

/// A chat that holds the only slot until it is dropped.
async fn hold(app: &App) -> Answer {
    let held = ask(app, "bob", ENDLESS).await;
    let streams = app.sim.wait_until(|counts| counts.streams.now == 1);
    within("it streams", streams).await;
    held
}

/// A chat that waits, with its ticket and its place as the first heartbeat tells them.
async fn wait_in_line(app: &App, name: &str, prompt: &str) -> (Answer, String, u64) {
    let mut answer = ask(app, name, prompt).await;
    let line = answer.line().await.expect("a heartbeat");
    let place = line.queue().unwrap_or_else(|| panic!("a place: {line:?}"));
    let ticket = place["ticket"].as_str().expect("a ticket").to_owned();
    let position = place["position"].as_u64().expect("a position");
    (answer, ticket, position)
}

/// What the upstream was asked after the first, in order.
fn prompts(app: &App) -> Vec<String> {
    let requests = app.sim.requests();
    let said = requests.iter().map(|request| prompt(request).to_owned());
    said.skip(1).collect()
}

#[test]
fn what_can_wait_and_a_clients_next_ones_stand_behind_those_of_others() {
    run(async {
        let app = app(&[]).await;
        let held = hold(&app).await;
        let (job, _, position) = wait_in_line(&app, "jobs", "job").await;
        assert_eq!(position, 1);
        // Nobody else waited, so its turn has come; the next ones find it there.
        let (first, _, position) = wait_in_line(&app, "ann", "ann 1").await;
        assert_eq!(position, 2);
        let (second, _, position) = wait_in_line(&app, "ann", "ann 2").await;
        assert_eq!(position, 3, "a client's second stands behind");
        let (third, ..) = wait_in_line(&app, "bob", "bob 2").await;
        let expected = json!({
            "interactive": { "active": 1, "queued": 3 },
            "batch": { "active": 0, "queued": 1 },
        });
        eventually("they are told apart", || async {
            queue(&app).await["classes"] == expected
        })
        .await;
        assert_eq!(app.queue_status().await, [1, 4, 1]);
        drop(held);
        for answer in [job, first, second, third] {
            within("it is served", answer.whole())
                .await
                .assert_complete();
        }
        assert_eq!(prompts(&app), ["job", "ann 1", "bob 2", "ann 2"]);
        settles(&*app.store()).await;
    });
}

#[test]
fn what_can_wait_is_stopped_by_its_ticket_wherever_it_stands() {
    run(async {
        let app = app(&[("batch_wait_max", "0s")]).await;
        let held = hold(&app).await;
        let long = "on [[sim tokens=10000 pace=20ms]]";
        let (first, first_ticket, _) = wait_in_line(&app, "jobs", long).await;
        let (second, second_ticket, _) = wait_in_line(&app, "jobs", "never").await;
        assert_eq!(stop(&app, &second_ticket).await, 200, "in the batch line");
        let ended = within("the second ends", second.whole()).await;
        assert_eq!(
            ended.lines.last().expect("a line").json()["code"],
            "cancelled"
        );
        drop(held);
        let streams = app.sim.wait_until(|counts| counts.streams.started == 2);
        within("the first streams", streams).await;
        assert_eq!(stop(&app, &first_ticket).await, 200, "as it relays");
        within("the first ends", first.whole()).await;
        let (third, third_ticket, _) = {
            let _held = hold(&app).await;
            let third = wait_in_line(&app, "jobs", "never").await;
            assert_eq!(stop(&app, &third.1).await, 200, "in the main line");
            third
        };
        within("the third ends", third.whole()).await;
        assert_eq!(stop(&app, &third_ticket).await, 404, "it is over");
        settles(&*app.store()).await;
    });
}

#[test]
fn a_client_beyond_its_places_is_told_when_to_come_back() {
    run(async {
        let app = app(&[("places_per_client", "2")]).await;
        let held = hold(&app).await;
        let (second, ..) = wait_in_line(&app, "bob", "bob 2").await;
        let refused = ask(&app, "bob", "bob 3").await.whole().await;
        assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
        let seconds = refused.header("retry-after").map(str::parse::<u64>);
        assert!(matches!(seconds, Some(Ok(1..))), "{seconds:?}");
        // Others have places of their own.
        let (other, ..) = wait_in_line(&app, "ann", "ann").await;
        drop(held);
        for answer in [second, other] {
            within("it is served", answer.whole())
                .await
                .assert_complete();
        }
        ask(&app, "bob", "bob 4")
            .await
            .whole()
            .await
            .assert_complete();
        eventually("nobody is there", || async {
            app.queue_status().await == [0, 0, 1]
        })
        .await;
    });
}

#[test]
fn whoever_asks_for_everything_at_once_gets_no_more_than_its_places() {
    run(async {
        let app = app(&[("places_per_client", "2")]).await;
        // No board knows of any of them when they come: it is the gate that refuses, not a look at the line before.
        let asked = (0..6).map(|_| ask(&app, "bob", ENDLESS));
        let answers = within("all are told", join_all(asked)).await;
        let (refused, let_in): (Vec<Answer>, Vec<Answer>) =
            answers.into_iter().partition(|answer| answer.status == 429);
        assert_eq!([let_in.len(), refused.len()], [2, 4]);
        for answer in refused {
            let refusal = answer.whole().await.refusal();
            assert_eq!(refusal, (429, "rate_limited".to_owned()));
        }
        drop(let_in);
        settles(&*app.store()).await;
    });
}

async fn queue(app: &App) -> Value {
    let mut client = app.client().await;
    let bearer = "Bearer key-ann".parse().expect("a header");
    let headers = http::HeaderMap::from_iter([(http::header::AUTHORIZATION, bearer)]);
    let answer = client
        .send(Method::GET, "/api/queue", headers, "")
        .await
        .expect("an answer");
    answer.whole().await.json()
}

async fn stop(app: &App, ticket: &str) -> u16 {
    let path = format!("/api/queue/{ticket}");
    let answer = app.ask(Method::DELETE, &path).await;
    answer.status.as_u16()
}
