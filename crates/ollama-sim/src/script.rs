//! What an answer does: [`Script`], its words, and how scripts are laid over one another.
//!
//! One syntax serves the directive in a prompt, `POST /sim/script` and [`str::parse`]: words and `name=value`,
//! separated by white space.
//!
//! | word | meaning |
//! |---|---|
//! | `tokens=20` | length of the answer; the text is cut or repeated to fit |
//! | `think=5` | so many of them are thinking |
//! | `text=lorem` | `answer`, `echo`, `lorem`, `markdown`, or a word to say |
//! | `calls=1` | so many calls of the first function that the request offers, in place of the text |
//! | `pace=10ms` | gap between tokens, and before the end |
//! | `first=500ms` | delay before the head |
//! | `prompt=1ms` | further delay for each word of the prompt that the runner does not know yet |
//! | `load=2s` | how long the model takes to load, where this request has it loaded |
//! | `show=800ms` | how long `/api/show` takes; in the default script alone |
//! | `tags=800ms` | how long `/api/tags` takes; in the default script alone |
//! | `figures=null` | the figures of the last line: `fraction`, `negative`, `null`, `text` or `absent` |
//! | `notice=write` | a client that left is noticed when the next token is due, as by the real Ollama; `at_once` otherwise |
//! | `status=503`, `retry_after=3` | an error before the head, with Ollama's body; `retry_after` in seconds |
//! | `page=502` | an HTML page with this status, 200 to 599, as of a proxy |
//! | `redirect=302` | a redirect, 300 to 399, in place of an answer |
//! | `reset` | the connection is reset before the head |
//! | `hang` | no head, ever |
//! | `error_at=3` | after token 3 a line `{"error":…}`, and the end |
//! | `die_at=3` | after token 3 the runner dies, and every answer that it gives with it, as Ollama tells it |
//! | `cut_at=3` | after token 3 the connection is closed without an end |
//! | `garbage_at=3` | after token 3 bytes that are neither JSON nor UTF-8; then on |
//! | `half_at=3` | token 3 ends in half a surrogate pair, which Ollama would not send |
//! | `gzip` | the body is compressed, whatever was asked for |
//! | `hang_at=3` | nothing after token 3, the connection open |
//! | `no_done` | the end without `done:true` |
//! | `endless_line` | a line that never ends |
//!
//! The words from `status` on are faults; an answer has at most one, the last word naming it.

use std::{fmt, str::FromStr, time::Duration};

use crate::Text;

/// What one answer does. A member that is `None` leaves the choice to the script below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Number of tokens, thinking included. By default as many as the text has words.
    pub tokens: Option<u32>,
    /// Number of tokens that are thinking. By default 8 if the request asks for thinking, else none.
    pub think: Option<u32>,
    /// What is said.
    pub text: Option<Text>,
    /// Number of calls that are made where the request offers a function.
    pub calls: Option<u32>,
    /// Gap between tokens.
    pub pace: Option<Duration>,
    /// Delay before the head, and so before the first token.
    pub first: Option<Duration>,
    /// Further delay for each word of the prompt that the runner does not know.
    pub prompt: Option<Duration>,
    /// How long a load takes.
    pub load: Option<Duration>,
    /// How long `/api/show` takes, by the default script.
    pub show: Option<Duration>,
    /// How long `/api/tags` takes, by the default script.
    pub tags: Option<Duration>,
    /// The figures of the last line.
    pub figures: Option<Figures>,
    /// When a client that left is noticed.
    pub notice: Option<Notice>,
    /// What goes wrong.
    pub fault: Option<Fault>,
}

/// How an answer goes wrong. Token numbers count from the start of the answer: 0 is before the first token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An HTTP error before the head.
    Status {
        /// The status code, 400 to 599.
        status: u16,
        /// The `retry-after` header, in seconds.
        retry_after: Option<u32>,
    },
    /// An HTML page with this status, as of a proxy.
    Page(u16),
    /// A redirect with this status.
    Redirect(u16),
    /// The connection is reset before the head.
    Reset,
    /// The head never comes.
    Hang,
    /// An error line after this token, and the end. Not streamed: status 500.
    ErrorAt(u32),
    /// The runner dies after this token, with all answers that it gives.
    DieAt(u32),
    /// The connection is closed after this token.
    CutAt(u32),
    /// Bytes that are neither JSON nor UTF-8 after this token.
    GarbageAt(u32),
    /// This token ends in half a surrogate pair.
    HalfAt(u32),
    /// The body is compressed.
    Gzip,
    /// Nothing more after this token.
    HangAt(u32),
    /// The answer ends without its last line.
    NoDone,
    /// One line without an end, at the pace of the tokens.
    EndlessLine,
}

/// What the last line's figures are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Figures {
    /// Whole numbers, as Ollama's are.
    #[default]
    Whole,
    /// Half more than they are.
    Fraction,
    /// -1.
    Negative,
    /// `null`.
    Null,
    /// Texts.
    Text,
    /// Not there.
    Absent,
}

/// When a client that left is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notice {
    /// When its connection closes, also between tokens.
    #[default]
    AtOnce,
    /// When the next token is due: the stream counts as running until then. Under [`Fault::Hang`] and
    /// [`Fault::HangAt`] that is never.
    Write,
}

/// A word that is not part of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadScript(String);

impl Script {
    /// This script over `lower`: its own members where it has them.
    #[must_use]
    pub fn over(self, lower: &Self) -> Self {
        Self {
            tokens: self.tokens.or(lower.tokens),
            think: self.think.or(lower.think),
            text: self.text.or_else(|| lower.text.clone()),
            calls: self.calls.or(lower.calls),
            pace: self.pace.or(lower.pace),
            first: self.first.or(lower.first),
            prompt: self.prompt.or(lower.prompt),
            load: self.load.or(lower.load),
            show: self.show.or(lower.show),
            tags: self.tags.or(lower.tags),
            figures: self.figures.or(lower.figures),
            notice: self.notice.or(lower.notice),
            fault: self.fault.or(lower.fault),
        }
    }

    /// The directive in a prompt, and the prompt without it.
    pub(crate) fn split_prompt(prompt: &str) -> Result<(Self, String), BadScript> {
        let found = prompt.split_once(OPEN).and_then(|(before, rest)| {
            let (words, after) = rest.split_once(CLOSE)?;
            Some((words, format!("{}{after}", before.trim_end())))
        });
        match found {
            Some((words, rest)) => Ok((words.parse()?, rest.trim().to_owned())),
            None => Ok((Self::default(), prompt.trim().to_owned())),
        }
    }

    fn set(&mut self, word: &str) -> Option<()> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "tokens" => self.tokens = Some(value.parse().ok()?),
            "think" => self.think = Some(value.parse().ok()?),
            "calls" => self.calls = Some(value.parse().ok()?),
            "text" => self.text = Some(Text::from_word(value)),
            "pace" => self.pace = Some(humantime::parse_duration(value).ok()?),
            "first" => self.first = Some(humantime::parse_duration(value).ok()?),
            "prompt" => self.prompt = Some(humantime::parse_duration(value).ok()?),
            "load" => self.load = Some(humantime::parse_duration(value).ok()?),
            "show" => self.show = Some(humantime::parse_duration(value).ok()?),
            "tags" => self.tags = Some(humantime::parse_duration(value).ok()?),
            "figures" => self.figures = Some(Figures::from_word(value)?),
            "notice" => self.notice = Some(Notice::from_word(value)?),
            "retry_after" => {
                let status = match self.fault {
                    Some(Fault::Status { status, .. }) => status,
                    _ => 503,
                };
                let retry_after = Some(value.parse().ok()?);
                self.fault = Some(Fault::Status {
                    status,
                    retry_after,
                });
            }
            "status" => {
                let retry_after = match self.fault {
                    Some(Fault::Status { retry_after, .. }) => retry_after,
                    _ => None,
                };
                let status = value
                    .parse()
                    .ok()
                    .filter(|status| (400..600).contains(status))?;
                self.fault = Some(Fault::Status {
                    status,
                    retry_after,
                });
            }
            _ => self.fault = Some(Fault::from_word(name, value)?),
        }
        Some(())
    }
}

impl FromStr for Script {
    type Err = BadScript;

    fn from_str(words: &str) -> Result<Self, BadScript> {
        let mut script = Self::default();
        for word in words.split_whitespace() {
            script.set(word).ok_or_else(|| BadScript(word.to_owned()))?;
        }
        Ok(script)
    }
}

impl Fault {
    /// Whether there is no answer at all, and no model is asked.
    pub(crate) fn is_before_the_head(&self) -> bool {
        matches!(
            self,
            Self::Status { .. } | Self::Page(_) | Self::Redirect(_) | Self::Reset
        )
    }

    fn from_word(name: &str, value: &str) -> Option<Self> {
        let at = || value.parse().ok();
        let status = |range: std::ops::Range<u16>| {
            let status = value.parse().ok();
            status.filter(|status| range.contains(status))
        };
        let fault = match name {
            "error_at" => Self::ErrorAt(at()?),
            "die_at" => Self::DieAt(at()?),
            "half_at" => Self::HalfAt(at()?),
            "page" => Self::Page(status(200..600)?),
            "redirect" => Self::Redirect(status(300..400)?),
            "cut_at" => Self::CutAt(at()?),
            "garbage_at" => Self::GarbageAt(at()?),
            "hang_at" => Self::HangAt(at()?),
            _ if !value.is_empty() => return None,
            "reset" => Self::Reset,
            "gzip" => Self::Gzip,
            "hang" => Self::Hang,
            "no_done" => Self::NoDone,
            "endless_line" => Self::EndlessLine,
            _ => return None,
        };
        Some(fault)
    }
}

impl Figures {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "whole" => Some(Self::Whole),
            "fraction" => Some(Self::Fraction),
            "negative" => Some(Self::Negative),
            "null" => Some(Self::Null),
            "text" => Some(Self::Text),
            "absent" => Some(Self::Absent),
            _ => None,
        }
    }
}

impl Notice {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "at_once" => Some(Self::AtOnce),
            "write" => Some(Self::Write),
            _ => None,
        }
    }
}

impl fmt::Display for BadScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a word of a script: {:?}", self.0)
    }
}

impl std::error::Error for BadScript {}

const OPEN: &str = "[[sim";
const CLOSE: &str = "]]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_members() {
        let script: Script = "tokens=20 pace=10ms first=500ms text=lorem notice=write cut_at=3"
            .parse()
            .unwrap();
        assert_eq!(
            script,
            Script {
                tokens: Some(20),
                text: Some(Text::Lorem),
                pace: Some(Duration::from_millis(10)),
                first: Some(Duration::from_millis(500)),
                notice: Some(Notice::Write),
                fault: Some(Fault::CutAt(3)),
                ..Script::default()
            }
        );
    }

    #[test]
    fn a_status_and_its_retry_after_come_in_any_order() {
        let expected = Some(Fault::Status {
            status: 429,
            retry_after: Some(3),
        });
        for words in ["status=429 retry_after=3", "retry_after=3 status=429"] {
            assert_eq!(words.parse::<Script>().unwrap().fault, expected, "{words}");
        }
    }

    #[test]
    fn a_word_that_is_none_is_refused() {
        for words in [
            "tokens=many",
            "cut_at",
            "reset=1",
            "status=200",
            "pace=10",
            "speed=1",
            "notice=never",
        ] {
            assert!(words.parse::<Script>().is_err(), "{words}");
        }
    }

    #[test]
    fn a_directive_is_taken_out_of_the_prompt() {
        let (script, prompt) = Script::split_prompt("hello [[sim tokens=2]] there").unwrap();
        assert_eq!((script.tokens, prompt.as_str()), (Some(2), "hello there"));
        let (script, prompt) = Script::split_prompt("hello [[there]]").unwrap();
        assert_eq!(
            (script, prompt.as_str()),
            (Script::default(), "hello [[there]]")
        );
    }

    #[test]
    fn the_upper_script_wins_member_by_member() {
        let lower: Script = "tokens=1 pace=1ms hang".parse().unwrap();
        let upper: Script = "tokens=2 reset".parse().unwrap();
        assert_eq!(
            upper.over(&lower),
            "tokens=2 pace=1ms reset".parse().unwrap()
        );
    }
}
