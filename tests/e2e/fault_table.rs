//! The table of faults: what a client gets when its upstream, or its own connection, goes wrong.
//!
//! Every row is made to happen, and everything that it says is checked; `docs/faults.md` shows the same rows and no others.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    time::{Instant, timeout},
};

use crate::common::{
    App, End, SECOND, Setup, Stranger, Whole, at_most, eventually, fill, run, settles, within,
};

/// A fault and what comes of it.
struct Row {
    fault: &'static str,
    /// What the client got, told from its answer.
    got: String,
    within: Limit,
    tries: u64,
}

/// Within what time a client knows.
enum Limit {
    AtOnce,
    /// So often a setting.
    Of(u32, &'static str),
    /// What is not a setting.
    Fixed(Duration),
}

#[test]
fn each_fault_ends_as_the_table_says() {
    run(async {
        let (unreachable, slow_reader, others, strange) = futures::join!(
            unreachable_upstreams(),
            slow_reader(),
            scripted_faults(),
            strange_upstreams()
        );
        let rows: Vec<Row> = [unreachable, others, strange, vec![slow_reader]]
            .into_iter()
            .flatten()
            .collect();
        let table = markdown(&rows);
        let page = include_str!("../../docs/faults.md");
        assert!(
            page.contains(&table),
            "docs/faults.md should have this:\n{table}"
        );
    });
}

/// Refused, and an address where nobody takes up the connection.
async fn unreachable_upstreams() -> Vec<Row> {
    let refusing = setup().start().await;
    refusing.sim.stop().await;
    let full = FullListener::open().await;
    let hanging = setup().with("ollama_host", &full.url()).start().await;
    let mut rows = Vec::new();
    for (fault, app, limit) in [
        ("the connection is refused", &refusing, Limit::AtOnce),
        (
            "the connection is not taken up",
            &hanging,
            Limit::Of(3, "connect_timeout"),
        ),
    ] {
        let row = watched(app, "", limit).await;
        breaker_counts(app, 3).await;
        rows.push(Row {
            fault,
            tries: 3,
            ..row
        });
    }
    rows
}

/// Waits until the breaker has counted so many failures: the last one is written after the answer.
async fn breaker_counts(app: &App, failures: u64) {
    eventually("the breaker counts the tries", || async {
        let bytes = app.store().get("sluice/breaker/0").await.ok().flatten();
        let breaker = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        breaker.is_some_and(|breaker| breaker["failures"] == failures)
    })
    .await;
}

/// What the simulator can do by itself.
async fn scripted_faults() -> Vec<Row> {
    let app = setup().start().await;
    // The first request of a host starts an instance; that is no row's time.
    frees_its_slot(&app).await;
    let mut rows = Vec::new();
    for (fault, directive, limit) in [
        (
            "the connection is reset before the head",
            "reset",
            Limit::AtOnce,
        ),
        ("status 500", "status=500", Limit::AtOnce),
        ("status 503, busy", "status=503", Limit::AtOnce),
        (
            "silence before the first byte",
            "hang",
            Limit::Of(1, "request_timeout"),
        ),
        (
            "silence between two tokens",
            "hang_at=3",
            Limit::Of(1, "between_bytes_timeout"),
        ),
        ("cut in the midst", "cut_at=3", Limit::AtOnce),
        ("an error line", "error_at=3", Limit::AtOnce),
        ("an end without `done`", "no_done tokens=3", Limit::AtOnce),
        (
            "bytes that are neither JSON nor UTF-8",
            "garbage_at=3 tokens=5",
            Limit::AtOnce,
        ),
        ("a line without an end", "endless_line", Limit::AtOnce),
    ] {
        app.sim.reset();
        let row = watched(&app, directive, limit).await;
        let tries = app.sim.counts().requests;
        // Also so that no breaker opens: what is shown here is one request.
        frees_its_slot(&app).await;
        rows.push(Row {
            fault,
            tries,
            ..row
        });
    }
    rows
}

/// What is no Ollama, or one that refuses.
async fn strange_upstreams() -> Vec<Row> {
    let json = "content-type: application/json\r\n";
    let busy = "content-type: application/json\r\nretry-after: 17\r\n";
    let html = "content-type: text/html\r\n";
    let mut rows = Vec::new();
    for (fault, status, headers, body) in [
        (
            "status 401, 403 or 407: it refuses Sluice itself",
            "401 Unauthorized",
            json,
            r#"{"error":"unauthorized"}"#,
        ),
        (
            "status 429, or 503 with a `retry-after` that is longer than `retry_delay`",
            "429 Too Many Requests",
            busy,
            r#"{"error":"busy"}"#,
        ),
        (
            "status 500 about the request: memory, template, format, a model that cannot be loaded",
            "500 Internal Server Error",
            json,
            r#"{"error":"model requires more system memory (5.6 GiB) than is available (2.1 GiB)"}"#,
        ),
        ("a page in place of an answer", "200 OK", html, "<html>"),
        ("a proxy's own 404", "404 Not Found", html, "<html>"),
    ] {
        let stranger = Stranger::answering(status, headers, body.as_bytes()).await;
        let app = setup().with("ollama_host", &stranger.url()).start().await;
        let row = watched(&app, "", Limit::AtOnce).await;
        rows.push(Row {
            fault,
            tries: stranger.asked() as u64,
            ..row
        });
    }
    rows
}

/// Asks once, and fails if the end comes before its time.
async fn watched(app: &App, directive: &str, limit: Limit) -> Row {
    let prompt = format!("Hello [[sim {directive}]]");
    let begun = Instant::now();
    let answer = within(directive, async { app.chat(&prompt).await.whole().await }).await;
    limit.assert_held(directive, begun.elapsed());
    settles(&*app.store()).await;
    Row {
        fault: "",
        got: told(&answer),
        within: limit,
        tries: 0,
    }
}

/// A client that takes nothing, of an upstream that never ends: until the upstream is left.
async fn slow_reader() -> Row {
    // The time of the whole request is as shipped: its reader is given up long before.
    let app = Setup::answering("pace=0ms").start().await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(8 * 1024).expect("a size");
    let mut client = socket.connect(app.addr()).await.expect("a connection");
    let body = json!({ "prompt": "on [[sim tokens=4000000]]" }).to_string();
    let head = format!(
        "POST /api/chat HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let begun = Instant::now();
    client
        .write_all(head.as_bytes())
        .await
        .expect("it is taken");
    client
        .write_all(body.as_bytes())
        .await
        .expect("it is taken");
    // It is counted from when the buffers on the way are full.
    let left = app.sim.wait_until(|counts| counts.streams.aborted == 1);
    at_most(120 * SECOND, "the upstream is left", left).await;
    let limit = Limit::Fixed(30 * SECOND);
    limit.assert_held("a reader that takes nothing", begun.elapsed());
    settles(&*app.store()).await;
    drop(client);
    frees_its_slot(&app).await;
    Row {
        fault: "a client that takes nothing",
        got: "its connection is broken off".to_owned(),
        within: limit,
        tries: 1,
    }
}

/// Three times the time to connect is less than the two seconds after which a head goes out.
fn setup() -> Setup {
    Setup::answering("pace=0ms")
        .with("retry_attempts", "2")
        .with("retry_delay", "20ms")
        .with("connect_timeout", "400ms")
        .with("between_bytes_timeout", "1s")
        .with("request_timeout", "4s")
}

/// All slots can be taken again; and an answer that ends well ends the row of failures.
async fn frees_its_slot(app: &App) {
    drop(fill(app.addr(), &app.sim, 4).await);
    let well = app.chat("Hello [[sim tokens=3]]").await;
    well.whole().await.assert_complete();
    settles(&*app.store()).await;
}

/// What an answer was, in the table's words.
fn told(answer: &Whole) -> String {
    let status = answer.status.as_u16();
    if status != 200 {
        return format!("{status} `{}`", answer.refusal().1);
    }
    let lines: Vec<Option<Value>> = answer
        .lines
        .iter()
        .map(|line| serde_json::from_str(&line.text).ok())
        .collect();
    let has = |line: &Option<Value>, member: &str| {
        line.as_ref().is_some_and(|line| line.get(member).is_some())
    };
    let has_tokens = lines.iter().flatten().any(|line| {
        let content = line["message"]["content"].as_str();
        content.is_some_and(|content| !content.is_empty())
    });
    let has_heartbeats = lines.iter().any(|line| has(line, "queue"));
    let has_other_bytes = lines.iter().any(Option::is_none);
    let mut parts = vec!["200"];
    if has_heartbeats {
        parts.push("heartbeats");
    }
    if has_tokens {
        parts.push("the tokens so far");
    }
    if has_other_bytes {
        parts.push("the bytes as they came");
    }
    let last = lines.last().and_then(Option::as_ref);
    let end = match last {
        Some(last) if last["done"] == true => "the rest and `done`".to_owned(),
        Some(last) if last["code"].is_string() => {
            format!(
                "an error line `{}`",
                last["code"].as_str().unwrap_or_default()
            )
        }
        Some(last) if last["error"].is_string() => "Ollama's error line".to_owned(),
        _ => "nothing more".to_owned(),
    };
    parts.push(&end);
    let broken = if answer.end == End::InOrder {
        ""
    } else {
        ", broken off"
    };
    parts.join(", ") + broken
}

impl Limit {
    fn assert_held(&self, what: &str, took: Duration) {
        // That it came in time at all, and by which timeout, the code tells: how late a busy machine is says nothing.
        let least = match self {
            Limit::AtOnce => Duration::ZERO,
            Limit::Of(times, "connect_timeout") => *times * Duration::from_millis(400),
            Limit::Of(_, "between_bytes_timeout") => SECOND,
            Limit::Of(..) => 4 * SECOND,
            Limit::Fixed(limit) => *limit,
        };
        assert!(least <= took, "{what}: {took:?}");
    }

    fn text(&self) -> String {
        match self {
            Limit::AtOnce => "at once".to_owned(),
            Limit::Of(1, setting) => format!("`{setting}`"),
            Limit::Of(times, setting) => format!("{times} × `{setting}`"),
            Limit::Fixed(limit) => format!("{} s", limit.as_secs()),
        }
    }
}

fn markdown(rows: &[Row]) -> String {
    let mut table =
        "| fault | what the client gets | within | sent | its slot |\n|---|---|---|---|---|\n"
            .to_owned();
    for row in rows {
        let sent = match row.tries {
            1 => "once".to_owned(),
            tries => format!("once, and {} times again", tries - 1),
        };
        let (fault, got, within) = (row.fault, &row.got, row.within.text());
        table += &format!("| {fault} | {got} | {within} | {sent} | free |\n");
    }
    table
}

/// A socket whose queue of connections is full: whoever connects waits for ever.
struct FullListener {
    listener: tokio::net::TcpListener,
    _held: Vec<TcpStream>,
}

impl FullListener {
    async fn open() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind(([127, 0, 0, 1], 0).into())
            .expect("a free port");
        let listener = socket.listen(1).expect("it listens");
        let addr = listener.local_addr().expect("an address");
        let connecting = (0..8).map(async |_| {
            let connected = timeout(SECOND / 2, TcpStream::connect(addr)).await;
            connected.ok().and_then(Result::ok)
        });
        let held: Vec<TcpStream> = join_all(connecting).await.into_iter().flatten().collect();
        assert!(held.len() < 8, "its queue is full");
        Self {
            listener,
            _held: held,
        }
    }

    fn url(&self) -> String {
        let addr = self.listener.local_addr().expect("an address");
        format!("http://{addr}")
    }
}
