//! From a request to an answer: the host's own paths, the route, the headers, the component.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode, Uri,
    header::{HOST, RETRY_AFTER},
    uri::{Authority, Scheme},
};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use wasmtime_wasi_http::{
    handler::{ErrorCode, InstantiationError},
    p3::bindings::http::types::ErrorCode as WasiError,
};

use super::body::{ComponentBody, ReplyBody};
use crate::{
    headers,
    instance::{Handover, Lanes},
    routes::{Routes, WELL_KNOWN_PREFIX},
};

/// Answers requests.
pub(crate) struct Service {
    routes: Routes<Lanes>,
}

impl Service {
    pub(crate) fn new(routes: Routes<Lanes>) -> Self {
        Self { routes }
    }

    pub(crate) async fn respond(
        &self,
        mut request: Request<Incoming>,
        client: SocketAddr,
    ) -> Response<ReplyBody> {
        let uri = request.uri().clone();
        if let Some(name) = uri.path().strip_prefix(WELL_KNOWN_PREFIX) {
            return match name {
                "health" => reply(StatusCode::OK, "OK"),
                _ => reply(StatusCode::NOT_FOUND, ""),
            };
        }
        let Some(route) = self.routes.find(uri.path()) else {
            return reply(StatusCode::NOT_FOUND, "");
        };
        headers::add(request.headers_mut(), &uri, &route, client);
        match absolute(&request) {
            Ok(uri) => *request.uri_mut() = uri,
            Err(reason) => return reply(StatusCode::BAD_REQUEST, reason),
        }
        run(route.handler, request).await
    }
}

/// Hands the request to an instance of the component. What went wrong goes to the log, and is no business of the client's.
async fn run(lanes: &Lanes, request: Request<Incoming>) -> Response<ReplyBody> {
    let length = request.body().size_hint().exact();
    let length = length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let Some(mut announced) = lanes.announce(length) else {
        return busy("there is no room for a body of this length\n");
    };
    let request = request.map(|body| {
        body.map_frame(move |frame| {
            announced.arrived(frame.data_ref().map_or(0, Bytes::len));
            frame
        })
        .map_err(|error| ErrorCode::P3(request_error(&error)))
        .boxed_unsync()
    });
    let error = match lanes.handle(request).await {
        (Ok(response), placement) => {
            return response.map(|body| ReplyBody::Component(ComponentBody::new(body, placement)));
        }
        (Err(error), _) => error,
    };
    tracing::error!(
        component = lanes.component_id(),
        "a request failed: {error:#}"
    );
    match error.downcast_ref::<InstantiationError<Handover>>() {
        Some(_) => busy("there is no room for another instance of the component\n"),
        None => reply(StatusCode::INTERNAL_SERVER_ERROR, ""),
    }
}

/// The URI with the scheme and the authority, which HTTP/1.1 has in a header of its own.
fn absolute<B>(request: &Request<B>) -> Result<Uri, &'static str> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let first = hosts.next();
    if hosts.next().is_some() {
        return Err("there is more than one host header\n");
    }
    let header = match first {
        Some(host) => Some(
            Authority::try_from(host.as_bytes()).map_err(|_| "the host header is malformed\n")?,
        ),
        None => None,
    };
    let mut parts = request.uri().clone().into_parts();
    let authority = match (header, parts.authority.take()) {
        (Some(header), Some(authority)) if header != authority => {
            return Err("the host header is not the URI's host\n");
        }
        (Some(authority), _) | (None, Some(authority)) => authority,
        (None, None) => return Err("there is no host header\n"),
    };
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    Uri::from_parts(parts).map_err(|_| "the URI is malformed\n")
}

fn request_error(error: &hyper::Error) -> WasiError {
    if error.is_timeout() {
        WasiError::ConnectionReadTimeout
    } else if error.is_incomplete_message() || error.is_closed() {
        WasiError::ConnectionTerminated
    } else {
        WasiError::HttpProtocolError
    }
}

/// No room at the moment.
fn busy(text: &'static str) -> Response<ReplyBody> {
    let mut response = reply(StatusCode::SERVICE_UNAVAILABLE, text);
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn reply(status: StatusCode, text: &'static str) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::Host(Full::new(Bytes::from_static(
        text.as_bytes(),
    ))));
    *response.status_mut() = status;
    response
}
