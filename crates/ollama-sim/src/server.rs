//! The server: its socket, its connections, and the handle that a test holds.

use std::{error::Error, io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::task::TaskTracker;

use crate::{
    Counts, Generator, Identity, Model, Options, Recorded, Script, body::Severed, face::handle,
    state::State,
};

/// A running simulator. Dropping it stops it.
pub struct Sim {
    state: Arc<State>,
    addr: SocketAddr,
    url: String,
    connections: TaskTracker,
}

impl Sim {
    /// Opens the socket and serves until [`Sim::stop`].
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(options: Options) -> io::Result<Self> {
        Self::open(options, None).await
    }

    /// The same with a model that answers in the place of the scripts.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn serve(options: Options, generator: Arc<dyn Generator>) -> io::Result<Self> {
        Self::open(options, Some(generator)).await
    }

    async fn open(options: Options, generator: Option<Arc<dyn Generator>>) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let addr = listener.local_addr()?;
        let state = Arc::new(State::new(&options, generator));
        let scheme = if options.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let url = format!("{scheme}://{addr}{}", state.base_path);
        let connections = TaskTracker::new();
        let tls = options.tls.as_ref().map(Identity::acceptor);
        let accepting = accept(listener, Arc::clone(&state), tls, connections.clone());
        connections.spawn(state.stopping.clone().run_until_cancelled_owned(accepting));
        Ok(Self {
            state,
            addr,
            url,
            connections,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its origin and base path, without a slash at the end: what `OLLAMA_HOST` would be.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The counts now.
    pub fn counts(&self) -> Counts {
        self.state.ledger.counts()
    }

    /// The latest 10,000 requests, in order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.ledger.records()
    }

    /// Adds a script to the queue: it is for the first generating request that finds it at the front.
    pub fn push(&self, script: Script) {
        self.state.push_script(script);
    }

    /// Sets the script of requests that have no other, over that of [`Options`].
    pub fn set_default(&self, script: Script) {
        self.state.set_default(script);
    }

    /// Has one model more, or another one of a name: what `ollama pull` or `ollama cp` comes to.
    pub fn put_model(&self, model: &Model) {
        self.state.shelf.put(model);
    }

    /// Has a model no more: what `ollama rm` comes to. `short` is its name as it is listed.
    pub fn remove_model(&self, short: &str) {
        self.state.shelf.remove(short);
    }

    /// Kills all runners, with the answers that they give.
    pub fn kill_runners(&self) {
        self.state.runners.kill();
    }

    /// Forgets pushed scripts, the default that was set, and all requests that have ended.
    pub fn reset(&self) {
        self.state.reset();
    }

    /// Waits until `reached` holds of the counts, and returns them. Changes in quick succession may be seen as one, so
    /// wait for what only grows (`started >= 4`) or stays. There is no time limit: that is the test's.
    pub async fn wait_until(&self, reached: impl FnMut(&Counts) -> bool) -> Counts {
        match self.state.ledger.watch().wait_for(reached).await {
            Ok(counts) => counts.clone(),
            Err(_) => unreachable!("the ledger outlives this borrow of it"),
        }
    }

    /// Closes the socket and every connection, as a process that dies does. Streams that ran are counted as failed.
    pub async fn stop(&self) {
        self.state.stopping.cancel();
        self.connections.close();
        self.connections.wait().await;
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.state.stopping.cancel();
    }
}

/// A stream over TCP, TLS or not.
trait Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    fn tcp(&self) -> &TcpStream;
}

impl Connection for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Connection for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Accepts until cancelled.
async fn accept(
    listener: TcpListener,
    state: Arc<State>,
    tls: Option<TlsAcceptor>,
    connections: TaskTracker,
) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Out of file descriptors, or a client that left already: neither is a reason to end.
            Err(_) => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Small writes at once: else tokens wait up to 40 ms for the client's ACK.
        let _ = stream.set_nodelay(true);
        let stopping = state.stopping.clone();
        let (state, tls) = (Arc::clone(&state), tls.clone());
        connections.spawn(stopping.run_until_cancelled_owned(async move {
            match tls {
                None => serve(stream, state).await,
                // A client that does not like the certificate just leaves.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, state).await;
                    }
                }
            }
        }));
    }
}

/// Serves one connection. A client that closes it in the middle of an answer ends the answer: hyper goes on reading
/// while it writes, unless half-closed connections are asked for.
async fn serve(stream: impl Connection, state: Arc<State>) {
    let service = service_fn(move |request| handle(Arc::clone(&state), request));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    let Err(error) = (&mut connection).await else {
        return;
    };
    if error.source().and_then(|source| source.downcast_ref()) == Some(&Severed::Reset) {
        // With no time to linger, closing discards what is unsent and resets.
        let _ = connection
            .into_parts()
            .io
            .into_inner()
            .tcp()
            .set_zero_linger();
    }
}

/// Between attempts to accept, after an error.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
