//! How the bodies of answers come, and how they end.

use super::*;

#[tokio::test]
async fn chunks_that_arrived_together_are_handed_over_as_one() {
    let (url, _) = upstream(|mut stream| async move {
        request(&mut stream).await;
        write(
            &mut stream,
            &format!("{HEAD}1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n0\r\n\r\n"),
        )
        .await;
    })
    .await;
    let mut body = send(
        &client(None, "*://*:*"),
        get(&url),
        RequestOptions::default(),
    )
    .await
    .unwrap();
    assert_eq!(frame(&mut body).await, Some(Ok("abcd".into())));
    assert_eq!(frame(&mut body).await, None);
}

#[tokio::test]
async fn a_chunk_does_not_wait_for_the_next_one() {
    let (url, _) = upstream(|mut stream| async move {
        request(&mut stream).await;
        write(&mut stream, &format!("{HEAD}1\r\na\r\n")).await;
        future::pending::<()>().await;
    })
    .await;
    let mut body = send(
        &client(None, "*://*:*"),
        get(&url),
        RequestOptions::default(),
    )
    .await
    .unwrap();
    assert_eq!(frame(&mut body).await, Some(Ok("a".into())));
}

#[tokio::test]
async fn merging_keeps_every_byte_in_order_and_within_the_bound() {
    let chunks: Vec<String> = (0..64).map(|n| format!("{n:04}").repeat(256)).collect();
    let whole = chunks.concat();
    let (url, _) = upstream(move |mut stream| {
        let wire: String = chunks
            .iter()
            .map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len()))
            .collect();
        async move {
            request(&mut stream).await;
            write(&mut stream, &format!("{HEAD}{wire}0\r\n\r\n")).await;
        }
    })
    .await;
    let mut body = send(
        &client(None, "*://*:*"),
        get(&url),
        RequestOptions::default(),
    )
    .await
    .unwrap();
    let mut got = Vec::new();
    while let Some(data) = frame(&mut body).await {
        let data = data.unwrap();
        assert!(data.len() <= 16 << 10, "{} bytes at once", data.len());
        got.extend_from_slice(&data);
    }
    assert!(got == whole.as_bytes());
}

#[tokio::test]
async fn dropping_the_body_closes_the_connection_at_once() {
    let (closed, mut was_closed) = mpsc::channel(1);
    let (url, _) = upstream(move |mut stream| {
        let closed = closed.clone();
        async move {
            request(&mut stream).await;
            write(&mut stream, &format!("{HEAD}1\r\na\r\n")).await;
            assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
            closed.send(()).await.unwrap();
        }
    })
    .await;
    let mut body = send(
        &client(None, "*://*:*"),
        get(&url),
        RequestOptions::default(),
    )
    .await
    .unwrap();
    assert_eq!(frame(&mut body).await, Some(Ok("a".into())));
    drop(body);
    timeout(DEADLINE, was_closed.recv())
        .await
        .expect("the upstream was not told");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_and_not_an_end() {
    let (url, _) = upstream(|mut stream| async move {
        request(&mut stream).await;
        write(&mut stream, &format!("{HEAD}1\r\na\r\n")).await;
    })
    .await;
    let mut body = send(
        &client(None, "*://*:*"),
        get(&url),
        RequestOptions::default(),
    )
    .await
    .unwrap();
    assert_eq!(frame(&mut body).await, Some(Ok("a".into())));
    assert_eq!(
        frame(&mut body).await,
        Some(Err(ErrorCode::HttpResponseIncomplete.into()))
    );
    assert_eq!(frame(&mut body).await, None);
}

#[tokio::test]
async fn a_silent_upstream_is_given_up_after_the_time_between_bytes() {
    let (url, _) = upstream(|mut stream| async move {
        request(&mut stream).await;
        write(&mut stream, &format!("{HEAD}1\r\na\r\n")).await;
        _ = stream.read(&mut [0]).await;
    })
    .await;
    let options = RequestOptions {
        between_bytes_timeout: Some(Duration::from_millis(20)),
        ..RequestOptions::default()
    };
    let mut body = send(&client(None, "*://*:*"), get(&url), options)
        .await
        .unwrap();
    assert_eq!(frame(&mut body).await, Some(Ok("a".into())));
    assert_eq!(
        frame(&mut body).await,
        Some(Err(ErrorCode::ConnectionReadTimeout.into()))
    );
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_has_been_sent() {
    let (url, _) = upstream(|mut stream| async move {
        request(&mut stream).await;
        write(&mut stream, &format!("{HEAD}1\r\na\r\n0\r\n\r\n")).await;
        future::pending::<()>().await;
    })
    .await;
    let endless = StreamBody::new(futures::stream::pending()).boxed_unsync();
    let request = Request::post(&url)
        .header("host", "upstream")
        .body(endless)
        .unwrap();
    let client = client(None, "*://*:*");
    let (response, io) = timeout(DEADLINE, client.send(request, RequestOptions::default()))
        .await
        .unwrap()
        .unwrap();
    let driver = tokio::spawn(Box::into_pin(io));
    assert_eq!(text(response.into_body()).await, Ok("a".into()));
    driver.abort();
}
