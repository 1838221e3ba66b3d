//! What stands in the place of an answer by the script's will: errors, pages of proxies, redirects, and compressed bodies.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt;

use super::{admit::BUSY, refused, retry_after};
use crate::{
    body::{self, Refusal, Reply, Severed},
    entry::Entry,
    ledger::Outcome,
    request::{Ask, Delivery},
    script::Fault,
};

/// What a fault that comes before the head makes of a request.
pub(super) fn in_place_of_an_answer(entry: Entry, ask: &Ask, fault: Fault) -> Reply {
    let response = match fault {
        Fault::Status {
            status,
            retry_after: after,
        } => {
            let status = known(status);
            let message = match status {
                StatusCode::SERVICE_UNAVAILABLE => BUSY.to_owned(),
                status => format!("simulated error: {status}"),
            };
            let refusal = Refusal::new(status, message).while_handling();
            let is_stream = ask.delivery == Delivery::Streamed;
            let mut response = refused(ask.form, is_stream, &refusal);
            if let Some(seconds) = after {
                retry_after(&mut response, seconds);
            }
            let challenge = match status {
                StatusCode::UNAUTHORIZED => Some(header::WWW_AUTHENTICATE),
                StatusCode::PROXY_AUTHENTICATION_REQUIRED => Some(header::PROXY_AUTHENTICATE),
                _ => None,
            };
            if let Some(name) = challenge {
                let value = HeaderValue::from_static("Basic realm=\"upstream\"");
                response.headers_mut().insert(name, value);
            }
            response
        }
        Fault::Page(status) => body::whole(known(status), "text/html", PAGE),
        Fault::Redirect(status) => {
            let mut response = body::whole(known(status), "text/html", PAGE);
            let value = HeaderValue::from_static("https://login.example/");
            response.headers_mut().insert(header::LOCATION, value);
            response
        }
        _ => {
            entry.end(Outcome::Failed);
            return Err(Severed::Reset);
        }
    };
    entry.end(Outcome::Refused);
    Ok(response)
}

/// The same response with its body in gzip, all at once.
pub(super) async fn compressed(response: http::Response<body::Body>) -> Reply {
    let (mut head, body) = response.into_parts();
    let plain = match body.collect().await {
        Ok(plain) => plain.to_bytes(),
        Err(_) => return Err(Severed::Closed),
    };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(&plain).and_then(|()| encoder.finish());
    let mut response = body::whole(head.status, "", packed.unwrap_or_default());
    let coding = HeaderValue::from_static("gzip");
    head.headers.insert(header::CONTENT_ENCODING, coding);
    *response.headers_mut() = head.headers;
    Ok(response)
}

fn known(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

const PAGE: Bytes = Bytes::from_static(
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>{\"done\":true}</body>\r\n</html>\r\n",
);
