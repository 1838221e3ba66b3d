//! The time before an answer: how long the head is held back, and the heartbeats after it.

use std::cell::Cell;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures::future::{Either, select};
use sluice_gate::Now;
use sluice_gate::board::Board;
use sluice_ollama::Place;

use super::job::Job;
use super::{alternatives, beforehand, in_time, place};
use crate::clock::{self, sleep};
use crate::gate;
use crate::http::outlet::{ClientGone, Outlet};
use crate::http::refuse::Refusal;
use crate::upstreams::UpstreamResponse;

/// How long the head is held back from a request that has to wait: a start that comes at once still gets the upstream's
/// own status.
const SHORT: Duration = Duration::from_millis(25);

/// How often it is looked whether the head has to go out.
const GLANCE: Duration = Duration::from_millis(50);

/// How long a request may wait for a board that shows it before its head goes out all the same, in milliseconds: longer than an
/// operation on the store may take, so that whoever comes while the store hangs is told so by a status.
const UNSEEN_MS: u64 = 6_000;

/// How long an upstream may take for its head before it is treated like a wait, in milliseconds: it loads a model, or
/// reads a long prompt.
const SLOW_MS: u64 = 2_000;

/// How long the head of a document is held back from its arrival, whatever it waits for.
pub const DOCUMENT: Duration = Duration::from_secs(5);

/// How often a place is looked at that may have changed.
const TICK: Duration = Duration::from_secs(1);

/// How old a board may be that a change of place is told from, in milliseconds; the first place is told from a fresh one.
const TOLD_MS: u64 = 900;
const FIRST_MS: u64 = 50;

/// After how many looks a place is told although it has not changed.
const TICKS_AT_MOST: u32 = 5;

/// Waits until the head has to go out without an answer. Who is seen to have to wait is looked at once, before that.
///
/// # Errors
/// It would be refused in the end.
pub async fn patience(job: &Job, came: Now) -> Result<(), Refusal> {
    sleep(SHORT).await;
    let mut is_looked_at = false;
    loop {
        if !is_looked_at && is_in_line(job) {
            is_looked_at = true;
            let refusal = match beforehand::refusal(job).await {
                Some(refusal) => Some(refusal),
                None => in_time::refusal(job).await,
            };
            // One that was sent meanwhile is answered by its upstream.
            if let Some(refusal) = refusal.filter(|_| is_in_line(job)) {
                return Err(refusal);
            }
        }
        if is_looked_at && let Some(board) = gate::cached(&job.config, FIRST_MS) {
            job.see(&board);
        }
        if is_time_for_the_head(job, came) {
            return Ok(());
        }
        sleep(GLANCE).await;
    }
}

fn is_in_line(job: &Job) -> bool {
    job.place().is_some_and(|place| place.is_in_line())
}

fn is_time_for_the_head(job: &Job, came: Now) -> bool {
    let since_ms = |then: Now| clock::now_ms().saturating_sub(then.mono_ms);
    if job.heartbeat.form().is_document() && u128::from(since_ms(came)) < DOCUMENT.as_millis() {
        return false;
    }
    if let Some(begun) = job.attempt.get() {
        return since_ms(begun) > SLOW_MS;
    }
    let is_failing = job.place().is_some_and(|place| place.is_failed());
    is_in_line(job) || since_ms(came) > UNSEEN_MS && !is_failing
}

/// Tells the client its place until it is admitted. No frame is cut: what is being written when the answer comes is
/// written to its end.
///
/// # Errors
/// The client left. What is awaited is given up with it.
pub async fn with_heartbeats(
    mut admission: Pin<Box<impl Future<Output = Result<UpstreamResponse, Refusal>>>>,
    job: &Job,
    outlet: &mut Outlet,
) -> Result<Result<UpstreamResponse, Refusal>, ClientGone> {
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

/// A place as this board shows it.
fn place_on(job: &Job, board: &Board, told: Option<&Place>) -> Option<Place> {
    job.see(board);
    place::of(job, board, told)
}

/// The same on a board of this age at most, with what would begin sooner.
async fn place_of(job: &Job, max_age_ms: u64, told: Option<&Place>) -> Option<Place> {
    let board = gate::board(&job.config, max_age_ms).await.ok()?;
    let place = place_on(job, &board, told)?;
    // In a box that is made for it: who waits has no room for it.
    let alternatives = Box::pin(alternatives::of(job, &board, &place)).await;
    Some(Place {
        alternatives,
        ..place
    })
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
        // Looks since the last frame; the first place is told as soon as it is known.
        let mut silent = TICKS_AT_MOST;
        let mut max_age_ms = FIRST_MS;
        while !self.is_over.get() {
            let is_wanted = job.look().is_wanted();
            let place = if is_wanted {
                // The board that grants it is known here, and nothing would begin sooner.
                let board = gate::cached(&job.config, u64::MAX);
                board.and_then(|board| place_on(job, &board, told.as_ref()))
            } else {
                let telling = place_of(job, max_age_ms, told.as_ref());
                match job.look().unless_wanted(telling).await {
                    Some(place) => place,
                    None => continue,
                }
            };
            let is_new = place
                .as_ref()
                .is_some_and(|place| told.as_ref().is_none_or(|told| !place.is_like(told)));
            if silent == TICKS_AT_MOST || is_wanted || is_new {
                let now_ms = clock::wall_ms();
                let frame = match &place {
                    Some(place) => job.heartbeat.queue(place, now_ms),
                    None => job.heartbeat.idle(now_ms),
                };
                self.is_writing.set(true);
                outlet.write(frame).await?;
                self.is_writing.set(false);
                if is_wanted {
                    job.look().seen();
                }
                silent = 0;
                told = place;
            }
            silent += 1;
            max_age_ms = TOLD_MS;
            if !self.is_over.get() {
                select(pin!(job.look().wanted()), pin!(sleep(TICK))).await;
            }
        }
        Ok(())
    }
}
