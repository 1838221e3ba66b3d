//! The HTTP server: accepts connections, within limits, and ends them in order.
//!
//! # Limits
//! Connections in number; the head of a request in size and time; for HTTP/2 the requests of a connection. An error of
//! `accept` (most often: no file descriptors left) is waited out and never ends the server.
//!
//! # What it does not do
//! TLS: a proxy in front of it does. HTTP/2 is therefore the kind without TLS and by prior knowledge.

mod body;
mod refuse;
mod service;
#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::refuse::Refusals;
pub(crate) use self::service::Service;

/// A server on its socket.
pub(crate) struct Server {
    listener: TcpListener,
    service: Arc<Service>,
    protocol: auto::Builder<TokioExecutor>,
    slots: Arc<Semaphore>,
    refusals: Refusals,
    /// Dropping it ends them all.
    connections: JoinSet<()>,
    graceful: GracefulShutdown,
    /// Ends the connections that have not sent anything yet, which `graceful` does not know.
    stopping: CancellationToken,
}

impl Server {
    pub(crate) fn new(listener: TcpListener, service: Service, max_connections: usize) -> Self {
        Self {
            listener,
            service: Arc::new(service),
            protocol: protocol(),
            slots: Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS))),
            refusals: Refusals::new(max_connections),
            connections: JoinSet::new(),
            graceful: GracefulShutdown::new(),
            stopping: CancellationToken::new(),
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
        self.stopping.cancel();
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
            Ok(slot) => self.serve(stream, client, slot),
            Err(_) => self.refusals.refuse(stream),
        }
    }

    fn serve(&mut self, stream: TcpStream, client: SocketAddr, slot: OwnedSemaphorePermit) {
        let service = self.service.clone();
        let service = service_fn(move |request| {
            let service = service.clone();
            async move { Ok::<_, std::convert::Infallible>(service.respond(request, client).await) }
        });
        let protocol = self.protocol.clone();
        let watcher = self.graceful.watcher();
        let stopping = self.stopping.clone();
        self.connections.spawn(async move {
            let _slot = slot;
            // A frame must not wait for the acknowledgement of the one before it.
            if stream.set_nodelay(true).is_err() {
                return;
            }
            let speaks = timeout(HEAD_TIMEOUT, stream.readable());
            let Some(Ok(Ok(()))) = stopping.run_until_cancelled(speaks).await else {
                return;
            };
            let connection = protocol.serve_connection(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection).await {
                // A client that left, or one that does not speak HTTP.
                tracing::debug!(%client, error, "a connection ended early");
            }
        });
    }
}

fn protocol() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        .keep_alive_interval(HTTP2_PING_INTERVAL);
    builder
}

/// Without file descriptors the next `accept` fails at once; by then some connection may have ended.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The time for a request's head, the wait for the first byte included: an idle connection is closed after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// The size of a request's head, and of what is read at once.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Requests at the same time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;

/// A client that has vanished without a word is found out after it, and another 20 s.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
