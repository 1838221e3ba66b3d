//! Looks at an answer while it passes: has it ended as it should, did it carry an error, how many tokens did it bring.
//!
//! A token must cost next to nothing, so a line is only searched for the few words that could matter; the rare line that
//! has one is parsed in full, so that words inside a text or a nested object decide nothing.

use super::facts::Facts;
use super::lines::{LineSplitter, LineTooLong};
use crate::endpoint::Form;

/// What a watched answer has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ended as its form says it must.
    Complete,
    /// It carried an error of the upstream's.
    Failed,
    /// It has not ended yet; if no more comes, it is incomplete.
    Incomplete,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames (lines or events) that carried a part of the answer, about one a token.
    pub frames: u64,
    /// Tokens of the prompt, by the upstream's own count.
    pub prompt_eval_count: Option<u64>,
    /// Tokens generated, by the upstream's own count.
    pub eval_count: Option<u64>,
    /// Time spent on the prompt, in nanoseconds; OpenAI's form does not say.
    pub prompt_eval_duration_ns: Option<u64>,
    /// Time spent generating them, in nanoseconds; OpenAI's form does not say.
    pub eval_duration_ns: Option<u64>,
}

/// Looks at the bytes of one answer as they pass. It never changes them.
#[derive(Debug)]
pub struct AnswerWatch {
    framing: Framing,
    verdict: Verdict,
    tally: Tally,
}

impl AnswerWatch {
    /// A watch for what the *upstream* sends where the client is answered in `form`.
    pub fn new(form: Form) -> AnswerWatch {
        let framing = match form {
            Form::Lines | Form::Events => Framing::Lines(LineSplitter::default()),
            Form::OpenAiEvents | Form::AnthropicEvents => Framing::Events {
                lines: LineSplitter::default(),
                has_ended: true,
            },
            Form::Document | Form::OpenAiDocument | Form::AnthropicDocument => {
                Framing::Document(Document::default())
            }
        };
        AnswerWatch {
            framing,
            verdict: Verdict::Incomplete,
            tally: Tally::default(),
        }
    }

    /// Looks at the next bytes.
    ///
    /// # Errors
    /// A line is longer than [`super::MAX_LINE`]; the answer is not worth relaying further.
    pub fn see(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        let AnswerWatch {
            framing,
            verdict,
            tally,
        } = self;
        match framing {
            Framing::Lines(lines) => lines.feed(bytes, |line| see_line(line, verdict, tally)),
            Framing::Events { lines, has_ended } => lines.feed(bytes, |line| {
                *has_ended = line.is_empty();
                see_event(line, verdict, tally);
            }),
            Framing::Document(document) => {
                document.see(bytes);
                Ok(())
            }
        }
    }

    /// Called when the upstream has ended its body in good order: looks at a last line without a line end and at the whole
    /// document, and says what the answer came to.
    pub fn end(&mut self) -> Verdict {
        let AnswerWatch {
            framing,
            verdict,
            tally,
        } = self;
        match framing {
            Framing::Lines(lines) => see_line(lines.remainder(), verdict, tally),
            Framing::Events { lines, .. } => see_event(lines.remainder(), verdict, tally),
            Framing::Document(document) => *verdict = document.judge(tally),
        }
        *verdict
    }

    /// What it has come to so far. A document is judged at its end alone.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether something may be written between what has passed and what comes: true at a line start, of events behind the
    /// empty line that ends one; inside a document only before its first byte.
    pub fn between_frames(&self) -> bool {
        match &self.framing {
            Framing::Lines(lines) => lines.at_line_start(),
            Framing::Events { lines, has_ended } => *has_ended && lines.at_line_start(),
            Framing::Document(document) => document.len == 0,
        }
    }
}

/// Whether a line of Ollama's is an error: an object with a top-level member `error` that is not null.
pub(super) fn is_error_line(line: &[u8]) -> bool {
    has_any(line, &[b"\"error\""]) && Facts::read(line).is_some_and(|facts| facts.is_error)
}

/// Whether a line of Ollama's is the last of its answer.
pub(super) fn is_last_line(line: &[u8]) -> bool {
    may_end(line) && Facts::read(line).is_some_and(|facts| facts.done == Some(true))
}

#[derive(Debug)]
enum Framing {
    Lines(LineSplitter),
    Events {
        lines: LineSplitter,
        /// Whether the last event that began has ended, by an empty line.
        has_ended: bool,
    },
    Document(Document),
}

fn see_line(line: &[u8], verdict: &mut Verdict, tally: &mut Tally) {
    if line.is_empty() {
        return;
    }
    tally.frames += 1;
    if !may_end(line) {
        return;
    }
    let Some(facts) = Facts::read(line) else {
        return;
    };
    if facts.is_error {
        tally.frames -= 1;
        *verdict = Verdict::Failed;
    } else if facts.done == Some(true) {
        // The last line closes the answer and brings no token of its own.
        tally.frames -= 1;
        tally.note(&facts);
        // An error that came before was told: nothing makes it a success.
        if *verdict == Verdict::Incomplete {
            *verdict = Verdict::Complete;
        }
    }
}

fn see_event(line: &[u8], verdict: &mut Verdict, tally: &mut Tally) {
    if let Some(name) = field(line, b"event") {
        // `/v1/responses` has no `[DONE]`: its last event is one of these.
        match name {
            b"response.completed" | b"response.incomplete" => *verdict = Verdict::Complete,
            // So is the last of `/v1/messages`, unless an error came before it.
            b"message_stop" if *verdict == Verdict::Incomplete => *verdict = Verdict::Complete,
            b"response.failed" | b"error" => *verdict = Verdict::Failed,
            _ => {}
        }
        return;
    }
    let Some(data) = field(line, b"data") else {
        return;
    };
    if data == b"[DONE]" {
        if *verdict == Verdict::Incomplete {
            *verdict = Verdict::Complete;
        }
        return;
    }
    tally.frames += 1;
    if !has_any(data, &[b"\"error\"", b"\"usage\""]) {
        return;
    }
    if let Some(facts) = Facts::read(data) {
        tally.note(&facts);
        if facts.is_error && *verdict != Verdict::Complete {
            tally.frames -= 1;
            *verdict = Verdict::Failed;
        }
    }
}

/// The value of an event-stream field, without the one space that may stand before it.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name)?.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

impl Tally {
    /// How long the upstream worked on the prompt and the answer by its own clock, in milliseconds, where it says so.
    pub fn busy_ms(&self) -> Option<u64> {
        let prompt_ns = self.prompt_eval_duration_ns.unwrap_or(0);
        let answer_ns = self.eval_duration_ns?;
        Some(prompt_ns.saturating_add(answer_ns) / 1_000_000)
    }

    fn note(&mut self, facts: &Facts) {
        self.prompt_eval_count = facts.prompt_tokens.or(self.prompt_eval_count);
        self.eval_count = facts.tokens.or(self.eval_count);
        self.prompt_eval_duration_ns = facts
            .prompt_eval_duration_ns
            .or(self.prompt_eval_duration_ns);
        self.eval_duration_ns = facts.eval_duration_ns.or(self.eval_duration_ns);
    }
}

/// One JSON document. It is kept to be judged as long as it is small; of a large one (embeddings) only the end is looked
/// at, since HTTP's own framing already tells whether it was cut.
#[derive(Debug, Default)]
struct Document {
    kept: Vec<u8>,
    len: u64,
    last: u8,
}

impl Document {
    /// Up to this size a document is parsed at its end: an answer of some ten thousand tokens.
    const KEPT: usize = 256 * 1024;

    fn see(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        if let Some(&last) = bytes.iter().rfind(|byte| !byte.is_ascii_whitespace()) {
            self.last = last;
        }
        if self.len <= Self::KEPT as u64 {
            self.kept.extend_from_slice(bytes);
        } else {
            self.kept = Vec::new();
        }
    }

    fn judge(&self, tally: &mut Tally) -> Verdict {
        if self.len > Self::KEPT as u64 {
            return if self.last == b'}' {
                Verdict::Complete
            } else {
                Verdict::Incomplete
            };
        }
        let Some(facts) = Facts::read(&self.kept) else {
            return Verdict::Incomplete;
        };
        tally.note(&facts);
        if facts.is_error {
            Verdict::Failed
        } else if facts.done == Some(false) {
            Verdict::Incomplete
        } else {
            Verdict::Complete
        }
    }
}

/// Whether a line could be the last one: it has the name `error`, or `done` before `true`. Most lines have `"done":false`, so
/// that the name alone would have each parsed.
fn may_end(line: &[u8]) -> bool {
    memchr::memchr_iter(b'"', line).any(|at| {
        let rest = &line[at + 1..];
        rest.starts_with(b"error\"") || rest.strip_prefix(b"done\"").is_some_and(is_true)
    })
}

/// Whether what follows a name is a colon and `true`, with any white space.
fn is_true(rest: &[u8]) -> bool {
    let value = rest.trim_ascii_start().strip_prefix(b":");
    value.is_some_and(|value| value.trim_ascii_start().starts_with(b"true"))
}

/// Whether one of the words stands in a line, each with the quote before it: inside a text a quote is escaped, so texts rarely
/// match. One pass that compares at quotes alone: a token's line has some twenty among its hundred and fifty bytes.
fn has_any(line: &[u8], words: &[&[u8]]) -> bool {
    let is_here = |at: usize| words.iter().any(|word| line[at..].starts_with(word));
    let quotes = line.windows(2).enumerate();
    quotes
        .filter(|(_, pair)| pair[0] == b'"' && words.iter().any(|word| word.get(1) == pair.get(1)))
        .any(|(at, _)| is_here(at))
}

#[cfg(test)]
mod tests;
