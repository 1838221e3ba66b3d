//! The client against upstreams that are written out byte by byte.

mod bodies;
mod connections;

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http_body_util::{Empty, Full, StreamBody};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::*;
use crate::variables::Variables;

/// A hard end for what should take milliseconds.
const DEADLINE: Duration = Duration::from_secs(60);

/// An upstream whose connections are served by `serve`, and how many it has accepted.
async fn upstream<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> (String, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = accepted.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream));
        }
    });
    (url, accepted)
}

/// Reads a request without a body; false when the client has closed.
async fn request(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    true
}

async fn write(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

fn client(config: Option<OutboundHttp>, allowed: &str) -> Outbound {
    let none = Variables::resolve(
        &Default::default(),
        &Default::default(),
        &Default::default(),
    )
    .unwrap();
    let allowed = AllowedHosts::parse(&[allowed.to_owned()], &none).unwrap();
    Outbound::new(
        "test".into(),
        Client::new(config.as_ref(), None).unwrap(),
        allowed,
    )
}

fn get(url: &str) -> Request<Body> {
    let body = Empty::new()
        .map_err(|never: Infallible| match never {})
        .boxed_unsync();
    Request::get(url)
        .header("host", "upstream")
        .body(body)
        .unwrap()
}

async fn send(
    client: &Outbound,
    request: Request<Body>,
    options: RequestOptions,
) -> Result<Body, Failure> {
    let sent = timeout(DEADLINE, client.clone().send(request, options))
        .await
        .expect("no head came");
    Ok(sent?.0.into_body())
}

/// An error code, comparable.
#[derive(Debug, PartialEq)]
struct Failure(String);

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self(format!("{code:?}"))
    }
}

async fn frame(body: &mut Body) -> Option<Result<Bytes, Failure>> {
    let frame = timeout(DEADLINE, body.frame())
        .await
        .expect("no frame came");
    frame.map(|frame| Ok(frame?.into_data().expect("data")))
}

async fn text(mut body: Body) -> Result<String, Failure> {
    let mut text = Vec::new();
    while let Some(data) = frame(&mut body).await {
        text.extend_from_slice(&data?);
    }
    Ok(String::from_utf8(text).unwrap())
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
