//! Requests that are meant to do harm, as bytes on a socket: what of them reaches the upstream, and what is left standing.

mod bounds;
mod corpus;
mod log;
mod relayed;
mod smuggling;

use std::{
    future::{Future, pending},
    net::SocketAddr,
    time::Duration,
};

use futures::future::join;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::common::{App, Client, within};

/// Sends bytes as they are and reads until the server closes. What is not taken up any more is left.
async fn raw(addr: SocketAddr, request: &[u8]) -> Vec<u8> {
    exchange(addr, request, pending()).await
}

/// The same, and hangs up after a while: a server that waits for the rest learns that there is none. The while is as long as an answer to
/// another request takes, on whatever machine, and some time more.
async fn briefly(addr: SocketAddr, request: &[u8]) -> Vec<u8> {
    let quiet = async || {
        Client::connect(addr)
            .await
            .post("/api/chat", &Value::Null)
            .await;
        sleep(QUIET).await;
    };
    exchange(addr, request, quiet()).await
}

/// Sends, and reads until the server closes or `quiet` is over.
async fn exchange(addr: SocketAddr, request: &[u8], quiet: impl Future<Output = ()>) -> Vec<u8> {
    let stream = TcpStream::connect(addr).await.expect("a server listens");
    let (mut reader, mut writer) = stream.into_split();
    let mut answer = Vec::new();
    let reading = async {
        // It is reset where the server did not read to the end.
        while let Ok(1..) = reader.read_buf(&mut answer).await {}
    };
    let writing = async {
        // A server that has refused may have hung up before the end.
        let _ = writer.write_all(request).await;
    };
    let hangs_up = async {
        tokio::select! { _ = join(reading, writing) => {}, () = quiet => {} }
    };
    within("the server hangs up", hangs_up).await;
    answer
}

/// Mutated requests are often without their end, and nobody knows of which kind they are.
const QUIET: Duration = Duration::from_millis(300);

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
