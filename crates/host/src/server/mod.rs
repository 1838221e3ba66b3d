//! The HTTP server: accepts connections, within limits, and ends them in order.
//!
//! # Limits
//! Connections in number: beyond it those without a request give way (`waiting.rs`). A request's head in size, and in time from the moment its connection is accepted or free again; the
//! time in which a client takes nothing of its answer. An error of `accept` (most often: no file descriptors left) is waited
//! out and never ends the server.
//!
//! # What it does not do
//! TLS: a proxy in front of it does. HTTP/2: no browser speaks it without TLS, and one connection could hold a hundred times
//! what it may with HTTP/1.

mod body;
mod refuse;
mod service;
#[cfg(test)]
mod tests;
mod waiting;

use std::{convert::Infallible, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutWriter;

use self::refuse::Refusals;
pub(crate) use self::service::Service;
use self::waiting::{Connection, Waiting, Watched};
use crate::descriptors::Shares;

/// What clients may take of the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at the same time.
    pub(crate) connections: usize,
    /// Connections too many that are told so, at the same time; beyond that they are closed without a word.
    pub(crate) refusals: usize,
    /// The time for a request's head, the wait for its first byte included: an idle connection is closed after it.
    pub(crate) head: Duration,
    /// How long a client may take nothing of its answer.
    pub(crate) write: Duration,
}

impl Limits {
    /// For so many clients, with the times that clients usually have.
    pub(crate) fn new(shares: Shares) -> Self {
        Self {
            connections: shares.connections,
            refusals: shares.refusals,
            head: HEAD_TIMEOUT,
            write: WRITE_TIMEOUT,
        }
    }
}

/// A server on its socket.
pub(crate) struct Server {
    listener: TcpListener,
    service: Arc<Service>,
    limits: Limits,
    slots: Arc<Semaphore>,
    waiting: Arc<Waiting>,
    refusals: Refusals,
    /// Dropping it ends them all.
    connections: JoinSet<()>,
    graceful: GracefulShutdown,
}

impl Server {
    pub(crate) fn new(listener: TcpListener, service: Service, limits: Limits) -> Self {
        Self {
            listener,
            service: Arc::new(service),
            limits,
            slots: Arc::new(Semaphore::new(
                limits.connections.min(Semaphore::MAX_PERMITS),
            )),
            waiting: Arc::default(),
            refusals: Refusals::new(limits),
            connections: JoinSet::new(),
            graceful: GracefulShutdown::new(),
        }
    }

    /// Serves until `stop` says how long the open connections get to end; those that take longer are cut.
    pub(crate) async fn run(mut self, mut stop: oneshot::Receiver<Duration>) {
        let grace = loop {
            tokio::select! {
                grace = &mut stop => break grace.unwrap_or_default(),
                accepted = self.listener.accept() => self.accepted(accepted).await,
                Some(_) = self.connections.join_next(), if !self.connections.is_empty() => {}
            }
        };
        drop(self.listener);
        if timeout(grace, self.graceful.shutdown()).await.is_err() {
            tracing::warn!("connections that had not ended after {grace:?} were cut");
        }
    }

    async fn accepted(&mut self, accepted: io::Result<(TcpStream, SocketAddr)>) {
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                return sleep(ACCEPT_PAUSE).await;
            }
        };
        match self.slots.clone().try_acquire_owned() {
            Ok(slot) => self.serve(stream, client, Some(slot)),
            Err(_) if self.waiting.end_oldest() => self.serve(stream, client, None),
            Err(_) => self.refusals.refuse(stream),
        }
    }

    /// Without a slot it waits for that of the connection that gave way.
    fn serve(&mut self, stream: TcpStream, client: SocketAddr, slot: Option<OwnedSemaphorePermit>) {
        let (service, slots, limits) = (self.service.clone(), self.slots.clone(), self.limits);
        let watcher = self.graceful.watcher();
        let connection = Connection::new(self.waiting.clone());
        let place = connection.clone();
        let task = self.connections.spawn(async move {
            let _slot = match slot {
                Some(slot) => Ok(slot),
                None => slots.acquire_owned().await,
            };
            let Ok(stream) = prepare(stream, limits, &connection) else {
                return;
            };
            let service = service_fn(move |request| {
                let (service, busy) = (service.clone(), connection.begin());
                async move {
                    let answer = service.respond(request, client).await;
                    Ok::<_, Infallible>(answer.map(|body| busy.until_the_end_of(body)))
                }
            });
            let served = protocol(limits).serve_connection(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(served).await {
                // A client that left, or one that does not speak HTTP.
                tracing::debug!(%client, %error, "a connection ended early");
            }
        });
        place.is_run_by(task);
    }
}

/// What HTTP runs over: a stream that fails when its client takes nothing for too long.
type Stream = Watched<Pin<Box<TimeoutWriter<TcpStream>>>>;

fn prepare(stream: TcpStream, limits: Limits, connection: &Connection) -> io::Result<Stream> {
    // A frame must not wait for the acknowledgement of the one before it.
    stream.set_nodelay(true)?;
    // A client that vanished without a word acknowledges nothing. What is sent to it fits into the kernel's buffer for a
    // long time, so no write would ever tell.
    #[cfg(target_os = "linux")]
    SockRef::from(&stream).set_tcp_user_timeout(Some(limits.write))?;
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(limits.write));
    Ok(connection.watch(Box::pin(stream)))
}

fn protocol(limits: Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(MAX_HEAD_BYTES);
    builder
}

/// Without file descriptors the next `accept` fails at once; by then some connection may have ended.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Longer than the 60 s for which proxies keep an idle connection (those of `deploy/` do): whoever may send the next request
/// closes first, so that none meets a connection that is being closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// A page in a suspended tab reads again; a minute without a byte is a client that has gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// The size of a request's head, and of what is read at once.
const MAX_HEAD_BYTES: usize = 64 << 10;
