//! Chaos: three hosts on one Redis that are killed and started again, clients that hang up, an upstream that fails, and one
//! that dies. Whatever happens: never more than the capacity, nobody waits for ever, and nothing is left at rest.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ollama_sim::{Options, Sim, Streams};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinSet, time::Instant};

use crate::common::{
    Client, End, HostProcess, Keeping, Random, RedisServer, SECOND, Whole, fill, free_port,
    is_long, run_within, seed, settles, within,
};

/// 10,000 requests in the long run.
#[test]
fn nothing_that_dies_lets_more_through_or_leaves_anything_behind() {
    let requests = if is_long() { 10_000 } else { 400 };
    run_within(20 * 60 * SECOND, async {
        let Some(redis) = RedisServer::start(Keeping::Nothing).await else {
            return;
        };
        let store = redis.store();
        seed(&store).await;
        let begun = Instant::now();
        let scene = Arc::new(Scene::open(redis).await);
        let mut random = Random(SEED);
        let clients: JoinSet<_> = (0..CLIENTS)
            .map(|n| client(scene.clone(), Random(SEED + 1 + n), requests))
            .collect();
        let trouble = tokio::spawn(trouble(scene.clone(), Random(random.next()), requests));
        let seen = clients.join_all().await;
        let (kills, deaths) = trouble.await.expect("the trouble ends");
        let took = begun.elapsed();

        let mut outcomes = BTreeMap::new();
        for outcome in seen.into_iter().flatten() {
            *outcomes.entry(outcome).or_insert(0_u64) += 1;
        }
        let sim = scene.sim();
        sim.wait_until(|counts| counts.streams.now == 0).await;
        scene.book(&sim);
        let streams = *scene.past.lock().expect("no panic");
        println!(
            "{requests} requests in {took:?}: {outcomes:?}; {kills} hosts killed, {deaths} upstreams died; \
             upstream: {streams:?}"
        );
        assert!(streams.peak <= CAPACITY, "{streams:?}");
        assert_eq!(outcomes.values().sum::<u64>(), requests);
        for word in ["complete", "hung up"] {
            assert!(outcomes.contains_key(word), "no request was: {word}");
        }
        assert!(kills > 0 && deaths > 0, "nobody died");

        // What the last of the dead left lapses while somebody waits: only then is there a scheduler.
        let addr = |place: usize| scene.hosts[place].borrow().addr.expect("it runs");
        let held = fill(addr(0), &sim, CAPACITY).await;
        let waiting = tokio::spawn(ask(Client::connect(addr(0)).await, ""));
        tokio::time::sleep(TIME_TO_LIVE * 2).await;
        waiting.abort();
        drop(held);
        settles(&store).await;
        for place in 0..HOSTS {
            drop(fill(addr(place), &sim, CAPACITY).await);
            settles(&store).await;
        }
    });
}

/// What the clients see of the hosts and the upstream.
struct Scene {
    redis: RedisServer,
    hosts: Vec<watch::Sender<Life>>,
    processes: tokio::sync::Mutex<Vec<Option<HostProcess>>>,
    state: TempDir,
    sim: Mutex<Arc<Sim>>,
    /// How many upstreams have died.
    deaths: AtomicU64,
    /// The counts of those that have died, added up; the peak is the highest of any.
    past: Mutex<Streams>,
    begun: AtomicU64,
    done: watch::Sender<u64>,
}

/// One host, until it is killed.
#[derive(Clone, Copy, Debug)]
struct Life {
    /// Where it listens, unless it is about to be killed or started.
    addr: Option<SocketAddr>,
    /// How often the host in this place has been killed.
    kills: u64,
}

impl Scene {
    async fn open(redis: RedisServer) -> Self {
        let sim = simulator(SocketAddr::from(([127, 0, 0, 1], free_port()))).await;
        let scene = Self {
            redis,
            hosts: Vec::new(),
            processes: tokio::sync::Mutex::default(),
            state: tempfile::tempdir().expect("a folder"),
            sim: Mutex::new(Arc::new(sim)),
            deaths: AtomicU64::new(0),
            past: Mutex::default(),
            begun: AtomicU64::new(0),
            done: watch::Sender::new(0),
        };
        let (mut hosts, mut processes) = (Vec::new(), Vec::new());
        for place in 0..HOSTS {
            let process = scene.start_host(place).await;
            let (addr, kills) = (Some(process.addr()), 0);
            hosts.push(watch::Sender::new(Life { addr, kills }));
            processes.push(Some(process));
        }
        *scene.processes.lock().await = processes;
        Self { hosts, ..scene }
    }

    fn sim(&self) -> Arc<Sim> {
        self.sim.lock().expect("no panic").clone()
    }

    /// Each host's clock is minutes off the others'.
    async fn start_host(&self, place: usize) -> HostProcess {
        let upstream = format!("http://{}", self.sim().addr());
        let folder = self.state.path().join(place.to_string());
        HostProcess::start_with(
            &folder,
            Some(&self.redis.runtime_config()),
            &[
                ("ollama_host", upstream.as_str()),
                ("record_ttl", &format!("{}s", TIME_TO_LIVE.as_secs())),
                ("max_queue", "500"),
                ("rate_limit_address", "0"),
                ("retry_delay", "20ms"),
                // Faults come thick here; what a breaker does about them has tests of its own.
                ("breaker_pause", "1ms"),
            ],
            &["--wall-clock-offset", ["700", "-400", "0"][place]],
        )
        .await
    }

    async fn kill(&self, place: usize) {
        let mut processes = self.processes.lock().await;
        self.hosts[place].send_modify(|life| {
            life.kills += 1;
            life.addr = None;
        });
        processes[place].take().expect("it runs").kill().await;
        let process = self.start_host(place).await;
        let addr = process.addr();
        processes[place] = Some(process);
        self.hosts[place].send_modify(|life| life.addr = Some(addr));
    }

    /// The upstream dies with all its streams; another one takes its place.
    async fn kill_upstream(&self) {
        self.deaths.fetch_add(1, Ordering::Relaxed);
        let dead = self.sim();
        dead.stop().await;
        self.book(&dead);
        let sim = simulator(dead.addr()).await;
        *self.sim.lock().expect("no panic") = Arc::new(sim);
    }

    fn book(&self, sim: &Sim) {
        let (mut past, of_it) = (self.past.lock().expect("no panic"), sim.counts().streams);
        past.peak = past.peak.max(of_it.peak);
        past.started += of_it.started;
        past.finished += of_it.finished;
        past.aborted += of_it.aborted;
        past.failed += of_it.failed;
    }

    /// Waits until so many requests have ended; false: that will not be.
    async fn reaches(&self, requests: u64, of: u64) -> bool {
        let mut done = self.done.subscribe();
        // The scene lives as long as whoever waits.
        _ = done.wait_for(|done| *done >= requests.min(of)).await;
        requests < of
    }
}

async fn simulator(listen: SocketAddr) -> Sim {
    let options = Options {
        listen,
        script: "tokens=4 pace=5ms".parse().expect("a script"),
        ..Options::default()
    };
    Sim::start(options).await.expect("the port is free")
}

/// Kills hosts and upstreams after so and so many requests, though not at the very end: what the last of them left must
/// have time to lapse.
async fn trouble(scene: Arc<Scene>, mut random: Random, requests: u64) -> (u64, u64) {
    let (last, mut next, mut kills, mut deaths) = (requests * 9 / 10, 0, 0, 0);
    loop {
        next += 50 + random.below(PAUSE);
        if !scene.reaches(next, last).await {
            return (kills, deaths);
        }
        if (kills + deaths) % 3 == 1 {
            scene.kill_upstream().await;
            deaths += 1;
        } else {
            let place = usize::try_from(random.below(HOSTS as u64)).expect("small");
            scene.kill(place).await;
            kills += 1;
        }
    }
}

/// One client: asks one host after another, as long as there are requests left.
async fn client(scene: Arc<Scene>, mut random: Random, requests: u64) -> Vec<String> {
    let mut outcomes = Vec::new();
    while scene.begun.fetch_add(1, Ordering::Relaxed) < requests {
        let chance = random.below(100);
        let fault = match chance {
            0..10 => FAULTS[usize::try_from(chance).expect("small") % FAULTS.len()],
            _ => "",
        };
        let deaths = scene.deaths.load(Ordering::Relaxed);
        let (life, place, asked) = loop {
            let place = usize::try_from(random.below(HOSTS as u64)).expect("small");
            let life = *scene.hosts[place].borrow();
            // One that has just been killed does not listen; the next may.
            if let Some(addr) = life.addr
                && let Ok(client) = Client::try_connect(addr).await
            {
                break (life, place, ask(client, fault));
            }
        };
        let outcome = if (10..30).contains(&chance) {
            let patience = Duration::from_millis(random.below(400));
            match tokio::time::timeout(patience, asked).await {
                Ok(outcome) => outcome,
                Err(_) => "hung up".to_owned(),
            }
        } else {
            within("a request ends", asked).await
        };
        let was_killed = scene.hosts[place].borrow().kills > life.kills;
        let has_died = scene.deaths.load(Ordering::Relaxed) > deaths;
        let is_explained = match outcome.as_str() {
            "complete" => fault.is_empty(),
            "hung up" => true,
            // A host that is starved of time stops by its own clock, as it must.
            "store_unavailable" => true,
            // The faults of others, five in a row, open the breaker for a moment.
            "upstream_down" => true,
            "broken off" => was_killed,
            _ => !fault.is_empty() || has_died,
        };
        assert!(is_explained, "{outcome} with fault {fault:?}");
        outcomes.push(outcome);
        scene.done.send_modify(|done| *done += 1);
    }
    outcomes
}

/// Asks, and answers how it ended in a word.
async fn ask(mut client: Client, fault: &str) -> String {
    let prompt = if fault.is_empty() {
        "Hello".to_owned()
    } else {
        format!("Hello [[sim {fault}]]")
    };
    let document = json!({ "prompt": prompt }).to_string();
    let sent = client.send(
        http::Method::POST,
        "/api/chat",
        http::HeaderMap::new(),
        document,
    );
    match sent.await {
        Err(_) => "broken off".to_owned(),
        Ok(answer) => outcome(&answer.whole().await),
    }
}

fn outcome(answer: &Whole) -> String {
    let last = answer.lines.last();
    let last: Value = last
        .and_then(|line| serde_json::from_str(&line.text).ok())
        .unwrap_or_default();
    match (last["code"].as_str(), answer.end) {
        // An error line of ours; a stream is broken off behind it.
        (Some(code), _) => code.to_owned(),
        (None, End::Broken) => "broken off".to_owned(),
        (None, End::InOrder) if last["done"] == true => "complete".to_owned(),
        (None, End::InOrder) => "an error of the upstream's".to_owned(),
    }
}

const CAPACITY: u64 = 4;
const HOSTS: usize = 3;
const TIME_TO_LIVE: Duration = Duration::from_secs(3);
const CLIENTS: u64 = 32;
const SEED: u64 = 20_261_125;

/// How many requests at most come between two troubles, beside the least.
const PAUSE: u64 = 250;

/// What an upstream does wrong by itself.
const FAULTS: [&str; 5] = ["cut_at=2", "error_at=2", "no_done", "reset", "status=500"];
