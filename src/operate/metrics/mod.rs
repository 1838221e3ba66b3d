//! `GET /metrics`: how the line stands and how it went, as Prometheus reads it.
//!
//! # Where the numbers come from
//! How the line stands is read from the gate's board. What requests came to is added to counters in the store, in batches
//! ([`crate::counters`]): at least once, and the same whoever is asked. So several hosts on one store all tell the whole: take the
//! highest of them, not their sum.
//!
//! # Names
//! `gen_ai_…` where OpenTelemetry has a name for it, as its rules for Prometheus write it; `sluice_…` for the rest. Times are
//! in seconds. Every admitted request is in `sluice_admissions_total` once, every other one in `sluice_refusals_total` or, if
//! its client left, in `sluice_client_disconnects_total{phase="waiting"}`.

mod by_model;
mod doings;
mod text;

use std::collections::BTreeSet;
use std::rc::Rc;

use http::{HeaderValue, StatusCode};
use sluice_gate::board::Board;

use crate::budget;
use crate::clock;
use crate::config::Config;
use crate::counters::{self, GateCount, Histogram, ModelTotals, Single, Tallied, Totals, endings};
use crate::gate;
use crate::http::refuse::Refusal;
use crate::http::reply::Reply;
use crate::single_flight::SingleFlight;
use crate::upstreams::{State, breakers};
use text::{Document, Kind, Scale};

/// How old the numbers may be, in milliseconds: whoever asks within it gets the same.
const FRESH_MS: u64 = 1_000;

/// The numbers, at this moment: read once for all who ask.
///
/// # Errors
/// The store cannot be read: numbers that fall would be taken for a new start.
pub async fn report(config: &Config) -> Result<Reply, Refusal> {
    let reading = READING.with(Rc::clone);
    let read = reading.get(FRESH_MS, clock::now_ms, async || read(config).await);
    (*read.await).clone()
}

async fn read(config: &Config) -> Result<Reply, Refusal> {
    // What cannot be written now will be told later.
    let _ = counters::flush().await;
    breakers::refresh(config).await;
    let board = gate::board(config, gate::SHOWN_MS)
        .await
        .map_err(|_| Refusal::StoreUnavailable)?;
    let totals = counters::totals(0)
        .await
        .map_err(|_| Refusal::StoreUnavailable)?;
    let by_model = counters::model_totals()
        .await
        .map_err(|_| Refusal::StoreUnavailable)?;
    Ok(Reply::new(
        StatusCode::OK,
        HeaderValue::from_static(CONTENT_TYPE),
        document(config, &Seen::now(config), &board, &totals, &by_model),
    ))
}

thread_local! {
    static READING: Rc<SingleFlight<Result<Reply, Refusal>>> = Rc::default();
}

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What this instance knows of the upstreams.
struct Seen {
    /// How many may relay now.
    capacity: u32,
    /// The state of each upstream's breaker.
    breakers: Vec<State>,
}

impl Seen {
    fn now(config: &Config) -> Seen {
        Seen {
            capacity: breakers::room(config).capacity(),
            breakers: (0..config.upstreams.len())
                .map(|index| breakers::state(config, index))
                .collect(),
        }
    }
}

fn document(
    config: &Config,
    seen: &Seen,
    board: &Board,
    totals: &Totals,
    by_model: &[(String, ModelTotals)],
) -> String {
    let mut text = Document::default();
    standing(&mut text, config, seen.capacity, board);
    ends(&mut text, totals);
    times(&mut text, totals);
    upstreams(&mut text, seen, totals);
    by_model::told(&mut text, board);
    by_model::counted(&mut text, by_model);
    doings::told(&mut text, board, totals);
    store(&mut text, totals);
    bodies(&mut text, config);
    text.finish()
}

/// How the line stands.
fn standing(text: &mut Document, config: &Config, capacity: u32, board: &Board) {
    let version = env!("CARGO_PKG_VERSION");
    text.family(
        "sluice_build_info",
        Kind::Gauge,
        "The version that answers.",
    );
    text.sample("sluice_build_info", &[("version", version)], 1);
    let count = board.count();
    for (name, help, value) in [
        (
            "sluice_requests_active",
            "Requests that hold a slot.",
            u64::from(count.active),
        ),
        (
            "sluice_requests_waiting",
            "Requests that wait in line.",
            u64::from(count.queued),
        ),
        (
            "sluice_requests_behind",
            "Of those that wait, requests that stand behind the main line: batch, or a client's next ones.",
            u64::from(board.queued_behind()),
        ),
        (
            "sluice_clients",
            "Clients that can be told apart, by a key or as users of a proxy, and have a request here.",
            clients(board),
        ),
        (
            "sluice_slots",
            "How many requests may hold a slot at once.",
            u64::from(capacity),
        ),
        (
            "sluice_queue_limit",
            "How many may wait.",
            u64::from(config.max_queue),
        ),
    ] {
        text.family(name, Kind::Gauge, help);
        text.sample(name, &[], value);
    }
}

fn clients(board: &Board) -> u64 {
    let active = board.grants.iter().map(|grant| grant.client);
    let waiting = board.waiting().map(|waiting| waiting.client);
    let told_apart = active.chain(waiting).filter(|client| *client != 0);
    told_apart.collect::<BTreeSet<_>>().len() as u64
}

/// How requests ended.
fn ends(text: &mut Document, totals: &Totals) {
    let name = "sluice_admissions_total";
    text.family(
        name,
        Kind::Counter,
        "Requests that got a slot, by how they ended.",
    );
    for outcome in endings::words() {
        let count = totals.of(Tallied::Admitted(outcome));
        text.sample(name, &[("outcome", outcome)], count);
    }
    let lost = totals.of(Tallied::Gate(GateCount::Lost));
    text.sample(name, &[("outcome", "lost")], lost);

    let name = "sluice_refusals_total";
    text.family(
        name,
        Kind::Counter,
        "Requests that never got a slot, by the code of their refusal.",
    );
    for code in Refusal::codes() {
        text.sample(name, &[("code", code)], totals.of(Tallied::Refused(code)));
    }

    let name = "sluice_client_disconnects_total";
    text.family(
        name,
        Kind::Counter,
        "Clients that left before their answer had ended.",
    );
    let answering = totals.of(Tallied::Admitted(endings::CLIENT_GONE));
    text.sample(name, &[("phase", "answering")], answering);
    text.sample(
        name,
        &[("phase", "waiting")],
        totals.of(Tallied::One(Single::LeftWaiting)),
    );
}

/// How long it took, and how much it was.
fn times(text: &mut Document, totals: &Totals) {
    for (name, help, histogram, scale) in [
        (
            "sluice_queue_wait_seconds",
            "From arrival to a slot, of requests that got one.",
            Histogram::Waits,
            Scale::Milliseconds,
        ),
        (
            "gen_ai_server_time_to_first_token_seconds",
            "From arrival to the first byte of the answer, waiting included.",
            Histogram::Firsts,
            Scale::Milliseconds,
        ),
        (
            "gen_ai_server_time_per_output_token_seconds",
            "Between two tokens on average, of complete answers; its inverse is tokens per second.",
            Histogram::Paces,
            Scale::Microseconds,
        ),
        (
            "gen_ai_server_request_duration_seconds",
            "From arrival to the end of the answer, waiting included.",
            Histogram::Durations,
            Scale::Milliseconds,
        ),
    ] {
        text.family(name, Kind::Histogram, help);
        text.histogram(name, &[], histogram, scale, &totals.spread(histogram));
    }
    let name = "gen_ai_client_token_usage";
    text.family(
        name,
        Kind::Histogram,
        "Tokens a request, by the upstream's own count where it tells.",
    );
    for (kind, histogram) in [("input", Histogram::Inputs), ("output", Histogram::Outputs)] {
        let labels = [("gen_ai_token_type", kind)];
        text.histogram(
            name,
            &labels,
            histogram,
            Scale::Ones,
            &totals.spread(histogram),
        );
    }
    let name = "sluice_service_seconds";
    text.family(name, Kind::Summary, "How long slots were held.");
    text.summary(
        name,
        Scale::Milliseconds,
        totals.of(Tallied::One(Single::ServiceMs)),
        totals.finished(),
    );
}

fn upstreams(text: &mut Document, seen: &Seen, totals: &Totals) {
    let name = "sluice_upstream_requests_total";
    text.family(
        name,
        Kind::Counter,
        "Requests sent to each upstream for those who had a slot, repetitions included.",
    );
    let count = |what: fn(u8) -> Tallied, index: usize| {
        u8::try_from(index).map_or(0, |index| totals.of(what(index)))
    };
    for index in 0..seen.breakers.len() {
        let labels = [("upstream", &*index.to_string())];
        text.sample(name, &labels, count(Tallied::Sent, index));
    }
    let name = "sluice_upstream_breaker_state";
    text.family(
        name,
        Kind::Gauge,
        "The state that the breaker of each upstream is in: 1 for that, 0 for the others.",
    );
    for (index, state) in seen.breakers.iter().enumerate() {
        for possible in [State::Closed, State::Open, State::HalfOpen] {
            let labels = [
                ("upstream", &*index.to_string()),
                ("state", possible.word()),
            ];
            text.sample(name, &labels, u64::from(possible == *state));
        }
    }
    let name = "sluice_upstream_breaker_opened_total";
    text.family(
        name,
        Kind::Counter,
        "How often the breaker of each upstream has opened.",
    );
    for index in 0..seen.breakers.len() {
        let labels = [("upstream", &*index.to_string())];
        text.sample(name, &labels, count(Tallied::Opened, index));
    }
    let name = "sluice_upstream_retries_total";
    text.family(
        name,
        Kind::Counter,
        "Requests sent to an upstream once more.",
    );
    text.sample(name, &[], totals.of(Tallied::One(Single::Retry)));
}

fn store(text: &mut Document, totals: &Totals) {
    let name = "sluice_store_operation_seconds";
    text.family(
        name,
        Kind::Histogram,
        "How long operations on the key-value store took.",
    );
    text.histogram(
        name,
        &[],
        Histogram::Store,
        Scale::Microseconds,
        &totals.spread(Histogram::Store),
    );
    let name = "sluice_store_errors_total";
    text.family(
        name,
        Kind::Counter,
        "Operations on the key-value store that failed or took too long.",
    );
    text.sample(name, &[], totals.of(Tallied::One(Single::StoreError)));
    let name = "sluice_prompts_cut_total";
    let help = "Prompts that did not fit into the context of their model, and were cut.";
    text.family(name, Kind::Counter, help);
    text.sample(name, &[], totals.of(Tallied::One(Single::PromptCut)));
}

/// What this instance holds, which is one of several.
fn bodies(text: &mut Document, config: &Config) {
    for (name, help, value) in [
        (
            "sluice_bodies_bytes",
            "Bytes of bodies that the instance which answers holds.",
            budget::held(),
        ),
        (
            "sluice_bodies_bytes_max",
            "The most that it may hold.",
            config.bodies_in_flight,
        ),
    ] {
        text.family(name, Kind::Gauge, help);
        text.sample(name, &[], value);
    }
}

#[cfg(test)]
mod tests;
