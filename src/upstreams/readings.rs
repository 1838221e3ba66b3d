//! What upstreams answer to questions, read once for all who ask: their models, what is loaded, their version.
//!
//! # Limits
//! Whoever asks while the same question is out waits for its answer; whoever asks within [`FRESH_MS`] gets the same. An answer is
//! read whole, so that nobody who reads slowly holds a connection, and is counted as a body is ([`crate::budget`]). At most
//! [`AT_ONCE`] questions of an instance are out, and `OF_CLIENTS` of those about what clients name: connections are there for answers
//! that people wait for.
//!
//! # What it does not do
//! A question says nothing of how an upstream generates: it neither heals nor harms a breaker. Nothing of the client's own
//! headers goes out with it, since the answer is everybody's.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::{Call, State, UpstreamError, UpstreamResponse, breakers, judge, send};
use crate::budget::{Bounds, Share};
use crate::clock::{self, within};
use crate::config::Config;
use crate::http::log::Line;
use crate::http::refuse::Refusal;
use crate::permits::Permits;
use crate::single_flight::SingleFlight;

/// How old an answer may be that is given to clients, in milliseconds.
pub const FRESH_MS: u64 = 2_000;

/// How old what is told of a model may be, in milliseconds: it changes when somebody pulls or creates it anew.
pub const MODEL_MS: u64 = 60_000;

/// How many questions of one instance are out at once: far fewer than there are connections.
pub const AT_ONCE: usize = 4;

/// How many of these may be about what clients name: the others are for lists, and for what Sluice has to know of a chat's model.
const OF_CLIENTS: usize = 2;

/// How many wait for that.
const WAITING: usize = 64;

/// How long an upstream may take to answer a question: it looks into its files at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long one of several upstreams is waited for.
const SLOW: Duration = Duration::from_secs(3);

/// The longest answer, in bytes: the vocabulary of a large model has some ten million.
const LONGEST: usize = 32 * 1024 * 1024;

/// How many answers are kept, and how long one may be to be kept beyond those who wait for it.
const KEPT: usize = 64;
const KEPT_BYTES: usize = 256 * 1024;

/// A question, as it goes out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// Whether a client has said what it is about. There are as many of these as there are names.
    is_clients: bool,
    /// The path, as Ollama knows it.
    pub path: String,
    /// The body; none: it is a `GET`.
    pub body: Bytes,
}

/// An answer that was read whole.
#[derive(Debug)]
pub struct Told {
    /// Its status, a success.
    pub status: StatusCode,
    /// Its media type.
    pub content_type: Option<HeaderValue>,
    /// Its body.
    pub body: Bytes,
    document: OnceCell<Value>,
    _share: Share,
}

/// An answer, or why there is none.
pub type Reading = Result<Told, Refusal>;

impl Question {
    /// A question without a body.
    pub fn get(path: &str) -> Question {
        Question {
            is_clients: false,
            path: path.to_owned(),
            body: Bytes::new(),
        }
    }

    /// What a model is.
    pub fn show(model: &str) -> Question {
        Question {
            is_clients: false,
            path: "/api/show".to_owned(),
            body: json!({ "model": model }).to_string().into(),
        }
    }

    /// The same as a client's, which is bounded besides.
    #[must_use]
    pub fn of_client(self) -> Question {
        Question {
            is_clients: true,
            ..self
        }
    }
}

impl Told {
    /// The body as JSON; `null` where it is none.
    pub fn document(&self) -> &Value {
        self.document
            .get_or_init(|| serde_json::from_slice(&self.body).unwrap_or_default())
    }
}

/// The answer of the first upstream that has one, leaving out those whose breaker is open. One that fails, or does not know
/// what is asked for, leaves it to the next.
///
/// # Errors
/// None has an answer: the last one's word.
pub async fn first(
    config: &Config,
    question: &Question,
    max_age_ms: u64,
) -> Result<Rc<Reading>, Refusal> {
    breakers::refresh(config).await;
    let mut last = Refusal::upstream_down(breakers::reopens_in(config));
    for index in 0..config.upstreams.len() {
        if breakers::state(config, index) == State::Open {
            continue;
        }
        let reading = of(config, index, question, max_age_ms).await;
        match &*reading {
            Ok(_) => return Ok(reading),
            Err(refusal) => last = weightier(last, refusal),
        }
    }
    Err(last)
}

/// The answers of all upstreams that have one, in their order, leaving out those whose breaker is open. Where there are several, one
/// that is slow is not waited for longer than `SLOW`.
///
/// # Errors
/// None has an answer: the last one's word.
pub async fn all(
    config: &Config,
    question: &Question,
    max_age_ms: u64,
) -> Result<Vec<Rc<Reading>>, Refusal> {
    breakers::refresh(config).await;
    let slow = match config.upstreams.len() {
        1 => PATIENCE,
        _ => SLOW,
    };
    let asked = (0..config.upstreams.len())
        .filter(|index| breakers::state(config, *index) != State::Open)
        .map(|index| within(slow, of(config, index, question, max_age_ms)));
    let readings = join_all(asked).await;
    let mut last = Refusal::upstream_down(breakers::reopens_in(config));
    let mut told = Vec::new();
    for reading in readings {
        match reading {
            Some(reading) => match &*reading {
                Ok(_) => told.push(reading),
                Err(refusal) => last = weightier(last, refusal),
            },
            None => last = weightier(last, &Refusal::UpstreamTimeout),
        }
    }
    match told.is_empty() {
        true => Err(last),
        false => Ok(told),
    }
}

/// Of two refusals the one that says more: a word on what was asked over another upstream's being away.
fn weightier(last: Refusal, next: &Refusal) -> Refusal {
    match last {
        Refusal::Upstreams { .. } | Refusal::UpstreamsUnknown { .. } => last,
        _ => next.clone(),
    }
}

/// The answer of one upstream. A failure is told for no longer than [`FRESH_MS`]: what a model may do depends on it.
pub async fn of(
    config: &Config,
    index: usize,
    question: &Question,
    max_age_ms: u64,
) -> Rc<Reading> {
    let key = (index, question.clone());
    let flight = flight(&key);
    let reading = flight
        .get_by(
            |reading: &Reading| match reading {
                Ok(_) => max_age_ms,
                Err(_) => max_age_ms.min(FRESH_MS),
            },
            clock::now_ms,
            async || ask(config, index, question).await,
        )
        .await;
    if reading
        .as_ref()
        .as_ref()
        .is_ok_and(|told| told.body.len() > KEPT_BYTES)
    {
        FLIGHTS.with_borrow_mut(|flights| flights.remove(&key));
    }
    reading
}

/// What a model is, as the first upstream that knows it says: at most a minute old. `None`: nobody could say.
pub async fn show(config: &Config, model: &str) -> Option<Rc<Reading>> {
    first(config, &Question::show(model), MODEL_MS).await.ok()
}

/// What an upstream has loaded, at most two seconds old. `None`: it could not say.
pub async fn loaded(config: &Config, index: usize) -> Option<Rc<Reading>> {
    let reading = of(config, index, &Question::get("/api/ps"), FRESH_MS).await;
    reading.is_ok().then_some(reading)
}

async fn ask(config: &Config, index: usize, question: &Question) -> Reading {
    let permitted = async {
        let clients = match question.is_clients {
            true => Some(CLIENTS.with(Rc::clone).acquire().await?),
            false => None,
        };
        Some((clients, PERMITS.with(Rc::clone).acquire().await?))
    };
    let Some(Some(_permits)) = within(PATIENCE, permitted).await else {
        return Err(Refusal::Overloaded);
    };
    let is_get = question.body.is_empty();
    let call = Call {
        method: if is_get { Method::GET } else { Method::POST },
        path: &question.path,
        headers: &HeaderMap::new(),
        body: question.body.clone().into(),
        patience: PATIENCE,
    };
    let asking = async {
        let mut response = send(config, index, call).await?;
        if response.status.is_success() {
            response.body.await_first().await?;
        }
        match judge(response, false).await {
            Ok(response) => read(config, response).await,
            Err(judged) => {
                judged.log(index);
                Ok(Err(judged.refusal()))
            }
        }
    };
    within(PATIENCE, asking)
        .await
        .unwrap_or_else(|| Err(UpstreamError::out_of_time()))
        .unwrap_or_else(|error| {
            Line::new("upstream_error")
                .with("upstream", index)
                .with("path", question.path.as_str())
                .with("error", error.to_string())
                .write();
            Err(Refusal::from(&error))
        })
}

async fn read(config: &Config, response: UpstreamResponse) -> Result<Reading, UpstreamError> {
    let UpstreamResponse {
        status,
        content_type,
        mut body,
        ..
    } = response;
    let mut share = Share::new(Bounds {
        total: config.bodies_in_flight,
        client: None,
    });
    let mut whole = Vec::new();
    let mut buffer = Vec::new();
    while let Some(chunk) = body.next(buffer).await? {
        if whole.len() + chunk.len() > LONGEST {
            return Ok(Err(Refusal::UpstreamError));
        }
        if share.grow(chunk.len()).is_err() {
            return Ok(Err(Refusal::Overloaded));
        }
        whole.extend_from_slice(&chunk);
        buffer = chunk;
    }
    whole.shrink_to_fit();
    Ok(Ok(Told {
        status,
        content_type,
        body: whole.into(),
        document: OnceCell::new(),
        _share: share,
    }))
}

type Key = (usize, Question);
type Flight = Rc<SingleFlight<Reading>>;

/// The flight of a question. Answers that are too old are forgotten first.
fn flight(key: &Key) -> Flight {
    let oldest = clock::now_ms().saturating_sub(MODEL_MS);
    FLIGHTS.with_borrow_mut(|flights| {
        let is_awaited = |flight: &Flight| Rc::strong_count(flight) > 1;
        flights.retain(|_, flight| is_awaited(flight) || flight.made_since(oldest).is_some());
        if flights.len() >= KEPT && !flights.contains_key(key) {
            flights.retain(|_, flight| is_awaited(flight));
        }
        flights.entry(key.clone()).or_default().clone()
    })
}

thread_local! {
    static FLIGHTS: RefCell<HashMap<Key, Flight>> = RefCell::default();
    static PERMITS: Rc<Permits> = Rc::new(Permits::new(AT_ONCE, WAITING));
    static CLIENTS: Rc<Permits> = Rc::new(Permits::new(OF_CLIENTS, WAITING));
}
