//! Attackers from outside, each beside fifty chats of people: how many of these are whole, how much later their first tokens come
//! than without, and what the attackers are told.

mod attackers;
mod people;

use std::time::Duration;

use ollama_sim::{Options, Sim};
use tokio::time::sleep;

use self::{
    attackers::{Attacker, Told},
    people::People,
};
use crate::{
    common::{Client, SECOND},
    figure::{at_most, ms, plain},
    scene::{Backend, Scene},
};

/// All of them, or those whose names contain one of the words in `SLUICE_ATTACKS`.
pub async fn measure() {
    let wanted = std::env::var("SLUICE_ATTACKS").unwrap_or_default();
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.split(',').any(|word| name.contains(word));
    for attacker in attackers::ALL {
        if is_wanted(attacker.name) {
            beside(attacker).await;
        }
    }
    for (name, script) in ODD {
        if is_wanted(name) {
            beside_an_odd_upstream(name, script).await;
        }
    }
}

async fn beside(attacker: &Attacker) {
    println!("  {}", attacker.name);
    let variables = [&[("api_keys", KEYS)], attacker.variables].concat();
    let scene = Scene::start(Backend::Default, ANSWER, &variables).await;
    let alone = People::come(&scene).await;
    let told = Told::default();
    let attack = attackers::begin(attacker, scene.host.addr(), &told);
    sleep(SETTLE).await;
    let beside = People::come(&scene).await;
    let memory_kib = scene.usage().memory_kib;
    drop(attack);
    compare(alone, beside);
    plain("the attackers were told", told);
    plain("memory of the host", format!("{} MiB", memory_kib / 1024));
    breakers(&scene).await;
}

/// The second of two upstreams has the model, and does something odd with every chat.
async fn beside_an_odd_upstream(name: &str, script: &str) {
    println!("  {name}");
    let alone = Scene::start(Backend::Default, ANSWER, &[("api_keys", KEYS)]).await;
    let alone = People::come(&alone).await;
    let odd = Sim::start(Options {
        script: script.parse().expect("a script"),
        ..Options::default()
    });
    let odd = odd.await.expect("a simulator");
    let variables = [("api_keys", KEYS), ("ollama_host2", odd.url())];
    let scene = Scene::start(Backend::Default, ANSWER, &variables).await;
    compare(alone, People::come(&scene).await);
    plain("requests that reached it", odd.counts().requests);
    breakers(&scene).await;
}

fn compare(mut alone: People, mut beside: People) {
    assert_eq!(alone.whole(), people::COUNT, "{alone:?}");
    plain(
        "chats that were whole",
        format!("{} of {}", beside.whole(), people::COUNT),
    );
    for (what, count) in &beside.others {
        plain(&format!("    {what}"), count);
    }
    let (median, worst) = (alone.first_token(50), alone.first_token(100));
    println!(
        "    first token, half and all: {:.0} and {:.0} ms alone, {:.0} and {:.0} ms beside",
        ms(median),
        ms(worst),
        ms(beside.first_token(50)),
        ms(beside.first_token(100)),
    );
    let times = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    at_most(
        "first token, median",
        times(beside.first_token(50), median),
        2.0,
        "x",
    );
    at_most(
        "first token, worst",
        times(beside.first_token(100), worst),
        5.0,
        "x",
    );
}

async fn breakers(scene: &Scene) {
    let mut client = Client::connect(scene.host.addr()).await;
    let health = client.ask(http::Method::GET, "/api/health").await;
    let health = health.whole().await.json();
    let upstreams = health["upstreams"].as_array().cloned().unwrap_or_default();
    let breakers: Vec<_> = upstreams
        .iter()
        .map(|upstream| upstream["breaker"].as_str().unwrap_or("unknown"))
        .collect();
    plain("breakers", breakers.join(", "));
}

/// Everybody has a key, so that a flood of wrong ones is one.
const KEYS: &str = "people:interactive:3f9ac1d07be24586a1d2c3b4";

/// A small model on a small machine.
const ANSWER: &str = "tokens=10 pace=5ms first=50ms";

/// Until the attackers are where they want to be.
const SETTLE: Duration = SECOND.saturating_mul(3);

/// What a second upstream does with every chat: a name, and the words of its script.
const ODD: &[(&str, &str)] = &[
    ("odd: a page with 200", "page=200"),
    ("odd: gzip", "gzip"),
    ("odd: a redirect", "redirect=302"),
    ("odd: 401", "status=401"),
    ("odd: 407", "status=407"),
    ("odd: 429", "status=429 retry_after=1"),
    ("odd: 500", "status=500"),
    ("odd: a page with 502", "page=502"),
    ("odd: a reset", "reset"),
    ("odd: closes before its first token", "cut_at=0"),
    ("odd: closes early", "cut_at=3"),
    // Not left alone: Ollama itself ends so where a model repeats itself. Most chats are incomplete.
    ("odd: no last line", "no_done"),
    ("odd: bytes that are no JSON", "garbage_at=3"),
];
