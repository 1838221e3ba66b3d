//! The forms of OpenAI's chat completions and completions, as Ollama serves them under `/v1`.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Head, Part, Spent, write};
use crate::{
    plan::DoneReason,
    request::{Form, Usage},
};

#[derive(Serialize)]
pub(super) struct Completion<'a> {
    id: Id,
    object: &'static str,
    created: u64,
    /// A chunk of a completion has them here, everything else after the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<Choice<'a>>>,
    model: &'a str,
    system_fingerprint: &'static str,
    #[serde(rename = "choices", skip_serializing_if = "Option::is_none")]
    choices_behind: Option<Vec<Choice<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Tokens>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Choice<'a> {
    Chat {
        index: u32,
        #[serde(flatten)]
        said: Said<'a>,
        finish_reason: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        logprobs: Option<Value>,
    },
    Text {
        text: &'a str,
        index: u32,
        finish_reason: Option<&'static str>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Said<'a> {
    Delta(Message<'a>),
    Message(Message<'a>),
}

#[derive(Default, Serialize)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    /// Thinking.
    #[serde(skip_serializing_if = "str::is_empty")]
    reasoning: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
}

#[derive(Default, Serialize)]
struct Tokens {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
}

struct Id(&'static str, u64);

/// A whole answer. Without an end it has no reason, and no usage.
pub(super) fn document<'a>(head: &Head<'a>, part: &Part<'a>) -> Completion<'a> {
    let reason = finish_reason(head, part);
    let usage = part
        .end
        .map_or_else(Tokens::default, |(_, spent)| Tokens::new(spent));
    let choice = match head.form {
        Form::Completion => Choice::Text {
            text: part.content,
            index: 0,
            finish_reason: reason,
        },
        _ => Choice::Chat {
            index: 0,
            said: Said::Message(message(head, part, Speaker::Named)),
            finish_reason: reason,
            logprobs: part.logprobs.map(|content| json!({ "content": content })),
        },
    };
    let object = match head.form {
        Form::Completion => "text_completion",
        _ => "chat.completion",
    };
    Completion {
        choices_behind: Some(vec![choice]),
        usage: Some(usage),
        ..completion(head, object)
    }
}

/// The events of a part. The end has one of its own, followed by the usage, if it is asked for, and by `[DONE]`.
pub(super) fn chunks(head: &Head<'_>, part: &Part<'_>, usage: Usage, out: &mut Vec<u8>) {
    let is_last = part.end.is_some();
    let event = |part: &Part<'_>, speaker, reason, out: &mut Vec<u8>| {
        let choice = choice(head, part, speaker, reason);
        chunk(head, vec![choice], running_usage(head, usage), out);
    };
    if head.form == Form::Completion {
        event(part, Speaker::Known, finish_reason(head, part), out);
    } else {
        if !is_last || !part.is_empty() {
            let speaker = if head.has_begun {
                Speaker::Known
            } else {
                Speaker::Named
            };
            event(&Part { end: None, ..*part }, speaker, None, out);
        }
        if is_last {
            event(
                &Part::default(),
                Speaker::Silent,
                finish_reason(head, part),
                out,
            );
        }
    }
    let Some((_, spent)) = part.end else { return };
    if usage == Usage::Included {
        chunk(head, Vec::new(), Some(Tokens::new(spent)), out);
    }
    out.extend_from_slice(b"data: [DONE]\n\n");
}

/// Whether it is said who speaks: once in a stream, with the first token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    Named,
    Known,
    /// Nothing is said.
    Silent,
}

fn choice<'a>(
    head: &Head<'_>,
    part: &Part<'a>,
    speaker: Speaker,
    reason: Option<&'static str>,
) -> Choice<'a> {
    match head.form {
        Form::Completion => Choice::Text {
            text: part.content,
            index: 0,
            finish_reason: reason,
        },
        _ => Choice::Chat {
            index: 0,
            said: Said::Delta(message(head, part, speaker)),
            finish_reason: reason,
            logprobs: part.logprobs.map(|content| json!({ "content": content })),
        },
    }
}

/// With a usage asked for, each chunk of a completion has one of zeros.
fn running_usage(head: &Head<'_>, usage: Usage) -> Option<Tokens> {
    (head.form == Form::Completion && usage == Usage::Included).then(Tokens::default)
}

fn chunk(head: &Head<'_>, choices: Vec<Choice<'_>>, usage: Option<Tokens>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    let completion = match head.form {
        Form::Completion => Completion {
            choices: Some(choices),
            usage,
            ..completion(head, "text_completion")
        },
        _ => Completion {
            choices_behind: Some(choices),
            usage,
            ..completion(head, "chat.completion.chunk")
        },
    };
    write(out, &completion);
    out.extend_from_slice(b"\n\n");
}

fn completion<'a>(head: &Head<'a>, object: &'static str) -> Completion<'a> {
    let prefix = if head.form == Form::Completion {
        "cmpl"
    } else {
        "chatcmpl"
    };
    Completion {
        id: Id(prefix, head.number),
        object,
        created: head.created(),
        choices: None,
        model: head.model,
        system_fingerprint: "fp_ollama",
        choices_behind: None,
        usage: None,
    }
}

fn message<'a>(head: &Head<'_>, part: &Part<'a>, speaker: Speaker) -> Message<'a> {
    if speaker == Speaker::Silent {
        return Message::default();
    }
    let calls = part.calls.iter().map(|call| {
        json!({
            "id": call.id(head.number),
            "index": call.index,
            "type": "function",
            "function": { "name": call.name, "arguments": call.arguments.to_string() },
        })
    });
    Message {
        role: (speaker == Speaker::Named).then_some("assistant"),
        content: Some(part.content),
        reasoning: part.thinking,
        tool_calls: calls.collect(),
    }
}

/// Calls are the reason only where the model stopped by itself.
fn finish_reason(head: &Head<'_>, part: &Part<'_>) -> Option<&'static str> {
    let (reason, _) = part.end?;
    Some(match reason {
        DoneReason::Stop if head.calls > 0 => "tool_calls",
        reason => reason.as_str(),
    })
}

impl Tokens {
    fn new(spent: Spent) -> Self {
        let Spent {
            prompt_tokens,
            tokens,
            ..
        } = spent;
        Self {
            prompt_tokens,
            completion_tokens: tokens,
            total_tokens: prompt_tokens.saturating_add(tokens),
        }
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}-{}", self.0, self.1))
    }
}
