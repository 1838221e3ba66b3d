//! Answers: read line by line as they come, or whole, with the time of arrival of each line.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// An answer whose head is there. Dropping it hangs up, unless its client is still held.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// How long the head took.
    pub head_after: Duration,
    sent: Instant,
    body: Incoming,
    /// What came after the last end of a line.
    rest: BytesMut,
    end: Option<End>,
    _connection: Arc<AbortOnDropHandle<()>>,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As HTTP wants it.
    InOrder,
    /// The connection broke off.
    Broken,
}

/// One line of an answer, without its end.
#[derive(Clone, Debug)]
pub struct Line {
    /// When it was there, counted from when the request was sent.
    pub at: Duration,
    /// What it says.
    pub text: String,
}

/// An answer that has ended.
#[derive(Debug)]
pub struct Whole {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// How long the head took.
    pub head_after: Duration,
    /// The body, line by line; the last one may have had no end.
    pub lines: Vec<Line>,
    /// How it ended.
    pub end: End,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(
        response: Response<Incoming>,
        sent: Instant,
        connection: Arc<AbortOnDropHandle<()>>,
    ) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            head_after: sent.elapsed(),
            sent,
            body,
            rest: BytesMut::new(),
            end: None,
            _connection: connection,
        }
    }

    /// The next line; `None` when the answer has ended, in order or not.
    pub async fn line(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.buffered_line() {
                return Some(line);
            }
            match self.chunk().await {
                Some(chunk) => self.rest.extend_from_slice(&chunk),
                None if self.rest.is_empty() => return None,
                None => {
                    let last = std::mem::take(&mut self.rest);
                    return Some(self.arrived(&last));
                }
            }
        }
    }

    /// The next line of the answer itself: on a busy machine heartbeats may come before it.
    pub async fn token(&mut self) -> Line {
        loop {
            let line = self.line().await.expect("a token");
            if line.queue().is_none() {
                return line;
            }
        }
    }

    /// Reads on to the end. Lines that were read before are not part of it.
    pub async fn whole(mut self) -> Whole {
        let (mut lines, mut body) = (Vec::new(), self.rest.to_vec());
        loop {
            while let Some(line) = self.buffered_line() {
                lines.push(line);
            }
            let Some(chunk) = self.chunk().await else {
                break;
            };
            body.extend_from_slice(&chunk);
            self.rest.extend_from_slice(&chunk);
        }
        if !self.rest.is_empty() {
            lines.push(self.arrived(&self.rest));
        }
        let end = self.end.unwrap_or(End::Broken);
        let (status, headers, head_after) = (self.status, self.headers, self.head_after);
        Whole {
            status,
            headers,
            head_after,
            lines,
            end,
            body,
        }
    }

    /// What has come of the body since the last call, whatever it is a part of; `None` when the answer has ended, in order or
    /// not. Not to be mixed with [`Answer::line`].
    pub async fn chunk(&mut self) -> Option<Bytes> {
        loop {
            match self.body.frame().await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Some(data),
                    Err(_trailers) => continue,
                },
                Some(Err(_)) => self.end = Some(End::Broken),
                None => _ = self.end.get_or_insert(End::InOrder),
            }
            return None;
        }
    }

    fn buffered_line(&mut self) -> Option<Line> {
        let at = self.rest.iter().position(|&byte| byte == b'\n')?;
        let line = self.rest.split_to(at + 1);
        Some(self.arrived(&line[..at]))
    }

    fn arrived(&self, line: &[u8]) -> Line {
        Line {
            at: self.sent.elapsed(),
            text: String::from_utf8_lossy(line).into_owned(),
        }
    }
}

impl Line {
    /// The JSON that the line is.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The `queue` member, if it is a heartbeat with one.
    pub fn queue(&self) -> Option<Value> {
        self.json().get("queue").cloned()
    }
}

impl Whole {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The status and the refusal's `code`.
    pub fn refusal(&self) -> (u16, String) {
        let document = self.json();
        let code = document["code"].as_str().unwrap_or_default();
        (self.status.as_u16(), code.to_owned())
    }

    /// The `queue` members of the heartbeats.
    pub fn queue(&self) -> Vec<Value> {
        self.lines.iter().filter_map(Line::queue).collect()
    }

    /// The ticket's numbers, from the header or else the first heartbeat: the session, and which of its requests this is.
    pub fn ticket_number(&self) -> (u64, u64) {
        let told = self.queue().first().map(|queue| queue["ticket"].clone());
        let ticket = self.header("x-queue-ticket").map(str::to_owned);
        let ticket = ticket.or_else(|| Some(told?.as_str()?.to_owned()));
        let ticket = ticket.unwrap_or_else(|| panic!("no ticket: {self:?}"));
        let mut numbers = ticket.split('-').map(|number| number.parse().ok());
        let numbers = numbers.next().flatten().zip(numbers.next().flatten());
        numbers.unwrap_or_else(|| panic!("two numbers and a secret: {ticket}"))
    }

    /// Fails unless this is a whole answer of Ollama's, in lines: 200, an end in order, and `done` on the last line only.
    #[track_caller]
    pub fn assert_complete(&self) {
        let done: Vec<bool> = self
            .lines
            .iter()
            .map(|line| line.json()["done"] == true)
            .collect();
        let last_alone = done.iter().rposition(|done| !done).map_or(0, |at| at + 1);
        let is_complete = self.status == StatusCode::OK
            && self.end == End::InOrder
            && last_alone + 1 == done.len();
        assert!(is_complete, "not a whole answer: {self:?}");
    }
}
