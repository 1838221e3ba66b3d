//! Which connection a request goes over, and when none is made.

use tokio::{sync::Notify, task::coop};

use super::*;

/// Answers requests on one connection until the client closes it.
async fn keep_answering(mut stream: TcpStream) {
    while request(&mut stream).await {
        write(
            &mut stream,
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        )
        .await;
    }
}

#[tokio::test]
async fn a_connection_whose_answer_was_read_is_used_again() {
    let (url, accepted) = upstream(keep_answering).await;
    let client = client(None, "*://*:*");
    for _ in 0..3 {
        let body = send(&client, get(&url), RequestOptions::default())
            .await
            .unwrap();
        assert_eq!(text(body).await, Ok("ok".into()));
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_pooling_each_request_has_its_own_connection() {
    let (url, accepted) = upstream(keep_answering).await;
    let client = client(
        Some(OutboundHttp {
            connection_pooling: false,
            max_connections: None,
        }),
        "*://*:*",
    );
    for _ in 0..3 {
        let body = send(&client, get(&url), RequestOptions::default())
            .await
            .unwrap();
        assert_eq!(text(body).await, Ok("ok".into()));
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_kept_connection_that_the_upstream_closed_costs_no_request() {
    let (closed, mut was_closed) = mpsc::channel(8);
    let (url, accepted) = upstream(move |mut stream| {
        let closed = closed.clone();
        async move {
            request(&mut stream).await;
            write(
                &mut stream,
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            )
            .await;
            drop(stream);
            closed.send(()).await.unwrap();
        }
    })
    .await;
    let client = client(None, "*://*:*");
    for _ in 0..3 {
        let body = send(&client, get(&url), RequestOptions::default())
            .await
            .unwrap();
        assert_eq!(text(body).await, Ok("ok".into()));
        was_closed.recv().await.unwrap();
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 3);
}

/// An upstream that answers one request on each connection, keeps it open, and closes all when it is told to.
async fn closes_when_told() -> (String, Arc<AtomicUsize>, Arc<Notify>) {
    let close = Arc::new(Notify::new());
    let told = close.clone();
    let (url, accepted) = upstream(move |mut stream| {
        let told = told.clone();
        async move {
            request(&mut stream).await;
            let told = told.notified();
            write(
                &mut stream,
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            )
            .await;
            told.await;
        }
    })
    .await;
    (url, accepted, close)
}

/// Closes the connections, and waits until the runtime has been told.
async fn have_closed(close: &Notify) {
    close.notify_waiters();
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn a_connection_that_closes_between_its_taking_and_the_request_gives_that_back() {
    let (url, _, close) = closes_when_told().await;
    let client = client(None, "*://*:*");
    let body = send(&client, get(&url), RequestOptions::default())
        .await
        .unwrap();
    assert_eq!(text(body).await, Ok("ok".into()));
    let (pool, uri) = (client.client.0.clone(), url.parse().unwrap());
    let taken = future::poll_fn(|cx| Poll::Ready(pool.take(&uri, cx))).await;
    have_closed(&close).await;
    let (_, exchange) = Exchange::new(get(&url), DEADLINE, pool, None);
    let sent = timeout(DEADLINE, exchange.run(taken.expect("an open one"))).await;
    let sent = sent.expect("neither a head nor an error came");
    assert!(matches!(sent, Err(exchange::Failure::NotSent(_))));
}

/// Tokio lets a task do only so much at once: after that a socket is not even looked at, and a closed connection seems open.
#[tokio::test]
async fn a_closed_connection_costs_no_request_however_much_the_task_has_done_before() {
    let (url, accepted, close) = closes_when_told().await;
    let client = client(None, "*://*:*");
    let body = send(&client, get(&url), RequestOptions::default())
        .await
        .unwrap();
    assert_eq!(text(body).await, Ok("ok".into()));
    have_closed(&close).await;
    let mut sent = Box::pin(send(&client, get(&url), RequestOptions::default()));
    let is_pending = future::poll_fn(|cx| {
        while let Poll::Ready(unit) = coop::poll_proceed(cx) {
            unit.made_progress();
        }
        Poll::Ready(sent.as_mut().poll(cx).is_pending())
    });
    assert!(is_pending.await);
    assert_eq!(text(sent.await.unwrap()).await, Ok("ok".into()));
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_request_beyond_max_connections_waits_for_one_to_end() {
    let (url, accepted) = upstream(|mut stream| async move {
        request(&mut stream).await;
        write(&mut stream, &format!("{HEAD}1\r\na\r\n")).await;
        _ = stream.read(&mut [0]).await;
    })
    .await;
    let client = client(
        Some(OutboundHttp {
            connection_pooling: true,
            max_connections: Some(1),
        }),
        "*://*:*",
    );
    let first = send(&client, get(&url), RequestOptions::default())
        .await
        .unwrap();
    let impatient = RequestOptions {
        connect_timeout: Some(Duration::from_millis(20)),
        ..RequestOptions::default()
    };
    let refused = send(&client, get(&url), impatient).await.map(drop);
    // It is the host's own limit, not the upstream's fault.
    let own = ErrorCode::ConnectionLimitReached;
    assert_eq!(refused.unwrap_err(), own.into());
    drop(first);
    send(&client, get(&url), RequestOptions::default())
        .await
        .unwrap();
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_upstream_without_an_answer_is_given_up_after_the_time_to_the_first_byte() {
    let (url, _) = upstream(|stream| async move {
        future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let options = RequestOptions {
        first_byte_timeout: Some(Duration::from_millis(20)),
        ..RequestOptions::default()
    };
    let error = send(&client(None, "*://*:*"), get(&url), options)
        .await
        .unwrap_err();
    assert_eq!(error, ErrorCode::ConnectionReadTimeout.into());
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = send(
        &client(None, "*://*:*"),
        get(&url),
        RequestOptions::default(),
    )
    .await
    .unwrap_err();
    assert_eq!(error, ErrorCode::ConnectionRefused.into());
}

#[tokio::test]
async fn an_origin_that_is_not_allowed_is_not_connected_to() {
    let (url, accepted) = upstream(keep_answering).await;
    let error = send(
        &client(None, "http://127.0.0.1:1"),
        get(&url),
        RequestOptions::default(),
    )
    .await
    .unwrap_err();
    assert_eq!(error, ErrorCode::HttpRequestDenied.into());
    assert_eq!(accepted.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_path_alone_goes_into_the_request_line() {
    let (url, _) = upstream(|mut stream| async move {
        let mut line = [0; 24];
        stream.read_exact(&mut line).await.unwrap();
        let answer = if &line == b"POST /a/b?c=d HTTP/1.1\r\n" {
            "200 OK"
        } else {
            "400 Bad Request"
        };
        write(
            &mut stream,
            &format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n"),
        )
        .await;
    })
    .await;
    let body = Full::new(Bytes::from_static(b"{}"))
        .map_err(|never| match never {})
        .boxed_unsync();
    let request = Request::post(format!("{url}a/b?c=d"))
        .header("host", "upstream")
        .body(body)
        .unwrap();
    let client = client(None, "*://*:*");
    let (response, _) = timeout(DEADLINE, client.send(request, RequestOptions::default()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn nothing_is_asked_of_the_upstream_before_the_body_is_sent() {
    let (seen, mut heads) = mpsc::channel(1);
    let (url, _) = upstream(move |mut stream| {
        let seen = seen.clone();
        async move {
            let mut head = Vec::new();
            while !head.ends_with(b"{}") {
                head.push(stream.read_u8().await.unwrap());
            }
            seen.send(String::from_utf8(head).unwrap()).await.unwrap();
            write(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        }
    })
    .await;
    let body = Full::new(Bytes::from_static(b"{}"))
        .map_err(|never| match never {})
        .boxed_unsync();
    let request = Request::post(url)
        .header("host", "upstream")
        .header("expect", "100-continue")
        .body(body)
        .unwrap();
    let client = client(None, "*://*:*");
    let _answer = timeout(DEADLINE, client.send(request, RequestOptions::default()))
        .await
        .unwrap()
        .unwrap();
    let head = heads.recv().await.unwrap().to_lowercase();
    assert!(!head.contains("expect"), "{head}");
}
