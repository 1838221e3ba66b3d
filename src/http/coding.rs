//! A body's content coding: gzip or zstd, taken off as the body comes.
//!
//! # Limits
//! What comes of a few bytes may be large, so it is handed out in pieces (a mebibyte of deflate's at most, 128 KiB of zstd's
//! and at the end of a frame its window), and whoever takes them says when it is too much. A window of zstd's is at most
//! [`WINDOW`], which is what every encoder stays within that is not asked for more (RFC 8878 asks decoders for no more). It is
//! filled as the body comes: [`Decoder::held`] says how far. A body has one coding: none that was coded twice is read.

use std::io::Write;

use flate2::write::MultiGzDecoder;
use http::{HeaderMap, header};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::http::refuse::Refusal;

/// The largest window of zstd's, in bytes.
const WINDOW: usize = 8 * 1024 * 1024;

/// How a body is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952, one member or several.
    Gzip,
    /// RFC 8878, one frame or several.
    Zstd,
}

impl Coding {
    /// What a request's headers say.
    ///
    /// # Errors
    /// It is none that is read here.
    pub fn of(headers: &HeaderMap) -> Result<Coding, Refusal> {
        let mut coding = Coding::Identity;
        for value in headers.get_all(header::CONTENT_ENCODING) {
            let value = value.to_str().map_err(|_| Refusal::UnsupportedCoding)?;
            for name in value.split(',').map(str::trim) {
                coding = match (coding, name.to_ascii_lowercase().as_str()) {
                    (coding, "identity" | "") => coding,
                    (Coding::Identity, "gzip" | "x-gzip") => Coding::Gzip,
                    (Coding::Identity, "zstd") => Coding::Zstd,
                    _ => return Err(Refusal::UnsupportedCoding),
                };
            }
        }
        Ok(coding)
    }
}

/// Takes a coding off, chunk by chunk.
pub struct Decoder(Way);

enum Way {
    Identity,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zstd(Box<Zstd>),
}

impl Decoder {
    /// For a body that is coded so.
    pub fn new(coding: Coding) -> Decoder {
        Decoder(match coding {
            Coding::Identity => Way::Identity,
            Coding::Gzip => Way::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            Coding::Zstd => Way::Zstd(Box::default()),
        })
    }

    /// How many bytes it holds on to beside what it has handed out.
    pub fn held(&self) -> usize {
        match &self.0 {
            Way::Identity => 0,
            Way::Gzip(_) => GZIP,
            Way::Zstd(zstd) => zstd.held(),
        }
    }

    /// Hands what this chunk comes to to `take`, in pieces.
    ///
    /// # Errors
    /// It is not coded so, or `take` wants no more.
    pub fn feed(
        &mut self,
        chunk: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        match &mut self.0 {
            Way::Identity => take(chunk),
            Way::Gzip(decoder) => {
                for part in chunk.chunks(PART) {
                    decoder.write_all(part).map_err(undecodable)?;
                    hand_out(decoder, &mut take)?;
                }
                Ok(())
            }
            Way::Zstd(zstd) => zstd.feed(chunk, &mut take),
        }
    }

    /// The same at the end of the body.
    ///
    /// # Errors
    /// It has ended too early.
    pub fn finish(
        mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        match &mut self.0 {
            Way::Identity => Ok(()),
            Way::Gzip(decoder) => {
                decoder.try_finish().map_err(undecodable)?;
                hand_out(decoder, &mut take)
            }
            Way::Zstd(zstd) => zstd.finish(),
        }
    }
}

/// What a decoder of gzip's holds from its beginning, in bytes: its window and its tables.
const GZIP: usize = 64 * 1024;

/// How much of a gzip body is decoded at once, in bytes.
const PART: usize = 1024;

fn hand_out(
    decoder: &mut MultiGzDecoder<Vec<u8>>,
    take: &mut impl FnMut(&[u8]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    take(decoder.get_ref())?;
    decoder.get_mut().clear();
    Ok(())
}

/// Frames of zstd's. The decoder wants each block whole, so what came is kept until it is.
#[derive(Default)]
struct Zstd {
    came: Vec<u8>,
    /// `None`: before the header of the first frame, or of another.
    frame: Option<Frame>,
    frames: usize,
}

/// A frame whose header has come.
struct Frame {
    /// Its own: one that is used again makes room for a whole window at once.
    decoder: FrameDecoder,
    header: Header,
    blocks: usize,
}

impl Zstd {
    fn feed(
        &mut self,
        chunk: &[u8],
        take: &mut impl FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.came.extend_from_slice(chunk);
        let mut came = std::mem::take(&mut self.came);
        let mut rest = came.as_slice();
        while let Some(next) = self.step(rest, take)? {
            rest = next;
        }
        let done = came.len() - rest.len();
        came.drain(..done);
        self.came = came;
        Ok(())
    }

    fn finish(&self) -> Result<(), Refusal> {
        let is_whole = self.came.is_empty() && self.frame.is_none() && self.frames > 0;
        is_whole.then_some(()).ok_or(Refusal::BodyUndecodable)
    }

    /// What has come and makes no block yet, and of the window as much as the blocks may have filled.
    fn held(&self) -> usize {
        let window = self.frame.as_ref().map_or(0, |frame| {
            let filled = frame.blocks.saturating_mul(LARGEST_BLOCK);
            frame.header.window.min(filled)
        });
        self.came.len() + window
    }

    /// One header or block; `None`: it is not there whole yet.
    fn step<'a>(
        &mut self,
        came: &'a [u8],
        take: &mut impl FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<Option<&'a [u8]>, Refusal> {
        let mut rest = came;
        let Some(frame) = &mut self.frame else {
            let Some(header) = Header::read(came) else {
                return Ok(None);
            };
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(WINDOW as u64);
            decoder.reset(&mut rest).map_err(undecodable)?;
            self.frames += 1;
            self.frame = Some(Frame {
                decoder,
                header,
                blocks: 0,
            });
            return Ok(Some(rest));
        };
        if !has_block(came, frame.header.has_checksum) {
            return Ok(None);
        }
        let one = BlockDecodingStrategy::UptoBlocks(1);
        let is_last = frame.decoder.decode_blocks(&mut rest, one);
        let is_last = is_last.map_err(undecodable)?;
        frame.blocks += 1;
        take(&frame.decoder.collect().unwrap_or_default())?;
        if is_last {
            self.frame = None;
        }
        Ok(Some(rest))
    }
}

/// What the header of a frame says (RFC 8878, 3.1.1.1); the decoder judges whether it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    /// How far back a block may reach, in bytes; at most [`WINDOW`].
    window: usize,
    /// Whether a checksum follows the last block.
    has_checksum: bool,
}

impl Header {
    /// `None`: it is not there whole yet.
    fn read(came: &[u8]) -> Option<Header> {
        let (descriptor, fields) = came.get(MAGIC..)?.split_first()?;
        let is_single = descriptor & IS_SINGLE_SEGMENT != 0;
        let window_bytes = usize::from(!is_single);
        let dictionary_bytes = [0, 1, 2, 4][usize::from(descriptor & 0b11)];
        let size_bytes = [usize::from(is_single), 2, 4, 8][usize::from(descriptor >> 6)];
        let fields = fields.get(..window_bytes + dictionary_bytes + size_bytes)?;
        let window = match fields.first() {
            Some(window) if !is_single => {
                let base = 1_u64 << (10 + (window >> 3));
                base + base / 8 * u64::from(window & 0b111)
            }
            // It is all that the frame holds, which has its bounds elsewhere.
            _ => WINDOW as u64,
        };
        Some(Header {
            window: usize::try_from(window).map_or(WINDOW, |window| window.min(WINDOW)),
            has_checksum: descriptor & HAS_CHECKSUM != 0,
        })
    }
}

/// Whether a block is there whole, and behind the last one its frame's checksum.
fn has_block(came: &[u8], has_checksum: bool) -> bool {
    let &[first, second, third, ..] = came else {
        return false;
    };
    let header = u32::from_le_bytes([first, second, third, 0]);
    let (is_last, kind, size) = (header & 1 == 1, header >> 1 & 3, header >> 3);
    // A repeated byte stands there once. What is too large is refused by the decoder, with its header alone.
    let bytes = match (kind, usize::try_from(size).unwrap_or(usize::MAX)) {
        (REPEATED, _) => 1,
        (_, size) if size > LARGEST_BLOCK => 0,
        (_, size) => size,
    };
    let checksum = if is_last && has_checksum { 4 } else { 0 };
    came.len() >= 3 + bytes + checksum
}

/// The bytes that a frame begins with; its descriptor follows.
const MAGIC: usize = 4;

/// The bit of a descriptor that says that a checksum follows the last block.
const HAS_CHECKSUM: u8 = 0b100;

/// The bit of a descriptor that says that a frame has no other window than its content.
const IS_SINGLE_SEGMENT: u8 = 0b10_0000;

/// The largest block, in bytes.
const LARGEST_BLOCK: usize = 128 * 1024;

/// The kind of a block that is one byte, many times.
const REPEATED: u32 = 1;

fn undecodable<E>(_: E) -> Refusal {
    Refusal::BodyUndecodable
}

#[cfg(test)]
mod tests;
