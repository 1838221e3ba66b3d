//! A request of another dialect in Ollama's own terms: what a translated request needs of its answer, and the answer as it comes.
//!
//! # Limits
//! A translated body is bounded by the one that was read, a line and a document by [`MAX_LINE`].
//!
//! # What it does not do
//! It knows no dialect: [`crate::openai`] and [`crate::messages`] have one each.

mod output;

use std::fmt;

use serde_json::Value;

use crate::framing::{LineSplitter, LineTooLong, MAX_LINE, Verdict};
use crate::json;
use crate::{messages, openai, responses};

pub(crate) use output::Output;

/// How a translated answer is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As a chat completion of OpenAI's.
    Completion(openai::Delivery),
    /// As one of OpenAI's older completions, of a text.
    Text(openai::Delivery),
    /// As a response of OpenAI's.
    Response(responses::Delivery),
    /// As a message of Anthropic's.
    Message(messages::Delivery),
}

/// What the answer to a translated request needs beside Ollama's answer itself. `D` says how it is delivered: in one dialect, or
/// in any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation<D = Delivery> {
    /// By what the answer is known; each dialect has its own prefix (`chatcmpl-`, `cmpl-`, `resp_`, `msg_`).
    pub id: u64,
    /// When it was made, in seconds since 1970.
    pub created_s: u64,
    /// The model that was asked for.
    pub model: String,
    /// How the client is answered.
    pub delivery: D,
}

impl Delivery {
    /// The translation of one answer: it is known by `id`, made at so many seconds since 1970, by the model that was asked for.
    pub fn translation(self, id: u64, created_s: u64, model: &str) -> Translation {
        Translation {
            id,
            created_s,
            model: model.to_owned(),
            delivery: self,
        }
    }
}

impl Translation {
    /// How many bytes it holds on to while its answer is relayed.
    pub fn held(&self) -> usize {
        match &self.delivery {
            Delivery::Response(delivery) => delivery.repeated.len(),
            Delivery::Completion(_) | Delivery::Text(_) | Delivery::Message(_) => 0,
        }
    }

    /// Whether the answer is one document, Ollama's as well as the client's.
    pub(crate) fn is_document(&self) -> bool {
        match &self.delivery {
            Delivery::Completion(delivery) | Delivery::Text(delivery) => {
                *delivery == openai::Delivery::Document
            }
            Delivery::Response(delivery) => delivery.way == responses::Way::Document,
            Delivery::Message(delivery) => *delivery == messages::Delivery::Document,
        }
    }

    /// What writes it.
    fn writer(&self) -> Box<dyn Writer> {
        match &self.delivery {
            Delivery::Completion(delivery) => {
                Box::new(openai::ChatWriter::new(self.with(delivery)))
            }
            Delivery::Text(delivery) => Box::new(openai::TextWriter::new(self.with(delivery))),
            Delivery::Response(delivery) => Box::new(responses::Writer::new(self.with(delivery))),
            Delivery::Message(delivery) => Box::new(messages::Writer::new(self.with(delivery))),
        }
    }

    /// The same answer, in one dialect.
    fn with<D: Clone>(&self, delivery: &D) -> Translation<D> {
        Translation {
            id: self.id,
            created_s: self.created_s,
            model: self.model.clone(),
            delivery: delivery.clone(),
        }
    }
}

/// Writes one answer in a dialect. What it is given are objects of Ollama's that are no errors.
pub(crate) trait Writer: fmt::Debug {
    /// Writes a line as events; says whether they end the answer.
    fn line(&mut self, said: &Value, out: &mut Vec<u8>) -> bool;

    /// Writes an error in the place of a line, as events that end the answer.
    fn error(&mut self, message: &str, out: &mut Vec<u8>);

    /// A document in the dialect.
    fn document(&self, said: &Value) -> Vec<u8>;

    /// An error in the place of a document.
    fn error_document(&self, message: &str) -> Value;

    /// Whether more was said than the end can repeat.
    fn is_full(&self) -> bool {
        false
    }
}

/// Translates one answer as it comes. What it gives out are whole events, or the whole document at the end.
#[derive(Debug)]
pub(crate) struct Translator {
    writer: Box<dyn Writer>,
    arriving: Arriving,
    state: State,
}

/// What has become of a translated answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It goes on.
    Open,
    /// The client was told a good end. Behind an end nothing is told: a second one would make a success of an error.
    Complete,
    /// The client was told an error.
    Failed,
    /// Something of it could not be read. It has no good end any more.
    Lost,
}

#[derive(Debug)]
enum Arriving {
    Lines(LineSplitter),
    Document(Vec<u8>),
}

impl Translator {
    /// A translator for one answer.
    pub(crate) fn new(translation: &Translation) -> Translator {
        let arriving = match translation.is_document() {
            true => Arriving::Document(Vec::new()),
            false => Arriving::Lines(LineSplitter::default()),
        };
        Translator {
            writer: translation.writer(),
            arriving,
            state: State::Open,
        }
    }

    /// Appends to `out` what this chunk completes.
    ///
    /// # Errors
    /// A line, the document, or what a response has to repeat at its end is longer than [`MAX_LINE`].
    pub(crate) fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), LineTooLong> {
        let writer = self.writer.as_mut();
        match &mut self.arriving {
            Arriving::Lines(lines) => {
                lines.feed(chunk, |line| {
                    if self.state == State::Open {
                        self.state = write_line(writer, line, out);
                    }
                })?;
                match writer.is_full() {
                    true => Err(LineTooLong { limit: MAX_LINE }),
                    false => Ok(()),
                }
            }
            Arriving::Document(document) => {
                if document.len() + chunk.len() > MAX_LINE {
                    return Err(LineTooLong { limit: MAX_LINE });
                }
                document.extend_from_slice(chunk);
                Ok(())
            }
        }
    }

    /// Appends what stands at the end: the document, or a last line that its sender did not end.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.state != State::Open {
            return;
        }
        let writer = self.writer.as_mut();
        self.state = match &self.arriving {
            Arriving::Lines(lines) => write_line(writer, lines.remainder(), out),
            Arriving::Document(document) => write_document(writer, document, out),
        };
    }

    /// What the client was told that the answer came to.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.state {
            State::Open | State::Lost => Verdict::Incomplete,
            State::Complete => Verdict::Complete,
            State::Failed => Verdict::Failed,
        }
    }
}

/// Writes a line of Ollama's as events.
fn write_line(writer: &mut dyn Writer, line: &[u8], out: &mut Vec<u8>) -> State {
    let said = match Said::of(line) {
        Said::Object(said) => said,
        Said::Nothing => return State::Open,
        Said::Unreadable => return State::Lost,
    };
    match error_message(&said) {
        Some(message) => {
            writer.error(message, out);
            State::Failed
        }
        None if writer.line(&said, out) => State::Complete,
        None => State::Open,
    }
}

/// Writes a document of Ollama's as one of the dialect's.
fn write_document(writer: &dyn Writer, document: &[u8], out: &mut Vec<u8>) -> State {
    let Said::Object(said) = Said::of(document) else {
        return State::Lost;
    };
    match error_message(&said) {
        Some(message) => {
            let error = writer.error_document(message);
            out.extend_from_slice(error.to_string().as_bytes());
            State::Failed
        }
        None => {
            out.extend(writer.document(&said));
            State::Complete
        }
    }
}

/// What a line or a document says.
enum Said {
    Object(Value),
    /// Nothing to anybody: no text at all, or a value that is no object.
    Nothing,
    /// It is no JSON, or deeper than is read.
    Unreadable,
}

impl Said {
    fn of(text: &[u8]) -> Said {
        if text.trim_ascii().is_empty() {
            return Said::Nothing;
        }
        let value = serde_json::from_slice::<Value>(text).ok();
        match value.or_else(|| serde_json::from_slice(&json::readable(text)?).ok()) {
            Some(said) if said.is_object() => Said::Object(said),
            Some(_) => Said::Nothing,
            None => Said::Unreadable,
        }
    }
}

/// The sentence of an error that a line or a document of Ollama's is; an error that says nothing is none.
fn error_message(said: &Value) -> Option<&str> {
    match &said["error"] {
        Value::Null => None,
        Value::String(message) if message.is_empty() => None,
        Value::String(message) => Some(message),
        other => Some(
            other["message"]
                .as_str()
                .unwrap_or("the model server failed"),
        ),
    }
}

/// The calls that a message of Ollama's makes.
pub(crate) fn calls(message: &Value) -> impl Iterator<Item = &Value> {
    message["tool_calls"].as_array().into_iter().flatten()
}

/// A number that a line or a document of Ollama's counts. A server that speaks Ollama's API may have other numbers: a fraction,
/// or none.
pub(crate) fn count(said: &Value, name: &str) -> u64 {
    said[name].as_f64().unwrap_or(0.0) as u64
}

#[cfg(test)]
pub(crate) mod tests;
