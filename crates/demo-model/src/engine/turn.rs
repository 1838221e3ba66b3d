//! One answer, token by token.

use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use crate::{
    sampler::Sampler,
    speech::{Said, Speech},
    tokenizer::Tokenizer,
};

use super::{Done, Event, Job, Reason};

/// An answer that is being generated.
pub(super) struct Turn {
    events: UnboundedSender<Event>,
    /// The prompt and the answer so far.
    text: Vec<u32>,
    prompt_tokens: usize,
    /// How many tokens of the text have gone through the model.
    known: usize,
    /// The most tokens of the answer.
    limit: usize,
    sampler: Sampler,
    speech: Speech,
    arrived: Instant,
    began: Instant,
    /// When the prompt had been read.
    prompt_read: Option<Instant>,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    GoesOn,
    Ended,
}

impl Turn {
    /// Begins an answer of whose prompt `known` tokens are in memory.
    pub(super) fn new(job: Job, known: usize, context: usize) -> Self {
        let room = context.saturating_sub(job.prompt.len());
        Self {
            events: job.events,
            prompt_tokens: job.prompt.len(),
            text: job.prompt,
            known,
            limit: job.limit.map_or(room, |limit| limit.min(room)),
            sampler: Sampler::new(job.settings),
            speech: Speech::new(job.stops),
            arrived: job.arrived,
            began: Instant::now(),
            prompt_read: None,
        }
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.events.is_closed()
    }

    pub(super) fn known(&self) -> usize {
        self.known
    }

    /// The tokens that have not gone through the model.
    pub(super) fn unread(&self) -> &[u32] {
        &self.text[self.known..]
    }

    pub(super) fn remember(&mut self) {
        self.known += 1;
    }

    /// Draws the next token, once all of the text has gone through the model.
    pub(super) fn go_on(&mut self, tokenizer: &Tokenizer, logits: &mut [f32]) -> Step {
        self.prompt_read.get_or_insert_with(Instant::now);
        let token = self.sampler.draw(logits, &self.text);
        if tokenizer.is_end(token) {
            self.end(Reason::Stop);
            return Step::Ended;
        }
        self.text.push(token);
        match self.speech.hear(tokenizer.piece(token)) {
            Said::Stop(text) => {
                self.tell(text);
                self.say(Event::Done(self.done(Reason::Stop)));
                return Step::Ended;
            }
            Said::Text(text) => self.tell(text),
        }
        if self.text.len() - self.prompt_tokens >= self.limit {
            self.end(Reason::Length);
            return Step::Ended;
        }
        Step::GoesOn
    }

    /// The tokens that are in memory.
    pub(super) fn into_known(mut self) -> Vec<u32> {
        self.text.truncate(self.known);
        self.text
    }

    /// Says what was held back, and the end.
    fn end(&mut self, reason: Reason) {
        let rest = std::mem::replace(&mut self.speech, Speech::new(Vec::new())).finish();
        self.tell(rest);
        self.say(Event::Done(self.done(reason)));
    }

    fn tell(&self, text: String) {
        if !text.is_empty() {
            self.say(Event::Text(text));
        }
    }

    /// A client that left is let go between two steps.
    fn say(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn done(&self, reason: Reason) -> Done {
        let read = self.prompt_read.unwrap_or(self.began);
        Done {
            reason,
            prompt_tokens: self.prompt_tokens,
            tokens: self.text.len() - self.prompt_tokens,
            waited: self.began - self.arrived,
            prompt_took: read - self.began,
            answer_took: read.elapsed(),
        }
    }
}
