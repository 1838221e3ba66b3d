//! A generating request, from its JSON to its answer.

use std::{future, sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    answer::Answer,
    body::{self, Refusal, Reply, Severed},
    entry::Entry,
    ledger::Outcome,
    plan::Plan,
    request::{Ask, Delivery, Form, Thinking},
    script::{Fault, Notice, Script},
    state::{Busy, State},
    wire::Wire,
};

/// Answers a generating request.
pub(crate) async fn generate(state: &Arc<State>, entry: Entry, form: Form, body: &Value) -> Reply {
    let (ask, script) = match prepare(state, form, body) {
        Ok(prepared) => prepared,
        Err(refusal) => {
            entry.end(Outcome::Refused);
            return Ok(refusal.response(form.dialect()));
        }
    };
    match script.notice.unwrap_or_default() {
        Notice::AtOnce => respond(Arc::clone(state), entry, ask, script).await,
        // The task outlives the connection, and drops the answer where the real one would fail to write it.
        Notice::Write => {
            let stopping = state.stopping.clone();
            let answer = respond(Arc::clone(state), entry, ask, script);
            let task = tokio::spawn(stopping.run_until_cancelled_owned(answer));
            task.await.ok().flatten().unwrap_or(Err(Severed::Closed))
        }
    }
}

/// Reads the request and finds its script.
fn prepare(state: &State, form: Form, body: &Value) -> Result<(Ask, Script), Refusal> {
    let mut ask = Ask::read(form, body)?;
    if state.model(&ask.model).is_none() {
        return Err(unknown_model(form.dialect(), &ask.model));
    }
    let (directive, prompt) = Script::split_prompt(&ask.prompt)
        .map_err(|bad| Refusal::new(StatusCode::BAD_REQUEST, format!("simulator: {bad}")))?;
    ask.prompt = prompt;
    let mut script = state.next_script(directive);
    if ask.thinking == Thinking::Asked {
        script.think.get_or_insert(THINKING_TOKENS);
    }
    Ok((ask, script))
}

/// Ollama's answer for a model that is not there.
pub(crate) fn unknown_model(dialect: body::Dialect, model: &str) -> Refusal {
    let message = match dialect {
        body::Dialect::Ollama => format!("model '{model}' not found"),
        body::Dialect::OpenAi => format!("model {model:?} not found, try pulling it first"),
    };
    Refusal::new(StatusCode::NOT_FOUND, message)
}

/// Goes through what comes before the head, and then starts the answer.
async fn respond(state: Arc<State>, mut entry: Entry, ask: Ask, script: Script) -> Reply {
    let first = script.first.unwrap_or_default();
    match script.fault {
        Some(Fault::Status {
            status,
            retry_after,
        }) => {
            delay(first).await;
            entry.end(Outcome::Refused);
            return Ok(refused(&ask, status, retry_after));
        }
        Some(Fault::Reset) => {
            delay(first).await;
            entry.end(Outcome::Failed);
            return Err(Severed::Reset);
        }
        _ => {}
    }
    let model = state.model(&ask.model).unwrap_or(&ask.model);
    match state.slot(model).await {
        Ok(slot) => entry.start(model, slot),
        Err(Busy) => {
            entry.end(Outcome::Refused);
            return Ok(refused(
                &ask,
                StatusCode::SERVICE_UNAVAILABLE.as_u16(),
                None,
            ));
        }
    }
    if script.fault == Some(Fault::Hang) {
        future::pending::<()>().await;
    }
    delay(first).await;
    if ask.form.is_embedding() {
        let document = embeddings(&ask);
        entry.end(Outcome::Finished);
        return Ok(body::json(StatusCode::OK, &document));
    }
    let notice = script.notice.unwrap_or_default();
    let wire = Wire::new(&ask, state.clock, entry.number());
    let plan = match ask.prompt.as_str() {
        "" if ask.prompt_tokens == 0 => Plan::load(),
        prompt => {
            let text = script
                .text
                .clone()
                .unwrap_or_default()
                .render(&ask.model, prompt);
            Plan::new(&script, text, ask.limit)
        }
    };
    let answer = Answer {
        plan,
        wire,
        entry: Some(entry),
        prompt_tokens: ask.prompt_tokens,
        first,
        pace: script.pace.unwrap_or_default(),
        due: Instant::now(),
    };
    match ask.delivery {
        Delivery::Streamed => Ok(answer.streamed(&state, notice)),
        Delivery::Whole => answer.whole(&state, notice).await,
    }
}

/// Sleeps, if there is anything to sleep for: a timer of no time still ends with the next millisecond.
async fn delay(first: Duration) {
    if !first.is_zero() {
        tokio::time::sleep(first).await;
    }
}

/// An error before the head, in Ollama's words where it has some.
fn refused(ask: &Ask, status: u16, retry_after: Option<u32>) -> http::Response<body::Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let message = match status {
        StatusCode::SERVICE_UNAVAILABLE => BUSY.to_owned(),
        status => format!("simulated error: {status}"),
    };
    let mut response = Refusal::new(status, message).response(ask.form.dialect());
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Vectors that depend on nothing but the words.
fn embeddings(ask: &Ask) -> Value {
    let vectors: Vec<_> = ask.inputs.iter().map(|input| vector(input)).collect();
    match ask.form {
        Form::Embeddings => json!({ "embedding": vectors.first() }),
        Form::OpenAiEmbeddings => {
            let data = vectors.iter().enumerate();
            let data = data.map(|(index, vector)| json!({"object": "embedding", "embedding": vector, "index": index}));
            json!({
                "object": "list",
                "data": data.collect::<Vec<_>>(),
                "model": ask.model,
                "usage": { "prompt_tokens": ask.prompt_tokens, "total_tokens": ask.prompt_tokens },
            })
        }
        _ => json!({
            "model": ask.model,
            "embeddings": vectors,
            "total_duration": EMBEDDING_NS,
            "load_duration": EMBEDDING_NS,
            "prompt_eval_count": ask.prompt_tokens,
        }),
    }
}

/// A vector between -1 and 1 in each of its directions.
fn vector(text: &str) -> Vec<f64> {
    let mut sums = [0_i32; DIMENSIONS];
    for (at, byte) in text.bytes().enumerate() {
        sums[at % DIMENSIONS] = (sums[at % DIMENSIONS] * 31 + i32::from(byte)) % 1000;
    }
    sums.iter()
        .map(|sum| f64::from(sum - 500) / 500.0)
        .collect()
}

/// The same words as the real one, to be recognised.
const BUSY: &str = "server busy, please try again.  maximum pending requests exceeded";

/// How long thinking is, if it is asked for and no script says.
const THINKING_TOKENS: u32 = 8;

const DIMENSIONS: usize = 8;

const EMBEDDING_NS: u64 = 1_000_000;
