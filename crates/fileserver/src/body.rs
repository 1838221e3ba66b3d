//! The body of a response: nothing, bytes in memory, or a part of a file that is read while it is sent.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The body of a response. An error (a file that became shorter meanwhile) cuts the connection.
#[derive(Debug)]
pub struct FileBody(Content);

#[derive(Debug)]
enum Content {
    Empty,
    Bytes(Bytes),
    File { file: File, left: u64 },
}

impl FileBody {
    /// No bytes.
    pub(crate) fn empty() -> Self {
        Self(Content::Empty)
    }

    /// These bytes.
    pub(crate) fn bytes(bytes: Bytes) -> Self {
        Self(if bytes.is_empty() {
            Content::Empty
        } else {
            Content::Bytes(bytes)
        })
    }

    /// `length` bytes of a file from `start` on.
    pub(crate) fn file(mut file: File, start: u64, length: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(start))?;
        Ok(Self(if length == 0 {
            Content::Empty
        } else {
            Content::File { file, left: length }
        }))
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let (piece, rest) = match std::mem::replace(&mut self.0, Content::Empty) {
            Content::Empty => return Poll::Ready(None),
            Content::Bytes(bytes) => (Ok(bytes), Content::Empty),
            Content::File { mut file, left } => match read_piece(&mut file, left) {
                Ok(piece) => match left - piece.len() as u64 {
                    0 => (Ok(piece), Content::Empty),
                    left => (Ok(piece), Content::File { file, left }),
                },
                Err(error) => (Err(error), Content::Empty),
            },
        };
        self.0 = rest;
        Poll::Ready(Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Content::Empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.0 {
            Content::Empty => 0,
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File { left, .. } => *left,
        })
    }
}

/// At least one and at most `left` bytes.
fn read_piece(file: &mut File, left: u64) -> io::Result<Bytes> {
    let mut piece = Vec::new();
    file.take(left.min(PIECE)).read_to_end(&mut piece)?;
    if piece.is_empty() {
        Err(io::ErrorKind::UnexpectedEof.into())
    } else {
        Ok(piece.into())
    }
}

/// How much of a file is in memory at once.
const PIECE: u64 = 64 << 10;
