//! Places that were lost: whoever asks the same again soon after a cut or an error goes on waiting where it stood.
//!
//! # Why
//! Clients cut a wait by clocks of their own (Claude Code after 300 s, whatever comes meanwhile) and ask again at once; they ask
//! again after an error, too. At the end of the line they would never get to its front.
//!
//! # How
//! A request that had to wait, and ends without its whole answer, leaves a record of how long it has waited. One of the same client,
//! in the same conversation, with the same body looks for such a record while it waits, and takes up the age that the place would have
//! now, once; the gate orders by age. It looks several times, since it often comes before it is noticed that the other one is gone.
//!
//! # What it costs
//! A write for each waiter that is cut or refused, a few reads for each that waits, one for each that is refused where it was not
//! looked for a moment ago, and nothing for one that is started at once.
//! There are as many keys as [`SLOTS`], whatever happens: two losses in one slot lose the earlier age.
//!
//! # What it does not do
//! An age is advice. The time in a record is that of the clock on the wall: hosts whose clocks differ by more than [`KEPT_MS`]
//! take up none of each other's. Two that ask the same at the same moment on two instances may both take it up.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use http::HeaderMap;
use sluice_ollama::Endpoint;
use sluice_ollama::request::Body;

use crate::clock;
use crate::http::head::CONVERSATIONS;
use crate::store;
use crate::tasks::spawn;

/// For how long the age of a lost place is kept, in milliseconds.
const KEPT_MS: u64 = 30_000;

/// A shorter wait is not worth a record, in milliseconds: it would change no order.
const LEAST_MS: u64 = 1_000;

/// How many ages are kept at most, over all instances.
const SLOTS: u64 = 4_096;

/// For how long one that was looked for in vain is not looked for again, in milliseconds, and of how many that is remembered.
const VAIN_MS: u64 = 50;
const VAIN_AT_MOST: usize = 64;

/// The pauses between the looks for a record while a request waits. A client that left is noticed at the next heartbeat or the one after.
pub const PAUSES: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(3),
    Duration::from_secs(5),
    Duration::from_secs(5),
];

/// What a request and its repetition have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

impl Mark {
    /// Of a request by this client. Whether its answer is streamed does not matter: after an error some ask for a document.
    pub fn of(client: &str, endpoint: Endpoint, headers: &HeaderMap, body: &Body) -> Mark {
        // Without a key of its own it is the same in all instances of one release.
        let mut hasher = DefaultHasher::new();
        client.hash(&mut hasher);
        endpoint.path().hash(&mut hasher);
        for name in CONVERSATIONS {
            headers
                .get(name)
                .map(|value| value.as_bytes())
                .hash(&mut hasher);
        }
        body.digest().hash(&mut hasher);
        Mark(hasher.finish())
    }

    fn key(self) -> String {
        format!("{PREFIX}{:03x}", self.0 % SLOTS)
    }
}

/// A place was lost: keeps how long it had been waited for.
pub fn keep(mark: Mark, waited_ms: u64) {
    if waited_ms < LEAST_MS {
        return;
    }
    let record = Record {
        mark,
        waited_ms,
        lost_at_ms: clock::wall_ms(),
    };
    spawn(async move {
        // What cannot be kept is lost, as it was before.
        let _ = store::write(mark.key(), record.encode()).await;
    });
}

/// The age of the place that was lost before this request, in milliseconds; nobody else gets it.
pub async fn take(mark: Mark) -> Option<u64> {
    let _only = Taking::begin(mark)?;
    let bytes = store::read(mark.key()).await.ok()??;
    let record = Record::decode(&bytes)?;
    if record.mark != mark {
        return None;
    }
    let age_ms = record.age_ms(clock::wall_ms())?;
    store::remove(mark.key()).await.ok()?;
    Some(age_ms)
}

/// The same for one that is about to be refused. Who was looked for in vain a moment ago is not looked for again: one that asks again
/// and again costs the store a read every `VAIN_MS`.
pub async fn take_if_refused(mark: Mark) -> Option<u64> {
    let now_ms = clock::now_ms();
    if VAIN.with_borrow_mut(|vain| vain.has(mark, now_ms)) {
        return None;
    }
    let age_ms = take(mark).await;
    if age_ms.is_none() {
        VAIN.with_borrow_mut(|vain| vain.note(mark, now_ms));
    }
    age_ms
}

/// Those that were looked for in vain, and when.
#[derive(Debug, Default)]
struct Vain(VecDeque<(Mark, u64)>);

impl Vain {
    fn has(&mut self, mark: Mark, now_ms: u64) -> bool {
        self.0
            .retain(|(_, looked_ms)| now_ms.saturating_sub(*looked_ms) < VAIN_MS);
        self.0.iter().any(|(known, _)| *known == mark)
    }

    fn note(&mut self, mark: Mark, now_ms: u64) {
        if self.0.len() >= VAIN_AT_MOST {
            self.0.pop_front();
        }
        self.0.push_back((mark, now_ms));
    }
}

/// What is kept of a lost place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    mark: Mark,
    waited_ms: u64,
    lost_at_ms: u64,
}

impl Record {
    fn encode(self) -> Vec<u8> {
        let words = [self.mark.0, self.waited_ms, self.lost_at_ms];
        words.into_iter().flat_map(u64::to_le_bytes).collect()
    }

    fn decode(bytes: &[u8]) -> Option<Record> {
        let (words, rest) = bytes.as_chunks::<8>();
        let [mark, waited_ms, lost_at_ms] = words else {
            return None;
        };
        rest.is_empty().then(|| Record {
            mark: Mark(u64::from_le_bytes(*mark)),
            waited_ms: u64::from_le_bytes(*waited_ms),
            lost_at_ms: u64::from_le_bytes(*lost_at_ms),
        })
    }

    /// The age that the place would have now; `None`: it was lost too long ago. Clocks of hosts differ: one that was lost a little
    /// later than now is as good as one that was lost a little earlier.
    fn age_ms(&self, now_ms: u64) -> Option<u64> {
        let is_fresh = self.lost_at_ms.abs_diff(now_ms) <= KEPT_MS;
        let since_ms = now_ms.saturating_sub(self.lost_at_ms);
        is_fresh.then(|| self.waited_ms.saturating_add(since_ms))
    }
}

/// Those that are being taken up in this instance: of two that ask the same at once one gets the age.
struct Taking(Mark);

impl Taking {
    fn begin(mark: Mark) -> Option<Taking> {
        TAKING.with_borrow_mut(|taking| {
            let is_first = !taking.contains(&mark);
            is_first.then(|| {
                taking.push(mark);
                Taking(mark)
            })
        })
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        TAKING.with_borrow_mut(|taking| taking.retain(|mark| *mark != self.0));
    }
}

const PREFIX: &str = "sluice/lost/";

thread_local! {
    static TAKING: RefCell<Vec<Mark>> = const { RefCell::new(Vec::new()) };
    static VAIN: RefCell<Vain> = RefCell::default();
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use sluice_ollama::{Asker, Policy, prepare};

    use super::*;

    fn mark(client: &str, session: &'static str, body: &str) -> Mark {
        let endpoint = Endpoint::Messages;
        let body = body.as_bytes().to_vec();
        let prepared = prepare(endpoint, body, &Asker::default(), &Policy::default()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(&CONVERSATIONS[0], HeaderValue::from_static(session));
        Mark::of(client, endpoint, &headers, &prepared.body)
    }

    #[test]
    fn the_same_is_asked_by_the_same_client_in_the_same_conversation_however_it_is_answered() {
        let body = |stream: &str, text: &str| {
            format!(
                r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"{text}"}}]{stream}}}"#
            )
        };
        let first = mark("key:a", "1", &body(r#","stream":true"#, "x"));
        assert_eq!(mark("key:a", "1", &body("", "x")), first);
        assert_eq!(mark("key:a", "1", &body(r#","stream":false"#, "x")), first);
        assert_ne!(mark("key:b", "1", &body("", "x")), first);
        assert_ne!(mark("key:a", "2", &body("", "x")), first);
        assert_ne!(mark("key:a", "1", &body("", "y")), first);
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_holds_for_a_while_by_clocks_that_differ() {
        let record = Record {
            mark: Mark(u64::MAX),
            waited_ms: 7,
            lost_at_ms: 100_000,
        };
        assert_eq!(Record::decode(&record.encode()), Some(record));
        for bytes in [&[][..], &record.encode()[..23], &[0; 32]] {
            assert_eq!(Record::decode(bytes), None);
        }
        for (now_ms, expected) in [
            (69_999, None),
            (70_000, Some(7)),
            (100_003, Some(10)),
            (130_000, Some(30_007)),
            (130_001, None),
        ] {
            assert_eq!(record.age_ms(now_ms), expected, "{now_ms}");
        }
    }

    #[test]
    fn who_was_looked_for_in_vain_is_looked_for_again_a_moment_later_and_few_are_remembered() {
        let mut vain = Vain::default();
        vain.note(Mark(1), 1_000);
        assert!(vain.has(Mark(1), 1_000 + VAIN_MS - 1) && !vain.has(Mark(2), 1_000));
        assert!(!vain.has(Mark(1), 1_000 + VAIN_MS));
        for number in 0..=VAIN_AT_MOST {
            vain.note(Mark(u64::try_from(number).unwrap()), 2_000);
        }
        assert_eq!(vain.0.len(), VAIN_AT_MOST);
        assert!(!vain.has(Mark(0), 2_000) && vain.has(Mark(1), 2_000));
    }

    #[test]
    fn of_two_that_ask_at_once_one_takes_it_up_and_its_keys_are_none_of_the_gates() {
        let mark = Mark(u64::MAX);
        let first = Taking::begin(mark);
        assert!(first.is_some() && Taking::begin(mark).is_none());
        drop(first);
        assert!(Taking::begin(mark).is_some());
        assert_eq!(sluice_gate::store::Key::parse(&mark.key()), None);
    }
}
