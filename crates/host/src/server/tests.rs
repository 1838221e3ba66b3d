//! The server without components: its own answers, its limits, its end.

use bytes::Bytes;
use http_body_util::StreamBody;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::*;
use crate::routes::Routes;

/// Of what must come. Nothing here depends on how fast.
const DEADLINE: Duration = Duration::from_secs(60);

struct Running {
    addr: SocketAddr,
    stop: oneshot::Sender<Duration>,
    server: tokio::task::JoinHandle<()>,
}

/// The limits for so many connections.
fn limits(connections: usize) -> Limits {
    Limits::new(Shares::of(None, connections))
}

async fn start(connections: usize) -> Running {
    start_with(limits(connections)).await
}

async fn start_with(limits: Limits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let service =
        Service::new(Routes::build(&[], |_| unreachable!("there are no routes")).unwrap());
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(Server::new(listener, service, limits).run(stopped));
    Running { addr, stop, server }
}

/// Sends `request` and reads the answer's head and as much of its body as is there.
async fn answer(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 4096];
    let length = timeout(DEADLINE, stream.read(&mut buffer))
        .await
        .expect("no answer")
        .unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

const HEALTH: &str = "GET /.well-known/spin/health HTTP/1.1\r\nhost: h\r\n\r\n";

#[tokio::test]
async fn the_host_answers_for_its_health_and_for_paths_without_a_route() {
    let running = start(8).await;
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    let health = answer(&mut stream, HEALTH).await;
    assert!(
        health.starts_with("HTTP/1.1 200") && health.ends_with("OK"),
        "{health}"
    );
    let missing = answer(&mut stream, "GET /nowhere HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
}

#[tokio::test]
async fn a_connection_for_which_no_place_can_be_made_is_told_so() {
    let running = start_with(Limits {
        connections: 0,
        ..limits(1)
    })
    .await;
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    let refused = answer(&mut stream, HEALTH).await;
    assert!(
        refused.starts_with("HTTP/1.1 503") && refused.contains("0 connections"),
        "{refused}"
    );
}

#[tokio::test]
async fn connections_without_a_request_give_way_to_those_that_come() {
    let running = start(8).await;
    let mut held = Vec::new();
    for said in [&b""[..], b"P", b"GET / HTTP/1.1\r\nhost:"]
        .iter()
        .cycle()
        .take(24)
    {
        let mut stream = TcpStream::connect(running.addr).await.unwrap();
        // Some have given way to the later ones by now.
        _ = stream.write_all(said).await;
        held.push(stream);
    }
    for _ in 0..24 {
        let mut stream = TcpStream::connect(running.addr).await.unwrap();
        assert!(
            answer(&mut stream, HEALTH)
                .await
                .starts_with("HTTP/1.1 200")
        );
        held.push(stream);
    }
    let first = timeout(DEADLINE, held[0].read(&mut [0])).await;
    assert_eq!(first.expect("it is still open").unwrap_or(0), 0);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = start(8).await;
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    let head = format!(
        "GET / HTTP/1.1\r\nhost: h\r\nx: {}\r\n\r\n",
        "x".repeat(2 * MAX_HEAD_BYTES)
    );
    // The server may close before it has read all of it.
    _ = stream.write_all(head.as_bytes()).await;
    let mut buffer = vec![0; 64];
    let length = timeout(DEADLINE, stream.read(&mut buffer))
        .await
        .expect("no answer")
        .unwrap_or(0);
    let answer = String::from_utf8_lossy(&buffer[..length]);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let running = start(8).await;
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    answer(&mut stream, HEALTH).await;
    running.stop.send(Duration::from_secs(3600)).unwrap();
    timeout(DEADLINE, running.server)
        .await
        .expect("the server did not end")
        .unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    assert!(TcpStream::connect(running.addr).await.is_err());
}

#[tokio::test]
async fn a_connection_that_never_spoke_does_not_hold_up_the_end() {
    let running = start(8).await;
    let _silent = TcpStream::connect(running.addr).await.unwrap();
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    answer(&mut stream, HEALTH).await;
    running.stop.send(Duration::from_secs(3600)).unwrap();
    timeout(DEADLINE, running.server)
        .await
        .expect("the server did not end")
        .unwrap();
}

#[tokio::test]
async fn a_connection_that_does_not_end_is_cut_after_the_grace() {
    let running = start(8).await;
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    running.stop.send(Duration::from_millis(20)).unwrap();
    timeout(DEADLINE, running.server)
        .await
        .expect("the server did not end")
        .unwrap();
}

/// How long it takes until the server closes a connection on which it was sent `sent`, with nothing or an error before it.
async fn closed_after(addr: SocketAddr, sent: &[u8]) -> Duration {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let begun = tokio::time::Instant::now();
    stream.write_all(sent).await.unwrap();
    let mut said = Vec::new();
    let closed = timeout(DEADLINE, stream.read_to_end(&mut said)).await;
    // It may be a reset, where something of the client's was left unread.
    _ = closed.unwrap_or_else(|_| panic!("open after {DEADLINE:?}: {sent:?}"));
    begun.elapsed()
}

#[tokio::test]
async fn a_connection_without_a_whole_head_is_closed_after_one_deadline_whatever_it_said() {
    let head = Duration::from_millis(100);
    let running = start_with(Limits { head, ..limits(8) }).await;
    for sent in [
        &b""[..],
        b"P",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r",
        b"GET / HTTP/1.1\r\nhost: h\r\n",
    ] {
        let took = closed_after(running.addr, sent).await;
        // What is no HTTP/1 may be closed before.
        let least = if sent.starts_with(b"PRI") {
            Duration::ZERO
        } else {
            head
        };
        assert!(took >= least, "{sent:?}: {took:?}");
    }
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_has_no_more_time_than_any() {
    let running = start_with(Limits {
        head: Duration::from_millis(200),
        ..limits(8)
    })
    .await;
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    timeout(DEADLINE, async {
        let mut head = b"GET / HTTP/1.1\r\nx: "
            .iter()
            .chain([b'x'; 1].iter().cycle());
        loop {
            let byte = *head.next().unwrap();
            if stream.write_u8(byte).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("it was never cut");
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_the_time_for_a_head() {
    // Time enough for two requests on a machine that is slow.
    let running = start_with(Limits {
        head: Duration::from_secs(2),
        ..limits(8)
    })
    .await;
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    for _ in 0..2 {
        assert!(answer(&mut stream, HEALTH).await.contains("200"));
    }
    let read = timeout(DEADLINE, stream.read(&mut [0])).await;
    assert_eq!(read.expect("it is still open").unwrap(), 0);
}

#[tokio::test]
async fn http2_is_not_spoken() {
    let running = start(8).await;
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    // The preface and an empty SETTINGS frame.
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    let mut said = Vec::new();
    _ = timeout(DEADLINE, stream.read_to_end(&mut said))
        .await
        .expect("it was not closed");
    assert!(
        said.is_empty() || said.starts_with(b"HTTP/1.1 400"),
        "{said:?}"
    );
}

const PIECE: &[u8] = &[b'x'; 16 << 10];

/// An answer without an end that is written as fast as it is taken, and how its connection ended.
async fn endless_answer(limits: Limits) -> (TcpStream, tokio::task::JoinHandle<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let served = tokio::spawn(async move {
        let service = service_fn(async |_| {
            let frame = || Ok::<_, Infallible>(http_body::Frame::data(Bytes::from_static(PIECE)));
            let body = StreamBody::new(futures::stream::repeat_with(frame));
            Ok::<_, Infallible>(http::Response::new(body))
        });
        let connection = Connection::new(Arc::default());
        let stream = TokioIo::new(prepare(stream, limits, &connection).unwrap());
        let served = protocol(limits).serve_connection(stream, service).await;
        served.is_err()
    });
    client.write_all(HEALTH.as_bytes()).await.unwrap();
    (client, served)
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_cut() {
    let limits = Limits {
        write: Duration::from_millis(100),
        ..limits(8)
    };
    let (_client, served) = endless_answer(limits).await;
    let failed = timeout(DEADLINE, served).await.expect("it was not cut");
    assert!(failed.unwrap());
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_not_cut() {
    let limits = Limits {
        write: Duration::from_secs(1),
        ..limits(8)
    };
    let (mut client, served) = endless_answer(limits).await;
    let mut piece = vec![0; 256 << 10];
    for _ in 0..120 {
        sleep(Duration::from_millis(10)).await;
        assert!(client.read(&mut piece).await.unwrap() > 0);
    }
    assert!(!served.is_finished());
    served.abort();
}
