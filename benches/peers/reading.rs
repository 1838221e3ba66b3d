//! Answers read as cheaply as possible, so that it is the peer that is measured and not whoever measures.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::{
    common::{Answer, Client},
    peer::Peer,
};

/// What an answer came to.
pub struct Read {
    /// From the sending of the request to the first bytes of the answer that are not a heartbeat's.
    pub first: Duration,
    pub tokens: usize,
}

/// Asks on the given connection and reads to the end.
///
/// # Panics
/// The answer is not a whole one: then there is nothing to compare.
pub async fn ask(client: &mut Client, peer: &Peer, prompt: &str) -> Read {
    let document = peer.document(prompt);
    let sent = Instant::now();
    let answer = client.post(peer.path(), &document).await;
    read(answer, sent).await
}

async fn read(mut answer: Answer, sent: Instant) -> Read {
    let status = answer.status;
    let (mut first, mut tokens, mut last) = (None, 0, Vec::new());
    while let Some(chunk) = answer.chunk().await {
        let lines = chunk.iter().filter(|byte| **byte == b'\n').count();
        let heartbeats = match first {
            None => heartbeats(&chunk),
            // Those about places come before the answer.
            Some(_) => 0,
        };
        if first.is_none() && lines > heartbeats {
            first = Some(sent.elapsed());
        }
        tokens += lines - heartbeats;
        // The last line may come in two parts.
        last.extend_from_slice(&chunk[chunk.len().saturating_sub(END)..]);
        last.drain(..last.len().saturating_sub(END));
    }
    let last = String::from_utf8_lossy(&last);
    let is_whole = last.contains("\"done\":true") || last.contains("[DONE]");
    assert!(
        status.is_success() && is_whole,
        "not a whole answer: {status} {last}"
    );
    // The last line of an answer is no token.
    let tokens = tokens.saturating_sub(1);
    Read {
        first: first.unwrap_or_default(),
        tokens,
    }
}

/// How long each line of a chunk was on its way, by the time of its making that Ollama writes into it. Both clocks are this
/// machine's.
pub fn delays(chunk: &[u8], into: &mut Vec<Duration>) {
    #[allow(clippy::disallowed_methods, reason = "the time is what is measured")]
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = now.as_nanos() % DAY_NS;
    for line in chunk.split(|byte| *byte == b'\n') {
        if let Some(made) = made_at(line) {
            let ns = (now + DAY_NS - made) % DAY_NS;
            into.push(Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX)));
        }
    }
}

/// The time of day at which a line was made, in nanoseconds; `None` where it does not say.
fn made_at(line: &[u8]) -> Option<u128> {
    let line = std::str::from_utf8(line).ok()?;
    let stamp = line.split_once("\"created_at\":\"")?.1.split_once('Z')?.0;
    let (clock, fraction) = stamp.split_once('T')?.1.split_once('.')?;
    let seconds = clock
        .split(':')
        .try_fold(0, |sum, part| Some(sum * 60 + part.parse::<u128>().ok()?))?;
    let scale = 10_u128.pow(9_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?);
    Some(seconds * 1_000_000_000 + fraction.parse::<u128>().ok()? * scale)
}

fn heartbeats(chunk: &[u8]) -> usize {
    let windows = chunk.windows(QUEUE.len());
    windows.filter(|window| *window == QUEUE).count()
}

const QUEUE: &[u8] = b"\"queue\":{";
const DAY_NS: u128 = 86_400 * 1_000_000_000;

/// Enough for the last line of any answer.
const END: usize = 600;
