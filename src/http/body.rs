//! The body of a request, read whole within bounds: one body's size, all bodies of an instance together, and the time
//! between two pieces.
//!
//! An instance serves up to 128 requests from one memory, so that bodies without a common bound would end in a trap that
//! silences them all.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use spin_sdk::wasip3::http::types::ErrorCode;
use spin_sdk::wasip3::http_compat::IncomingRequestBody;

use crate::clock::within;
use crate::http::refuse::Refusal;

/// All bodies of one instance together: four of the largest that the default allows.
pub const MAX_IN_FLIGHT: usize = 32 * 1024 * 1024;

/// How long a body may stop coming.
const STALL: Duration = Duration::from_secs(30);

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

/// The body of a request, not read yet.
pub struct UnreadBody {
    incoming: IncomingRequestBody,
    announced: Option<usize>,
}

impl UnreadBody {
    /// The body of a request whose headers say that it is `announced` bytes long.
    pub fn new(incoming: IncomingRequestBody, announced: Option<usize>) -> UnreadBody {
        UnreadBody {
            incoming,
            announced,
        }
    }

    /// Reads it whole.
    ///
    /// # Errors
    /// It is larger than `limit` bytes, stops coming, breaks off, or there are too many bodies in flight.
    pub async fn read(mut self, limit: usize) -> Result<Body, Refusal> {
        if self.announced.is_some_and(|announced| announced > limit) {
            return Err(Refusal::BodyTooLarge { limit });
        }
        let mut share = Share::default();
        let mut body = Vec::new();
        while let Some(frame) = within(STALL, self.incoming.frame())
            .await
            .ok_or(Refusal::BodyStalled)?
        {
            let chunk = match frame.map(Frame::into_data) {
                Ok(Ok(chunk)) => chunk,
                // Trailers say nothing that is needed here.
                Ok(Err(_)) => continue,
                Err(ErrorCode::HttpRequestBodySize(_)) => {
                    return Err(Refusal::BodyTooLarge { limit });
                }
                Err(_) => return Err(Refusal::BodyBroken),
            };
            if body.len() + chunk.len() > limit {
                return Err(Refusal::BodyTooLarge { limit });
            }
            share.grow(chunk.len())?;
            body.extend_from_slice(&chunk);
        }
        Ok(Body {
            bytes: body.into(),
            _share: share,
        })
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
