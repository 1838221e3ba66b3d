//! The body of a request, read whole within bounds and its coding taken off: its size, its share of the memory for bodies, the time between two
//! pieces and the time in all.

use std::time::Duration;

use http::{HeaderMap, header};
use spin_sdk::wasip3::http::types::{ErrorCode, Request};
use spin_sdk::wasip3::wit_bindgen::StreamResult;
use spin_sdk::wasip3::wit_future;

use crate::budget::{Bounds, Full, Share};
use crate::clock::{self, within};
use crate::http::coding::{Coding, Decoder};
use crate::http::refuse::Refusal;
use crate::tasks::pause;

/// How long a body may stop coming.
const STALL: Duration = Duration::from_secs(30);

/// What is read is gathered in blocks of so many bytes: a client may send them one by one.
const BLOCK: usize = 64 * 1024;

/// The first block begins with so many: most bodies are no larger.
const SMALL: usize = 4 * 1024;

/// How much is read at once, at most.
const PIECE: usize = 16 * 1024;

/// A body, and its share of the memory for bodies.
#[derive(Debug)]
pub struct Body {
    bytes: Vec<u8>,
    share: Share,
}

impl Body {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, and their share for whoever holds on to them.
    pub fn into_parts(self) -> (Vec<u8>, Share) {
        (self.bytes, self.share)
    }
}

/// How large a body may be, how long it may take, and how much is held at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Its bytes.
    pub bytes: usize,
    /// From its beginning to its end.
    pub time: Duration,
    /// All bodies together.
    pub held: Bounds,
}

/// The body of a request, not read yet.
pub struct UnreadBody {
    request: Request,
    announced: Option<usize>,
    coding: Result<Coding, Refusal>,
}

impl UnreadBody {
    /// The body of a request with these headers.
    pub fn new(request: Request, headers: &HeaderMap) -> UnreadBody {
        let announced = headers.get(header::CONTENT_LENGTH);
        UnreadBody {
            request,
            announced: announced.and_then(|length| length.to_str().ok()?.parse().ok()),
            coding: Coding::of(headers),
        }
    }

    /// Reads it whole, and takes its coding off: the bound on its bytes is one on both.
    ///
    /// # Errors
    /// It is too large, coded as nothing here reads it, does not come in time, breaks off, or there are too many bytes of bodies already.
    pub async fn read(self, limits: Limits) -> Result<Body, Refusal> {
        let limit = limits.bytes;
        if self.announced.is_some_and(|announced| announced > limit) {
            return Err(Refusal::BodyTooLarge { limit });
        }
        let coding = self.coding.clone()?;
        self.read_on(limits, coding).await
    }

    /// A body that has all the bytes that were announced is at its end: nothing more is asked of the host then, which has held
    /// the client to their number.
    async fn read_on(self, limits: Limits, coding: Coding) -> Result<Body, Refusal> {
        let begun_ms = clock::now_ms();
        // One timer for both bounds: each is a task of the host's.
        let patience = || {
            let spent_ms = clock::now_ms().saturating_sub(begun_ms);
            STALL.min(limits.time.saturating_sub(Duration::from_millis(spent_ms)))
        };
        let (_taken, taken) = wit_future::new(|| Ok(()));
        let (mut pieces, end) = Request::consume_body(self.request, taken);
        let mut coming = Coming::new(limits, coding);
        let mut piece = Vec::with_capacity(self.announced.unwrap_or(PIECE).clamp(1, PIECE));
        while self.announced != Some(coming.coded) {
            let read = within(patience(), pieces.read(piece)).await;
            let (result, bytes) = read.ok_or(Refusal::BodyStalled)?;
            coming.add(&bytes)?;
            if coding != Coding::Identity {
                // What comes of a few bytes may be much, and they may come without a pause.
                pause().await;
            }
            if result == StreamResult::Dropped {
                match within(patience(), end.into_future())
                    .await
                    .ok_or(Refusal::BodyStalled)?
                {
                    // Trailers say nothing that is needed here.
                    Ok(_) => break,
                    Err(ErrorCode::HttpRequestBodySize(_)) => {
                        let limit = limits.bytes;
                        return Err(Refusal::BodyTooLarge { limit });
                    }
                    Err(_) => return Err(Refusal::BodyBroken),
                }
            }
            piece = bytes;
            piece.clear();
        }
        coming.finish()
    }
}

/// What has come of a body.
struct Coming {
    /// How many bytes came, as they are coded: what they come to may be nothing, without end.
    coded: usize,
    decoder: Decoder,
    /// What the decoder holds on to.
    decoders: Share,
    plain: Plain,
}

impl Coming {
    fn new(limits: Limits, coding: Coding) -> Coming {
        Coming {
            coded: 0,
            decoder: Decoder::new(coding),
            decoders: Share::new(limits.held),
            plain: Plain {
                limit: limits.bytes,
                share: Share::new(limits.held),
                blocks: Blocks::default(),
            },
        }
    }

    fn add(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        let plain = &mut self.plain;
        let limit = plain.limit;
        self.coded = self.coded.saturating_add(chunk.len());
        if self.coded > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        self.decoder.feed(chunk, |bytes| plain.add(bytes))?;
        let held = self.decoders.hold(self.decoder.held());
        held.map_err(|Full| Refusal::Overloaded)
    }

    fn finish(mut self) -> Result<Body, Refusal> {
        self.decoder.finish(|bytes| self.plain.add(bytes))?;
        Ok(Body {
            bytes: self.plain.blocks.into_vec(),
            share: self.plain.share,
        })
    }
}

/// What it comes to without its coding.
struct Plain {
    limit: usize,
    share: Share,
    blocks: Blocks,
}

impl Plain {
    fn add(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let limit = self.limit;
        if self.share.bytes() + bytes.len() > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        let grown = self.share.grow(bytes.len());
        grown.map_err(|Full| Refusal::Overloaded)?;
        self.blocks.add(bytes);
        Ok(())
    }
}

/// Bytes in blocks: a vector that grows would hold up to three times as much while it moves.
#[derive(Debug, Default)]
struct Blocks(Vec<Vec<u8>>);

impl Blocks {
    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.0.last().is_none_or(|block| block.len() == BLOCK) {
                // A body that has filled one is no small one.
                let capacity = if self.0.is_empty() { SMALL } else { BLOCK };
                self.0.push(Vec::with_capacity(capacity));
            }
            let Some(block) = self.0.last_mut() else {
                return;
            };
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - block.len()));
            let needed = block.len() + now.len();
            if needed > block.capacity() {
                // Left to itself, it would take more than a block, and what it leaves behind is too small for another.
                let capacity = needed.next_power_of_two().min(BLOCK);
                block.reserve_exact(capacity - block.len());
            }
            block.extend_from_slice(now);
            bytes = later;
        }
    }

    /// All of it in one piece, no larger than it is.
    fn into_vec(mut self) -> Vec<u8> {
        if self.0.len() == 1 {
            let mut only = self.0.pop().unwrap_or_default();
            only.shrink_to_fit();
            return only;
        }
        self.0.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn coming(coding: Coding, bounds: Bounds) -> Coming {
        let limits = Limits {
            bytes: MIB,
            time: Duration::ZERO,
            held: bounds,
        };
        Coming::new(limits, coding)
    }

    /// A frame of zstd's with a window of 8 MiB, and in it a block of 1,000 times one letter.
    const FRAME: [u8; 10] = [0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3, 0x43, 0x1f, 0, b'x'];

    #[test]
    fn what_a_coded_body_may_need_keeps_nobody_out_before_it_is_there() {
        let bounds = Bounds {
            total: 16 * MIB,
            client: None,
        };
        let mut silent: Vec<_> = (0..128).map(|_| coming(Coding::Zstd, bounds)).collect();
        for one in &mut silent {
            one.add(&FRAME[..6]).unwrap();
        }
        let mut plain = coming(Coding::Identity, bounds);
        assert_eq!(plain.add(&[0; MIB]), Ok(()));
    }

    #[test]
    fn a_coded_body_that_comes_to_nothing_is_bounded_too() {
        let gzip = [
            0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0];
        for (coding, empty) in [(Coding::Gzip, &gzip[..]), (Coding::Zstd, &zstd)] {
            let bounds = Bounds {
                total: 16 * MIB,
                client: None,
            };
            let mut one = coming(coding, bounds);
            let empty = empty.repeat(100);
            for _ in 0..MIB / empty.len() {
                assert_eq!(one.add(&empty), Ok(()), "{coding:?}");
            }
            let refused = one.add(&empty);
            assert_eq!(refused, Err(Refusal::BodyTooLarge { limit: MIB }));
        }
    }

    #[test]
    fn a_client_with_a_quarter_that_is_less_than_a_window_sends_coded_bodies() {
        let mut one = coming(
            Coding::Zstd,
            Bounds {
                total: 4 * MIB,
                client: Some(1),
            },
        );
        one.add(&FRAME).unwrap();
        assert_eq!(one.finish().unwrap().bytes(), [b'x'; 1_000]);
    }

    #[test]
    fn what_comes_in_any_pieces_is_the_same_whole_and_takes_no_more_than_it_is() {
        for (piece, pieces) in [
            (1, 100),
            (1, 3 * BLOCK),
            (BLOCK, 2),
            (BLOCK + 1, 3),
            (5 * BLOCK, 1),
            (20 << 10, 100),
            (33 << 10, 100),
        ] {
            let mut blocks = Blocks::default();
            let mut expected = Vec::new();
            for number in 0..pieces {
                let bytes = vec![u8::try_from(number % 251).unwrap(); piece];
                blocks.add(&bytes);
                expected.extend_from_slice(&bytes);
            }
            let held: usize = blocks.0.iter().map(Vec::capacity).sum();
            assert!(
                held < expected.len() + BLOCK,
                "{held} for {}",
                expected.len()
            );
            let whole = blocks.into_vec();
            assert!(whole == expected && whole.capacity() == whole.len());
        }
        assert!(Blocks::default().into_vec().is_empty());
    }
}
