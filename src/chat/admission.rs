//! From the gate to the upstream's head: wait, send as soon as the turn says so, and hand the answer out once it may be
//! relayed. A start that is taken back drops what was sent and waits again.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, select};
use http::{Method, StatusCode};
use sluice_gate::{Outcome, Phase};
use spin_sdk::time::sleep;
use spin_sdk::wasip3::random::random::get_random_u64;

use super::job::Job;
use super::place;
use crate::gate::{self, Stay};
use crate::refusal::Refusal;
use crate::upstreams::{self, Call, UpstreamError, UpstreamResponse};

/// Waits for the gate and answers the upstream's answer, its body unread, when it may be relayed.
///
/// # Errors
/// There will be none: the line took too long, the upstream failed for good, or the turn was ended.
pub async fn admit(job: Rc<Job>) -> Result<UpstreamResponse, Refusal> {
    let stay = job.stay().ok_or(Refusal::Cancelled)?;
    let mut patience = pin!(sleep(job.config.queue_timeout));
    loop {
        let started = match select(pin!(until_started(&stay)), patience.as_mut()).await {
            Either::Left((started, _)) => started,
            Either::Right(_) => return Err(place::queue_timeout(&job.config)),
        };
        started?;
        if let Some(response) = send(&job, &stay).await? {
            return Ok(response);
        }
    }
}

async fn until_started(stay: &Stay) -> Result<(), Refusal> {
    loop {
        match stay.phase() {
            Phase::Queued => stay.changed_from(Phase::Queued).await,
            Phase::Sending | Phase::Relaying => return Ok(()),
            Phase::Closing(outcome) | Phase::Over(outcome) => return Err(refusal(outcome)),
        };
    }
}

/// Sends, and waits until the answer is there and may be relayed; `None`: the start was taken back.
async fn send(job: &Job, stay: &Stay) -> Result<Option<UpstreamResponse>, Refusal> {
    let mut sending = pin!(attempts(job));
    let mut answer = None;
    loop {
        let phase = stay.phase();
        match phase {
            Phase::Queued => return Ok(None),
            Phase::Closing(outcome) | Phase::Over(outcome) => return Err(refusal(outcome)),
            Phase::Relaying if answer.is_some() => {
                job.grant();
                return Ok(answer);
            }
            Phase::Sending | Phase::Relaying => {}
        }
        if answer.is_some() {
            stay.changed_from(phase).await;
            continue;
        }
        if let Either::Left((sent, _)) =
            select(sending.as_mut(), pin!(stay.changed_from(phase))).await
        {
            answer = Some(sent?);
        }
    }
}

/// One attempt after another, as long as another could go better.
async fn attempts(job: &Job) -> Result<UpstreamResponse, Refusal> {
    let mut left = job.config.retry_attempts;
    loop {
        let (refusal, is_worth_a_retry) = match attempt(job).await {
            Ok(response) => match refused_by_status(response.status) {
                None => return Ok(response),
                Some(refusal) => (refusal, true),
            },
            Err(error) => {
                super::relaying::log_upstream(&error);
                (Refusal::from(&error), error.is_worth_a_retry())
            }
        };
        if left == 0 || !is_worth_a_retry {
            return Err(refusal);
        }
        left -= 1;
        sleep(jittered(job.config.retry_delay)).await;
    }
}

/// One attempt. An answer counts once its first bytes are there: an upstream that breaks off before them has given none, and
/// a head that goes out together with them does not cost its client a round trip.
async fn attempt(job: &Job) -> Result<UpstreamResponse, UpstreamError> {
    job.attempt.set(Some(gate::now()));
    let call = Call {
        method: Method::POST,
        path: job.outgoing.path,
        headers: &job.headers,
        body: job.outgoing.body.clone(),
        patience: job.config.request_timeout,
    };
    let mut response = upstreams::send(&job.config, 0, call).await?;
    if response.status.is_success() {
        response.body.wait().await?;
    }
    Ok(response)
}

/// What the upstream did wrong; a client's own mistake is passed on as an answer.
fn refused_by_status(status: StatusCode) -> Option<Refusal> {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => Some(Refusal::UpstreamBusy),
        status if status.is_server_error() => Some(Refusal::UpstreamError),
        _ => None,
    }
}

/// Between half of it and all of it, so that many who failed together do not come back together.
fn jittered(delay: Duration) -> Duration {
    let half_ms = u64::try_from(delay.as_millis() / 2).unwrap_or(u64::MAX);
    delay / 2 + Duration::from_millis(get_random_u64() % half_ms.max(1))
}

/// Why a turn that ended by itself is no answer.
pub fn refusal(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Cancelled | Outcome::Left | Outcome::Served => Refusal::Cancelled,
        Outcome::Stopped(_) | Outcome::StoreUnavailable => Refusal::StoreUnavailable,
    }
}
