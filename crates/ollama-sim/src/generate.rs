//! A generating request, from its bytes to its answer.

mod admit;
mod fit;
mod odd;

use std::{future, sync::Arc, time::Duration};

use crate::{
    answer::{Answer, Source},
    body::{self, Body, Refusal, Reply, Severed},
    embedding,
    entry::{Entry, Seat},
    ledger::Outcome,
    model::{Capability, Model},
    plan::{DoneReason, Plan},
    request::{Ask, Delivery, Form, Said, Thinking},
    runner::LoadOptions,
    schema,
    script::{Fault, Notice, Script},
    state::State,
    wire::{Call, Spent, Whole, Wire},
};
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

pub(crate) use admit::{cloud, cloud_model, unknown_model};

/// Answers a generating request.
pub(crate) async fn generate(state: &Arc<State>, entry: Entry, form: Form, body: &[u8]) -> Reply {
    let prepared = match prepare(state, form, body) {
        Ok(prepared) => prepared,
        Err((refusal, is_stream)) => {
            entry.end(Outcome::Refused);
            return Ok(refused(form, is_stream, &refusal));
        }
    };
    match prepared.script.notice.unwrap_or_default() {
        Notice::AtOnce => respond(Arc::clone(state), entry, prepared).await,
        // The task outlives the connection, and drops the answer where the real one would fail to write it.
        Notice::Write => {
            let stopping = state.stopping.clone();
            let answer = respond(Arc::clone(state), entry, prepared);
            let task = tokio::spawn(stopping.run_until_cancelled_owned(answer));
            task.await.ok().flatten().unwrap_or(Err(Severed::Closed))
        }
    }
}

/// A request that may be answered.
struct Prepared {
    ask: Ask,
    model: Model,
    script: Script,
}

/// Reads the request, looks whether its model can do what is asked, and finds its script. An error comes with whether a
/// stream was asked for.
fn prepare(state: &State, form: Form, body: &[u8]) -> Result<Prepared, (Refusal, bool)> {
    let ask = Ask::read(form, body).map_err(|refusal| (refusal, false))?;
    let is_stream = ask.delivery == Delivery::Streamed;
    let refuse = |refusal| (refusal, is_stream);
    let model = admit::admit(state, &ask).map_err(refuse)?;
    let (directive, _) = Script::split_prompt(ask.prompt())
        .map_err(|bad| refuse(Refusal::bad_request(format!("simulator: {bad}"))))?;
    let mut script = state.next_script(directive);
    let thinks = match ask.thinking {
        Thinking::Asked => true,
        Thinking::Off => false,
        Thinking::Unsaid => model.thinks,
    };
    if thinks && model.can(Capability::Thinking) {
        script.think.get_or_insert(THINKING_TOKENS);
    } else if ask.thinking == Thinking::Off {
        script.think = Some(0);
    }
    Ok(Prepared { ask, model, script })
}

/// Goes through what comes before the head, and then starts the answer.
async fn respond(state: Arc<State>, mut entry: Entry, prepared: Prepared) -> Reply {
    let Prepared { ask, model, script } = &prepared;
    let first = script.first.unwrap_or_default();
    if let Some(fault) = script.fault.filter(Fault::is_before_the_head) {
        delay(first).await;
        return odd::in_place_of_an_answer(entry, ask, fault);
    }
    if admit::is_unload(ask) {
        state.runners.unload(model);
        entry.end(Outcome::Finished);
        return Ok(only_reason(&state, ask, DoneReason::Unload, 0));
    }
    // A generator has no runner that would have to be loaded again.
    let options = match &state.generator {
        Some(_) => LoadOptions::usual(model, state.context_length),
        None => LoadOptions::of(model, &ask.options, ask.shift, state.context_length),
    };
    let takes = script.load.unwrap_or_default();
    let lease = state.runners.acquire(model, options, ask.keep_alive, takes);
    let lease = match lease.await {
        Ok(lease) => lease,
        Err(no_runner) => return Ok(refuse(entry, ask, admit::no_runner(no_runner))),
    };
    if let Some(answered) = without_a_slot(&state, ask, model) {
        entry.start(&model.name, None);
        entry.end(Outcome::Finished);
        return Ok(answered);
    }
    let slot = match lease.slot().await {
        Ok(slot) => slot,
        Err(no_runner) => return Ok(refuse(entry, ask, admit::no_runner(no_runner))),
    };
    let prompt_tokens = match fit::fit(ask, model, options.context()) {
        Ok(prompt_tokens) => prompt_tokens,
        Err(refusal) => return Ok(refuse(entry, ask, refusal)),
    };
    let load = LOAD.saturating_add(lease.waited());
    let known = script.prompt.map_or(0, |_| lease.recall(&words(ask)));
    let unknown = prompt_tokens.saturating_sub(u32::try_from(known).unwrap_or(u32::MAX));
    let reading = script.prompt.unwrap_or_default().saturating_mul(unknown);
    let spent = Spent {
        prompt_tokens,
        load,
        prompt: first.saturating_add(reading),
        figures: script.figures.unwrap_or_default(),
        ..Spent::default()
    };
    let died = lease.died().clone();
    entry.start(&model.name, Some(Seat::new(slot, lease)));
    if script.fault == Some(Fault::Hang) {
        future::pending::<()>().await;
    }
    if ask.form.is_embedding() {
        delay(spent.prompt).await;
        entry.end(Outcome::Finished);
        return Ok(embedding::answer(ask, model, spent));
    }
    let source = match &state.generator {
        Some(generator) => match generator.generate(fit::prompt(ask)) {
            Ok(stream) => Source::Model(stream),
            Err(refusal) => return Ok(refuse(entry, ask, refusal.while_running())),
        },
        None => {
            // The head comes with the first token.
            let reached = died.run_until_cancelled(delay(spent.prompt)).await;
            if reached.is_none() {
                return Ok(refuse(entry, ask, admit::died()));
            }
            Source::Script(plan(ask, script))
        }
    };
    let number = entry.number();
    let answer = Answer::new(
        source,
        Wire::new(ask, state.clock, number),
        entry,
        spent,
        script.pace.unwrap_or_default(),
        died,
        calls(ask),
        model.template,
    );
    let notice = script.notice.unwrap_or_default();
    let reply = match ask.delivery {
        Delivery::Streamed => answer.streamed(&state, notice).await,
        Delivery::Whole => answer.whole(&state, notice).await,
    };
    match script.fault {
        Some(Fault::Gzip) => odd::compressed(reply?).await,
        _ => reply,
    }
}

/// What needs no slot: a load, an embedding of nothing, a prompt that is only to be shown.
fn without_a_slot(state: &State, ask: &Ask, model: &Model) -> Option<Response<Body>> {
    match &ask.said {
        Said::Nothing => Some(only_reason(state, ask, DoneReason::Load, 0)),
        Said::Inputs(inputs) if inputs.is_empty() => Some(embedding::nothing(ask)),
        _ if ask.render_only => Some(fit::rendered(state, ask, model)),
        _ => None,
    }
}

/// A document that says nothing but why.
fn only_reason(state: &State, ask: &Ask, reason: DoneReason, number: u64) -> Response<Body> {
    let mut wire = Wire::new(ask, state.clock, number);
    let whole = Whole {
        end: Some((reason, Spent::default())),
        ..Whole::default()
    };
    let content_type = match ask.form {
        Form::Chat | Form::Generate => body::JSON_UTF8,
        _ => body::JSON,
    };
    body::whole(StatusCode::OK, content_type, wire.whole(&whole))
}

fn plan(ask: &Ask, script: &Script) -> Plan {
    let limit = ask.options.limit();
    let calls = script.calls.unwrap_or(0);
    if calls > 0 && !ask.tools.is_empty() {
        return Plan::calling(script, calls, limit);
    }
    let formatted = fit::formatted(ask).filter(|_| script.text.is_none());
    if let Some(text) = formatted {
        let script = Script {
            tokens: None,
            ..script.clone()
        };
        return Plan::new(&script, text, limit);
    }
    let (_, prompt) = Script::split_prompt(ask.prompt()).unwrap_or_default();
    let text = script.text.clone().unwrap_or_default();
    Plan::new(script, text.render(&ask.model, &prompt), limit)
}

/// The first function that is offered, as a call of any number.
fn calls(ask: &Ask) -> Call {
    let function = ask.tools.first().map(|tool| &tool["function"]);
    let function = function.cloned().unwrap_or_default();
    Call {
        index: 0,
        name: function["name"].as_str().unwrap_or_default().to_owned(),
        arguments: schema::instance(&function["parameters"]).unwrap_or_else(|| json!({})),
    }
}

fn words(ask: &Ask) -> Vec<String> {
    let texts: Vec<&str> = match &ask.said {
        Said::Messages(messages) => messages.iter().map(|said| said.content.as_str()).collect(),
        Said::Prompt { system, text, .. } => vec![system, text],
        _ => Vec::new(),
    };
    let words = texts.into_iter().flat_map(str::split_whitespace);
    words.map(str::to_owned).collect()
}

/// Sleeps, if there is anything to sleep for: a timer of no time still ends with the next millisecond.
async fn delay(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn refuse(entry: Entry, ask: &Ask, refusal: Refusal) -> Response<Body> {
    entry.end(Outcome::Refused);
    refused(ask.form, ask.delivery == Delivery::Streamed, &refusal)
}

fn refused(form: Form, is_stream: bool, refusal: &Refusal) -> Response<Body> {
    let mut response = refusal.response(form.dialect(), is_stream);
    if refusal.is_from_the_handler() {
        let delivery = if is_stream {
            Delivery::Streamed
        } else {
            Delivery::Whole
        };
        Wire::stream_headers(form, delivery, response.headers_mut());
    }
    response
}

/// How long thinking is, if it is asked for and no script says.
const THINKING_TOKENS: u32 = 8;

/// The model is loaded: what finding that out takes.
const LOAD: Duration = Duration::from_millis(1);

/// The `retry-after` header, in seconds.
fn retry_after(response: &mut Response<Body>, seconds: u32) {
    let value = HeaderValue::from(seconds);
    response.headers_mut().insert(header::RETRY_AFTER, value);
}
