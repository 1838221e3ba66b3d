//! An upstream that is no Ollama, or a strange one: it gives every request the same answer, byte for byte.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

/// What comes behind the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// The end that its head announces.
    End,
    /// The connection is closed before that.
    Break,
    /// Nothing: the connection stays open.
    Silence,
}

/// A server on a free port, until it is dropped.
pub struct Stranger {
    addr: SocketAddr,
    asked: Arc<AtomicUsize>,
    _serving: AbortOnDropHandle<()>,
}

impl Stranger {
    /// Answers everything with this status line's end, headers and body.
    pub async fn answering(status: &str, headers: &str, body: &[u8]) -> Stranger {
        Stranger::with(Behind::End, status, headers, body).await
    }

    /// The same with this behind it.
    pub async fn with(behind: Behind, status: &str, headers: &str, body: &[u8]) -> Stranger {
        let length = body.len() + usize::from(behind != Behind::End);
        let head = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        let answer: Arc<[u8]> = [head.as_bytes(), body].concat().into();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone(), behind, counter.clone()));
            }
        });
        Stranger {
            addr,
            asked,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// A JSON error of Ollama's form.
    pub async fn refusing(status: &str, sentence: &str) -> Stranger {
        let body = serde_json::json!({ "error": sentence }).to_string();
        Stranger::answering(
            status,
            "content-type: application/json\r\n",
            body.as_bytes(),
        )
        .await
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// How many requests came, besides the looks at models that a gateway takes by itself, when it likes.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Reads a head and its body, and answers.
async fn serve(mut stream: TcpStream, answer: Arc<[u8]>, behind: Behind, asked: Arc<AtomicUsize>) {
    let mut request = Vec::new();
    let end_of_head = loop {
        if let Some(at) = request.windows(4).position(|end| end == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    };
    let head = String::from_utf8_lossy(&request[..end_of_head]).to_ascii_lowercase();
    let looks = ["post /api/show ", "get /api/ps ", "get /api/tags "];
    let is_look = looks.iter().any(|look| head.starts_with(look));
    if !is_look {
        asked.fetch_add(1, Ordering::SeqCst);
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse::<usize>().ok())
        .unwrap_or(0);
    if head.contains("expect: 100-continue")
        && stream
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            .await
            .is_err()
    {
        return;
    }
    while request.len() < end_of_head + length {
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    // Whoever asked may have left.
    _ = stream.write_all(&answer).await;
    if behind == Behind::Silence {
        _ = stream.read_buf(&mut request).await;
    }
    _ = stream.shutdown().await;
}
