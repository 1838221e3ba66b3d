//! Those who take what they can, and read what they are told.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

/// Connections that do the same, each again when it was closed.
pub struct Attacker {
    pub name: &'static str,
    pub variables: &'static [(&'static str, &'static str)],
    connections: usize,
    says: Says,
}

/// What is said on a connection.
#[derive(Clone, Copy)]
enum Says {
    /// Nothing.
    Nothing,
    /// This, and then a byte now and then.
    Slowly(&'static str),
    /// The head of a body of so many bytes, all of it but the last kilobyte, and that a byte now and then.
    Body(usize),
    /// A request, whose answer is not read.
    Unread(&'static str, &'static str),
    /// A request, again as soon as it is answered.
    Again(&'static str),
}

pub const ALL: &[Attacker] = &[
    Attacker {
        name: "4,200 silent connections",
        variables: &[],
        connections: 4_200,
        says: Says::Nothing,
    },
    Attacker {
        name: "4,200 slow heads",
        variables: &[],
        connections: 4_200,
        says: Says::Slowly("POST /api/chat HTTP/1.1\r\nhost: x\r\nx-slow: "),
    },
    Attacker {
        name: "2,000 slow bodies of 4 KB",
        variables: &[("api_keys", "")],
        connections: 2_000,
        says: Says::Body(4 << 10),
    },
    Attacker {
        name: "120 slow bodies of 8 MiB",
        variables: &[("api_keys", "")],
        connections: 120,
        says: Says::Body((8 << 20) - 64),
    },
    Attacker {
        name: "40 unread answers",
        variables: &[("max_concurrent", "64"), ("api_keys", "")],
        connections: 40,
        says: Says::Unread(
            "/api/chat",
            r#"{"prompt":"[[sim tokens=1000000 pace=0ms]]"}"#,
        ),
    },
    Attacker {
        name: "60 unread show verbose",
        variables: &[("api_keys", "")],
        connections: 60,
        says: Says::Unread("/api/show", r#"{"model":"qwen3:1.7b","verbose":true}"#),
    },
    Attacker {
        name: "600 unread pages",
        variables: &[],
        connections: 600,
        says: Says::Unread("/", ""),
    },
    Attacker {
        name: "a flood of wrong keys",
        variables: &[],
        connections: 64,
        says: Says::Again(
            "POST /api/chat HTTP/1.1\r\nhost: x\r\nauthorization: Bearer wrong\r\n\
             content-type: application/json\r\ncontent-length: 14\r\n\r\n{\"prompt\":\"x\"}",
        ),
    },
];

/// What the attackers were told, and how often.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<BTreeMap<String, usize>>>);

impl Told {
    fn add(&self, what: String) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(what).or_default() += 1;
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts: Vec<_> = counts
            .iter()
            .map(|(what, count)| format!("{what}: {count}"))
            .collect();
        f.write_str(&counts.join(", "))
    }
}

/// Begins; dropping what it gives ends it.
pub fn begin(attacker: &Attacker, addr: SocketAddr, told: &Told) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    for _ in 0..attacker.connections {
        let (says, told) = (attacker.says, told.clone());
        connections.spawn(async move {
            loop {
                match says.connect(addr).await {
                    Ok(stream) => told.add(says.on(stream, &told).await),
                    Err(error) => told.add(format!("{:?}", error.kind())),
                }
                sleep(PAUSE).await;
            }
        });
    }
    connections
}

impl Says {
    async fn connect(self, addr: SocketAddr) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if let Says::Unread(..) = self {
            // What the system takes in the client's stead is soon full.
            socket.set_recv_buffer_size(4 << 10)?;
        }
        socket.connect(addr).await
    }

    /// Says it, and answers how the connection ended. What was told on it before is added.
    async fn on(self, stream: TcpStream, told: &Told) -> String {
        let (mut reader, mut writer) = stream.into_split();
        match self {
            Says::Nothing => ended(&mut reader).await,
            Says::Slowly(beginning) => {
                let saying = async {
                    _ = writer.write_all(beginning.as_bytes()).await;
                    now_and_then(&mut writer).await
                };
                tokio::select! { told = ended(&mut reader) => told, () = saying => "cut".to_owned() }
            }
            Says::Body(length) => {
                let saying = async {
                    let head = format!(
                        "POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                         content-length: {length}\r\n\r\n{{\"prompt\":\""
                    );
                    let most = vec![b'x'; length - 1_024];
                    _ = writer.write_all(head.as_bytes()).await;
                    _ = writer.write_all(&most).await;
                    now_and_then(&mut writer).await
                };
                // Whoever is cut may have been told why before.
                tokio::select! {
                    biased;
                    told = ended(&mut reader) => told,
                    () = saying => timeout(PAUSE, ended(&mut reader)).await.unwrap_or("cut".to_owned()),
                }
            }
            Says::Unread(path, body) => {
                let method = if body.is_empty() { "GET" } else { "POST" };
                let length = body.len();
                let request = format!(
                    "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                     content-length: {length}\r\n\r\n{body}"
                );
                _ = writer.write_all(request.as_bytes()).await;
                std::future::pending().await
            }
            Says::Again(request) => {
                let mut reader = BufReader::new(reader);
                while writer.write_all(request.as_bytes()).await.is_ok() {
                    let Some(status) = answer(&mut reader).await else {
                        return "closed".to_owned();
                    };
                    told.add(status);
                }
                "cut".to_owned()
            }
        }
    }
}

/// A byte, and again after a while, until that fails.
async fn now_and_then(writer: &mut (impl AsyncWriteExt + Unpin)) {
    while writer.write_all(b"x").await.is_ok() {
        sleep(SLOWLY).await;
    }
}

/// Reads to the end: the status that was told, or how it was closed without one.
async fn ended(reader: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut answer = Vec::new();
    loop {
        match reader.read_buf(&mut answer).await {
            Ok(1..) => {}
            _ if answer.starts_with(b"HTTP/1.1 ") => return status(&answer),
            Ok(_) => return "closed".to_owned(),
            Err(error) => return format!("{:?}", error.kind()),
        }
    }
}

/// Reads one answer, however many pieces it comes in: its status. `None` when the connection ended before it did.
async fn answer(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head).await.ok()? == 0 {
            return None;
        }
    }
    // A refusal is written at once, so its length is told.
    let length = String::from_utf8_lossy(&head)
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    Some(status(&head))
}

fn status(answer: &[u8]) -> String {
    let status = answer.get(9..12).unwrap_or_default();
    String::from_utf8_lossy(status).into_owned()
}

/// Between two bytes of one who is slow.
const SLOWLY: Duration = Duration::from_secs(2);

/// Until one that was closed comes again.
const PAUSE: Duration = Duration::from_secs(2);
