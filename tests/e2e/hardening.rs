//! Requests that are meant to do harm, as bytes on a socket: what of them reaches the upstream, and what is left standing.

mod bounds;
mod corpus;
mod log;
mod relayed;
mod smuggling;

use std::{net::SocketAddr, time::Duration};

use futures::future::join;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::common::{App, SECOND, within};

/// Sends bytes as they are and reads until the server closes. What is not taken up any more is left.
async fn raw(addr: SocketAddr, request: &[u8]) -> Vec<u8> {
    exchange(addr, request, 30 * SECOND).await
}

/// The same, and hangs up when nothing has come for `patience`: a server that waits for the rest learns that there is none.
async fn exchange(addr: SocketAddr, request: &[u8], patience: Duration) -> Vec<u8> {
    let stream = TcpStream::connect(addr).await.expect("a server listens");
    let (mut reader, mut writer) = stream.into_split();
    let mut answer = Vec::new();
    let reading = async {
        // It is reset where the server did not read to the end.
        while let Ok(Ok(1..)) = timeout(patience, reader.read_buf(&mut answer)).await {}
    };
    let writing = async {
        // A server that has refused may have hung up before the end.
        let _ = writer.write_all(request).await;
    };
    within(60 * SECOND, "the server hangs up", join(reading, writing)).await;
    answer
}

/// The status of an answer that came as bytes; `None` where there was none.
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    line.strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()
}

/// A request with a body and the headers that all have.
fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: sluice-1.local\r\nconnection: close\r\n\
         content-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Every path at which the upstream was asked, and how often.
fn asked(app: &App) -> Vec<String> {
    let requests = app.sim.requests();
    requests
        .into_iter()
        .map(|request| format!("{} {}", request.method, request.path))
        .collect()
}

const PROMPT: &str = r#"{"prompt":"Hello"}"#;
