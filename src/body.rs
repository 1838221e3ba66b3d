//! The body of a request, read whole within bounds: one body's size, all bodies of an instance together, and the time
//! between two pieces.
//!
//! An instance serves up to 128 requests from one memory, so that bodies without a common bound would end in a trap that
//! silences them all.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use spin_sdk::time::sleep;
use spin_sdk::wasip3::http::types::{ErrorCode, Request};
use spin_sdk::wasip3::wit_bindgen::StreamResult;
use spin_sdk::wasip3::wit_future;

use crate::refusal::Refusal;

/// All bodies of one instance together: four of the largest that the default allows.
pub const MAX_IN_FLIGHT: usize = 32 * 1024 * 1024;

/// How long a body may stop coming.
const STALL: Duration = Duration::from_secs(30);

/// The size of one read.
const CHUNK: usize = 64 * 1024;

/// A body, and its share of the memory for bodies, given back on drop.
#[derive(Debug)]
pub struct Body {
    bytes: Bytes,
    _share: Share,
}

impl Body {
    /// The bytes; clones are cheap, but only this keeps its share.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Reads the body of a request whose headers say that it is `announced` bytes long.
///
/// # Errors
/// It is larger than `limit`, stops coming, breaks off, or there are too many bodies in flight.
pub async fn read(
    request: Request,
    announced: Option<usize>,
    limit: usize,
) -> Result<Body, Refusal> {
    if announced.is_some_and(|announced| announced > limit) {
        return Err(Refusal::BodyTooLarge { limit });
    }
    let mut share = Share::default();
    let (_handled, handled_reader) = wit_future::new(|| Ok(()));
    let (mut stream, trailers) = Request::consume_body(request, handled_reader);
    let mut body = Vec::new();
    loop {
        // What is read is held twice for a moment; the share is for what stays.
        let reading = pin!(stream.read(Vec::with_capacity(CHUNK)));
        let (result, chunk) = match select(reading, pin!(sleep(STALL))).await {
            Either::Left((read, _)) => read,
            Either::Right(_) => return Err(Refusal::BodyStalled),
        };
        if body.len() + chunk.len() > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        share.grow(chunk.len())?;
        body.extend_from_slice(&chunk);
        if result == StreamResult::Dropped {
            break;
        }
    }
    match trailers.await {
        Ok(_) => Ok(Body {
            bytes: body.into(),
            _share: share,
        }),
        Err(ErrorCode::HttpRequestBodySize(_)) => Err(Refusal::BodyTooLarge { limit }),
        Err(_) => Err(Refusal::BodyStalled),
    }
}

/// A share of [`MAX_IN_FLIGHT`].
#[derive(Debug, Default)]
struct Share(usize);

impl Share {
    fn grow(&mut self, by: usize) -> Result<(), Refusal> {
        let taken = IN_FLIGHT.get();
        if taken + by > MAX_IN_FLIGHT {
            return Err(Refusal::Overloaded);
        }
        IN_FLIGHT.set(taken + by);
        self.0 += by;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        IN_FLIGHT.set(IN_FLIGHT.get() - self.0);
    }
}

thread_local! {
    static IN_FLIGHT: Cell<usize> = const { Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_together_are_bounded_and_a_dropped_one_gives_its_share_back() {
        let mut first = Share::default();
        first.grow(MAX_IN_FLIGHT).unwrap();
        assert_eq!(Share::default().grow(1), Err(Refusal::Overloaded));
        drop(first);
        assert_eq!(Share::default().grow(MAX_IN_FLIGHT), Ok(()));
        assert_eq!(IN_FLIGHT.get(), 0);
    }
}
