//! Where tokens come from: the script's words, or a model behind the same HTTP.

use std::time::Duration;

use futures::stream::BoxStream;

use crate::{
    Refusal,
    request::{Message, Options},
};

/// A model that answers in the place of the scripts.
pub trait Generator: Send + Sync {
    /// Begins an answer, which waits in a line of the model's own if it has one. When the stream is dropped nobody wants the
    /// rest; where it ends without [`Generated::End`], the answer broke off.
    ///
    /// # Errors
    /// It cannot be answered.
    fn generate(&self, prompt: Prompt) -> Result<BoxStream<'static, Generated>, Refusal>;
}

/// What is to be answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// What the model goes on from.
    pub text: PromptText,
    /// Options that the request sets; under `/v1` they have Ollama's names too.
    pub options: Options,
    /// The most tokens to send.
    pub limit: Option<u32>,
    /// Whether the answer is to have a form of its own (`format`).
    pub has_format: bool,
}

/// What a model goes on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptText {
    /// A conversation.
    Messages(Vec<Message>),
    /// A text without any template.
    Raw(String),
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Generated {
    /// A text, about a token.
    Text(String),
    /// The end: nothing comes after it.
    End(End),
}

/// How an answer ended, and what it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Whether a limit ended it, and not the model or a stop.
    pub is_cut: bool,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens of the answer.
    pub tokens: u32,
    /// Until the model began.
    pub waited: Duration,
    /// Until the prompt was read.
    pub prompt_took: Duration,
    /// From there to the end.
    pub answer_took: Duration,
}
