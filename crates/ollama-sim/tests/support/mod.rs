//! A small client: one connection per request, closed when the answer is dropped.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{future::Future, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use ollama_sim::{Options, Sim};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_util::task::AbortOnDropHandle;

/// The limit of everything a test waits for.
const DEADLINE: Duration = Duration::from_secs(60);

/// Runs to its end, or fails the test.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("within the deadline")
}

/// A simulator whose answers follow these words.
pub(crate) async fn start(words: &str) -> Sim {
    start_with(Options {
        script: words.parse().unwrap(),
        ..Options::default()
    })
    .await
}

/// A simulator, set up like this.
pub(crate) async fn start_with(options: Options) -> Sim {
    Sim::start(options).await.unwrap()
}

/// An answer whose head is there.
pub(crate) struct Answer {
    pub(crate) head: http::response::Parts,
    body: Incoming,
    _connection: AbortOnDropHandle<hyper::Result<()>>,
}

/// Sends one request; an error is a connection that ended before the head.
pub(crate) async fn send(
    addr: SocketAddr,
    method: &str,
    path: &str,
    body: impl Into<Bytes>,
) -> hyper::Result<Answer> {
    let stream = TcpStream::connect(addr).await.unwrap();
    send_over(stream, method, path, body).await
}

/// Sends one request over this connection.
pub(crate) async fn send_over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    method: &str,
    path: &str,
    body: impl Into<Bytes>,
) -> hyper::Result<Answer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .body(Full::new(body.into()))
        .unwrap();
    let response: Response<Incoming> = within(sender.send_request(request)).await?;
    let (head, body) = response.into_parts();
    Ok(Answer {
        head,
        body,
        _connection: connection,
    })
}

/// `POST /api/chat` with this prompt.
pub(crate) async fn chat(sim: &Sim, prompt: &str) -> hyper::Result<Answer> {
    let body =
        json!({ "model": "qwen3:1.7b", "messages": [{ "role": "user", "content": prompt }] });
    send(sim.addr(), "POST", "/api/chat", body.to_string()).await
}

impl Answer {
    /// The next piece of the body; `None` at the end.
    pub(crate) async fn piece(&mut self) -> Option<hyper::Result<Bytes>> {
        within(async {
            loop {
                match self.body.frame().await? {
                    Ok(frame) => match frame.into_data() {
                        Ok(data) => return Some(Ok(data)),
                        Err(_) => continue,
                    },
                    Err(error) => return Some(Err(error)),
                }
            }
        })
        .await
    }

    /// Whether nothing comes for a while.
    pub(crate) async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(100), self.body.frame())
            .await
            .is_err()
    }

    /// All of the body, and whether it ended as it should.
    pub(crate) async fn rest(mut self) -> (Vec<u8>, hyper::Result<()>) {
        let mut bytes = Vec::new();
        while let Some(piece) = self.piece().await {
            match piece {
                Ok(piece) => bytes.extend_from_slice(&piece),
                Err(error) => return (bytes, Err(error)),
            }
        }
        (bytes, Ok(()))
    }

    /// All of the body as text.
    pub(crate) async fn text(self) -> String {
        let (bytes, end) = self.rest().await;
        end.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// The body as one JSON document.
    pub(crate) async fn json(self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The body as JSON lines.
    pub(crate) async fn lines(self) -> Vec<Value> {
        self.text()
            .await
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// The contents of chat lines, joined.
pub(crate) fn said(lines: &[Value]) -> String {
    lines
        .iter()
        .filter_map(|line| line["message"]["content"].as_str())
        .collect()
}
