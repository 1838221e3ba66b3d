//! The host's stderr, written by a thread of its own: nobody waits for whoever reads it. A stalled journal or a terminal after
//! Ctrl-S would else stop every stream.
//!
//! # Limits
//! Lines that come when [`MAX_LINES`] wait are dropped and counted.
//!
//! # Together
//! What comes while the thread writes, and in the [`PAUSE`] after that, is written at once. To wake it for each line cost a host
//! that refuses all the time a fifth of its CPU.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

static STDERR: LazyLock<Lines> = LazyLock::new(|| Lines::to(io::stderr()));

/// A writer to stderr that never waits for its reader. What is written in one go is a line, or some.
pub fn stderr() -> impl Write {
    STDERR.clone()
}

/// Waits until what was written to [`stderr`] is out, a second at most. Nothing comes out afterwards.
pub fn flush_stderr() {
    STDERR.end(LAST_LINES);
}

/// Says now and then how many lines were lost.
pub(crate) async fn report_dropped_lines() {
    let mut told = STDERR.dropped();
    loop {
        tokio::time::sleep(REPORT_EVERY).await;
        let dropped = STDERR.dropped();
        if dropped > told {
            tracing::warn!(
                lines = dropped - told,
                "nobody read this log: lines were dropped"
            );
            told = dropped;
        }
    }
}

/// Lines on their way to a writer that may be slow.
#[derive(Clone)]
struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Tells the thread that something has come, or the end.
    come: Condvar,
    /// Tells the end that everything is out.
    out: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Lines that are not out, those included that are being written.
    lines: usize,
    dropped: usize,
    thread: Thread,
    /// Nothing more is taken.
    is_closed: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Thread {
    /// Until it is told that something has come.
    Asleep,
    #[default]
    Awake,
    Ended,
}

impl Lines {
    fn to(writer: impl Write + Send + 'static) -> Self {
        let shared = Arc::<Shared>::default();
        let own = shared.clone();
        let thread = thread::Builder::new().name("stderr".into());
        if thread.spawn(move || own.write_to(writer)).is_err() {
            // A host without a log is better than none.
            let mut waiting = shared.lock();
            waiting.is_closed = true;
            waiting.thread = Thread::Ended;
        }
        Self(shared)
    }

    fn take(&self, lines: &[u8]) {
        let mut waiting = self.0.lock();
        if waiting.is_closed {
            return;
        }
        if waiting.lines == MAX_LINES {
            waiting.dropped += 1;
            return;
        }
        waiting.lines += 1;
        waiting.bytes.extend_from_slice(lines);
        if waiting.thread == Thread::Asleep {
            waiting.thread = Thread::Awake;
            drop(waiting);
            self.0.come.notify_all();
        }
    }

    fn dropped(&self) -> usize {
        self.0.lock().dropped
    }

    fn end(&self, patience: Duration) {
        let mut waiting = self.0.lock();
        waiting.is_closed = true;
        self.0.come.notify_all();
        let is_writing = |waiting: &mut Waiting| waiting.thread != Thread::Ended;
        drop(self.0.out.wait_timeout_while(waiting, patience, is_writing));
    }
}

impl Shared {
    fn write_to(&self, mut writer: impl Write) {
        let mut batch = Vec::new();
        let mut waiting = self.lock();
        loop {
            while waiting.bytes.is_empty() && !waiting.is_closed {
                waiting.thread = Thread::Asleep;
                let woken = self.come.wait(waiting);
                waiting = woken.unwrap_or_else(PoisonError::into_inner);
            }
            waiting.thread = Thread::Awake;
            if waiting.bytes.is_empty() {
                break;
            }
            mem::swap(&mut batch, &mut waiting.bytes);
            let lines = waiting.lines;
            drop(waiting);
            // A host whose own stderr is gone goes on without a log.
            _ = writer.write_all(&batch).and_then(|()| writer.flush());
            batch.clear();
            batch.shrink_to(KEPT_BYTES);
            waiting = self.lock();
            waiting.lines -= lines;
            let is_open = |waiting: &mut Waiting| !waiting.is_closed;
            let rested = self.come.wait_timeout_while(waiting, PAUSE, is_open);
            (waiting, _) = rested.unwrap_or_else(PoisonError::into_inner);
        }
        waiting.thread = Thread::Ended;
        self.out.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines that wait for whoever reads stderr: some seconds of a busy host.
const MAX_LINES: usize = 4096;

/// Nobody sees a log later by this, and a busy host writes some dozens of lines at once.
const PAUSE: Duration = Duration::from_millis(5);

/// The place for what is written at once that is kept for the next.
const KEPT_BYTES: usize = 64 << 10;

const LAST_LINES: Duration = Duration::from_secs(1);

const REPORT_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    /// Tells each write, and waits to be let go on.
    struct Slow {
        written: Sender<String>,
        let_go: Receiver<()>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8_lossy(bytes).into_owned();
            _ = self.written.send(text);
            // The end of a test lets everything go.
            _ = self.let_go.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Lines, Receiver<String>, Sender<()>) {
        let (written, writes) = channel();
        let (go_on, let_go) = channel();
        (Lines::to(Slow { written, let_go }), writes, go_on)
    }

    #[test]
    fn what_comes_while_it_writes_is_written_together() {
        let (lines, writes, go_on) = slow();
        lines.take(b"one\n");
        assert_eq!(writes.recv_timeout(DEADLINE).unwrap(), "one\n");
        lines.take(b"two\n");
        lines.take(b"three\n");
        go_on.send(()).unwrap();
        assert_eq!(writes.recv_timeout(DEADLINE).unwrap(), "two\nthree\n");
    }

    #[test]
    fn lines_too_many_are_dropped_and_counted_and_there_is_room_again_when_they_are_out() {
        let (lines, writes, go_on) = slow();
        lines.take(b"first\n");
        assert_eq!(writes.recv_timeout(DEADLINE).unwrap(), "first\n");
        for _ in 0..MAX_LINES + 2 {
            lines.take(b"x\n");
        }
        assert_eq!(lines.dropped(), 3);
        go_on.send(()).unwrap();
        let rest = writes.recv_timeout(DEADLINE).unwrap();
        assert_eq!(rest.lines().count(), MAX_LINES - 1);
        lines.take(b"last\n");
        assert_eq!(lines.dropped(), 3);
        go_on.send(()).unwrap();
        assert_eq!(writes.recv_timeout(DEADLINE).unwrap(), "last\n");
    }

    #[test]
    fn the_end_waits_until_all_is_out_and_nothing_comes_after_it() {
        let (lines, writes, go_on) = slow();
        lines.take(b"one\n");
        assert_eq!(writes.recv_timeout(DEADLINE).unwrap(), "one\n");
        lines.take(b"two\n");
        go_on.send(()).unwrap();
        go_on.send(()).unwrap();
        lines.end(DEADLINE);
        lines.take(b"three\n");
        drop(go_on);
        assert_eq!(writes.iter().collect::<Vec<_>>(), ["two\n"]);
    }
}
