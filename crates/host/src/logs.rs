//! The host's stderr, and the components' stdout and stderr: line by line to it, each with the component's id before it.
//!
//! Nobody waits for whoever reads stderr: a thread of its own writes, and lines that come when [`MAX_LINES`] wait are dropped
//! and counted. A stalled journal or a terminal after Ctrl-S would else stop every stream.
//!
//! Lines of several instances and of both streams never mix within a line. A line longer than [`MAX_LINE_BYTES`] comes out
//! in pieces, so that a component that never ends its line takes a bounded place.

use std::{
    io::{self, Write},
    pin::Pin,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

/// The stderr of this process, with the thread that writes to it.
struct Stderr {
    writer: NonBlocking,
    thread: Mutex<Option<WorkerGuard>>,
}

static STDERR: LazyLock<Stderr> = LazyLock::new(|| {
    let (writer, thread) = NonBlockingBuilder::default()
        .buffered_lines_limit(MAX_LINES)
        .thread_name("stderr")
        .finish(io::stderr());
    Stderr {
        writer,
        thread: Mutex::new(Some(thread)),
    }
});

/// A writer to stderr that never waits for its reader, for the host's own log.
pub fn stderr() -> NonBlocking {
    STDERR.writer.clone()
}

/// Waits until what was written to [`stderr`] is out, a second at most. Nothing comes out afterwards.
pub fn flush_stderr() {
    let thread = &STDERR.thread;
    drop(thread.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// Says now and then how many lines were lost.
pub(crate) async fn report_dropped_lines() {
    let counter = STDERR.writer.error_counter();
    let mut told = counter.dropped_lines();
    loop {
        tokio::time::sleep(REPORT_EVERY).await;
        let dropped = counter.dropped_lines();
        if dropped > told {
            tracing::warn!(
                lines = dropped - told,
                "nobody read this log: lines were dropped"
            );
            told = dropped;
        }
    }
}

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

    /// Takes `bytes` and prints the lines they complete. A host whose own stderr is gone goes on without a log.
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

/// Lines that wait for whoever reads stderr: some seconds of a busy host.
const MAX_LINES: usize = 4096;

const REPORT_EVERY: Duration = Duration::from_secs(10);

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
