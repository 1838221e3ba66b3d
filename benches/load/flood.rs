//! Requests that are refused: how many a second, and what a flood of them does to those who are admitted.

use std::{cell::Cell, time::Duration};

use futures::future::join_all;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::time::Instant;

use crate::{
    common::{Answer, Client},
    figure::{at_most, ms, percentile, plain},
    scene::{Backend, Scene},
};

/// A kind of request that is refused.
#[derive(Clone, Copy)]
struct Refused {
    what: &'static str,
    status: u16,
    key: &'static str,
    body: &'static str,
}

const KINDS: [Refused; 3] = [
    Refused {
        what: "without a valid key",
        status: 401,
        key: "wrong",
        body: PROMPT,
    },
    Refused {
        what: "too often",
        status: 429,
        key: "often",
        body: PROMPT,
    },
    Refused {
        what: "with a body that is no request",
        status: 400,
        key: "good",
        body: "{\"prompt\":7}",
    },
];

pub async fn measure() {
    for kind in KINDS {
        let limits = match kind.status {
            429 => [("rate_limit", "1"), ("rate_limit_burst", "1")],
            _ => [("rate_limit", "0"), ("rate_limit_burst", "1")],
        };
        let variables = [
            ("api_keys", "good:interactive:good,often:interactive:often"),
            limits[0],
            limits[1],
        ];
        let scene = Scene::start(Backend::Default, ANSWER, &variables).await;
        if kind.status == 429 {
            // The one that is let in.
            ask(&mut scene.client().await, kind).await.whole().await;
        }
        flood(&scene, kind).await;
    }
    admitted().await;
}

/// As many as there is time for, from some connections.
async fn flood(scene: &Scene, kind: Refused) {
    let before = scene.usage();
    let begun = Instant::now();
    let refused = connections(scene, kind, || begun.elapsed() < MEASURED, None).await;
    let took = begun.elapsed().as_secs_f64();
    let cpu = scene.usage().time_since(&before);
    let (status, what) = (kind.status, kind.what);
    plain(
        &format!("{status}, {what}"),
        format!("{:.0} /s", refused as f64 / took),
    );
    let each = cpu.as_secs_f64() * 1e3 / refused as f64;
    plain("CPU of the host for each", format!("{each:.2} ms"));
}

/// The time to the first token of those who are admitted, in turn with and without a flood beside them.
async fn admitted() {
    let variables = [("api_keys", "good:interactive:good"), ("rate_limit", "0")];
    let scene = Scene::start(Backend::Default, ANSWER, &variables).await;
    let mut client = scene.client().await;
    let good = Refused {
        what: "",
        status: 200,
        key: "good",
        body: PROMPT,
    };
    let (mut alone, mut beside, mut beside_all) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for _ in 0..EACH {
            alone.push(first_token(&mut client, good).await);
        }
        for (times, gap) in [(&mut beside, Some(GAP)), (&mut beside_all, None)] {
            let goes_on = Cell::new(true);
            let asking = async {
                for _ in 0..EACH {
                    times.push(first_token(&mut client, good).await);
                }
                goes_on.set(false);
            };
            futures::join!(asking, connections(&scene, KINDS[0], || goes_on.get(), gap));
        }
    }
    let [alone, beside, beside_all] =
        [alone, beside, beside_all].map(|mut times| percentile(&mut times, 50));
    plain(
        "time to the first token, alone (half)",
        format!("{:.1} ms", ms(alone)),
    );
    let rate = CONNECTIONS as f64 / GAP.as_secs_f64();
    let more = |times: Duration| (times.as_secs_f64() / alone.as_secs_f64() - 1.0) * 100.0;
    let what = format!("longer beside {rate:.0} refused a second");
    at_most(&what, more(beside), 10.0, "%");
    let what = "longer beside as many as there is time for";
    at_most(what, more(beside_all), 10.0, "%");
}

/// Sends refused requests over several connections, each with a gap between two, while `goes_on`; answers how many.
async fn connections(
    scene: &Scene,
    kind: Refused,
    goes_on: impl Fn() -> bool,
    gap: Option<Duration>,
) -> u64 {
    let connection = async |_| {
        let mut client = scene.client().await;
        let mut refused = 0_u64;
        while goes_on() {
            let next = gap.map(|gap| Instant::now() + gap);
            let status = ask(&mut client, kind).await.whole().await.status.as_u16();
            // An instance that is new lets one in before it learns of the others.
            assert!(status == kind.status || kind.status == 429, "{status}");
            refused += u64::from(status == kind.status);
            if let Some(next) = next {
                tokio::time::sleep_until(next).await;
            }
        }
        refused
    };
    join_all((0..CONNECTIONS).map(connection))
        .await
        .into_iter()
        .sum()
}

async fn first_token(client: &mut Client, good: Refused) -> Duration {
    let mut answer = ask(client, good).await;
    let line = answer.line().await.expect("a token");
    answer.whole().await.assert_complete();
    line.at
}

async fn ask(client: &mut Client, kind: Refused) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("x-api-key", kind.key),
    ];
    let headers = headers.map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    });
    let sent = client.send(
        Method::POST,
        "/api/chat",
        HeaderMap::from_iter(headers),
        kind.body,
    );
    sent.await.expect("the head of an answer")
}

const PROMPT: &str = r#"{"prompt":"Hello"}"#;
/// A small model on a small machine: a fifth of a second until its first token.
const ANSWER: &str = "tokens=2 pace=1ms first=200ms";
const MEASURED: Duration = Duration::from_secs(3);
const CONNECTIONS: usize = 8;
/// Between two refused requests of one connection.
const GAP: Duration = Duration::from_millis(16);
/// The three are taken in turn, so that what else the machine does meets all of them.
const ROUNDS: usize = 5;
const EACH: usize = 10;
