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
    /// Calls that are made in place of the content.
    calls: u32,
    total: u32,
    sent: u32,
    reason: DoneReason,
    fault: Option<Fault>,
    ended: bool,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send a token.
    Token(Channel, String),
    /// A token of a call was generated: nothing is sent.
    Silent,
    /// Send the call of this number.
    Call(u32),
    /// Send half a surrogate pair.
    Half,
    /// Send bytes that are no line.
    Garbage,
    /// Send a piece of the line that never ends.
    Endless,
    /// Send an error line; the end comes next.
    Error,
    /// The runner dies.
    Die,
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
    Unload,
}

impl Plan {
    /// The answer of `text` under `script`, of at most `limit` tokens.
    pub(crate) fn new(script: &Script, text: String, limit: Option<u32>) -> Self {
        let mut content = Tokens::new(text);
        let thinking = script.think.unwrap_or(0);
        let wanted = script
            .tokens
            .unwrap_or_else(|| content.natural_len().saturating_add(thinking));
        let mut plan = Self {
            thought: Tokens::new(THOUGHT.to_owned()),
            thinking,
            calls: 0,
            total: 0,
            sent: 0,
            reason: DoneReason::Stop,
            fault: script.fault,
            ended: false,
            content: Tokens::new(String::new()),
        };
        plan.bound(wanted, limit);
        content.fit(plan.total.saturating_sub(thinking));
        plan.content = content;
        plan
    }

    /// An answer that makes so many calls. One that is cut by the limit is lost.
    pub(crate) fn calling(script: &Script, calls: u32, limit: Option<u32>) -> Self {
        let mut plan = Self::new(script, String::new(), Some(0));
        plan.calls = calls;
        let wanted = calls.saturating_mul(CALL_TOKENS);
        plan.bound(wanted.saturating_add(plan.thinking), limit);
        plan
    }

    /// Tokens sent so far.
    pub(crate) fn sent(&self) -> u32 {
        self.sent
    }

    /// Takes the next step. After [`Step::End`], [`Step::Cut`] and [`Step::Hang`] there is none.
    pub(crate) fn next(&mut self) -> Step {
        if self.ended {
            return Step::End;
        }
        match self.fault {
            Some(Fault::EndlessLine) => return Step::Endless,
            Some(Fault::ErrorAt(at)) if at == self.sent => {
                self.ended = true;
                return Step::Error;
            }
            Some(Fault::DieAt(at)) if at == self.sent => {
                self.ended = true;
                return Step::Die;
            }
            Some(Fault::CutAt(at)) if at == self.sent => return Step::Cut,
            Some(Fault::HangAt(at)) if at == self.sent => return Step::Hang,
            Some(Fault::GarbageAt(at)) if at == self.sent => {
                self.fault = None;
                return Step::Garbage;
            }
            Some(Fault::HalfAt(at)) if at == self.sent => {
                self.fault = None;
                return Step::Half;
            }
            _ => {}
        }
        if self.sent < self.total {
            self.sent += 1;
            return self.token();
        }
        self.ended = true;
        match self.fault {
            Some(Fault::NoDone) => Step::End,
            _ => Step::Done(self.reason),
        }
    }

    fn token(&mut self) -> Step {
        let said = self.sent.saturating_sub(self.thinking);
        if said == 0 {
            return Step::Token(Channel::Thinking, self.thought.next().to_owned());
        }
        match (self.calls, said % CALL_TOKENS) {
            (0, _) => Step::Token(Channel::Content, self.content.next().to_owned()),
            // The tag that closes a call comes after it.
            (_, CALL_ENDS) => Step::Call(said / CALL_TOKENS),
            _ => Step::Silent,
        }
    }

    fn bound(&mut self, wanted: u32, limit: Option<u32>) {
        self.total = limit.map_or(wanted, |limit| wanted.min(limit));
        self.reason = if self.total < wanted {
            DoneReason::Length
        } else {
            DoneReason::Stop
        };
    }
}

impl DoneReason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Load => "load",
            Self::Unload => "unload",
        }
    }
}

/// Tokens of one call.
const CALL_TOKENS: u32 = 20;

/// With which of them it is known.
const CALL_ENDS: u32 = CALL_TOKENS - 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_comes_whole_or_not_at_all() {
        let steps = |calls, limit| {
            let mut plan = Plan::calling(&Script::default(), calls, limit);
            let mut seen = Vec::new();
            loop {
                match plan.next() {
                    Step::Silent => {}
                    Step::End => return seen,
                    step => seen.push(step),
                }
            }
        };
        let stop = Step::Done(DoneReason::Stop);
        assert_eq!(steps(2, None), [Step::Call(0), Step::Call(1), stop]);
        let length = || Step::Done(DoneReason::Length);
        assert_eq!(steps(1, Some(12)), [length()]);
        assert_eq!(steps(2, Some(CALL_TOKENS + 1)), [Step::Call(0), length()]);
    }

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
        assert_eq!(steps("half_at=1", None), "a half b c stop end");
        assert_eq!(steps("die_at=1", None), "a die end");
        assert!(steps("endless_line", None).starts_with("endless endless endless"));
    }

    #[test]
    fn a_fault_beyond_the_end_does_not_come() {
        assert_eq!(steps("error_at=4", None), "a b c stop end");
    }
}
