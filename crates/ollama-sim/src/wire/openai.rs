//! The forms of OpenAI's API, as Ollama serves them under `/v1`.

use std::io::Write;

use serde::{Serialize, Serializer};

use super::{Part, Spent};
use crate::request::{Form, Usage};

/// What all chunks of an answer share.
pub(super) struct Head<'a> {
    pub(super) form: Form,
    pub(super) number: u64,
    /// Seconds since 1970.
    pub(super) created: u64,
    pub(super) model: &'a str,
}

#[derive(Serialize)]
struct Completion<'a> {
    id: Id,
    object: &'static str,
    created: u64,
    model: &'a str,
    system_fingerprint: &'static str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Tokens>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(flatten)]
    said: Said<'a>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Said<'a> {
    Delta(Message<'a>),
    Message(Message<'a>),
    Text(&'a str),
}

#[derive(Serialize)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    /// Thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
}

#[derive(Serialize)]
struct Tokens {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
}

struct Id(&'static str, u64);

/// Whether it is said who speaks: once in a stream, with the first token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    Named,
    Known,
}

/// A whole answer.
pub(super) fn document(
    mut out: impl Write,
    head: &Head<'_>,
    part: &Part<'_>,
) -> serde_json::Result<()> {
    let (said, object) = match head.form {
        Form::Completion => (Said::Text(part.content), "text_completion"),
        _ => (
            Said::Message(Message::new(part, Speaker::Named)),
            "chat.completion",
        ),
    };
    let usage = part.end.map(|(_, spent)| Tokens::new(spent));
    serde_json::to_writer(
        &mut out,
        &head.completion(object, &[Choice::new(said, part)], usage),
    )
}

/// An event of a stream; the last is followed by the usage, if it is asked for, and by `[DONE]`.
pub(super) fn chunk(
    mut out: impl Write,
    head: &Head<'_>,
    part: &Part<'_>,
    speaker: Speaker,
    usage: Usage,
) -> serde_json::Result<()> {
    let (said, object) = match head.form {
        Form::Completion => (Said::Text(part.content), "text_completion"),
        _ => (
            Said::Delta(Message::new(part, speaker)),
            "chat.completion.chunk",
        ),
    };
    event(
        &mut out,
        &head.completion(object, &[Choice::new(said, part)], None),
    )?;
    if let Some((_, spent)) = part.end {
        if usage == Usage::Included {
            event(
                &mut out,
                &head.completion(object, &[], Some(Tokens::new(spent))),
            )?;
        }
        out.write_all(b"data: [DONE]\n\n")
            .map_err(serde_json::Error::io)?;
    }
    Ok(())
}

fn event(mut out: impl Write, completion: &Completion<'_>) -> serde_json::Result<()> {
    out.write_all(b"data: ").map_err(serde_json::Error::io)?;
    serde_json::to_writer(&mut out, completion)?;
    out.write_all(b"\n\n").map_err(serde_json::Error::io)
}

impl Head<'_> {
    fn completion<'a>(
        &'a self,
        object: &'static str,
        choices: &'a [Choice<'a>],
        usage: Option<Tokens>,
    ) -> Completion<'a> {
        let prefix = if self.form == Form::Completion {
            "cmpl"
        } else {
            "chatcmpl"
        };
        Completion {
            id: Id(prefix, self.number),
            object,
            created: self.created,
            model: self.model,
            system_fingerprint: "fp_ollama",
            choices,
            usage,
        }
    }
}

impl<'a> Choice<'a> {
    fn new(said: Said<'a>, part: &Part<'_>) -> Self {
        Self {
            index: 0,
            said,
            finish_reason: part.end.map(|(reason, _)| reason.as_str()),
        }
    }
}

impl<'a> Message<'a> {
    fn new(part: &Part<'a>, speaker: Speaker) -> Self {
        // The last chunk of a stream says nothing but why.
        let is_empty = part.end.is_some() && speaker == Speaker::Known;
        Self {
            role: (speaker == Speaker::Named).then_some("assistant"),
            content: (!is_empty).then_some(part.content),
            reasoning: part.thinking,
        }
    }
}

impl Tokens {
    fn new(spent: Spent) -> Self {
        let Spent {
            prompt_tokens,
            tokens,
            ..
        } = spent;
        let total_tokens = prompt_tokens.saturating_add(tokens);
        Self {
            prompt_tokens,
            completion_tokens: tokens,
            total_tokens,
        }
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}-{}", self.0, self.1))
    }
}
