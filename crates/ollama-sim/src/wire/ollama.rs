//! Ollama's lines, which are also its documents.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Call, Head, Part, Spent};
use crate::{plan::DoneReason, request::Form, script::Figures};

/// A line or document of `/api/chat` or `/api/generate`.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    model: &'a str,
    #[serde(serialize_with = "time")]
    created_at: SystemTime,
    #[serde(flatten)]
    said: Said<'a>,
    done: bool,
    #[serde(flatten)]
    end: Option<End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<&'a Value>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Said<'a> {
    Chat {
        message: Message<'a>,
    },
    Generate {
        response: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        thinking: &'a str,
    },
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    thinking: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
}

/// What the last line has besides; durations in nanoseconds. What is 0 is left out, as Go leaves it out.
#[derive(Serialize)]
struct End {
    done_reason: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    context: Vec<u32>,
    #[serde(skip_serializing_if = "is_left_out")]
    total_duration: Option<Value>,
    #[serde(skip_serializing_if = "is_left_out")]
    load_duration: Option<Value>,
    #[serde(skip_serializing_if = "is_left_out")]
    prompt_eval_count: Option<Value>,
    #[serde(skip_serializing_if = "is_left_out")]
    prompt_eval_duration: Option<Value>,
    #[serde(skip_serializing_if = "is_left_out")]
    eval_count: Option<Value>,
    #[serde(skip_serializing_if = "is_left_out")]
    eval_duration: Option<Value>,
}

impl<'a> Line<'a> {
    pub(super) fn new(head: &Head<'a>, part: &Part<'a>) -> Self {
        let said = match head.form {
            Form::Generate => Said::Generate {
                response: part.content,
                thinking: part.thinking,
            },
            _ => Said::Chat {
                message: Message {
                    role: "assistant",
                    content: part.content,
                    thinking: part.thinking,
                    tool_calls: part.calls.iter().map(|it| call(it, head.number)).collect(),
                },
            },
        };
        Self {
            model: head.model,
            created_at: head.at,
            said,
            done: part.end.is_some(),
            end: part
                .end
                .map(|(reason, spent)| End::new(head, reason, spent)),
            logprobs: part.logprobs,
        }
    }
}

impl End {
    fn new(head: &Head<'_>, reason: DoneReason, spent: Spent) -> Self {
        let is_answer = matches!(reason, DoneReason::Stop | DoneReason::Length);
        let figure = |number: u64| figure(spent.figures, number).filter(|_| is_answer);
        let tokens = spent.prompt_tokens.saturating_add(spent.tokens);
        Self {
            done_reason: reason.as_str(),
            context: (1..=tokens.min(MOST_CONTEXT))
                .filter(|_| head.has_context && is_answer)
                .collect(),
            total_duration: figure(nanos(spent.total())),
            load_duration: figure(nanos(spent.load)),
            prompt_eval_count: figure(spent.prompt_tokens.into()),
            // Whatever a script says, it takes some time.
            prompt_eval_duration: figure(nanos(spent.prompt).max(1)),
            eval_count: figure(spent.tokens.into()),
            eval_duration: figure(nanos(spent.answer).max(1)),
        }
    }
}

fn call(call: &Call, number: u64) -> Value {
    json!({
        "id": call.id(number),
        "function": { "index": call.index, "name": call.name, "arguments": call.arguments },
    })
}

fn figure(figures: Figures, number: u64) -> Option<Value> {
    match figures {
        Figures::Whole if number == 0 => None,
        Figures::Whole => Some(number.into()),
        Figures::Fraction => Some((number as f64 + 0.5).into()),
        Figures::Negative => Some((-1).into()),
        Figures::Null => Some(Value::Null),
        Figures::Text => Some(number.to_string().into()),
        Figures::Absent => None,
    }
}

fn is_left_out(figure: &Option<Value>) -> bool {
    figure.is_none()
}

/// A duration in whole nanoseconds.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// As Go writes a time: up to nine digits of a second, no more than are needed.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_nanos(time).to_string();
    let digits = text.trim_end_matches('Z').trim_end_matches('0');
    format!("{}Z", digits.trim_end_matches('.'))
}

fn time<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*time))
}

/// The list of tokens is not what is looked at.
const MOST_CONTEXT: u32 = 64;
