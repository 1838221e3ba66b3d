//! A conversation goes on where its beginning was read.

use std::sync::Arc;

use ollama_sim::{Model, Options, Sim};
use serde_json::{Value, json};

use crate::common::{App, Setup, chats, run};

const TURNS: usize = 10;

#[test]
fn ten_turns_of_a_conversation_are_read_once_and_those_of_none_again_and_again() {
    run(async {
        let of_one = turns(|_| "one conversation".to_owned()).await;
        let of_none = turns(|turn| format!("conversation {turn}")).await;
        eprintln!("one conversation: {of_one:?}; ten: {of_none:?}");
        assert!(of_one.sent.contains(&TURNS), "{of_one:?}");
        assert!(!of_none.sent.contains(&TURNS), "{of_none:?}");
        assert!(of_one.read_ms < of_none.read_ms, "{of_one:?} {of_none:?}");
    });
}

/// What became of ten turns.
#[derive(Debug)]
struct Outcome {
    /// How many went to each upstream.
    sent: [usize; 2],
    /// How long the upstreams read prompts in all, as their last frames say.
    read_ms: u64,
}

/// Ten turns of which each goes on with what was said before, `name` saying whose each is, before two upstreams.
async fn turns(name: impl Fn(usize) -> String) -> Outcome {
    let sims = [simulator().await, simulator().await];
    let app = Setup::answering("")
        .with("ollama_host2", sims[1].url())
        .start_before(sims[0].clone())
        .await;
    let mut messages: Vec<Value> = Vec::new();
    let mut read_ms = 0;
    for turn in 0..TURNS {
        let words: Vec<String> = (0..20).map(|word| format!("word{turn}x{word}")).collect();
        messages.push(json!({ "role": "user", "content": words.join(" ") }));
        read_ms += ask(&app, &name(turn), &messages).await;
        messages.push(json!({ "role": "assistant", "content": "So it is." }));
    }
    let sent = [0, 1].map(|at| chats(&sims[at]));
    Outcome { sent, read_ms }
}

/// Asks, and answers how long the prompt was read.
async fn ask(app: &App, conversation: &str, messages: &[Value]) -> u64 {
    let headers = [("x-openwebui-chat-id", conversation)];
    let body = json!({ "model": "m", "messages": messages });
    let mut client = app.client().await;
    let answer = client.post_with(&headers, "/api/chat", &body).await;
    let answer = answer.whole().await;
    answer.assert_complete();
    let last = answer.lines.last().expect("a last line").json();
    last["prompt_eval_duration"].as_u64().expect("a duration") / 1_000_000
}

/// An upstream that reads a word in two milliseconds.
async fn simulator() -> Arc<Sim> {
    let options = Options {
        models: vec![Model::from("m")],
        script: "tokens=1 pace=0ms prompt=2ms".parse().expect("a script"),
        ..Options::default()
    };
    Arc::new(Sim::start(options).await.expect("a simulator"))
}
