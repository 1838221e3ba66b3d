//! A server with the tiny model, and a client that speaks HTTP to it.

use std::time::Duration;

use bytes::Bytes;
use demo_model::{Counts, Demo, MODEL, Model, ModelFile, Options, tiny};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// A running server.
pub(crate) struct Server(pub(crate) Demo);

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) text: String,
}

impl Server {
    pub(crate) async fn start(slots: usize) -> Self {
        let model = Model::load(&ModelFile::from_bytes(tiny::model()), CONTEXT).unwrap();
        let options = Options {
            slots,
            threads: 2,
            ..Options::default()
        };
        Self(Demo::start(model, options).await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        whole(self.send(Method::GET, path, String::new()).await).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        whole(self.send(Method::POST, path, body.to_string()).await).await
    }

    /// Asks over a connection of its own, which is closed when the response is dropped.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Response<Incoming> {
        let stream = TcpStream::connect(self.0.addr()).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        within(sender.send_request(request)).await.unwrap()
    }

    pub(crate) async fn reached(&self, holds: impl FnMut(&Counts) -> bool) -> Counts {
        *within(self.0.counts().wait_for(holds)).await.unwrap()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The documents of Ollama's lines.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines = self.text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The data of OpenAI's events.
    pub(crate) fn events(&self) -> Vec<&str> {
        let events = self.text.split_terminator("\n\n");
        events
            .map(|event| event.strip_prefix("data: ").unwrap())
            .collect()
    }
}

pub(crate) async fn whole(response: Response<Incoming>) -> Answer {
    let content_type = response.headers()["content-type"].to_str().unwrap();
    Answer {
        status: response.status(),
        content_type: content_type.to_owned(),
        text: {
            let body = within(response.into_body().collect()).await.unwrap();
            String::from_utf8(body.to_bytes().to_vec()).unwrap()
        },
    }
}

/// A chat with one message.
pub(crate) fn chat(text: &str, options: Value) -> Value {
    json!({ "model": MODEL, "messages": [{ "role": "user", "content": text }], "options": options })
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future)
        .await
        .expect("within a minute")
}

/// Tokens of a text: an answer without a limit does not end before a test does.
pub(crate) const CONTEXT: usize = 1 << 16;
