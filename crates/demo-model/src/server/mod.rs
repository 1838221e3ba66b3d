//! The server: its socket, its connections, and the handle on both.

mod answer;
mod body;
mod catalog;
mod request;
mod routes;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    engine::{Counts, Engine},
    model::Model,
};

/// How to serve.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Answers at once.
    pub slots: usize,
    /// Threads that compute; 0: one for each core.
    pub threads: usize,
}

/// A running server. Dropping it stops it.
pub struct Demo {
    state: Arc<State>,
    addr: SocketAddr,
    stopping: CancellationToken,
    connections: TaskTracker,
}

/// What all requests share.
struct State {
    model: Arc<Model>,
    engine: Engine,
    /// Numbers for OpenAI's ids.
    answers: AtomicU64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            slots: 4,
            threads: 0,
        }
    }
}

impl Demo {
    /// Opens the socket and serves until [`Demo::stop`].
    ///
    /// # Errors
    /// The address cannot be listened on, or no thread can be started.
    pub async fn start(model: Model, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let addr = listener.local_addr()?;
        let model = Arc::new(model);
        let engine = Engine::start(Arc::clone(&model), options.slots, options.threads);
        let state = Arc::new(State {
            model,
            engine: engine.map_err(io::Error::other)?,
            answers: AtomicU64::new(1),
        });
        let (stopping, connections) = (CancellationToken::new(), TaskTracker::new());
        let accepting = accept(
            listener,
            Arc::clone(&state),
            stopping.clone(),
            connections.clone(),
        );
        connections.spawn(stopping.clone().run_until_cancelled_owned(accepting));
        Ok(Self {
            state,
            addr,
            stopping,
            connections,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its origin: what `OLLAMA_HOST` would be.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// How much is going on, now and whenever it changes.
    pub fn counts(&self) -> watch::Receiver<Counts> {
        self.state.engine.counts()
    }

    /// Closes the socket and every connection.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.connections.close();
        self.connections.wait().await;
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// Accepts until cancelled.
async fn accept(
    listener: TcpListener,
    state: Arc<State>,
    stopping: CancellationToken,
    connections: TaskTracker,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, or a client that left already: neither is a reason to end.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Small writes at once: else tokens wait up to 40 ms for the client's ACK.
        let _ = stream.set_nodelay(true);
        let serving = serve(stream, Arc::clone(&state));
        connections.spawn(stopping.clone().run_until_cancelled_owned(serving));
    }
}

/// Serves one connection. A client that closes it in the middle of an answer ends the answer: hyper goes on reading while it
/// writes.
async fn serve(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(move |request| routes::handle(Arc::clone(&state), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off is no news.
    let _ = connection.await;
}

/// Between attempts to accept, after an error.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
