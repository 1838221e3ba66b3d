//! Exact bytes, where the transcripts tell of members alone.

use serde_json::{Value, json};

use super::*;

fn wire(form: Form, body: Value) -> Wire {
    let ask = Ask::read(form, body.to_string().as_bytes()).unwrap();
    Wire::new(&ask, Clock::default(), 7)
}

fn spent() -> Spent {
    Spent {
        prompt_tokens: 2,
        tokens: 3,
        load: Duration::from_millis(1),
        prompt: Duration::from_millis(5),
        answer: Duration::from_millis(6),
        figures: Figures::Whole,
    }
}

/// What this writes, as one text.
fn written(write: impl FnOnce(&mut VecDeque<Bytes>)) -> String {
    let mut out = VecDeque::new();
    write(&mut out);
    let bytes: Vec<u8> = out.into_iter().flatten().collect();
    String::from_utf8(bytes).unwrap()
}

fn chat(stream: bool) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "x y"}], "stream": stream, "max_tokens": 9})
}

#[test]
fn a_chat_streams_ollamas_lines() {
    let mut wire = wire(Form::Chat, json!({"model": "m"}));
    assert_eq!(
        written(|out| wire.token(Channel::Content, "say \"hi\" <", out)),
        "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\
         \"message\":{\"role\":\"assistant\",\"content\":\"say \\\"hi\\\" \\u003c\"},\"done\":false}\n"
    );
    let thought = written(|out| wire.token(Channel::Thinking, "hm", out));
    let thought: Value = serde_json::from_str(&thought).unwrap();
    assert_eq!(
        thought["message"],
        json!({"role": "assistant", "content": "", "thinking": "hm"})
    );
    assert_eq!(
        written(|out| wire.last(DoneReason::Stop, spent(), out)),
        "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\
         \"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\
         \"total_duration\":12000000,\"load_duration\":1000000,\"prompt_eval_count\":2,\
         \"prompt_eval_duration\":5000000,\"eval_count\":3,\"eval_duration\":6000000}\n"
    );
}

#[test]
fn figures_are_what_the_script_has_them_be() {
    for (figures, expected) in [
        (Figures::Fraction, json!(3.5)),
        (Figures::Negative, json!(-1)),
        (Figures::Null, Value::Null),
        (Figures::Text, json!("3")),
    ] {
        let mut wire = wire(Form::Chat, json!({"model": "m"}));
        let spent = Spent { figures, ..spent() };
        let line = written(|out| wire.last(DoneReason::Stop, spent, out));
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line.get("eval_count"), Some(&expected));
    }
    let mut wire = wire(Form::Chat, json!({"model": "m"}));
    let spent = Spent {
        figures: Figures::Absent,
        ..spent()
    };
    let line = written(|out| wire.last(DoneReason::Stop, spent, out));
    assert!(
        line.ends_with("\"done\":true,\"done_reason\":\"stop\"}\n"),
        "{line}"
    );
}

#[test]
fn half_a_surrogate_pair_is_written_as_an_escape() {
    let mut wire = wire(Form::Chat, json!({"model": "m"}));
    let line = written(|out| wire.half(out));
    assert!(line.contains("\"content\":\"\\ud83d\""), "{line}");
}

#[test]
fn openai_streams_chunks_usage_and_done() {
    let mut body = chat(true);
    body["stream_options"] = json!({"include_usage": true});
    let mut wire = wire(Form::ChatCompletion, body);
    let chunk = |delta: &str, reason: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-7\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,\"model\":\"m\",\
             \"system_fingerprint\":\"fp_ollama\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{reason}}}]}}\n\n"
        )
    };
    assert_eq!(
        written(|out| wire.token(Channel::Content, "hi ", out)),
        chunk("{\"role\":\"assistant\",\"content\":\"hi \"}", "null")
    );
    assert_eq!(
        written(|out| wire.token(Channel::Content, "you", out)),
        chunk("{\"content\":\"you\"}", "null")
    );
    let last = written(|out| wire.last(DoneReason::Length, spent(), out));
    let usage = "data: {\"id\":\"chatcmpl-7\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,\"model\":\"m\",\
                 \"system_fingerprint\":\"fp_ollama\",\"choices\":[],\
                 \"usage\":{\"prompt_tokens\":2,\"completion_tokens\":3,\"total_tokens\":5}}\n\n";
    assert_eq!(last, chunk("{}", "\"length\"") + usage + "data: [DONE]\n\n");
}

#[test]
fn events_have_names_and_numbers_and_the_last_holds_the_document() {
    let body = json!({"model": "m", "input": "x", "stream": true});
    let mut stream = wire(Form::Responses, body);
    let text = written(|out| {
        stream.token(Channel::Content, "a b ", out);
        stream.last(DoneReason::Stop, spent(), out);
    });
    let events: Vec<(&str, Value)> = text
        .split_terminator("\n\n")
        .map(|event| {
            let (name, data) = event.split_once('\n').unwrap();
            let data = data.strip_prefix("data: ").unwrap();
            let name = name.strip_prefix("event: ").unwrap();
            (name, serde_json::from_str(data).unwrap())
        })
        .collect();
    for (number, (name, data)) in events.iter().enumerate() {
        assert_eq!(
            (&data["type"], &data["sequence_number"]),
            (&json!(name), &json!(number))
        );
    }
    let (last, data) = &events[events.len() - 1];
    assert_eq!(*last, "response.completed");
    assert_eq!(data["response"]["output"][0]["content"][0]["text"], "a b ");
    let mut whole = wire(Form::Responses, json!({"model": "m", "input": "x"}));
    let said = Whole {
        content: "a b ".to_owned(),
        end: Some((DoneReason::Stop, spent())),
        ..Whole::default()
    };
    let document: Value = serde_json::from_slice(&whole.whole(&said)).unwrap();
    assert_eq!(document, data["response"]);
}

#[test]
fn a_stream_whose_runner_died_says_so_on_ollamas_own_routes_alone() {
    for (form, expected) in [
        (
            Form::Chat,
            "{\"error\":\"an error was encountered while running the model: unexpected EOF\"}\n",
        ),
        (Form::Messages, ""),
    ] {
        let mut wire = wire(form, chat(true));
        assert_eq!(written(|out| wire.died(out)), expected);
    }
    let mut wire = wire(Form::ChatCompletion, chat(true));
    wire.token(Channel::Content, "a", &mut VecDeque::new());
    let last = written(|out| wire.died(out));
    assert!(
        last.contains("\"model\":\"\"") && last.contains("\"delta\":{\"content\":\"\"}"),
        "{last}"
    );
    assert!(!last.contains("[DONE]"), "{last}");
}
