//! The components' stdout and stderr: line by line to the host's stderr, each with the component's id before it.
//!
//! Lines of several instances and of both streams never mix within a line. A line longer than [`MAX_LINE_BYTES`] comes out
//! in pieces, so that a component that never ends its line takes a bounded place.

use std::{
    io::{self, Write},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

use crate::stderr::stderr;

/// One output stream of one instance. Clones share the line that is being written.
#[derive(Clone)]
pub(crate) struct LineLog {
    component: Arc<str>,
    line: Arc<Mutex<Vec<u8>>>,
}

impl LineLog {
    pub(crate) fn new(component: Arc<str>) -> Self {
        Self {
            component,
            line: Arc::default(),
        }
    }

    /// Takes `bytes` and prints the lines they complete.
    fn take(&self, bytes: &[u8]) {
        let out = self.completed(bytes);
        if !out.is_empty() {
            _ = stderr().write_all(&out);
        }
    }

    /// The lines that `bytes` complete, as they are printed.
    fn completed(&self, bytes: &[u8]) -> Vec<u8> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            for part in text.chunks(MAX_LINE_BYTES) {
                if line.len() + part.len() > MAX_LINE_BYTES {
                    self.print(&mut out, &mut line);
                }
                line.extend_from_slice(part);
            }
            if ended {
                self.print(&mut out, &mut line);
            }
        }
        out
    }

    fn print(&self, out: &mut Vec<u8>, line: &mut Vec<u8>) {
        _ = write!(out, "[{}] ", self.component);
        out.append(line);
        out.push(b'\n');
    }
}

impl Drop for LineLog {
    /// The last line of an instance that ended without ending it, such as the message of a panic.
    fn drop(&mut self) {
        if Arc::strong_count(&self.line) == 1
            && !self
                .line
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_empty()
        {
            self.take(b"\n");
        }
    }
}

impl IsTerminal for LineLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LineLog {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for LineLog {
    async fn ready(&mut self) {}
}

impl OutputStream for LineLog {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_LINE_BYTES)
    }
}

impl AsyncWrite for LineLog {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Longer than any line that is meant for people.
const MAX_LINE_BYTES: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(log: &LineLog, text: &str) -> String {
        String::from_utf8(log.completed(text.as_bytes())).unwrap()
    }

    #[test]
    fn lines_come_out_when_they_are_complete_and_with_their_component() {
        let log = LineLog::new("c".into());
        assert_eq!(completed(&log, "one"), "");
        assert_eq!(
            completed(&log, " line\ntwo\nthr"),
            "[c] one line\n[c] two\n"
        );
        assert_eq!(completed(&log, "ee\n"), "[c] three\n");
    }

    #[test]
    fn clones_write_on_the_same_line() {
        let log = LineLog::new("c".into());
        let clone = log.clone();
        assert_eq!(completed(&log, "one "), "");
        assert_eq!(completed(&clone, "line\n"), "[c] one line\n");
    }

    #[test]
    fn an_endless_line_comes_out_in_pieces() {
        let log = LineLog::new("c".into());
        let out = completed(&log, &"x".repeat(2 * MAX_LINE_BYTES + 1));
        let lines: Vec<_> = out.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(
            lines
                .iter()
                .all(|line| line.len() == MAX_LINE_BYTES + "[c] ".len())
        );
        assert_eq!(completed(&log, "\n"), "[c] x\n");
    }
}
