//! Connections that wait for a request: they give way when no place is left.
//!
//! # Why
//! Whoever opens all the connections there may be, and says nothing or half a head on them, would keep everybody else out until
//! their deadlines. A connection without a request is no loss: the oldest one is closed for each that comes.
//!
//! # What does not give way
//! A connection with a request that is not answered to its end, and one whose client has not taken all of its last answer.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::AbortHandle,
};

/// All that wait, in the order in which they began to.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Order>);

#[derive(Default)]
struct Order {
    next: u64,
    connections: BTreeMap<u64, Arc<State>>,
}

/// What is to be known of a connection.
#[derive(Default)]
struct State {
    task: OnceLock<AbortHandle>,
    /// Whether its client has not taken all that was written.
    is_blocked: AtomicBool,
}

impl Waiting {
    /// Ends the connection that has waited longest; false if none can be ended.
    pub(super) fn end_oldest(&self) -> bool {
        let mut order = self.lock();
        let ended = order.connections.iter().find_map(|(number, state)| {
            let task = state.task.get()?;
            (!state.is_blocked.load(Ordering::Relaxed)).then(|| {
                task.abort();
                *number
            })
        });
        ended.is_some_and(|number| order.connections.remove(&number).is_some())
    }

    fn add(&self, state: &Arc<State>) -> u64 {
        let mut order = self.lock();
        let number = order.next;
        order.next += 1;
        order.connections.insert(number, state.clone());
        number
    }

    fn remove(&self, number: u64) {
        self.lock().connections.remove(&number);
    }

    fn lock(&self) -> MutexGuard<'_, Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection as one of those that wait: from its beginning, but for the times of its requests.
pub(super) struct Connection {
    waiting: Arc<Waiting>,
    state: Arc<State>,
    /// Its number while it waits; none while it has a request, and once it has ended.
    number: Mutex<Option<u64>>,
}

impl Connection {
    pub(super) fn new(waiting: Arc<Waiting>) -> Arc<Self> {
        let state = Arc::default();
        let number = Mutex::new(Some(waiting.add(&state)));
        Arc::new(Self {
            waiting,
            state,
            number,
        })
    }

    /// Says which task it is that ends when the connection is to give way.
    pub(super) fn is_run_by(&self, task: AbortHandle) {
        // It is said once.
        _ = self.state.task.set(task);
    }

    /// Watches what is written to it.
    pub(super) fn watch<S>(&self, stream: S) -> Watched<S> {
        Watched {
            stream,
            state: self.state.clone(),
        }
    }

    /// It has a request until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        if let Some(number) = self.number().take() {
            self.waiting.remove(number);
        }
        Busy(self.clone())
    }

    fn number(&self) -> MutexGuard<'_, Option<u64>> {
        self.number.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(number) = self.number().take() {
            self.waiting.remove(number);
        }
    }
}

/// A request is being answered.
pub(super) struct Busy(Arc<Connection>);

impl Busy {
    /// The body of the answer, with which the request ends.
    pub(super) fn until_the_end_of<B>(self, body: B) -> Answer<B> {
        Answer { body, _busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.number() = Some(self.0.waiting.add(&self.0.state));
    }
}

/// The body of an answer.
pub(super) struct Answer<B> {
    body: B,
    _busy: Busy,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that notes whether its last write had to wait.
pub(super) struct Watched<S> {
    stream: S,
    state: Arc<State>,
}

impl<S> Watched<S> {
    fn noted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.state
            .is_blocked
            .store(written.is_pending(), Ordering::Relaxed);
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future;

    use super::*;

    async fn running(waiting: &Arc<Waiting>) -> (Arc<Connection>, tokio::task::JoinHandle<()>) {
        let connection = Connection::new(waiting.clone());
        let task = tokio::spawn(future::pending());
        connection.is_run_by(task.abort_handle());
        (connection, task)
    }

    #[tokio::test]
    async fn the_one_that_has_waited_longest_gives_way() {
        let waiting = Arc::default();
        let (_first, first) = running(&waiting).await;
        let (_second, second) = running(&waiting).await;
        assert!(waiting.end_oldest());
        assert!(first.await.unwrap_err().is_cancelled());
        assert!(!second.is_finished());
        assert!(waiting.end_oldest());
        assert!(second.await.unwrap_err().is_cancelled());
        assert!(!waiting.end_oldest());
    }

    #[tokio::test]
    async fn one_with_a_request_or_an_answer_that_is_not_taken_does_not() {
        let waiting = Arc::default();
        let (connection, task) = running(&waiting).await;
        let busy = connection.begin();
        assert!(!waiting.end_oldest());
        drop(busy);
        connection.state.is_blocked.store(true, Ordering::Relaxed);
        assert!(!waiting.end_oldest());
        connection.state.is_blocked.store(false, Ordering::Relaxed);
        assert!(waiting.end_oldest());
        assert!(task.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn one_that_has_ended_waits_no_more() {
        let waiting = Arc::<Waiting>::default();
        let (connection, _task) = running(&waiting).await;
        drop(connection.begin());
        drop(connection);
        assert!(waiting.lock().connections.is_empty());
    }
}
