//! The server without components: its own answers, its limits, its end; and the bodies of components on their own.

use http_body::Body;
use http_body_util::{BodyExt, StreamBody};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    body::{ComponentBody, ReplyBody},
    *,
};
use crate::{instance::Fate, routes::Routes};

const DEADLINE: Duration = Duration::from_secs(10);

struct Running {
    addr: SocketAddr,
    stop: oneshot::Sender<Duration>,
    server: tokio::task::JoinHandle<()>,
}

async fn start(max_connections: usize) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let service =
        Service::new(Routes::build(&[], |_| unreachable!("there are no routes")).unwrap());
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(Server::new(listener, service, max_connections).run(stopped));
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
async fn one_connection_too_many_is_told_so_and_the_place_is_free_again_later() {
    let running = start(1).await;
    let mut first = TcpStream::connect(running.addr).await.unwrap();
    answer(&mut first, HEALTH).await;
    let mut second = TcpStream::connect(running.addr).await.unwrap();
    let refused = answer(&mut second, HEALTH).await;
    assert!(
        refused.starts_with("HTTP/1.1 503") && refused.contains("1 connections"),
        "{refused}"
    );
    drop(first);
    timeout(DEADLINE, async {
        loop {
            let mut third = TcpStream::connect(running.addr).await.unwrap();
            if answer(&mut third, HEALTH).await.starts_with("HTTP/1.1 200") {
                return;
            }
        }
    })
    .await
    .expect("the place did not become free");
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

/// What a component writes that has written `data` and then nothing more.
fn unfinished(data: &'static str, fate: &Fate) -> ReplyBody {
    let frames = futures::stream::iter([Ok(http_body::Frame::data(data.into()))]);
    let frames = futures::StreamExt::chain(frames, futures::stream::pending());
    ReplyBody::Component(ComponentBody::new(
        StreamBody::new(frames).boxed_unsync(),
        fate.clone(),
    ))
}

#[tokio::test]
async fn the_body_of_a_dead_instance_fails_at_once() {
    let fate = Fate::new();
    let mut body = unfinished("a", &fate);
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "a"
    );
    let waiting = tokio::spawn(async move { body.frame().await.unwrap().is_err() });
    tokio::task::yield_now().await;
    fate.cancel();
    assert!(
        timeout(DEADLINE, waiting)
            .await
            .expect("the body still waits")
            .unwrap()
    );
}

#[tokio::test]
async fn a_dead_instance_has_no_finished_bodies() {
    let fate = Fate::new();
    let empty = StreamBody::new(futures::stream::empty()).boxed_unsync();
    let mut body = ReplyBody::Component(ComponentBody::new(empty, fate.clone()));
    fate.cancel();
    assert!(!body.is_end_stream());
    assert!(body.frame().await.unwrap().is_err());
}
