//! The gated routes: validate, stand in line, send, relay.
//!
//! A request that is started at once gets the upstream's own status. One that has to wait, or whose upstream takes its
//! time, gets its head out and heartbeats: a write that fails is the only way to learn that a client has left, and proxies
//! cut what stays silent.

mod admission;
mod attempts;
mod fairness;
mod job;
mod place;
pub mod questions;
pub mod relay;
mod relaying;
mod waiting;

use std::pin::pin;
use std::rc::Rc;

use crate::random;
use crate::tasks::spawn;
use futures::future::{Either, join, select};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sluice_ollama::openai::Translation;
use sluice_ollama::{Endpoint, Heartbeat};

use crate::clock;
use crate::config::Config;
use crate::gate::{self, Newcomer, Stay};
use crate::http::outlet::{ClientGone, Outlet};
use crate::http::refuse::Refusal;
use crate::http::reply::Answer;
use crate::request::client::Client;
use crate::request::{self, Asked, model};
use crate::upstreams::{UpstreamResponse, breakers};
use job::{Job, Outgoing};

/// A reading of the line this old is good enough to refuse by, in milliseconds.
const SHED_MS: u64 = 50;

/// How old a reading may be from which a quiet time is told, in milliseconds.
const QUIET_MS: u64 = 5_000;

/// Serves a request to a gated endpoint.
///
/// # Errors
/// It is refused; nothing was relayed.
pub async fn handle(asked: Asked, endpoint: Endpoint) -> Result<Answer, Refusal> {
    let limits = asked.limits(asked.config.max_body);
    let Asked {
        head,
        body,
        config,
        client,
        carried,
    } = asked;
    let body = body.read(limits).await?;
    #[cfg(feature = "test-trap")]
    assert!(
        !body.bytes().windows(8).any(|word| word == b"[[trap]]"),
        "a test asked for it"
    );
    let (prepared, share) = request::read(endpoint, body, &head, &client, &config)?;
    let looking = model::look(&config, &prepared.model);
    let (room, known) = join(shed(&config, &client), looking).await;
    known.may_run(&config, &prepared.model)?;
    room?;
    let lane = fairness::lane(&config, &client).await?;

    let form = prepared.form;
    let heartbeat = Heartbeat::new(endpoint, form, &prepared.model);
    let translation = prepared.delivery.map(|delivery| Translation {
        id: random::number(),
        created_s: clock::now().wall_ms / 1_000,
        model: heartbeat.model().to_owned(),
        delivery,
    });
    let headers = answer_headers(form.content_type(), carried, &prepared.dropped);
    let newcomer = Newcomer {
        client: client.fingerprint(),
        lane,
    };
    let stay = Stay::enter(&config, newcomer);
    let job = Rc::new(Job::new(
        config,
        endpoint,
        heartbeat,
        Outgoing::new(prepared.path, prepared.body, share, translation, known),
        head,
        client,
        stay,
    ));
    match answer(job.clone(), headers).await {
        Ok(answer) => Ok(answer),
        Err(refusal) => {
            job.finish_without_answer(refusal.code());
            Ok(Answer::Told(refusal.reply(endpoint.family())))
        }
    }
}

/// From the gate to an answer, or to the tasks that write it.
async fn answer(job: Rc<Job>, headers: HeaderMap) -> Result<Answer, Refusal> {
    let admission = Box::pin(admission::admit(job.clone()));
    let first = match select(admission, pin!(waiting::patience(&job))).await {
        Either::Left((admitted, _)) => Either::Left(admitted?),
        Either::Right((refused, admission)) => {
            refused?;
            Either::Right(admission)
        }
    };
    match first {
        Either::Left(response) => Ok(relay_at_once(job, response, headers).await),
        Either::Right(admission) => Ok(wait_in_line(job, admission, headers)),
    }
}

/// Refuses before anything is drawn if no upstream can be used, or the line is full.
///
/// Whoever is alone in this instance, and saw a slot free a moment ago, does not look: it would cost each request of a quiet
/// time a millisecond. Nor does anybody while the line was half empty a moment ago. Should it have filled up meanwhile, the
/// look after the draw tells.
async fn shed(config: &Config, client: &Client) -> Result<(), Refusal> {
    breakers::refresh(config).await;
    let capacity = breakers::room(config).capacity();
    if capacity == 0 {
        return Err(Refusal::upstream_down(breakers::reopens_in(config)));
    }
    let had_room = gate::cached(QUIET_MS)
        .is_some_and(|line| line.queued_in_all() == 0 && line.active.len() < capacity as usize);
    let is_half_empty = gate::cached(gate::SHOWN_MS)
        .is_some_and(|line| line.queued_in_all() < config.max_queue / 2);
    if is_half_empty || had_room && gate::is_empty_here() {
        return Ok(());
    }
    let line = gate::line(SHED_MS)
        .await
        .map_err(|_| Refusal::StoreUnavailable)?;
    if line.is_full(client.lane(), capacity, config.max_queue) {
        Err(place::queue_full(config, &line))
    } else {
        Ok(())
    }
}

/// The usual case: started, and the upstream's head is there.
async fn relay_at_once(job: Rc<Job>, response: UpstreamResponse, mut headers: HeaderMap) -> Answer {
    job.tell_ticket(&mut headers);
    insert(
        &mut headers,
        "x-queue-wait-ms",
        &job.account().wait_ms().to_string(),
    );
    if let Some(cut) = job.cut.get() {
        let told = format!(
            "prompt-tokens={}, num-ctx={}",
            cut.prompt_tokens, cut.num_ctx
        );
        insert(&mut headers, "x-prompt-cut", &told);
    }
    let (reply, outlet) = Outlet::open(StatusCode::OK, headers);
    let mut relaying =
        Box::pin(async move { relaying::relay_answer(&job, response, outlet).await });
    if futures::poll!(relaying.as_mut()).is_pending() {
        spawn(relaying);
    }
    Answer::Streamed(reply)
}

/// The head goes out now; the rest follows when it follows.
fn wait_in_line(
    job: Rc<Job>,
    admission: std::pin::Pin<
        Box<impl Future<Output = Result<UpstreamResponse, Refusal>> + 'static>,
    >,
    mut headers: HeaderMap,
) -> Answer {
    job.tell_ticket(&mut headers);
    let (reply, mut outlet) = Outlet::open(StatusCode::OK, headers);
    spawn(async move {
        match waiting::with_heartbeats(admission, &job, &mut outlet).await {
            Err(ClientGone) => job.finish_without_answer("client_gone"),
            Ok(Ok(response)) => relaying::relay_answer(&job, response, outlet).await,
            Ok(Err(refusal)) => relaying::report(&job, &refusal, outlet).await,
        }
    });
    Answer::Streamed(reply)
}

fn answer_headers(
    content_type: &'static str,
    mut headers: HeaderMap,
    dropped: &[&'static str],
) -> HeaderMap {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    if !dropped.is_empty() {
        insert(&mut headers, "x-dropped-options", &dropped.join(", "));
    }
    headers
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
