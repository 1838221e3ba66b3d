//! One request on its way to one answer.

use std::{
    future::{self, Future},
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use http::{Request, Response, Uri, header::EXPECT, uri::PathAndQuery};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;

use super::{
    Body, Io,
    body::ResponseBody,
    body_error,
    pool::{Connection, Pool, RequestBody},
};

/// A request that waits for a connection to be sent on.
pub(super) struct Exchange {
    request: Request<RequestBody>,
    between_bytes: Duration,
    pool: Arc<Pool>,
    permit: Permit,
}

/// The right to have one more connection in use; None where there is no limit.
pub(super) type Permit = Option<OwnedSemaphorePermit>;

/// Why there is no answer.
pub(super) enum Failure {
    /// The connection was closed before anything of the request was written.
    NotSent(Box<Exchange>),
    /// The upstream may have seen the request.
    Final(ErrorCode),
}

impl Exchange {
    /// The request as it stands on the wire (the path alone, the origin being the connection's), and its full URI.
    pub(super) fn new(
        request: Request<Body>,
        between_bytes: Duration,
        pool: Arc<Pool>,
        permit: Permit,
    ) -> (Uri, Box<Self>) {
        let mut request = request.map(RequestBody::new);
        // A component asks for it where the host delays small segments (Spin does). This one does not: here it would cost the
        // upstream a write and this side a wake-up for nothing.
        request.headers_mut().remove(EXPECT);
        let path = request.uri().path_and_query().cloned();
        let path = path.unwrap_or(PathAndQuery::from_static("/"));
        let uri = std::mem::replace(request.uri_mut(), Uri::from(path));
        let exchange = Self {
            request,
            between_bytes,
            pool,
            permit,
        };
        (uri, Box::new(exchange))
    }

    /// Sends the request and waits for the head of the answer.
    pub(super) async fn run(
        mut self: Box<Self>,
        mut connection: Connection,
    ) -> Result<(Response<ResponseBody>, Io), Failure> {
        let sent = self.request.body().sent();
        let mut head = pin!(connection.sender.try_send_request(self.request));
        let mut connection = Some(connection);
        let head = future::poll_fn(|cx| {
            if let Some(open) = &mut connection
                && Pin::new(&mut open.driver).poll(cx).is_ready()
            {
                // A request that it has not taken up comes back when it is dropped, and not before.
                connection = None;
            }
            head.as_mut().poll(cx)
        })
        .await;
        let head = match head {
            Ok(head) => head,
            Err(mut error) => {
                let Some(request) = error.take_message() else {
                    return Err(Failure::Final(head_error(&error.into_error())));
                };
                self.request = request;
                return Err(Failure::NotSent(self));
            }
        };
        let (connection, io): (_, Io) = match connection {
            // The upstream answered before it had the whole request. Whoever reads the answer need not be the one who
            // writes the request, so neither may depend on the other: the connection gets a task, and is not kept.
            Some(open) if !sent.load(Ordering::Acquire) => (None, Box::new(drive(open))),
            connection => (connection, Box::new(future::ready(Ok(())))),
        };
        let Self {
            between_bytes,
            pool,
            permit,
            ..
        } = *self;
        let answer =
            head.map(|body| ResponseBody::new(body, connection, pool, permit, between_bytes));
        Ok((answer, io))
    }
}

async fn drive(mut connection: Connection) -> Result<(), ErrorCode> {
    (&mut connection.driver)
        .await
        .map_err(|error| body_error(&error))
}

/// An error before the head was complete.
fn head_error(error: &hyper::Error) -> ErrorCode {
    if error.is_incomplete_message() {
        ErrorCode::ConnectionTerminated
    } else {
        body_error(error)
    }
}
