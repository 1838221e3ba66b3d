//! The gated routes: validate, stand in line, send, relay.
//!
//! A request that is started at once gets the upstream's own status. One that has to wait, or whose upstream takes its
//! time, gets its head out and heartbeats: a write that fails is the only way to learn that a client has left, and proxies
//! cut what stays silent. The head of a document is held for five seconds: most are whole by then, and what goes wrong
//! keeps its status. Whoever leaves within that time is noticed at its end.

mod admission;
mod alternatives;
mod attempts;
mod beforehand;
mod in_time;
mod job;
mod lists;
mod look;
mod lost;
mod outgoing;
mod place;
pub mod questions;
pub mod relay;
mod relaying;
mod waiting;
mod watch;

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use crate::random;
use crate::tasks::spawn;
use futures::future::{Either, join, select, try_join};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sluice_gate::Now;
use sluice_gate::board::Board;
use sluice_gate::policy::Joined;
use sluice_ollama::{Endpoint, Heartbeat};

use crate::clock::{self, sleep};
use crate::config::Config;
use crate::counters::endings;
use crate::gate;
use crate::http::outlet::{ClientGone, Outlet};
use crate::http::refuse::Refusal;
use crate::http::reply::{Answer, Reply};
use crate::request::client::Client;
use crate::request::{self, Asked, model};
use crate::upstreams::{UpstreamResponse, breakers, runners};
use job::Job;
use lost::Mark;
use outgoing::Outgoing;

/// A board this old is good enough to refuse by, in milliseconds.
const SHED_MS: u64 = 50;

/// A request that has just ended may stand on the board for a moment: whoever comes after it on the same connection is not refused
/// for that.
const MOMENT: Duration = Duration::from_millis(50);

/// Serves a request to a gated endpoint.
///
/// # Errors
/// It is refused; nothing was relayed.
pub async fn handle(asked: Asked, endpoint: Endpoint) -> Result<Answer, Refusal> {
    let limits = asked.limits(asked.config.max_body);
    let wait_at_most = request::wait_at_most(&asked.head.headers)?;
    let Asked {
        head,
        body,
        config,
        client,
        carried,
    } = asked;
    let (body, ()) = try_join(body.read(limits), refuse_if_down(&config)).await?;
    #[cfg(feature = "test-trap")]
    assert!(
        !body.bytes().windows(8).any(|word| word == b"[[trap]]"),
        "a test asked for it"
    );
    let (prepared, share) = request::read(endpoint, body, &head, &client, &config).await?;
    runners::note_asked(&prepared.model);
    let looking = model::look(&config, &prepared.model, || take_turns(&config));
    let (room, (known, found)) = join(shed(&config, &client), looking).await;
    known.may_run(&config, &prepared.model)?;
    let waited_ms = match room {
        Ok(()) => 0,
        Err(refusal) => again(&refusal, || {
            Mark::of(&client.to_string(), endpoint, &head.headers, &prepared.body)
        })
        .await
        .ok_or(refusal)?,
    };

    let form = prepared.form;
    let heartbeat = Heartbeat::new(endpoint, form, &prepared.asked);
    let translation = prepared.delivery.map(|delivery| {
        let created_s = clock::now().wall_ms / 1_000;
        delivery.translation(random::number(), created_s, heartbeat.model())
    });
    let wording = head.wording();
    let headers = answer_headers(form.content_type(), carried, &prepared.dropped);
    let conversation = head.conversation().unwrap_or(prepared.conversation);
    let hint = runners::hint(client.fingerprint(), &prepared.model, conversation);
    let wants = runners::wants(&config, &prepared.model, &found, hint);
    let names = [prepared.model.as_str(), heartbeat.model()];
    let class = client.gate_class(&config, &head.headers, names);
    let one = Joined {
        class,
        client: client.fingerprint(),
        wants,
        waited_ms,
        ..Joined::default()
    };
    in_time::check(&config, wait_at_most, one).await?;
    let place = gate::enter(&config, class, client.fingerprint(), waited_ms, wants);
    let job = Job::new(
        config,
        endpoint,
        heartbeat,
        Outgoing::new(
            prepared.path,
            prepared.model,
            prepared.body,
            share,
            translation,
            known,
            prepared.needs,
        ),
        head,
        client,
        place,
    );
    let job = Rc::new(job.of_class(class).waiting_at_most(wait_at_most));
    match answer(job.clone(), headers).await {
        Ok(answer) => Ok(answer),
        Err(refusal) => {
            job.finish_without_answer(refusal.code());
            Ok(Answer::Told(refusal.reply(wording)))
        }
    }
}

/// Whether models may take turns. An instance that has not seen yet that they do has it from the board.
fn take_turns(config: &Config) -> bool {
    let has_turns = |board: Rc<Board>| board.policy.has_turns();
    runners::may_take_turns(config) || gate::cached(config, gate::SHOWN_MS).is_some_and(has_turns)
}

/// How long the place had been waited for that this request lost before: whoever had one is not refused another.
async fn again(refusal: &Refusal, mark: impl FnOnce() -> Mark) -> Option<u64> {
    match refusal {
        Refusal::QueueFull { .. } | Refusal::PlacesTaken { .. } => {
            lost::take_if_refused(mark()).await
        }
        _ => None,
    }
}

/// From the gate to an answer, or to the tasks that write it.
async fn answer(job: Rc<Job>, headers: HeaderMap) -> Result<Answer, Refusal> {
    let came = clock::now();
    if let Some(refusal) = beforehand::refused_embedding(&job).await {
        return Err(refusal);
    }
    let admission = Box::pin(admission::admit(job.clone()));
    let first = match select(admission, pin!(waiting::patience(&job, came))).await {
        Either::Left((admitted, _)) => Either::Left(admitted?),
        Either::Right((head_is_due, admission)) => {
            head_is_due?;
            Either::Right(admission)
        }
    };
    match first {
        Either::Left(response) if job.heartbeat.form().is_document() => {
            relay_document(job, response, headers, came).await
        }
        Either::Left(response) => Ok(relay_at_once(job, response, headers).await),
        Either::Right(admission) => Ok(wait_in_line(job, admission, headers)),
    }
}

/// Refuses where no upstream can be used: before a body is waited for, and again behind one that took its time.
async fn refuse_if_down(config: &Config) -> Result<(), Refusal> {
    breakers::refresh(config).await;
    if breakers::room(config).capacity() == 0 && !breakers::all_drained(config) {
        return Err(Refusal::upstream_down(breakers::reopens_in(config)));
    }
    Ok(())
}

/// Refuses what the last board that is known here shows to be in vain: no upstream can be used, the line is full, or the client has
/// all its places. A board is read anew before anybody is refused by it. Where none is known here nobody looks: whoever schedules
/// refuses by the same rules, and exactly.
async fn shed(config: &Config, client: &Client) -> Result<(), Refusal> {
    refuse_if_down(config).await?;
    let capacity = breakers::room(config).capacity();
    let client = client.fingerprint();
    let is_full = |board: &Board| {
        let count = board.count();
        count.queued >= config.max_queue && count.active >= capacity
    };
    let has_all = |board: &Board| {
        let own = board.holdings(client);
        own.active.saturating_add(own.queued) >= config.places_per_client
    };
    let seems_in_vain = |board: Rc<Board>| is_full(&board) || has_all(&board);
    if !gate::cached(config, gate::SHOWN_MS).is_some_and(seems_in_vain) {
        return Ok(());
    }
    let board = gate::board(config, SHED_MS).await;
    match board.map_err(|_| Refusal::StoreUnavailable)? {
        board if is_full(&board) => Err(place::queue_full(config)),
        board if has_all(&board) => {
            // One of them may have ended a moment ago.
            sleep(MOMENT).await;
            let board = gate::board(config, 0).await;
            let still = board.is_ok_and(|board| has_all(&board));
            if still {
                return Err(place::places_taken(config, client));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The usual case: started, and the upstream's head is there.
async fn relay_at_once(job: Rc<Job>, response: UpstreamResponse, mut headers: HeaderMap) -> Answer {
    tell_start(&job, &mut headers);
    let (reply, outlet) = Outlet::open(StatusCode::OK, headers);
    let mut relaying =
        Box::pin(async move { relaying::relay_answer(&job, response, outlet).await });
    if futures::poll!(relaying.as_mut()).is_pending() {
        spawn(relaying);
    }
    Answer::Streamed(reply)
}

/// The same for a document: its head goes out when it is whole, or large, or when the time for that is over.
async fn relay_document(
    job: Rc<Job>,
    response: UpstreamResponse,
    mut headers: HeaderMap,
    came: Now,
) -> Result<Answer, Refusal> {
    tell_start(&job, &mut headers);
    let (held, outlet) = Outlet::hold();
    let relaying = Box::pin(async move { relaying::relay_answer(&job, response, outlet).await });
    let spent_ms = clock::now_ms().saturating_sub(came.mono_ms);
    let left = waiting::DOCUMENT.saturating_sub(Duration::from_millis(spent_ms));
    let (mut full, mut late) = (pin!(held.full()), pin!(sleep(left)));
    let until = select(full.as_mut(), late.as_mut());
    if let Either::Right((_, relaying)) = select(relaying, until).await {
        let reply = held.let_go(StatusCode::OK, headers);
        spawn(relaying);
        return Ok(Answer::Streamed(reply));
    }
    Ok(Answer::Told(Reply {
        status: StatusCode::OK,
        headers,
        body: held.take_end()?.into(),
    }))
}

/// Says in the headers how it came to its start.
fn tell_start(job: &Job, headers: &mut HeaderMap) {
    job.tell_ticket(headers);
    insert(
        headers,
        "x-queue-wait-ms",
        &job.account().wait_ms(clock::now()).to_string(),
    );
    if let Some(cut) = job.cut.get() {
        let told = format!(
            "prompt-tokens={}, num-ctx={}",
            cut.prompt_tokens, cut.num_ctx
        );
        insert(headers, "x-prompt-cut", &told);
    }
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
    job.look().open();
    spawn(async move {
        match waiting::with_heartbeats(admission, &job, &mut outlet).await {
            Err(ClientGone) => job.finish_without_answer(endings::CLIENT_GONE),
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
