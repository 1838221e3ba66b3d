//! From a request to its answer: into the line, and then token by token, or all at once.

use std::{io, sync::Arc, sync::atomic::Ordering, time::Instant};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Response, StatusCode};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{
    State,
    body::{self, Body, Refusal},
    request::{Ask, Said},
};
use crate::{
    engine::{Done, Event, Job, Rejected},
    wire::{Delivery, Wire},
};

/// Answers a request. The head comes with the first token, as with Ollama.
pub(super) async fn generate(state: &Arc<State>, ask: Ask) -> Result<Response<Body>, Refusal> {
    let arrived = Instant::now();
    let wire = Wire {
        form: ask.form,
        delivery: ask.delivery,
        usage: ask.usage,
        number: state.answers.fetch_add(1, Ordering::Relaxed),
    };
    let model = &state.model;
    let context = model.llama.shape().context;
    let prompt = match &ask.said {
        Said::Nothing => {
            return Ok(body::whole(
                StatusCode::OK,
                wire.content_type(),
                wire.loaded(),
            ));
        }
        Said::Messages(messages) => {
            model
                .template
                .conversation(&model.tokenizer, messages, context)
        }
        Said::Raw(text) => {
            let mut tokens = Vec::new();
            model.tokenizer.encode(text, &mut tokens);
            (tokens.len() < context).then_some(tokens)
        }
    };
    let prompt = prompt
        .ok_or_else(|| Refusal::bad_request("the input length exceeds the context length"))?;
    let (events, mut receiver) = unbounded_channel();
    let job = Job {
        prompt,
        settings: ask.settings,
        stops: ask.stops,
        limit: ask.limit,
        events,
        arrived,
    };
    state
        .engine
        .submit(job)
        .map_err(|rejected| match rejected {
            Rejected::Full => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, BUSY),
            Rejected::Ended => ended(),
        })?;
    match ask.delivery {
        Delivery::Whole => whole(&wire, receiver).await,
        Delivery::Streamed => {
            let first = receiver.recv().await.ok_or_else(ended)?;
            Ok(streamed(wire, first, receiver))
        }
    }
}

async fn whole(
    wire: &Wire,
    mut events: UnboundedReceiver<Event>,
) -> Result<Response<Body>, Refusal> {
    let mut said = String::new();
    loop {
        match events.recv().await.ok_or_else(ended)? {
            Event::Text(text) => said.push_str(&text),
            Event::Done(done) => {
                let document = wire.whole(&said, done);
                return Ok(body::whole(StatusCode::OK, wire.content_type(), document));
            }
        }
    }
}

fn streamed(wire: Wire, first: Event, events: UnboundedReceiver<Event>) -> Response<Body> {
    let rest = stream::unfold(Some(events), async |events| {
        let mut events = events?;
        match events.recv().await {
            Some(event @ Event::Done(_)) => Some((Ok(event), None)),
            Some(event) => Some((Ok(event), Some(events))),
            // The thread has ended: the connection says so by breaking off.
            None => Some((Err(io::ErrorKind::ConnectionAborted.into()), None)),
        }
    });
    let is_over = matches!(first, Event::Done(_));
    let events = stream::iter([Ok(first)]).chain(rest.take(if is_over { 0 } else { usize::MAX }));
    let content_type = wire.content_type();
    body::streamed(
        content_type,
        events.map(move |event| event.map(|event| line(&wire, &event))),
    )
}

fn line(wire: &Wire, event: &Event) -> Bytes {
    match event {
        Event::Text(text) => wire.token(text),
        Event::Done(done @ Done { .. }) => wire.last(*done),
    }
}

fn ended() -> Refusal {
    Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the model has stopped unexpectedly",
    )
}

const BUSY: &str = "server busy, please try again.  maximum pending requests exceeded";
