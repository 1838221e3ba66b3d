//! Outbound HTTP: what a component's request to an upstream goes through.
//!
//! The origin is checked against the component's `allowed_outbound_hosts`, a connection is taken from the pool or made, the
//! request goes out, and the answer's body comes back without being collected anywhere. A component that drops the body
//! closes the connection at once, which is how Ollama learns to stop generating.
//!
//! # What it does not do
//! HTTP/2 to upstreams, proxies, redirects, requests to the application itself.

mod allowed;
mod body;
mod connect;
mod exchange;
mod pool;
#[cfg(test)]
mod tests;

use std::{
    error::Error as _,
    future::{self, Future},
    io,
    path::Path,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime_wasi::TrappableError;
use wasmtime_wasi_http::p3::{RequestOptions, WasiHttpHooks, bindings::http::types::ErrorCode};

pub(crate) use self::allowed::AllowedHosts;
use self::{
    body::ResponseBody,
    connect::Connector,
    exchange::{Exchange, Failure},
    pool::Pool,
};
use crate::{Error, runtime_config::OutboundHttp};

/// The client that all components of an application share.
#[derive(Clone)]
pub(crate) struct Client(Arc<Pool>);

impl Client {
    pub(crate) fn new(
        config: Option<&OutboundHttp>,
        ca_file: Option<&Path>,
    ) -> Result<Self, Error> {
        let keep = config.is_none_or(|config| config.connection_pooling);
        let max_connections = config.and_then(|config| config.max_connections);
        Ok(Self(Arc::new(Pool::new(
            Connector::new(ca_file)?,
            keep,
            max_connections,
        ))))
    }
}

/// The client with the permissions of one component.
#[derive(Clone)]
pub(crate) struct Outbound {
    component: Arc<str>,
    client: Client,
    allowed: Arc<AllowedHosts>,
}

type Body = UnsyncBoxBody<Bytes, ErrorCode>;

/// Resolves when the rest of a request has been sent, or with what went wrong about it.
type Io = Box<dyn Future<Output = Result<(), ErrorCode>> + Send>;

impl Outbound {
    pub(crate) fn new(component: Arc<str>, client: Client, allowed: AllowedHosts) -> Self {
        Self {
            component,
            client,
            allowed: Arc::new(allowed),
        }
    }

    async fn send(
        self,
        request: Request<Body>,
        options: RequestOptions,
    ) -> Result<(Response<Body>, Io), ErrorCode> {
        if !self.allowed.allow(request.uri()) {
            let (scheme, host) = (request.uri().scheme_str(), request.uri().authority());
            tracing::warn!(component = %self.component, ?scheme, ?host, "not among allowed_outbound_hosts");
            return Err(ErrorCode::HttpRequestDenied);
        }
        let head = self.exchange(request, &options);
        let (response, io) = timeout(options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT), head)
            .await
            .map_err(|_| ErrorCode::ConnectionReadTimeout)??;
        Ok((response.map(BodyExt::boxed_unsync), io))
    }

    /// Sends on a kept connection if there is one; one that turns out closed before the request was written costs nothing.
    async fn exchange(
        &self,
        request: Request<Body>,
        options: &RequestOptions,
    ) -> Result<(Response<ResponseBody>, Io), ErrorCode> {
        let pool = &self.client.0;
        let connected_by = Instant::now() + options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let permit = timeout_at(connected_by, pool.permit())
            .await
            .map_err(|_| ErrorCode::ConnectionLimitReached)??;
        let between_bytes = options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let (uri, mut exchange) = Exchange::new(request, between_bytes, pool.clone(), permit);
        while let Some(connection) = future::poll_fn(|cx| Poll::Ready(pool.take(&uri, cx))).await {
            match exchange.run(connection).await {
                Err(Failure::NotSent(unsent)) => exchange = unsent,
                Err(Failure::Final(error)) => return Err(error),
                Ok(answer) => return Ok(answer),
            }
        }
        let connection = timeout_at(connected_by, pool.connect(&uri))
            .await
            .map_err(|_| ErrorCode::ConnectionTimeout)??;
        exchange
            .run(connection)
            .await
            .map_err(|failure| match failure {
                Failure::NotSent(_) => ErrorCode::ConnectionTerminated,
                Failure::Final(error) => error,
            })
    }
}

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<Body>,
        options: Option<RequestOptions>,
        // What the component makes of the answer: nothing here depends on it.
        _: Io,
    ) -> Box<dyn Future<Output = Result<(Response<Body>, Io), TrappableError<ErrorCode>>> + Send>
    {
        let send = self.clone().send(request, options.unwrap_or_default());
        Box::new(async { Ok(send.await?) })
    }
}

/// What a component learns of an error of the connection. One of the request's own body comes back as it was.
fn body_error(error: &hyper::Error) -> ErrorCode {
    tracing::debug!(%error, "an exchange with an upstream failed");
    let source = error.source();
    if let Some(code) = source.and_then(|source| source.downcast_ref::<ErrorCode>()) {
        return code.clone();
    }
    match source.and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            ErrorCode::HttpResponseIncomplete
        }
        Some(_) => ErrorCode::ConnectionTerminated,
        None if error.is_incomplete_message() => ErrorCode::HttpResponseIncomplete,
        None => ErrorCode::HttpProtocolError,
    }
}

/// Spin's, for each of the three time limits that a request does not set.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
