//! The bytes of answers, in the form that was asked for.

mod ollama;
mod openai;
mod responses;

use std::time::{Duration, UNIX_EPOCH};

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    body::Dialect,
    options::Clock,
    plan::{Channel, DoneReason},
    request::{Ask, Delivery, Form, Usage},
};

/// Writes the parts of one answer.
pub(crate) struct Wire {
    form: Form,
    delivery: Delivery,
    usage: Usage,
    model: String,
    clock: Clock,
    /// The request's number, for OpenAI's ids.
    number: u64,
    talk: responses::Talk,
    speaker: openai::Speaker,
    /// One allocation serves many lines.
    buffer: BytesMut,
}

/// A piece of an answer, in the terms of either dialect.
struct Part<'a> {
    content: &'a str,
    thinking: Option<&'a str>,
    /// On the last part: why it is the last, and what the answer took.
    end: Option<(DoneReason, Spent)>,
}

/// What an answer took, as its script has it: the same in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) prompt_tokens: u32,
    pub(crate) tokens: u32,
    /// Before the first token.
    pub(crate) first: Duration,
    /// Between tokens.
    pub(crate) pace: Duration,
}

impl Wire {
    pub(crate) fn new(ask: &Ask, clock: Clock, number: u64) -> Self {
        Self {
            form: ask.form,
            delivery: ask.delivery,
            usage: ask.usage,
            model: ask.model.clone(),
            clock,
            number,
            talk: responses::Talk::default(),
            speaker: openai::Speaker::Named,
            buffer: BytesMut::new(),
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.form.dialect()
    }

    pub(crate) fn content_type(&self) -> &'static str {
        match (self.delivery, self.form.dialect()) {
            (Delivery::Whole, _) => "application/json; charset=utf-8",
            (Delivery::Streamed, Dialect::Ollama) => "application/x-ndjson",
            (Delivery::Streamed, Dialect::OpenAi) => "text/event-stream",
        }
    }

    /// One token of a stream.
    pub(crate) fn token(&mut self, channel: Channel, text: &str) -> Bytes {
        let (content, thinking) = match channel {
            Channel::Content => (text, None),
            Channel::Thinking => ("", Some(text)),
        };
        self.part(&Part {
            content,
            thinking,
            end: None,
        })
    }

    /// The end of a stream.
    pub(crate) fn last(&mut self, reason: DoneReason, spent: Spent) -> Bytes {
        self.part(&Part {
            content: "",
            thinking: None,
            end: Some((reason, spent)),
        })
    }

    /// The whole answer as one document; without an end it says that it is not done.
    pub(crate) fn whole(
        &mut self,
        content: &str,
        thinking: &str,
        end: Option<(DoneReason, Spent)>,
    ) -> Bytes {
        let thinking = (!thinking.is_empty()).then_some(thinking);
        self.part(&Part {
            content,
            thinking,
            end,
        })
    }

    /// An error after the head.
    pub(crate) fn error(&self) -> Bytes {
        match self.form.dialect() {
            _ if self.form == Form::Responses => Bytes::from(format!(
                "event: error\ndata: {{\"type\":\"error\",\"code\":null,\"message\":\"{MIDWAY}\",\"param\":null}}\n\n"
            )),
            Dialect::Ollama => Bytes::from(format!("{{\"error\":\"{MIDWAY}\"}}\n")),
            Dialect::OpenAi => Bytes::from(format!(
                "data: {{\"error\":{{\"message\":\"{MIDWAY}\",\"type\":\"api_error\",\"param\":null,\"code\":null}}}}\n\n"
            )),
        }
    }

    fn part(&mut self, part: &Part<'_>) -> Bytes {
        let created = self.clock.now();
        let mut out = std::mem::take(&mut self.buffer).writer();
        let written = match self.form.dialect() {
            Dialect::Ollama => {
                let line = ollama::Line::new(self.form, &self.model, created, part);
                serde_json::to_writer(&mut out, &line)
            }
            Dialect::OpenAi => {
                let created = created
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| since.as_secs());
                let head = openai::Head {
                    form: self.form,
                    number: self.number,
                    created,
                    model: &self.model,
                };
                match self.delivery {
                    Delivery::Whole if self.form == Form::Responses => {
                        responses::document(&mut out, &head, part)
                    }
                    Delivery::Streamed if self.form == Form::Responses => {
                        self.talk.part(&mut out, &head, part)
                    }
                    Delivery::Whole => openai::document(&mut out, &head, part),
                    Delivery::Streamed => {
                        let speaker = std::mem::replace(&mut self.speaker, openai::Speaker::Known);
                        openai::chunk(&mut out, &head, part, speaker, self.usage)
                    }
                }
            }
        };
        debug_assert!(written.is_ok(), "plain structures into memory");
        self.buffer = out.into_inner();
        if (self.delivery, self.form.dialect()) == (Delivery::Streamed, Dialect::Ollama) {
            self.buffer.put_u8(b'\n');
        }
        self.buffer.split().freeze()
    }
}

/// What an error after the head says.
pub(crate) const MIDWAY: &str = "an error was encountered while running the model: simulated";

/// Bytes that are neither JSON nor UTF-8.
pub(crate) const GARBAGE: &[u8] = b"\xff\xfe{]\x00 garbage\n";

/// A piece of the line that never ends.
pub(crate) const ENDLESS: &[u8] = &[b'x'; 256];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wire(form: Form, body: Value) -> Wire {
        Wire::new(&Ask::read(form, &body).unwrap(), Clock::default(), 7)
    }

    fn spent() -> Spent {
        Spent {
            prompt_tokens: 2,
            tokens: 3,
            first: Duration::from_millis(5),
            pace: Duration::from_millis(2),
        }
    }

    #[test]
    fn a_chat_streams_ollamas_lines() {
        let mut wire = wire(Form::Chat, json!({"model": "m"}));
        assert_eq!(
            wire.token(Channel::Content, "say \"hi\" "),
            "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00.000000000Z\",\
             \"message\":{\"role\":\"assistant\",\"content\":\"say \\\"hi\\\" \"},\"done\":false}\n"
        );
        let thought: Value = serde_json::from_slice(&wire.token(Channel::Thinking, "hm")).unwrap();
        assert_eq!(
            thought["message"],
            json!({"role": "assistant", "content": "", "thinking": "hm"})
        );
        assert_eq!(
            wire.last(DoneReason::Stop, spent()),
            "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00.000000000Z\",\
             \"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\
             \"total_duration\":12000000,\"load_duration\":1000000,\"prompt_eval_count\":2,\
             \"prompt_eval_duration\":5000000,\"eval_count\":3,\"eval_duration\":6000000}\n"
        );
    }

    #[test]
    fn generate_says_response_in_place_of_message() {
        let mut wire = wire(Form::Generate, json!({"model": "m", "stream": false}));
        let whole: Value = serde_json::from_slice(&wire.whole("a b", "hm", None)).unwrap();
        assert_eq!(
            (&whole["response"], &whole["thinking"], &whole["done"]),
            (&json!("a b"), &json!("hm"), &json!(false))
        );
        assert!(whole.get("message").is_none());
    }

    #[test]
    fn openai_streams_chunks_usage_and_done() {
        let body = json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}});
        let mut wire = wire(Form::ChatCompletion, body);
        assert_eq!(
            wire.token(Channel::Content, "hi "),
            "data: {\"id\":\"chatcmpl-7\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,\"model\":\"m\",\
             \"system_fingerprint\":\"fp_ollama\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\
             \"content\":\"hi \"},\"finish_reason\":null}]}\n\n"
        );
        let last = String::from_utf8(wire.last(DoneReason::Length, spent()).to_vec()).unwrap();
        let events: Vec<_> = last
            .split_terminator("\n\n")
            .map(|event| event.strip_prefix("data: ").unwrap())
            .collect();
        let chunk: Value = serde_json::from_str(events[0]).unwrap();
        assert_eq!(chunk["choices"][0]["finish_reason"], "length");
        let usage: Value = serde_json::from_str(events[1]).unwrap();
        assert_eq!(usage["choices"], json!([]));
        assert_eq!(
            usage["usage"],
            json!({"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5})
        );
        assert_eq!(events[2..], ["[DONE]"]);
    }

    #[test]
    fn responses_are_events_with_names_and_numbers_or_one_document() {
        let body = json!({"model": "m", "input": "x", "stream": true});
        let mut stream = wire(Form::Responses, body);
        let mut text = String::from_utf8(stream.token(Channel::Content, "a b ").to_vec()).unwrap();
        text += std::str::from_utf8(&stream.last(DoneReason::Stop, spent())).unwrap();
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
        assert_eq!(
            (events[0].0, events[4].0),
            ("response.created", "response.output_text.delta")
        );
        let (last, data) = &events[events.len() - 1];
        assert_eq!(*last, "response.completed");
        assert_eq!(data["response"]["output"][0]["content"][0]["text"], "a b ");
        let mut whole = wire(Form::Responses, json!({"model": "m", "input": "x"}));
        let end = Some((DoneReason::Stop, spent()));
        let document: Value = serde_json::from_slice(&whole.whole("a b ", "", end)).unwrap();
        assert_eq!(document, data["response"]);
    }

    #[test]
    fn openai_documents_have_a_message_or_a_text() {
        let end = Some((DoneReason::Stop, spent()));
        let mut chat = wire(Form::ChatCompletion, json!({"model": "m"}));
        let document: Value = serde_json::from_slice(&chat.whole("a b", "", end)).unwrap();
        assert_eq!(document["object"], "chat.completion");
        assert_eq!(
            document["choices"][0]["message"],
            json!({"role": "assistant", "content": "a b"})
        );
        assert_eq!(document["usage"]["total_tokens"], 5);
        let mut completion = wire(Form::Completion, json!({"model": "m"}));
        let document: Value = serde_json::from_slice(&completion.whole("a b", "", end)).unwrap();
        assert_eq!(
            (&document["object"], &document["choices"][0]["text"]),
            (&json!("text_completion"), &json!("a b"))
        );
    }
}
