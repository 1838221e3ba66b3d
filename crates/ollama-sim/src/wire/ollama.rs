//! Ollama's lines, which are also its documents.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use super::{Part, Spent};
use crate::{plan::DoneReason, request::Form};

/// A line or document of `/api/chat` or `/api/generate`.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    model: &'a str,
    #[serde(serialize_with = "rfc3339")]
    created_at: SystemTime,
    #[serde(flatten)]
    said: Said<'a>,
    done: bool,
    #[serde(flatten)]
    end: Option<End>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Said<'a> {
    Chat {
        message: Message<'a>,
    },
    Generate {
        response: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        thinking: Option<&'a str>,
    },
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
}

/// What the last line has besides; durations in nanoseconds.
#[derive(Serialize)]
struct End {
    done_reason: &'static str,
    total_duration: u64,
    load_duration: u64,
    prompt_eval_count: u32,
    prompt_eval_duration: u64,
    eval_count: u32,
    eval_duration: u64,
}

impl<'a> Line<'a> {
    pub(super) fn new(form: Form, model: &'a str, created_at: SystemTime, part: &Part<'a>) -> Self {
        let &Part {
            content,
            thinking,
            ref end,
        } = part;
        let said = match form {
            Form::Generate => Said::Generate {
                response: content,
                thinking,
            },
            _ => Said::Chat {
                message: Message {
                    role: "assistant",
                    content,
                    thinking,
                },
            },
        };
        Self {
            model,
            created_at,
            said,
            done: end.is_some(),
            end: end.map(|(reason, spent)| End::new(reason, spent)),
        }
    }
}

impl End {
    fn new(reason: DoneReason, spent: Spent) -> Self {
        let eval = spent.pace.saturating_mul(spent.tokens);
        Self {
            done_reason: reason.as_str(),
            total_duration: nanos(LOAD.saturating_add(spent.first).saturating_add(eval)),
            load_duration: nanos(LOAD),
            prompt_eval_count: spent.prompt_tokens,
            prompt_eval_duration: nanos(spent.first),
            eval_count: spent.tokens,
            eval_duration: nanos(eval),
        }
    }
}

/// A duration in whole nanoseconds.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_nanos(*time))
}

/// The model is always loaded: what finding that out takes.
const LOAD: Duration = Duration::from_millis(1);
