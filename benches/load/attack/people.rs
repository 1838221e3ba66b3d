//! The people: some chats at a time, each on a connection of its own, with what became of each.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, Method};
use tokio::time::{Instant, timeout};

use crate::{
    common::{Client, End, SECOND},
    figure::percentile,
    scene::Scene,
};

/// What became of some chats.
#[derive(Debug, Default)]
pub struct People {
    first_tokens: Vec<Duration>,
    /// What became of those that were not whole.
    pub others: BTreeMap<String, usize>,
}

impl People {
    /// They come, [`AT_ONCE`] at a time.
    pub async fn come(scene: &Scene) -> Self {
        let chats = stream::iter(0..COUNT).map(|_| async {
            let chat = timeout(PATIENCE, chat(scene)).await;
            chat.unwrap_or_else(|_| Err("no end".to_owned()))
        });
        let mut people = Self::default();
        for chat in chats.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
            match chat {
                Ok(first_token) => people.first_tokens.push(first_token),
                Err(what) => *people.others.entry(what).or_default() += 1,
            }
        }
        people
    }

    /// How many got a whole answer.
    pub fn whole(&self) -> usize {
        self.first_tokens.len()
    }

    /// When so many per cent of the whole answers had begun.
    pub fn first_token(&mut self, percent: usize) -> Duration {
        if self.first_tokens.is_empty() {
            return PATIENCE;
        }
        percentile(&mut self.first_tokens, percent)
    }
}

/// How long the first token took, the connection counted; or what became of it.
async fn chat(scene: &Scene) -> Result<Duration, String> {
    let begun = Instant::now();
    let client = Client::try_connect(scene.host.addr()).await;
    let mut client = client.map_err(|_| "no connection".to_owned())?;
    let headers = HeaderMap::from_iter([
        (
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (
            http::header::AUTHORIZATION,
            HeaderValue::from_static("Bearer 3f9ac1d07be24586a1d2c3b4"),
        ),
    ]);
    let sent = client.send(Method::POST, "/api/chat", headers, r#"{"prompt":"Hello"}"#);
    let mut answer = sent.await.map_err(|_| "no head".to_owned())?;
    let mut first = None;
    while first.is_none() {
        let Some(line) = answer.line().await else {
            break;
        };
        let line: serde_json::Value = serde_json::from_str(&line.text).unwrap_or_default();
        if line.get("queue").is_some() {
            continue;
        }
        if line["message"]["content"].is_string() {
            first = Some(begun.elapsed());
        } else {
            return Err(format!("{} {}", answer.status, line["code"]));
        }
    }
    let whole = answer.whole().await;
    let last = whole.lines.last().map(|line| line.text.as_str());
    let last: serde_json::Value = serde_json::from_str(last.unwrap_or("null")).unwrap_or_default();
    match first {
        Some(first) if whole.end == End::InOrder && last["done"] == true => Ok(first),
        _ => Err(format!(
            "{}, then {:?} {}",
            whole.status, whole.end, last["code"]
        )),
    }
}

pub const COUNT: usize = 50;
const AT_ONCE: usize = 4;
const PATIENCE: Duration = SECOND.saturating_mul(60);
