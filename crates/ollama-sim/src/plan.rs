//! The course of one answer, step by step, without a clock or a wire.

use crate::{
    script::{Fault, Script},
    text::{THOUGHT, Tokens},
};

/// One answer's course: tokens, a fault on the way if the script has one, and an end.
#[derive(Debug)]
pub(crate) struct Plan {
    content: Tokens,
    thought: Tokens,
    /// Of `total`, so many are thinking.
    thinking: u32,
    total: u32,
    sent: u32,
    reason: DoneReason,
    fault: Option<Fault>,
    ended: bool,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Send a token.
    Token(Channel, &'a str),
    /// Send bytes that are no line.
    Garbage,
    /// Send a piece of the line that never ends.
    Endless,
    /// Send an error line; the end comes next.
    Error,
    /// Send the last line; the end comes next.
    Done(DoneReason),
    /// Close the connection.
    Cut,
    /// Send nothing more and keep the connection.
    Hang,
    /// End the body.
    End,
}

/// Where a token belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Thinking,
    Content,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DoneReason {
    Stop,
    Length,
    Load,
}

impl Plan {
    /// The answer of `text` under `script`, of at most `limit` tokens.
    pub(crate) fn new(script: &Script, text: String, limit: Option<u32>) -> Self {
        let mut content = Tokens::new(text);
        let thinking = script.think.unwrap_or(0);
        let wanted = script
            .tokens
            .unwrap_or_else(|| content.natural_len().saturating_add(thinking));
        let total = limit.map_or(wanted, |limit| wanted.min(limit));
        content.fit(total.saturating_sub(thinking));
        let reason = if total < wanted {
            DoneReason::Length
        } else {
            DoneReason::Stop
        };
        Self {
            content,
            thought: Tokens::new(THOUGHT.to_owned()),
            thinking,
            total,
            sent: 0,
            reason,
            fault: script.fault,
            ended: false,
        }
    }

    /// The answer to a request without a prompt, which makes Ollama load the model.
    pub(crate) fn load() -> Self {
        let mut plan = Self::new(&Script::default(), String::new(), Some(0));
        plan.reason = DoneReason::Load;
        plan
    }

    /// Tokens sent so far.
    pub(crate) fn sent(&self) -> u32 {
        self.sent
    }

    /// Takes the next step. After [`Step::End`], [`Step::Cut`] and [`Step::Hang`] there is none.
    pub(crate) fn next(&mut self) -> Step<'_> {
        if self.ended {
            return Step::End;
        }
        match self.fault {
            Some(Fault::EndlessLine) => return Step::Endless,
            Some(Fault::ErrorAt(at)) if at == self.sent => {
                self.ended = true;
                return Step::Error;
            }
            Some(Fault::CutAt(at)) if at == self.sent => return Step::Cut,
            Some(Fault::HangAt(at)) if at == self.sent => return Step::Hang,
            Some(Fault::GarbageAt(at)) if at == self.sent => {
                self.fault = None;
                return Step::Garbage;
            }
            _ => {}
        }
        if self.sent < self.total {
            self.sent += 1;
            return if self.sent <= self.thinking {
                Step::Token(Channel::Thinking, self.thought.next())
            } else {
                Step::Token(Channel::Content, self.content.next())
            };
        }
        self.ended = true;
        match self.fault {
            Some(Fault::NoDone) => Step::End,
            _ => Step::Done(self.reason),
        }
    }
}

impl DoneReason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Load => "load",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The plan's steps as one word each, up to eight of them.
    fn steps(words: &str, limit: Option<u32>) -> String {
        let script: Script = words.parse().unwrap();
        let mut plan = Plan::new(&script, "a b c".into(), limit);
        let mut seen = Vec::new();
        while seen.len() < 8 {
            let step = match plan.next() {
                Step::Token(Channel::Thinking, _) => "?".to_owned(),
                Step::Token(Channel::Content, text) => text.trim().to_owned(),
                Step::Done(reason) => reason.as_str().to_owned(),
                step => format!("{step:?}").to_lowercase(),
            };
            let last = matches!(step.as_str(), "end" | "cut" | "hang");
            seen.push(step);
            if last {
                break;
            }
        }
        seen.join(" ")
    }

    #[test]
    fn an_answer_says_its_text_and_stops() {
        assert_eq!(steps("", None), "a b c stop end");
    }

    #[test]
    fn tokens_repeat_or_cut_the_text() {
        assert_eq!(steps("tokens=5", None), "a b c a b stop end");
        assert_eq!(steps("tokens=1", None), "a stop end");
    }

    #[test]
    fn a_limit_that_bites_is_the_reason() {
        assert_eq!(steps("", Some(2)), "a b length end");
        assert_eq!(steps("", Some(3)), "a b c stop end");
    }

    #[test]
    fn thinking_comes_first_and_adds_to_the_text() {
        assert_eq!(steps("think=2", None), "? ? a b c stop end");
        assert_eq!(steps("think=2 tokens=3", None), "? ? a stop end");
    }

    #[test]
    fn faults_come_after_their_token() {
        assert_eq!(steps("error_at=2", None), "a b error end");
        assert_eq!(steps("cut_at=0", None), "cut");
        assert_eq!(steps("hang_at=3", None), "a b c hang");
        assert_eq!(steps("garbage_at=1", None), "a garbage b c stop end");
        assert_eq!(steps("no_done", None), "a b c end");
        assert!(steps("endless_line", None).starts_with("endless endless endless"));
    }

    #[test]
    fn a_fault_beyond_the_end_does_not_come() {
        assert_eq!(steps("error_at=4", None), "a b c stop end");
    }
}
