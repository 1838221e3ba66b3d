//! The relay: an upstream's answer read and written on, chunk by chunk, each at once and unchanged.
//!
//! # Why it is not spliced
//! A spliced body is never seen: an answer that ends without its end mark would pass for a success, and it could not follow
//! the heartbeats. It costs one wake-up a chunk. A chunk is not copied: the buffer that was read is the one that is written.
//!
//! # Limits
//! A client that takes nothing is taken for gone ([`Outlet`]). A silent upstream is covered by heartbeats every
//! [`IDLE`], which is also how a client that left is noticed meanwhile. Behind the end of an answer the end of its body is waited for
//! a second and for 16 KiB, beside the client's taking it: an upstream that is done is not kept by a client that reads slowly.

use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select, try_join};
use sluice_ollama::framing::Tally;
use sluice_ollama::{Form, Heartbeat, Passage, Verdict};

use crate::clock::{self, Ticker, sleep, within};
use crate::http::outlet::{ClientGone, Outlet};
use crate::http::refuse::Refusal;
use crate::upstreams::{CHUNK, UpstreamBody, UpstreamError};

/// How long the upstream may be silent before the client is told that it is still there: pages take half a minute without
/// a byte for an interruption.
pub const IDLE: Duration = Duration::from_secs(5);

/// How long the end of a body is waited for behind the end of its answer.
const BEHIND_END: Duration = Duration::from_secs(1);

/// How long a host has for a last frame before its response is broken off.
const UNTIL_SENT: Duration = Duration::from_millis(50);

/// How a relayed answer ended.
#[derive(Debug)]
pub enum Outcome {
    /// The whole answer was passed on.
    Complete,
    /// The upstream ended in good order but without the end mark of its form.
    Incomplete,
    /// The answer carried an error of the upstream's own, which was passed on.
    Failed,
    /// The upstream broke off.
    UpstreamFailed(UpstreamError),
    /// The client left.
    ClientGone,
    /// The caller said stop.
    Stopped,
}

/// Relays an answer until it ends, for whatever reason. The upstream's connection is closed when this returns or is dropped.
///
/// `passage` looks at what the upstream sends and writes it as the client reads it, `heartbeat` fills its silences,
/// `may_go_on` is asked before each chunk is passed on, and `upstream_is_done` is told what was counted once an answer has come to
/// its end mark and its body has ended: the client may not have taken all of it then.
pub async fn relay(
    mut body: UpstreamBody,
    outlet: &mut Outlet,
    passage: &mut Passage,
    heartbeat: &Heartbeat,
    mut may_go_on: impl FnMut() -> ControlFlow<()>,
    upstream_is_done: impl FnOnce(Tally),
) -> Outcome {
    let mut buffer = Vec::with_capacity(CHUNK);
    let mut ticker = Ticker::new(IDLE);
    loop {
        let next = next_chunk(&mut body, buffer, outlet, passage, heartbeat, &mut ticker).await;
        let chunk = match next {
            Err(ClientGone) => return Outcome::ClientGone,
            Ok(Err(error)) => return Outcome::UpstreamFailed(error),
            Ok(Ok(None)) => break,
            Ok(Ok(Some(chunk))) => chunk,
        };
        if may_go_on().is_break() {
            return Outcome::Stopped;
        }
        let bytes = match passage.pass(chunk) {
            Ok(bytes) => bytes,
            Err(too_long) => return Outcome::UpstreamFailed(too_long.into()),
        };
        if passage.has_ended() {
            let tally = passage.tally();
            let is_done = || upstream_is_done(tally);
            let Ok(behind) = write_end(body, bytes, outlet, is_done).await else {
                return Outcome::ClientGone;
            };
            let Ok(bytes) = passage.pass(behind) else {
                break;
            };
            if outlet.write(bytes).await.is_err() {
                return Outcome::ClientGone;
            }
            break;
        }
        match outlet.write(bytes).await {
            Ok(emptied) => buffer = emptied,
            Err(ClientGone) => return Outcome::ClientGone,
        }
    }
    let (verdict, last) = passage.end();
    if outlet.write(last).await.is_err() {
        return Outcome::ClientGone;
    }
    match verdict {
        Verdict::Complete => Outcome::Complete,
        Verdict::Failed => Outcome::Failed,
        Verdict::Incomplete => Outcome::Incomplete,
    }
}

/// Writes the end of an answer, and beside that waits for the end of its body, which it tells; answers what came behind the answer.
/// What becomes of the connection makes no failure of it: all of it is there.
async fn write_end(
    mut body: UpstreamBody,
    bytes: Vec<u8>,
    outlet: &mut Outlet,
    upstream_is_done: impl FnOnce(),
) -> Result<Vec<u8>, ClientGone> {
    let mut behind = Vec::new();
    let body_ends = async {
        let to_its_end = async {
            while behind.len() < CHUNK
                && let Ok(Some(chunk)) = body.next(Vec::new()).await
            {
                behind.extend_from_slice(&chunk);
            }
        };
        within(BEHIND_END, to_its_end).await;
        drop(body);
        upstream_is_done();
        Ok(())
    };
    try_join(outlet.write(bytes), body_ends).await?;
    Ok(behind)
}

/// Ends a response with an error. Where its head is held that is a refusal; else it is told in the response's form, behind the
/// end of what was cut. A document that was cut cannot be mended: its response is broken off. Lines are broken off behind the
/// error: some clients read none in an answer that ends well, and show an empty one.
pub async fn fail(mut outlet: Outlet, passage: &Passage, heartbeat: &Heartbeat, refusal: &Refusal) {
    if outlet.is_unseen() {
        outlet.refuse(refusal.clone());
        return;
    }
    let kind = refusal.kind(heartbeat.family());
    let mut frame = heartbeat.error(refusal.code(), kind, &refusal.detail());
    if outlet.is_cut() || !passage.between_frames() {
        let Some(end) = heartbeat.break_off() else {
            return;
        };
        frame.splice(0..0, end.iter().copied());
    }
    if outlet.write(frame).await.is_err() {
        return;
    }
    if heartbeat.form() == Form::Lines {
        // A host that breaks a response off may drop what it has not sent yet.
        sleep(UNTIL_SENT).await;
    } else {
        outlet.finish().await;
    }
}

/// The next chunk, with heartbeats while there is none.
async fn next_chunk(
    body: &mut UpstreamBody,
    buffer: Vec<u8>,
    outlet: &mut Outlet,
    passage: &Passage,
    heartbeat: &Heartbeat,
    ticker: &mut Ticker,
) -> Result<Result<Option<Vec<u8>>, UpstreamError>, ClientGone> {
    let mut reading = pin!(body.next(buffer));
    // The first tick may be one that fell due before this read.
    let mut silent = false;
    loop {
        match select(reading.as_mut(), pin!(ticker.tick())).await {
            Either::Left((chunk, _)) => return Ok(chunk),
            Either::Right(_) if silent && passage.between_frames() => {
                outlet.write(heartbeat.idle(clock::wall_ms())).await?;
            }
            Either::Right(_) => silent = true,
        }
    }
}
