//! The simulator against the recorded scheduling of a real Ollama (`transcripts/sched.jsonl`): requests that were there together.
//!
//! # How
//! Each is sent as soon as the heads and ends have come that had come before it when it was recorded. Compared are its status, how
//! its answer ended and with what last line, and behind whose end it began. How long anything takes is the machine's.

#[path = "sched/play.rs"]
mod play;
#[path = "sched/reload.rs"]
mod reload;
#[allow(dead_code, reason = "of each the other tests use more")]
#[path = "transcripts/shape.rs"]
mod shape;
#[allow(dead_code, reason = "of each the other tests use more")]
#[path = "transcripts/stage.rs"]
mod stage;
mod support;

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use ollama_sim::{Clock, Options};
use play::{Event, LEFT, index, leaves, play};
use serde::Deserialize;
use serde_json::{Map, Value};
use support::start_with;

/// What is not played, and why.
const NOT_PLAYED: &[(&str, &str)] = &[
    (
        "sched-client-stops-reading",
        "how much a socket takes of what nobody reads is the system's",
    ),
    (
        "sched-hangup-chunked-request",
        "that Ollama does not notice who leaves before it has read the end of a body is not copied: Sluice sends its length",
    ),
    (
        "sched-runner-stopped",
        "no runner here stands still: the script `hang_at`",
    ),
    (
        "sched-starvation",
        "its requests follow one another within 40 ms: the runners' own test",
    ),
    (
        "sched-which-options-reload",
        "its notes are what it shows: `sched/reload.rs`",
    ),
];

/// Who began behind the end of another without having to: with four slots any of four ends would have done.
const CHANCE: &[(&str, &str, &str)] = &[
    ("sched-queue-four-slots", "chat 4", "chat *"),
    ("sched-queue-four-slots", "chat 5", "chat *"),
];

/// Who stood in Ollama's queue before whom, of two that were sent within a few milliseconds: the first name, though it was sent later.
const FIRST: &[(&str, &str, &str)] = &[
    // Five for four slots: it had one of them.
    ("sched-runner-killed", "waits for a slot", "messages stream"),
    ("sched-load-timeout", "v1 stream", "chat"),
    ("sched-loading-blocks-other-loads", "A", "B"),
];

/// Who began not before so many milliseconds behind the end of another: where 12 s were kept, here it is one.
const HELD: &[(&str, &str, &str, u64)] =
    &[("sched-keep-alive-undoes-eviction", "B", "A long", 1_000)];
const KEPT: (&str, &str) = ("12s", "1s");

/// What was done without a note, and when.
const DONE: &[(&str, f64, Act)] = &[("sched-runner-killed-idle", 900.0, Act::Kill)];

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

/// What was done to Ollama.
#[derive(Clone, Copy)]
enum Act {
    /// `kill -9` of its runners.
    Kill,
    /// `SIGTERM` of itself.
    Stop,
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
        let end = match leaves(one, recorded) {
            true => LEFT,
            false => recorded.end.as_str(),
        };
        let expected = (recorded.status.unwrap_or(0), end);
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
    for (_, later, earlier, least_ms) in HELD.iter().filter(|(case, ..)| *case == one.case) {
        let of = |label: &str| &happened[index(one, label)];
        let began = of(later).began.unwrap();
        if began < of(earlier).ended + Duration::from_millis(*least_ms) {
            wrong.push(format!("{}: {later} did not wait {least_ms} ms", one.case));
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
