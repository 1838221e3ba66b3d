//! From the gate to the upstream's head: wait, send as soon as the turn says so, and hand the answer out once it may be
//! relayed. A start that is taken back drops what was sent and waits again.

use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};
use sluice_gate::{Outcome, Phase};
use spin_sdk::time::sleep;

use super::job::Job;
use super::{attempts, place};
use crate::gate::Stay;
use crate::http::refuse::Refusal;
use crate::upstreams::UpstreamResponse;

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
        // Its slot is held from here on, whatever the upstream takes to answer: that is what others wait for.
        job.account().grant();
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
    let mut sending = pin!(attempts::answer(job, stay));
    let mut answer = None;
    loop {
        let phase = stay.phase();
        match phase {
            Phase::Queued => return Ok(None),
            Phase::Closing(outcome) | Phase::Over(outcome) => return Err(refusal(outcome)),
            Phase::Relaying if answer.is_some() => return Ok(answer),
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

/// Why a turn that ended by itself is no answer.
pub fn refusal(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Cancelled | Outcome::Left | Outcome::Served => Refusal::Cancelled,
        Outcome::Stopped(_) | Outcome::StoreUnavailable => Refusal::StoreUnavailable,
    }
}
