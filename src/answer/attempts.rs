//! One attempt after another until an upstream answers: before its first byte was relayed, and within the request's time.
//!
//! # Where the next attempt goes
//!
//! To another upstream, at once, if one has room. If the others are full, the request keeps its slot and waits for room there;
//! the one that failed is tried again after `retry_delay` if it could be reached at all, or if there is no other. An
//! upstream whose breaker is open is none. One that has the model no more is left for another that has it.
//!
//! # A prompt that does not fit
//!
//! Ollama would cut it without a word, so it is asked to refuse (`truncate: false`). Then the request is sent once more as it
//! came, and its client is told both numbers. Anthropic's clients are refused with them: they shorten what they send.
//!
//! # What counts against an upstream
//!
//! What it does at once: no connection, no head in time, an answer that breaks off, one that is no Ollama's, a refusal of our
//! own credentials. An error *status* may be the request's own doing, and one client must not shut an upstream for all: it
//! counts only once another upstream has answered the same request ([`crate::upstreams::Weight`]).

use std::future::pending;
use std::time::Duration;

use crate::random;
use http::{Method, StatusCode};
use sluice_gate::Room;
use sluice_gate::board::Board;
use sluice_ollama::Endpoint;
use sluice_ollama::framing::Cut;
use sluice_ollama::request::Sending;

use super::beforehand;
use super::job::Job;
use crate::clock::{self, sleep, within};
use crate::counters::{self, Single, Tallied};
use crate::gate::{self, Place};
use crate::http::refuse::Refusal;
use crate::request::model;
use crate::upstreams::{
    self, Call, Cause, State, Trouble, UpstreamError, UpstreamResponse, Weight, breakers, catalog,
};

/// How often it is looked whether another upstream has room.
const LOOK: Duration = Duration::from_millis(100);

/// How old a board may be that shows no room elsewhere, in milliseconds.
const GLANCE_MS: u64 = 50;

/// Why an attempt gave no answer that could be relayed.
struct Failure {
    refusal: Refusal,
    is_worth_a_retry: bool,
    /// Nothing was sent.
    is_unreachable: bool,
    /// The same upstream would say the same again.
    is_settled_here: bool,
    /// How much the prompt was too long, where that is why.
    cut: Option<Cut>,
}

/// Sends to the upstream that the gate has chosen, and to others if that fails; answers with the first bytes there. It never ends
/// once the grant is gone.
///
/// # Errors
/// None has answered, and there is no attempt, no time or no upstream left.
pub async fn answer(job: &Job, place: &Place) -> Result<UpstreamResponse, Refusal> {
    job.begin();
    let mut left = job.config.retry_attempts;
    let mut doubted = Vec::new();
    loop {
        // Should the grant be gone, whoever waits beside this says why.
        let Some(upstream) = place.upstream() else {
            return pending().await;
        };
        let failure = match attempt(job, upstream, &mut doubted).await {
            Ok(response) => {
                // How an answer ends is told where it is relayed; one that is tried again is let in as soon as it begins one.
                if breakers::state(&job.config, upstream.into()) != State::Closed {
                    breakers::answered(&job.config, upstream.into());
                }
                confirm(job, &doubted, upstream);
                if job.cut.get().is_some() {
                    counters::count(Tallied::One(Single::PromptCut));
                }
                return Ok(response);
            }
            Err(failure) => failure,
        };
        // Whoever speaks this dialect knows what to do then.
        if let Some(cut) = failure.cut
            && job.endpoint == Endpoint::Messages
        {
            return Err(Refusal::PromptTooLong {
                prompt_tokens: cut.prompt_tokens,
                num_ctx: cut.num_ctx,
            });
        }
        // It went as the client did not say; now it goes as it came, and the client is told.
        if let Some(cut) = failure.cut
            && job.cut.get().is_none()
        {
            job.cut.set(Some(cut));
            continue;
        }
        if left == 0 || !failure.is_worth_a_retry {
            return Err(failure.refusal);
        }
        left -= 1;
        if !find_next(job, place, upstream, &failure).await {
            return Err(failure.refusal);
        }
    }
}

/// What depends on where and when the request is sent.
async fn sending(job: &Job, upstream: u8) -> Sending {
    let asks = job.config.policy.of(job.model()).keep_alive.is_some();
    Sending {
        loads: asks && model::loads(&job.config, upstream.into(), job.model()).await,
        may_cut: job.cut.get().is_some(),
        thinks: job.outgoing.known.thinks,
        completes: job.outgoing.known.completes,
    }
}

/// How much the prompt was too long, where that is why it was refused.
fn cut(trouble: &Trouble) -> Option<Cut> {
    match trouble {
        Trouble::Clients { document, .. } => Cut::read(document),
        _ => None,
    }
}

/// Another upstream has answered: it was not the request.
fn confirm(job: &Job, doubted: &[u8], answered: u8) {
    for upstream in doubted.iter().filter(|upstream| **upstream != answered) {
        breakers::failed(&job.config, usize::from(*upstream), Cause::Failed);
    }
}

async fn attempt(
    job: &Job,
    upstream: u8,
    doubted: &mut Vec<u8>,
) -> Result<UpstreamResponse, Failure> {
    let sending = sending(job, upstream).await;
    job.ask(upstream);
    if beforehand::is_refused_on_trial(job, upstream, &sending).await {
        job.account().upstream_ended();
        return Err(Failure {
            refusal: beforehand::no_embeddings(job.endpoint),
            is_worth_a_retry: false,
            is_unreachable: false,
            is_settled_here: true,
            cut: None,
        });
    }
    let call = Call {
        method: Method::POST,
        path: job.outgoing.path,
        headers: &job.headers,
        body: job.outgoing.payload(&sending),
        patience: job.time_left(),
    };
    let answering = async {
        let mut response = upstreams::send(&job.config, upstream.into(), call).await?;
        if response.status.is_success() {
            response.body.await_first().await?;
        }
        Ok(upstreams::judge(response, job.is_cloud()).await)
    };
    let answered = within(job.time_left(), answering)
        .await
        .unwrap_or_else(|| Err(UpstreamError::out_of_time()));
    let is_over = match &answered {
        Ok(judged) => judged.is_err(),
        Err(error) => !error.leaves_it_at_work(),
    };
    if is_over {
        job.account().upstream_ended();
    }
    match answered {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(judged)) => {
            judged.log(upstream.into());
            beforehand::note(job, upstream, &judged).await;
            match judged.weight() {
                Weight::Well => breakers::answered(&job.config, upstream.into()),
                Weight::None => {}
                Weight::Doubted => doubted.push(upstream),
                Weight::Full(cause) => breakers::failed(&job.config, upstream.into(), cause),
            }
            let is_elsewhere = judged.status == StatusCode::NOT_FOUND
                && catalog::is_elsewhere(&job.config, job.model(), upstream.into()).await;
            Err(Failure {
                refusal: job.in_its_form(judged.refusal()),
                is_worth_a_retry: judged.is_worth_a_retry() || is_elsewhere,
                is_unreachable: false,
                is_settled_here: is_elsewhere || judged.is_settled_here(job.config.retry_delay),
                cut: cut(&judged.trouble),
            })
        }
        Err(error) => {
            error.log(upstream);
            if error.is_upstreams_fault() {
                breakers::failed(&job.config, upstream.into(), Cause::from(&error));
            }
            Err(Failure {
                refusal: Refusal::from(&error),
                is_worth_a_retry: error.is_worth_a_retry(),
                is_unreachable: matches!(error, UpstreamError::Unreachable(_)),
                is_settled_here: false,
                cut: None,
            })
        }
    }
}

/// Waits until there is an upstream for the next attempt, the same or another; the grant is for it then. `false`: there is
/// none, or no time.
async fn find_next(job: &Job, place: &Place, failed: u8, failure: &Failure) -> bool {
    let delay = jittered(job.config.retry_delay);
    let failed_at = clock::now();
    while !job.time_left().is_zero() {
        breakers::refresh(&job.config).await;
        let has_others = others(job, place, failed).capacity() > 0;
        let can_stay = match breakers::state(&job.config, failed.into()) {
            _ if failure.is_settled_here => false,
            State::Closed => true,
            State::HalfOpen => !has_others,
            State::Open => false,
        };
        if !has_others && !can_stay {
            return false;
        }
        if has_others && move_on(job, place, failed).await {
            return true;
        }
        let waited = Duration::from_millis(clock::now_ms().saturating_sub(failed_at.mono_ms));
        let is_next = can_stay && (!has_others || !failure.is_unreachable);
        if is_next && waited >= delay {
            return true;
        }
        let rest = delay.saturating_sub(waited).max(Duration::from_millis(1));
        // Those who went back from the same place do not come there together again.
        let look = jittered(LOOK);
        sleep(if is_next { rest.min(look) } else { look }).await;
    }
    false
}

/// The room at the other upstreams, those left out that are known not to have the model.
fn others(job: &Job, place: &Place, failed: u8) -> Room {
    let wants = place.wants();
    let lacking = (0..8_u8).filter(|upstream| !wants.may_go(*upstream));
    let room = breakers::room(&job.config).without(failed);
    lacking.fold(room, Room::without)
}

/// Asks for another upstream, where one seems to have room for its model; `false`: the grant is for the same one as before. Whoever
/// schedules decides: two that move at once never take the same last place.
async fn move_on(job: &Job, place: &Place, failed: u8) -> bool {
    let avoid = 1_u8.checked_shl(failed.into()).unwrap_or(0);
    let board = gate::board(&job.config, GLANCE_MS).await;
    let is_full = |board: &Board| gate::another(&job.config, board, place.wants(), avoid).is_none();
    if board.is_ok_and(|board| is_full(&board)) {
        return false;
    }
    place.move_from(avoid).await;
    place.upstream().is_some_and(|upstream| upstream != failed)
}

/// Between half of it and all of it, so that many who failed together do not come back together.
fn jittered(delay: Duration) -> Duration {
    let half_ms = u64::try_from(delay.as_millis() / 2).unwrap_or(u64::MAX);
    delay / 2 + Duration::from_millis(random::below(half_ms))
}
