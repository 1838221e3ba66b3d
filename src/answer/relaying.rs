//! The answer: relayed while the turn allows it, and its end told, whatever it is.

use std::future::pending;
use std::ops::ControlFlow;
use std::pin::pin;

use futures::future::{Either, select};
use http::StatusCode;
use serde_json::Value;
use sluice_gate::instance::Phase;
use sluice_ollama::Passage;
use sluice_ollama::framing::Tally;

use super::admission;
use super::job::Job;
use super::relay::{self, Outcome};
use crate::clock::{self, sleep};
use crate::counters::endings;
use crate::gate::Place;
use crate::http::outlet::Outlet;
use crate::http::refuse::Refusal;
use crate::upstreams::{Cause, UpstreamResponse, breakers};

/// Relays an answer to its end and frees the slot as soon as the end of the upstream's body was read behind an end mark, whatever the
/// client has taken by then, or the client has left.
pub async fn relay_answer(job: &Job, response: UpstreamResponse, mut outlet: Outlet) {
    job.outgoing.let_go();
    let mut passage = job.passage();
    let outcome = relay_in_time(job, response, &mut outlet, &mut passage).await;
    let has_ended = matches!(
        outcome,
        Ok(Outcome::Complete | Outcome::Failed | Outcome::Incomplete)
    );
    let is_over = match &outcome {
        Ok(Outcome::UpstreamFailed(error)) => !error.leaves_it_at_work(),
        _ => has_ended,
    };
    if is_over {
        job.account().upstream_ended();
    }
    let upstream = job.upstream.get();
    // Ollama ends an answer without its last line where a model repeats itself: whoever asks for that must not close an upstream.
    if has_ended {
        breakers::answered(&job.config, upstream.into());
    }
    // An upstream that failed has said itself what went wrong.
    let has_failed = matches!(outcome, Ok(Outcome::Failed));
    let trouble = match outcome {
        Ok(Outcome::Complete | Outcome::Failed) => None,
        Ok(Outcome::Incomplete) => Some(Refusal::IncompleteAnswer),
        Ok(Outcome::UpstreamFailed(error)) => {
            error.log(upstream);
            if error.is_upstreams_fault() {
                breakers::failed(&job.config, upstream.into(), Cause::from(&error));
            }
            Some(Refusal::from(&error))
        }
        Ok(Outcome::ClientGone) => {
            job.finish(endings::CLIENT_GONE, passage.tally(), false);
            return;
        }
        Ok(Outcome::Stopped) => Some(stopped(job)),
        Err(trouble) => Some(trouble),
    };
    let is_complete = trouble.is_none() && !has_failed;
    let word = match &trouble {
        None if has_failed => "failed",
        None => "complete",
        Some(trouble) => trouble.code(),
    };
    job.finish(word, passage.tally(), is_complete);
    match trouble {
        None => match has_failed.then(|| outlet.unseen()).flatten() {
            // Nobody has seen a byte of it, so the status can say that it is none.
            Some(document) => outlet.refuse(upstreams_own(&document)),
            None => outlet.finish().await,
        },
        Some(trouble) => relay::fail(outlet, &passage, &job.heartbeat, &trouble).await,
    }
}

/// Relays until the answer ends, the turn is ended, or the request has taken too long.
async fn relay_in_time(
    job: &Job,
    response: UpstreamResponse,
    outlet: &mut Outlet,
    passage: &mut Passage,
) -> Result<Outcome, Refusal> {
    let Some(place) = job.place() else {
        return Err(Refusal::Cancelled);
    };
    let may_go_on = || {
        if place.may_relay() {
            job.account().pass(clock::now);
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let upstream_is_done = |tally: Tally| {
        job.account().upstream_ended();
        job.give_back(&place, tally);
    };
    let relaying = pin!(relay::relay(
        response.body,
        outlet,
        passage,
        &job.heartbeat,
        may_go_on,
        upstream_is_done,
    ));
    // Beside the relay, not between its chunks: an upstream that is silent is left in time, too.
    match select(relaying, pin!(until_stopped(job, &place))).await {
        Either::Left((outcome, _)) => Ok(outcome),
        Either::Right((trouble, _)) => Err(trouble),
    }
}

/// Waits until the turn is ended, or the request has taken too long. Nothing is stopped any more once the place was given back.
async fn until_stopped(job: &Job, place: &Place) -> Refusal {
    let ended = pin!(place.until_stopped());
    let too_long = pin!(sleep(job.time_left()));
    let trouble = match select(ended, too_long).await {
        Either::Left(_) => stopped(job),
        Either::Right(_) => Refusal::UpstreamTimeout,
    };
    if place.is_given_back() {
        return pending().await;
    }
    trouble
}

/// The upstream's own word on why its document is none, in whichever form.
fn upstreams_own(document: &[u8]) -> Refusal {
    let document: Value = serde_json::from_slice(document).unwrap_or_default();
    let error = &document["error"];
    let sentence = error.as_str().or(error["message"].as_str());
    Refusal::Upstreams {
        status: StatusCode::BAD_GATEWAY,
        sentence: sentence.unwrap_or_default().to_owned(),
        document: Some(document),
    }
}

fn stopped(job: &Job) -> Refusal {
    match job.place().map(|place| place.phase()) {
        Some(Phase::Over(why)) => admission::refusal(job, why),
        _ => Refusal::StoreUnavailable,
    }
}

/// Tells a refusal to a client whose head is out.
pub async fn report(job: &Job, refusal: &Refusal, outlet: Outlet) {
    job.finish_without_answer(refusal.code());
    relay::fail(outlet, &job.passage(), &job.heartbeat, refusal).await;
}
