//! Large bodies: a line of people with pictures, and shapes of JSON that cost whoever makes a tree of them.

use std::collections::BTreeMap;

use futures::future::join_all;
use http::{HeaderMap, HeaderValue, Method, header};
use tokio::time::sleep;

use crate::{
    common::{Answer, Client, End, SECOND, fill},
    figure::plain,
    scene::{Backend, Scene},
};

pub async fn measure() {
    pictures_in_line().await;
    shapes().await;
}

/// Under the settings as they are shipped.
async fn pictures_in_line() {
    let scene = Scene::start(Backend::Default, ANSWER, &[]).await;
    let held = fill(scene.host.addr(), &scene.sim, 4).await;
    // 5 MB of a picture are 7 MB as base64.
    let picture = whole(br#"{"prompt":""#, b"iVBORw0KGgo=", br#""}"#, 7_000_000);
    let waiting = join_all((0..PEOPLE).map(|_| chat(&scene, picture.clone())));
    let let_go = async {
        sleep(3 * SECOND).await;
        drop(held);
    };
    let (answers, ()) = futures::join!(waiting, let_go);
    let what = format!("{PEOPLE} with a picture of 5 MB each, in line");
    told(&what, &answers);
    let largest = whole(br#"{"prompt":""#, b"x", br#""}"#, MAX_BODY);
    let answers = join_all((0..8).map(|_| chat(&scene, largest.clone()))).await;
    told("8 bodies of 8 MiB at once", &answers);
    plain(
        "memory of the host",
        format!("{} MiB", scene.usage().memory_kib / 1024),
    );
}

/// Four of each shape at once, beside streams that are in the same instances.
async fn shapes() {
    let variables = [("max_concurrent", "200")];
    let scene = Scene::start(Backend::Wide, ANSWER, &variables).await;
    let streams = fill(scene.host.addr(), &scene.sim, STREAMS).await;
    let streams: Vec<_> = streams
        .into_iter()
        .map(|stream| tokio::spawn(stream.whole()))
        .collect();
    sleep(2 * SECOND).await;
    let begun = scene.usage().memory_kib;
    for (name, body) in nasty() {
        let answers = join_all((0..4).map(|_| chat(&scene, body.clone()))).await;
        told(name, &answers);
        let grown = scene.usage().memory_kib.saturating_sub(begun) / 1024;
        plain("    grown since before the first", format!("{grown} MiB"));
    }
    let alive = streams.iter().filter(|stream| !stream.is_finished());
    plain(
        "streams that go on",
        format!("{} of {STREAMS}", alive.count()),
    );
    streams.iter().for_each(tokio::task::JoinHandle::abort);
}

fn nasty() -> Vec<(&'static str, Vec<u8>)> {
    let array = |first: &[u8], piece: &[u8]| {
        let head = [br#"{"prompt":"x","more":["#, first].concat();
        whole(&head, piece, b"]}", MAX_BODY)
    };
    let members = |head: &[u8], tail: &[u8]| {
        let members = (0..640_000).flat_map(|n| format!(r#","m{n:06}":0"#).into_bytes());
        let body: Vec<u8> = members.collect();
        [head, &body, tail].concat()
    };
    let deep = [b",", &[b'['; 9_000][..], &[b']'; 9_000]].concat();
    vec![
        ("arrays of one", array(b"[0]", b",[0]")),
        ("empty arrays", array(b"[]", b",[]")),
        ("empty objects", array(b"{}", b",{}")),
        ("objects of one", array(br#"{"":0}"#, br#",{"":0}"#)),
        ("numbers", array(b"0", b",0")),
        (
            "long numbers",
            array(b"0", b",123456789012345678901234567890e-300"),
        ),
        ("nested 9,000 deep", array(b"0", &deep)),
        ("many members", members(br#"{"prompt":"x""#, b"}")),
        (
            "many options",
            members(br#"{"prompt":"x","options":{"seed":1"#, b"}}"),
        ),
        (
            "names that fold to one, unknown ones",
            whole(br#"{"prompt":"x""#, br#","Zz":0,"zZ":0"#, b"}", MAX_BODY),
        ),
        (
            "escapes and half pairs",
            whole(br#"{"prompt":""#, br"\u0041\n\ud83d", br#""}"#, MAX_BODY),
        ),
        (
            "bytes that are no UTF-8",
            whole(br#"{"prompt":""#, b"\xff", br#""}"#, MAX_BODY),
        ),
        (
            "many messages",
            whole(
                br#"{"messages":[{"role":"user","content":"x"}"#,
                br#",{"role":"user","content":"x"}"#,
                b"]}",
                MAX_BODY,
            ),
        ),
    ]
}

/// A body of at most so many bytes: a beginning, as much of the same as there is room for, an end.
fn whole(head: &[u8], piece: &[u8], tail: &[u8], most: usize) -> Vec<u8> {
    let pieces = (most - head.len() - tail.len()) / piece.len();
    [head, &piece.repeat(pieces), tail].concat()
}

/// What became of a chat with this body.
async fn chat(scene: &Scene, body: Vec<u8>) -> String {
    let mut client = Client::connect(scene.host.addr()).await;
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
    match client.send(Method::POST, "/api/chat", headers, body).await {
        Ok(answer) => ended(answer).await,
        Err(_) => "no head".to_owned(),
    }
}

async fn ended(answer: Answer) -> String {
    let answer = answer.whole().await;
    let last = answer.lines.last().map(|line| line.text.as_str());
    let last: serde_json::Value = serde_json::from_str(last.unwrap_or("null")).unwrap_or_default();
    if answer.end == End::InOrder && last["done"] == true {
        return "whole".to_owned();
    }
    format!("{} {:?} {}", answer.status, answer.end, last["code"])
}

fn told(what: &str, answers: &[String]) {
    let mut counts = BTreeMap::<&str, usize>::new();
    for answer in answers {
        *counts.entry(answer).or_default() += 1;
    }
    let counts: Vec<_> = counts
        .iter()
        .map(|(answer, count)| format!("{count} {answer}"))
        .collect();
    plain(what, counts.join(", "));
}

const ANSWER: &str = "tokens=3 pace=5ms";
const PEOPLE: usize = 24;
const STREAMS: u64 = 100;

/// As it is shipped.
const MAX_BODY: usize = 8 << 20;
