//! A request of another dialect in Ollama's own terms: what a translated request needs of its answer, and the answer as it comes.
//!
//! # Limits
//! A translated body is bounded by the one that was read, a line and a document by [`MAX_LINE`].
//!
//! # What it does not do
//! It knows no dialect: [`crate::openai`] and [`crate::messages`] have one each.

mod output;

use serde_json::Value;

use crate::framing::{LineSplitter, LineTooLong, MAX_LINE};
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

/// What the answer to a translated request needs beside Ollama's answer itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Translation {
    /// Into a chat completion of OpenAI's.
    Completion(openai::Translation),
    /// Into one of OpenAI's older completions, of a text.
    Text(openai::Translation),
    /// Into a response of OpenAI's.
    Response(responses::Translation),
    /// Into a message of Anthropic's.
    Message(messages::Translation),
}

impl Delivery {
    /// The translation of one answer: it is known by `id`, made at so many seconds since 1970, by the model that was asked for.
    pub fn translation(self, id: u64, created_s: u64, model: &str) -> Translation {
        let model = model.to_owned();
        let completion = |model, delivery| openai::Translation {
            id,
            created_s,
            model,
            delivery,
        };
        match self {
            Delivery::Completion(delivery) => Translation::Completion(completion(model, delivery)),
            Delivery::Text(delivery) => Translation::Text(completion(model, delivery)),
            Delivery::Response(delivery) => Translation::Response(responses::Translation {
                id,
                created_s,
                model,
                delivery,
            }),
            Delivery::Message(delivery) => Translation::Message(messages::Translation {
                id,
                model,
                delivery,
            }),
        }
    }
}

impl Translation {
    /// How many bytes it holds on to while its answer is relayed.
    pub fn held(&self) -> usize {
        match self {
            Translation::Response(translation) => translation.delivery.repeated.len(),
            Translation::Completion(_) | Translation::Text(_) | Translation::Message(_) => 0,
        }
    }

    /// Whether the answer is one document, Ollama's as well as the client's.
    pub(crate) fn is_document(&self) -> bool {
        match self {
            Translation::Completion(translation) | Translation::Text(translation) => {
                translation.delivery == openai::Delivery::Document
            }
            Translation::Response(translation) => {
                translation.delivery.way == responses::Way::Document
            }
            Translation::Message(translation) => {
                translation.delivery == messages::Delivery::Document
            }
        }
    }
}

/// Translates one answer as it comes. What it gives out are whole events, or the whole document at the end.
#[derive(Debug)]
pub(crate) struct Translator {
    dialect: Dialect,
    arriving: Arriving,
    has_ended: bool,
}

#[derive(Debug)]
enum Dialect {
    Completion(openai::Writer),
    Text(openai::TextWriter),
    Response(responses::Writer),
    Message(messages::Writer),
}

#[derive(Debug)]
enum Arriving {
    Lines(LineSplitter),
    Document(Vec<u8>),
}

impl Translator {
    /// A translator for one answer.
    pub(crate) fn new(translation: Translation) -> Translator {
        let arriving = match translation.is_document() {
            true => Arriving::Document(Vec::new()),
            false => Arriving::Lines(LineSplitter::default()),
        };
        let dialect = match translation {
            Translation::Completion(translation) => {
                Dialect::Completion(openai::Writer::new(translation))
            }
            Translation::Text(translation) => Dialect::Text(openai::TextWriter::new(translation)),
            Translation::Response(translation) => {
                Dialect::Response(responses::Writer::new(translation))
            }
            Translation::Message(translation) => {
                Dialect::Message(messages::Writer::new(translation))
            }
        };
        Translator {
            dialect,
            arriving,
            has_ended: false,
        }
    }

    /// Appends to `out` what this chunk completes.
    ///
    /// # Errors
    /// A line, the document, or what a response has to repeat at its end is longer than [`MAX_LINE`].
    pub(crate) fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), LineTooLong> {
        match &mut self.arriving {
            Arriving::Lines(lines) => {
                lines.feed(chunk, |line| {
                    // Behind an end nothing is told: a second one would make a success of an error.
                    self.has_ended = self.has_ended || self.dialect.line(line, out);
                })?;
                match &self.dialect {
                    Dialect::Response(writer) if writer.is_full() => {
                        Err(LineTooLong { limit: MAX_LINE })
                    }
                    _ => Ok(()),
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
        self.has_ended = self.has_ended
            || match &self.arriving {
                Arriving::Lines(lines) => self.dialect.line(lines.remainder(), out),
                Arriving::Document(document) => self.dialect.document(document, out),
            };
    }

    /// Whether the client was told an end, good or bad.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }
}

/// The sentence of an error that a line or a document of Ollama's is; an error that says nothing is none.
pub(crate) fn error_message(said: &Value) -> Option<&str> {
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

impl Dialect {
    /// Writes a line of Ollama's as events; says whether they end the answer.
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> bool {
        match self {
            Dialect::Text(writer) => writer.line(line, out),
            Dialect::Response(writer) => writer.line(line, out),
            Dialect::Completion(writer) => writer.line(line, out),
            Dialect::Message(writer) => writer.line(line, out),
        }
    }

    /// Writes a document of Ollama's as one of the dialect's; says whether it was one.
    fn document(&self, document: &[u8], out: &mut Vec<u8>) -> bool {
        match self {
            Dialect::Text(writer) => writer.document(document, out),
            Dialect::Response(writer) => writer.document(document, out),
            Dialect::Completion(writer) => writer.document(document, out),
            Dialect::Message(writer) => writer.document(document, out),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
