//! From the gate to the upstream's head: wait for the grant, look whether the client is still there, send, and hand the answer out.

use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, Fuse, select};
use sluice_gate::instance::{Phase, Why};
use sluice_gate::policy::Refusal as GateRefusal;

use super::job::Job;
use super::{MOMENT, attempts, beforehand, lost, place};
use crate::clock::{self, sleep};
use crate::gate::Place;
use crate::http::refuse::Refusal;
use crate::upstreams::UpstreamResponse;

/// What takes no longer is no wait.
const AT_ONCE: Duration = Duration::from_millis(50);

/// How often a request comes to the gate again that lost its place through no fault of its own.
const AGAIN_AT_MOST: u32 = 3;

/// Waits for the gate and answers the upstream's answer, its body unread.
///
/// # Errors
/// There will be none: the line took too long, the upstream failed for good, or the request was ended.
pub async fn admit(job: Rc<Job>) -> Result<UpstreamResponse, Refusal> {
    // One timer for whoever is granted at once: those of a wait begin when it is one.
    let is_wait = sleep(AT_ONCE).shared();
    let mut patience = pin!(out_of_patience(&job, is_wait.clone()));
    let mut taken_up = pin!(taken_up(&job, is_wait).fuse());
    let mut again = 0;
    loop {
        let place = job.place().ok_or(Refusal::Cancelled)?;
        let granted = pin!(until_granted(&job, &place));
        let interrupted = select(patience.as_mut(), taken_up.as_mut());
        let granted = match select(granted, interrupted).await {
            Either::Left((granted, _)) => granted,
            Either::Right((Either::Left(_), _)) => return Err(place::queue_timeout(&job.config)),
            Either::Right((Either::Right(_), _)) => {
                // One that was granted while the record was read has its slot.
                if place.phase().waits() {
                    job.come_again();
                }
                continue;
            }
        };
        let sent = match granted {
            // Its slot is held from here on, whatever the upstream takes to answer: that is what others wait for.
            Ok(()) => {
                // It is not polled from here on, and what it had begun at the store would hold up others.
                taken_up.set(Fuse::terminated());
                send(&job, &place).await
            }
            Err(lost) => Err(lost),
        };
        match sent {
            Ok(response) => return Ok(response),
            Err(Lost::Refused(refusal)) => return Err(refusal),
            Err(Lost::Store) => return Err(Refusal::StoreUnavailable),
            Err(Lost::TakenBack) => {}
            Err(Lost::Over(why)) => match why {
                Why::Lapsed if again < AGAIN_AT_MOST => job.come_again(),
                Why::Refused(_) if again == 0 && take_up(&job).await => job.come_again(),
                Why::Refused(GateRefusal::PlacesTaken) if again == 0 => {
                    sleep(MOMENT).await;
                    job.come_again();
                }
                Why::Refused(GateRefusal::NoLoad) => return Err(Box::pin(no_load(&job)).await),
                why => return Err(refusal(&job, why)),
            },
        }
        again += 1;
    }
}

/// Why a grant did not come, did not last, or came to no answer.
enum Lost {
    /// No upstream has answered.
    Refused(Refusal),
    /// The grant was taken back; the request waits on.
    TakenBack,
    /// The request has nothing at the gate any more.
    Over(Why),
    /// The store has failed for longer than this request waits for it.
    Store,
}

/// Waits until the request is granted, and its client was seen to be there.
async fn until_granted(job: &Job, place: &Place) -> Result<(), Lost> {
    let mut phase = place.phase();
    loop {
        match phase {
            Phase::Waiting | Phase::Sending { .. } => {
                let changed = place
                    .changed_or_given_up(phase, job.config.record_ttl)
                    .await;
                phase = changed.ok_or(Lost::Store)?;
            }
            Phase::Relaying { .. } => {
                place.start();
                job.look().at_client().await;
                phase = place.phase();
                if place.may_relay() {
                    return Ok(());
                }
                if let Phase::Relaying { .. } = phase {
                    // Its session was not renewed in time; the machine will say so at its next step.
                    phase = place.changed_from(phase).await;
                }
            }
            Phase::Over(why) => return Err(Lost::Over(why)),
        }
    }
}

/// Sends, and waits for the answer, as long as the grant stands.
async fn send(job: &Job, place: &Place) -> Result<UpstreamResponse, Lost> {
    // In a box that is made for it: who waits has no room for it.
    let sending = Box::pin(attempts::answer(job, place));
    if let Either::Left((sent, _)) = select(sending, pin!(place.until_stopped())).await {
        let response = sent.map_err(Lost::Refused)?;
        if place.may_relay() {
            return Ok(response);
        }
    }
    let phase = place.phase();
    let phase = match phase {
        Phase::Relaying { .. } => place.changed_from(phase).await,
        phase => phase,
    };
    Err(match phase {
        Phase::Over(why) => Lost::Over(why),
        Phase::Waiting | Phase::Sending { .. } | Phase::Relaying { .. } => Lost::TakenBack,
    })
}

/// Waits until the line has taken too long.
async fn out_of_patience(job: &Job, is_wait: impl Future<Output = ()>) {
    let (patience, begun_ms) = (job.queue_timeout(), clock::now_ms());
    is_wait.await;
    let spent_ms = clock::now_ms().saturating_sub(begun_ms);
    sleep(patience.saturating_sub(Duration::from_millis(spent_ms))).await;
}

/// Waits until this request, which stands in line, has taken up the age of a lost place. Where there is none it never ends.
async fn taken_up(job: &Job, is_wait: impl Future<Output = ()>) {
    is_wait.await;
    let mut pauses = lost::PAUSES.into_iter();
    loop {
        if job.place().is_some_and(|place| place.is_in_line()) && take_up(job).await {
            return;
        }
        match pauses.next() {
            Some(pause) => sleep(pause).await,
            None => return pending().await,
        }
    }
}

/// Takes up the age of a lost place; `false`: there is none that is longer than this request's own.
async fn take_up(job: &Job) -> bool {
    let Some(mark) = job.mark() else {
        return false;
    };
    match lost::take(mark).await {
        Some(waited_ms) => job.account().take_up(waited_ms, clock::now()),
        None => false,
    }
}

/// Its model could not be loaded. Where it is known why, as of a name that no upstream has, that is told as Ollama says it.
async fn no_load(job: &Job) -> Refusal {
    let known = beforehand::refusal(job).await;
    known.unwrap_or_else(place::no_load)
}

/// Why a request that is over gets no answer.
pub fn refusal(job: &Job, why: Why) -> Refusal {
    match why {
        Why::Ended | Why::Cancelled => Refusal::Cancelled,
        Why::Lapsed => Refusal::StoreUnavailable,
        Why::Refused(GateRefusal::QueueFull) => place::queue_full(&job.config),
        Why::Refused(GateRefusal::PlacesTaken) => place::places_taken(&job.config, job.client()),
        Why::Refused(GateRefusal::NoLoad) => place::no_load(),
    }
}
