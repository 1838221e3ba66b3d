//! The time before an answer: how long the head is held back, and the heartbeats after it.

use std::cell::Cell;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures::future::{Either, select};
use sluice_ollama::Place;
use spin_sdk::time::sleep;

use super::job::Job;
use super::{SHED_MS, fairness, place};
use crate::clock;
use crate::gate;
use crate::http::outlet::{ClientGone, Outlet};
use crate::http::refuse::Refusal;
use crate::upstreams::UpstreamResponse;

/// How long the head is held back from a request that has to wait: a start that comes at once still gets the upstream's
/// own status.
const SHORT: Duration = Duration::from_millis(25);

/// How often it is looked whether the head has to go out.
const GLANCE: Duration = Duration::from_millis(100);

/// How long an upstream may take for its head before it is treated like a wait, in milliseconds: it loads a model, or
/// reads a long prompt.
const SLOW_MS: u64 = 2_000;

/// How often a place is looked at that may have changed.
const TICK: Duration = Duration::from_secs(1);

/// How old a reading may be that a change of place is told from, in milliseconds; the first place is told from a fresh
/// one. Each instance reads the line once for all its clients, and reads stand behind the store's writes.
const TOLD_MS: u64 = 900;

/// After how many looks a place is told although it has not changed.
const TICKS_AT_MOST: u32 = 5;

/// Waits until the head has to go out without an answer.
///
/// # Errors
/// The line turned out to be full: the one too many goes.
pub async fn patience(job: &Job) -> Result<(), Refusal> {
    sleep(SHORT).await;
    loop {
        if job.stay().is_some_and(|stay| stay.is_in_line()) {
            return second_shed(job).await;
        }
        if job
            .attempt
            .get()
            .is_some_and(|begun| clock::now().since(begun) > SLOW_MS)
        {
            return Ok(());
        }
        sleep(GLANCE).await;
    }
}

/// Many who saw room at once may have drawn more tickets than there were places. A reading from before the own draw is the
/// one that was judged by already, so it does not count.
async fn second_shed(job: &Job) -> Result<(), Refusal> {
    let Some(stay) = job.stay() else {
        return Ok(());
    };
    let most = gate::cached(u64::MAX).and_then(|line| stay.most_ahead_in(&line));
    let has_place = most.is_some_and(|most| most < u64::from(job.config.max_queue));
    if has_place && stay.client() == 0 {
        return Ok(());
    }
    let mut reading = gate::line(SHED_MS).await;
    if reading.as_ref().is_ok_and(|line| !stay.is_counted_in(line)) {
        reading = gate::line(0).await;
    }
    let Ok(line) = reading else {
        return Ok(());
    };
    if stay.is_in_line() && stay.ahead_in(&line) >= job.config.max_queue {
        return Err(place::queue_full(&job.config, &line));
    }
    fairness::second_look(&job.config, &stay, &line)
}

/// Tells the client its place until it is admitted. No frame is cut: what is being written when the answer comes is
/// written to its end.
///
/// # Errors
/// The client left. What is awaited is given up with it.
pub async fn with_heartbeats<F>(
    mut admission: Pin<Box<F>>,
    job: &Job,
    outlet: &mut Outlet,
) -> Result<Result<UpstreamResponse, Refusal>, ClientGone>
where
    F: Future<Output = Result<UpstreamResponse, Refusal>>,
{
    let pulse = Pulse::default();
    let mut beating = pin!(pulse.beat(job, outlet));
    match select(admission.as_mut(), beating.as_mut()).await {
        Either::Left((admitted, _)) => {
            if pulse.ends_after_this_frame() {
                beating.await?;
            }
            Ok(admitted)
        }
        Either::Right((Err(gone), _)) => Err(gone),
        Either::Right((Ok(()), _)) => Ok(admission.await),
    }
}

#[derive(Default)]
struct Pulse {
    is_writing: Cell<bool>,
    is_over: Cell<bool>,
}

impl Pulse {
    /// Whether a frame is being written; if so, it is the last.
    fn ends_after_this_frame(&self) -> bool {
        self.is_over.set(true);
        self.is_writing.get()
    }

    async fn beat(&self, job: &Job, outlet: &mut Outlet) -> Result<(), ClientGone> {
        let mut told: Option<Place> = None;
        let mut ticks = 0;
        let mut max_age_ms = SHED_MS;
        while !self.is_over.get() {
            let place = gate::line(max_age_ms)
                .await
                .ok()
                .and_then(|line| place::of(job, &line));
            if ticks == 0 || (place.is_some() && place != told) {
                let now_ms = clock::wall_ms();
                let frame = match &place {
                    Some(place) => job.heartbeat.queue(place, now_ms),
                    None => job.heartbeat.idle(now_ms),
                };
                self.is_writing.set(true);
                outlet.write(frame).await?;
                self.is_writing.set(false);
                ticks = TICKS_AT_MOST;
                told = place;
            }
            ticks -= 1;
            max_age_ms = TOLD_MS;
            if !self.is_over.get() {
                sleep(TICK).await;
            }
        }
        Ok(())
    }
}
