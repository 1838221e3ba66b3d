//! The thread, with a model that talks nonsense.

use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::{model::ModelFile, tiny};

/// With room for a text that does not end before a test does.
fn engine(slots: usize) -> (Engine, Arc<Model>) {
    engine_for(slots, 1 << 16)
}

fn engine_for(slots: usize, context: usize) -> (Engine, Arc<Model>) {
    let file = ModelFile::from_bytes(tiny::model());
    let model = Arc::new(Model::load(&file, context).unwrap());
    (Engine::start(Arc::clone(&model), slots, 2).unwrap(), model)
}

fn job(model: &Model, prompt: &str, limit: usize) -> (Job, UnboundedReceiver<Event>) {
    let (events, receiver) = unbounded_channel();
    let mut tokens = Vec::new();
    model.tokenizer.encode(prompt, &mut tokens);
    let settings = Settings {
        temperature: 0.0,
        ..Settings::default()
    };
    let job = Job {
        prompt: tokens,
        settings,
        stops: Vec::new(),
        limit: Some(limit),
        events,
        arrived: Instant::now(),
    };
    (job, receiver)
}

/// The text and the end of an answer.
async fn answer(mut events: UnboundedReceiver<Event>) -> (String, Done) {
    let mut said = String::new();
    loop {
        match within(events.recv()).await.expect("an end") {
            Event::Text(text) => said.push_str(&text),
            Event::Done(done) => return (said, done),
        }
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, future)
        .await
        .expect("within a minute")
}

async fn reached(engine: &Engine, holds: impl FnMut(&Counts) -> bool) -> Counts {
    *within(engine.counts().wait_for(holds)).await.unwrap()
}

#[tokio::test]
async fn an_answer_is_the_same_alone_and_in_company() {
    let (engine, model) = engine(4);
    let ask = |prompt: &str| {
        let (job, events) = job(&model, prompt, 40);
        engine.submit(job).unwrap();
        events
    };
    let (alone, done) = answer(ask("hello world")).await;
    assert_eq!((done.tokens, done.reason), (40, Reason::Length));
    let company = [
        "hello world",
        "something else, which is longer",
        "hello world",
        "x",
    ]
    .map(ask);
    let mut answers = Vec::new();
    for events in company {
        answers.push(answer(events).await.0);
    }
    assert_eq!((&answers[0], &answers[2]), (&alone, &alone));
    assert_ne!(answers[1], alone);
}

#[tokio::test]
async fn what_a_slot_remembers_changes_no_answer() {
    let (engine, model) = engine(1);
    let text = "hello, hello, this is a text that is said twice. ";
    let mut said = Vec::new();
    for prompt in [
        text,
        &format!("{text}And more."),
        text,
        &format!("{text}And more."),
    ] {
        let (job, events) = job(&model, prompt, 10);
        engine.submit(job).unwrap();
        said.push(answer(events).await.0);
    }
    assert_eq!((&said[0], &said[1]), (&said[2], &said[3]));
}

#[tokio::test]
async fn whoever_leaves_gives_the_slot_to_the_next() {
    let (engine, model) = engine(1);
    let (first, first_events) = job(&model, "on and on", usize::MAX);
    let (second, second_events) = job(&model, "hello", 3);
    let (third, third_events) = job(&model, "never heard", 3);
    for job in [first, second, third] {
        engine.submit(job).unwrap();
    }
    reached(&engine, |counts| counts.active == 1 && counts.waiting == 2).await;
    drop(third_events);
    drop(first_events);
    assert_eq!(answer(second_events).await.1.tokens, 3);
    let counts = reached(&engine, |counts| counts.active == 0 && counts.waiting == 0).await;
    assert_eq!((counts.finished, counts.aborted), (1, 2));
}

#[tokio::test]
async fn an_answer_ends_where_the_context_does() {
    let (engine, model) = engine_for(1, 512);
    let (job, events) = job(&model, &"x".repeat(500), usize::MAX);
    engine.submit(job).unwrap();
    let (_, done) = answer(events).await;
    assert_eq!(
        (done.prompt_tokens, done.tokens, done.reason),
        (500, 12, Reason::Length)
    );
}

#[tokio::test]
async fn a_stop_ends_an_answer() {
    let (engine, model) = engine(1);
    let (plain, events) = job(&model, "hello", 30);
    engine.submit(plain).unwrap();
    let (said, _) = answer(events).await;
    let stop: String = said.chars().skip(10).take(3).collect();
    let (mut stopped, events) = job(&model, "hello", 30);
    stopped.stops = vec![stop.clone()];
    engine.submit(stopped).unwrap();
    let (said_until, done) = answer(events).await;
    assert_eq!(done.reason, Reason::Stop);
    assert_eq!(Some(said_until.as_str()), said.split(&stop).next());
}

/// A byte that has no token makes such a prompt: `{"prompt":"\u0004","raw":true}` once ended the thread, and with it the server.
#[tokio::test]
async fn a_prompt_without_tokens_is_refused_and_the_thread_goes_on() {
    let (engine, model) = engine(1);
    let (mut empty, _events) = job(&model, "hello", 3);
    empty.prompt.clear();
    assert_eq!(engine.submit(empty), Err(Rejected::Empty));
    let (job, events) = job(&model, "hello", 3);
    engine.submit(job).unwrap();
    assert_eq!(answer(events).await.1.tokens, 3);
}

#[tokio::test]
async fn nobody_is_let_in_when_too_many_wait() {
    let (engine, model) = engine(1);
    let mut events = Vec::new();
    let mut submit = || {
        let (job, receiver) = job(&model, "on and on", usize::MAX);
        events.push(receiver);
        engine.submit(job)
    };
    submit().unwrap();
    // Whether the first has a slot yet or not, so many can wait and hardly more.
    let results: Vec<_> = (0..MOST_WAITING + 1).map(|_| submit()).collect();
    assert!(results[..MOST_WAITING - 1].iter().all(Result::is_ok));
    assert_eq!(results[MOST_WAITING], Err(Rejected::Full));
}
