//! A client: one connection, kept alive as long as there is a request to send or an answer to read.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use super::Answer;

/// A connection to a server. Dropping it and its answers is hanging up.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    connection: Arc<AbortOnDropHandle<()>>,
    host: HeaderValue,
}

impl Client {
    /// Connects.
    pub async fn connect(addr: SocketAddr) -> Self {
        Self::try_connect(addr).await.expect("a server listens")
    }

    /// Connects, if there is somebody.
    ///
    /// # Errors
    /// Nobody listens, or nobody does any more.
    pub async fn try_connect(addr: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true).expect("a TCP socket");
        let (sender, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(std::io::Error::other)?;
        let driver = tokio::spawn(async move {
            // How it ended shows in the answers.
            _ = driver.await;
        });
        Ok(Self {
            sender,
            connection: Arc::new(AbortOnDropHandle::new(driver)),
            host: HeaderValue::try_from(addr.to_string()).expect("an address is text"),
        })
    }

    /// Sends a request and waits for the head of its answer. The headers are sent as they are; `host` is added
    /// where there is none.
    ///
    /// # Errors
    /// The connection ended before there was a head.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Answer, hyper::Error> {
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("a path");
        *request.headers_mut() = headers;
        let host = request.headers_mut().entry(header::HOST);
        host.or_insert_with(|| self.host.clone());
        self.sender.ready().await?;
        let sent = Instant::now();
        let response = self.sender.send_request(request).await?;
        Ok(Answer::new(response, sent, self.connection.clone()))
    }

    /// `POST` of a JSON document; there must be an answer.
    pub async fn post(&mut self, path: &str, document: &Value) -> Answer {
        self.post_with(&[], path, document).await
    }

    /// The same with an API key.
    pub async fn post_with_key(&mut self, key: &str, path: &str, document: &Value) -> Answer {
        let bearer = format!("Bearer {key}");
        let key = [("authorization", bearer.as_str())];
        self.post_with(&key, path, document).await
    }

    /// The same with these headers, whose names are in lower case.
    pub async fn post_with(
        &mut self,
        more: &[(&'static str, &str)],
        path: &str,
        document: &Value,
    ) -> Answer {
        let json = HeaderValue::from_static("application/json");
        let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
        for (name, value) in more {
            headers.insert(*name, HeaderValue::from_str(value).expect("a header"));
        }
        let sent = self.send(Method::POST, path, headers, document.to_string());
        sent.await.expect("the head of an answer")
    }

    /// A request without a body; there must be an answer.
    pub async fn ask(&mut self, method: Method, path: &str) -> Answer {
        let sent = self.send(method, path, HeaderMap::new(), Bytes::new());
        sent.await.expect("the head of an answer")
    }
}
