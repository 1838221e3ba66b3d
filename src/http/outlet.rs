//! A response whose body is written as it comes.
//!
//! Its head goes out at once, or is held back until the body is whole ([`Outlet::hold`]): then the status still says how it went.
//!
//! # Limits
//! A client that takes nothing for [`STALL`] is taken for gone.

use std::fmt;
use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};
use http::{HeaderMap, StatusCode};
use spin_sdk::wasip3::http::types::{ErrorCode, Response, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureWriter, StreamWriter};
use spin_sdk::wasip3::{wit_future, wit_stream};

use super::hold::Hold;
use super::refuse::Refusal;
use super::reply::{STALL, answer_fields, in_slices};
use crate::clock::Ticker;
use crate::tasks::spawn;

/// The client has left, or reads no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientGone;

impl fmt::Display for ClientGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("client_gone")
    }
}

/// The writing half of our own response.
///
/// Dropped without [`Outlet::finish`] it breaks the response off, so that no client takes half an answer for a whole one; a
/// response whose head is held becomes a refusal.
pub struct Outlet {
    way: Way,
    is_cut: bool,
}

/// The response whose head is held back, beside its outlet.
pub type HeldHead = Hold<Writer>;

enum Way {
    Out(Writer),
    Held(Rc<HeldHead>),
}

/// Writes a response whose head is with the host.
pub struct Writer {
    writer: StreamWriter<u8>,
    end: FutureWriter<Result<Option<Trailers>, ErrorCode>>,
    ticker: Ticker,
}

impl Outlet {
    /// A response whose body is written through the outlet. The handler returns the response at once and leaves the outlet
    /// to a spawned task.
    pub fn open(status: StatusCode, headers: HeaderMap) -> (Response, Outlet) {
        let (response, writer) = Writer::open(status, headers);
        (response, Outlet::new(Way::Out(writer)))
    }

    /// A response whose head waits for what its body comes to, and its outlet.
    pub fn hold() -> (Rc<HeldHead>, Outlet) {
        let held = Rc::new(Hold::new());
        let way = Way::Held(held.clone());
        (held, Outlet::new(way))
    }

    fn new(way: Way) -> Outlet {
        Outlet { way, is_cut: false }
    }

    /// Writes bytes and waits until they are taken; gives the emptied buffer back.
    ///
    /// # Errors
    /// The client left, or has taken nothing for [`STALL`].
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, ClientGone> {
        self.is_cut = true;
        let emptied = self.write_whole(bytes).await?;
        self.is_cut = false;
        Ok(emptied)
    }

    async fn write_whole(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, ClientGone> {
        if let Way::Held(held) = &self.way {
            let (mut writer, first) = match held.released() {
                Some(released) => released,
                None if held.takes(&bytes) => return Ok(bytes),
                None => held.release_of_head().await,
            };
            writer.write(first).await?;
            self.way = Way::Out(writer);
        }
        match &mut self.way {
            Way::Out(writer) => writer.write(bytes).await,
            Way::Held(_) => Ok(bytes),
        }
    }

    /// Whether a write did not come to its end: it failed, or was dropped, and how much of it was taken nobody knows.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether nobody has seen a byte of the response: its head is still held.
    pub fn is_unseen(&self) -> bool {
        matches!(&self.way, Way::Held(held) if !held.is_released())
    }

    /// What was written of a response whose head is still held; `None`: it is out.
    pub fn unseen(&self) -> Option<Vec<u8>> {
        match &self.way {
            Way::Held(held) if self.is_unseen() => Some(held.bytes()),
            _ => None,
        }
    }

    /// Ends the response in good order.
    pub async fn finish(mut self) {
        // What is held goes out first.
        if !self.is_unseen() && self.write(Vec::new()).await.is_err() {
            return;
        }
        match self.way {
            Way::Out(writer) => writer.finish(),
            Way::Held(held) => held.end(Ok(())),
        }
    }

    /// Makes a response whose head is held a refusal; one whose head is out is broken off.
    pub fn refuse(self, refusal: Refusal) {
        if let Way::Held(held) = &self.way {
            held.end(Err(refusal));
        }
    }
}

impl HeldHead {
    /// The head goes out; what was held follows it with the next write.
    pub fn let_go(&self, status: StatusCode, headers: HeaderMap) -> Response {
        let (response, writer) = Writer::open(status, headers);
        self.release(writer);
        response
    }
}

impl Writer {
    fn open(status: StatusCode, headers: HeaderMap) -> (Response, Writer) {
        let (writer, reader) = wit_stream::new();
        let (end, end_reader) = wit_future::new(|| Err(ErrorCode::ConnectionTerminated));
        let (response, _sent) = Response::new(answer_fields(headers), Some(reader), end_reader);
        let _ = response.set_status_code(status.as_u16());
        let ticker = Ticker::new(STALL / STALL_TICKS);
        (
            response,
            Writer {
                writer,
                end,
                ticker,
            },
        )
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, ClientGone> {
        in_slices(bytes, async |slice| self.write_slice(slice).await).await
    }

    async fn write_slice(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, ClientGone> {
        if bytes.is_empty() {
            return Ok(bytes);
        }
        let mut writing = pin!(self.writer.write_all(bytes));
        // The first tick may be one that fell due before this write.
        for _ in 0..=STALL_TICKS {
            match select(writing.as_mut(), pin!(self.ticker.tick())).await {
                Either::Left((rest, _)) if rest.is_empty() => return Ok(rest),
                Either::Left(_) => return Err(ClientGone),
                Either::Right(_) => {}
            }
        }
        Err(ClientGone)
    }

    fn finish(self) {
        drop(self.writer);
        let ending = self.end.write(Ok(None));
        spawn(async move {
            // A client that left before the end is not an error.
            let _ = ending.await;
        });
    }
}

/// Within how many ticks a stalled write is noticed: more would cost more timers, fewer would be less exact.
const STALL_TICKS: u32 = 6;

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_write_that_is_dropped_leaves_its_answer_cut() {
        let (_held, mut outlet) = Outlet::hold();
        assert!(outlet.write(vec![b' '; 10]).now_or_never().is_some());
        assert!(!outlet.is_cut());
        // More than is held: it waits for the head.
        let large = vec![b' '; 1 << 20];
        assert!(outlet.write(large).now_or_never().is_none());
        assert!(outlet.is_cut());
    }
}
