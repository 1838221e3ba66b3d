//! The simulator against the recorded scheduling of a real Ollama (`transcripts/sched.jsonl`): requests that were there together.
//!
//! # How
//! Each is sent as soon as the heads and ends have come that had come before it when it was recorded. Compared are its status, how
//! its answer ended and with what last line, and behind whose end it began. How long anything takes is the machine's.

#[allow(dead_code, reason = "of each the other tests use more")]
#[path = "transcripts/shape.rs"]
mod shape;
#[allow(dead_code, reason = "of each the other tests use more")]
#[path = "transcripts/stage.rs"]
mod stage;
mod support;

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::future::join_all;
use ollama_sim::{Clock, Options, Sim};
use serde::Deserialize;
use serde_json::{Map, Value};
use support::{send, start_with, within};
use tokio::sync::watch;

/// What is not played, and why.
const NOT_PLAYED: &[(&str, &str)] = &[
    (
        "sched-client-stops-reading",
        "how much a socket takes of what nobody reads is the system's",
    ),
    (
        "sched-hangup-*",
        "clients that leave: `counts.rs`, and the runners' own tests for one that loads",
    ),
    (
        "sched-keep-alive-undoes-eviction",
        "its 12 s are the runners' own test",
    ),
    (
        "sched-runner-killed",
        "which of five had no slot is chance; one that dies: `-native`, and the script `die_at`",
    ),
    ("sched-runner-killed-idle", "the runners' own test"),
    (
        "sched-runner-stopped",
        "no runner here stands still: the script `hang_at`",
    ),
    (
        "sched-same-weights-two-templates",
        "one file with two templates: there is no template here that could be the wrong one",
    ),
    (
        "sched-starvation",
        "its requests follow one another within 40 ms: the runners' own test",
    ),
    (
        "sched-terminate-ollama",
        "a process that is ended: `counts.rs` stops the simulator",
    ),
    (
        "sched-which-options-reload",
        "notes without requests: the tests of `LoadOptions`",
    ),
];

/// Who began behind the end of another without having to: with four slots any of four ends would have done.
const CHANCE: &[(&str, &str, &str)] = &[
    ("sched-queue-four-slots", "chat 4", "chat *"),
    ("sched-queue-four-slots", "chat 5", "chat *"),
];

/// Who stood in Ollama's queue before whom, of two that were sent within a few milliseconds: the first name, though it was sent later.
const FIRST: &[(&str, &str, &str)] = &[
    ("sched-load-timeout", "v1 stream", "chat"),
    ("sched-loading-blocks-other-loads", "A", "B"),
];

/// Ends and heads this close together, in milliseconds, say nothing about which had to come first.
const CLOSE_MS: f64 = 10.0;

/// One experiment.
#[derive(Deserialize)]
struct Experiment {
    case: String,
    settings: Map<String, Value>,
    notes: Vec<String>,
    requests: Vec<Played>,
}

/// One of its requests.
#[derive(Clone, Deserialize)]
struct Played {
    label: String,
    path: String,
    body: Value,
    sent_at_ms: f64,
    status: Option<u16>,
    head_at_ms: Option<f64>,
    end: String,
    last: Option<String>,
    end_at_ms: Option<f64>,
}

/// What has happened, in order: the head or the end of a request, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Event {
    Head(usize),
    End(usize),
}

/// How a request went here.
struct Said {
    status: u16,
    end: &'static str,
    text: String,
}

#[tokio::test]
async fn the_simulator_schedules_as_the_recorded_ollama() {
    let lines = include_str!("transcripts/sched.jsonl").lines();
    let all: Vec<Experiment> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(all.len(), 31);
    for (pattern, _) in NOT_PLAYED {
        let is_met = all.iter().any(|one| fits(pattern, &one.case));
        assert!(is_met, "{pattern} was not recorded");
    }
    let is_played = |one: &&Experiment| !NOT_PLAYED.iter().any(|(not, _)| fits(not, &one.case));
    let played = all.iter().filter(is_played).map(differences);
    let wrong: Vec<String> = join_all(played).await.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is not as it was recorded.
async fn differences(one: &Experiment) -> Vec<String> {
    let sim = Arc::new(start_with(options(&one.settings)).await);
    let (happened, events) = play(one, &sim).await;
    let mut wrong = Vec::new();
    for (recorded, said) in one.requests.iter().zip(&happened) {
        let expected = (recorded.status.unwrap_or(0), recorded.end.as_str());
        if (said.status, said.end) != expected {
            let (status, end) = (said.status, said.end);
            wrong.push(format!(
                "{}, {}: {status} {end} and not {expected:?}",
                one.case, recorded.label
            ));
        }
        let (told, here) = (
            last_line(recorded.last.as_deref()),
            last_line(Some(&said.text)),
        );
        if let (Some(told), Some(here)) = (told, here)
            && told != here
        {
            wrong.push(format!(
                "{}, {}:\n  {here} and not\n  {told}",
                one.case, recorded.label
            ));
        }
    }
    let at = |event| events.iter().position(|happened| *happened == event);
    for (index, later) in one.requests.iter().enumerate() {
        for (other, earlier) in one.requests.iter().enumerate() {
            let is_behind = began_behind(later, earlier) && !is_chance(one, later, earlier);
            if is_behind && at(Event::Head(index)) < at(Event::End(other)) {
                let (later, earlier) = (&later.label, &earlier.label);
                wrong.push(format!(
                    "{}: {later} began before the end of {earlier}",
                    one.case
                ));
            }
        }
    }
    wrong
}

/// Whether a request that was there before the end of another began behind it.
fn began_behind(later: &Played, earlier: &Played) -> bool {
    let (Some(head_ms), Some(end_ms)) = (later.head_at_ms, earlier.end_at_ms) else {
        return false;
    };
    later.sent_at_ms < end_ms && head_ms >= end_ms + CLOSE_MS
}

fn is_chance(one: &Experiment, later: &Played, earlier: &Played) -> bool {
    let is_this = |(case, who, whom): &(&str, &str, &str)| {
        *case == one.case && *who == later.label && fits(whom, &earlier.label)
    };
    CHANCE.iter().any(is_this)
}

/// Sends all requests; how they went, and what happened in which order.
async fn play(one: &Experiment, sim: &Arc<Sim>) -> (Vec<Said>, Vec<Event>) {
    let (happens, seen) = watch::channel(Vec::<Event>::new());
    let happens = Arc::new(happens);
    let order = order(one);
    let kills = one
        .notes
        .iter()
        .filter_map(|note| note.strip_suffix(" ms: kill -9"));
    let kill = kills.map(|at_ms| at_ms.parse::<f64>().unwrap()).next();
    let kill = kill.map(|at_ms| {
        let (sim, before, mut seen) = (sim.clone(), before(one, at_ms, None), seen.clone());
        tokio::spawn(async move {
            await_all(&mut seen, &before).await;
            sim.kill_runners();
        })
    });
    let mut sent = Vec::new();
    for (number, index) in order.into_iter().enumerate() {
        let request = one.requests[index].clone();
        await_all(
            &mut seen.clone(),
            &before(one, request.sent_at_ms, Some(index)),
        )
        .await;
        let (addr, happens) = (sim.addr(), happens.clone());
        sent.push((index, tokio::spawn(ask(addr, index, request, happens))));
        // In order of arrival.
        within(sim.wait_until(|counts| counts.requests > number as u64)).await;
    }
    let mut said = Vec::new();
    sent.sort_by_key(|(index, _)| *index);
    for (_, task) in sent {
        said.push(task.await.unwrap());
    }
    if let Some(kill) = kill {
        kill.await.unwrap();
    }
    let events = seen.borrow().clone();
    (said, events)
}

/// The requests as they stood before Ollama.
fn order(one: &Experiment) -> Vec<usize> {
    let sent_at_ms = |index: &usize| one.requests[*index].sent_at_ms;
    let mut order: Vec<usize> = (0..one.requests.len()).collect();
    order.sort_by(|a, b| sent_at_ms(a).total_cmp(&sent_at_ms(b)));
    for (_, first, second) in FIRST.iter().filter(|(case, ..)| *case == one.case) {
        let place = |label: &str| {
            let of = |index: &usize| one.requests[*index].label == label;
            order.iter().position(of).unwrap()
        };
        let (first, second) = (place(first), place(second));
        let index = order.remove(first);
        order.insert(second, index);
    }
    order
}

async fn ask(
    addr: std::net::SocketAddr,
    index: usize,
    request: Played,
    happens: Arc<watch::Sender<Vec<Event>>>,
) -> Said {
    let body = request.body.to_string();
    let answer = send(addr, "POST", &request.path, body).await.unwrap();
    happens.send_modify(|events| events.push(Event::Head(index)));
    let status = answer.head.status.as_u16();
    let (bytes, end) = answer.rest().await;
    happens.send_modify(|events| events.push(Event::End(index)));
    Said {
        status,
        end: if end.is_ok() {
            "complete"
        } else {
            "connection closed early"
        },
        text: String::from_utf8(bytes).unwrap(),
    }
}

/// The heads and ends of others that had come by a time.
fn before(one: &Experiment, at_ms: f64, own: Option<usize>) -> HashSet<Event> {
    let others = one.requests.iter().enumerate();
    let others = others.filter(|(index, _)| Some(*index) != own);
    let has_come = |then_ms: Option<f64>| then_ms.is_some_and(|then_ms| then_ms <= at_ms);
    let events = others.flat_map(|(index, request)| {
        let head = has_come(request.head_at_ms).then_some(Event::Head(index));
        let end = has_come(request.end_at_ms).then_some(Event::End(index));
        head.into_iter().chain(end)
    });
    events.collect()
}

async fn await_all(seen: &mut watch::Receiver<Vec<Event>>, awaited: &HashSet<Event>) {
    let are_there = |events: &Vec<Event>| awaited.iter().all(|event| events.contains(event));
    within(seen.wait_for(are_there)).await.unwrap();
}

/// The shape of what stands last in an answer; `None` where the recording has only its end.
fn last_line(text: Option<&str>) -> Option<String> {
    let line = text?.trim_end().lines().last()?;
    let is_whole = line.starts_with('{') || line.starts_with("data: ");
    is_whole.then(|| shape::of_frame(line))
}

fn options(settings: &Map<String, Value>) -> Options {
    let number = |name: &str| settings.get(name)?.as_str()?.parse::<usize>().ok();
    // Where a load was slow, others came meanwhile.
    let load = match settings.contains_key("SLOW") || settings.contains_key("OLLAMA_MAX_QUEUE") {
        true => "1500ms",
        false => "50ms",
    };
    Options {
        models: stage::models(),
        script: format!("tokens=4000 first=60ms pace=20ms load={load}")
            .parse()
            .unwrap(),
        parallel: number("OLLAMA_NUM_PARALLEL"),
        max_loaded: number("OLLAMA_MAX_LOADED_MODELS"),
        max_queue: number("OLLAMA_MAX_QUEUE").map(|places| places as u64),
        // Shorter than a slow load, as it was.
        load_timeout: match settings.contains_key("OLLAMA_LOAD_TIMEOUT") {
            true => Duration::from_millis(300),
            false => Options::default().load_timeout,
        },
        keep_alive: Duration::from_secs(300),
        mark: "",
        clock: Clock::System,
        ..Options::default()
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}
