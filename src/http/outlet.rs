//! A response whose body is written as it comes.
//!
//! # Limits
//! A client that takes nothing for [`STALL`] is taken for gone.

use std::fmt;
use std::pin::pin;

use futures::future::{Either, select};
use http::{HeaderMap, StatusCode};
use spin_sdk::wasip3::http::types::{ErrorCode, Response, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureWriter, StreamWriter};
use spin_sdk::wasip3::{wit_future, wit_stream};

use super::reply::{STALL, answer_fields};
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

/// The writing half of our own response, its head already given to the host.
///
/// Dropped without [`Outlet::finish`] it breaks the response off, so that no client takes half an answer for a whole one.
pub struct Outlet {
    writer: StreamWriter<u8>,
    end: FutureWriter<Result<Option<Trailers>, ErrorCode>>,
    ticker: Ticker,
}

impl Outlet {
    /// A response whose body is written through the outlet. The handler returns the response at once and leaves the outlet
    /// to a spawned task.
    pub fn open(status: StatusCode, headers: HeaderMap) -> (Response, Outlet) {
        let (writer, reader) = wit_stream::new();
        let (end, end_reader) = wit_future::new(|| Err(ErrorCode::ConnectionTerminated));
        let (response, _sent) = Response::new(answer_fields(headers), Some(reader), end_reader);
        let _ = response.set_status_code(status.as_u16());
        let ticker = Ticker::new(STALL / STALL_TICKS);
        (
            response,
            Outlet {
                writer,
                end,
                ticker,
            },
        )
    }

    /// Writes bytes and waits until the host has taken them; gives the emptied buffer back.
    ///
    /// # Errors
    /// The client left, or has taken nothing for [`STALL`].
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, ClientGone> {
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

    /// Ends the response in good order.
    pub fn finish(self) {
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
