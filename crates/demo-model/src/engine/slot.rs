//! A slot: the answer that is generated in it, and what it remembers of the last one.

use std::time::Instant;

use crate::{
    llama::{Purpose, Row},
    tokenizer::Tokenizer,
};

use super::{
    Job,
    turn::{Step, Turn},
};

/// One of the answers that can be generated at once.
#[derive(Default)]
pub(super) struct Slot {
    turn: Option<Turn>,
    /// The tokens whose keys and values are in the slot's memory, while it is free.
    remembered: Vec<u32>,
    /// When it was given away last.
    used: Option<Instant>,
}

impl Slot {
    pub(super) fn is_free(&self) -> bool {
        self.turn.is_none()
    }

    /// How many of these tokens it remembers. The last one does not count: what it leads to is not remembered.
    pub(super) fn known(&self, prompt: &[u32]) -> usize {
        let same = self
            .remembered
            .iter()
            .zip(prompt)
            .take_while(|(a, b)| a == b)
            .count();
        same.min(prompt.len().saturating_sub(1))
    }

    pub(super) fn used(&self) -> Option<Instant> {
        self.used
    }

    /// Gives it to a job and says how many tokens of the memory are of use.
    pub(super) fn sit(&mut self, job: Job, context: usize) -> usize {
        let known = self.known(&job.prompt);
        self.remembered.clear();
        self.used = Some(Instant::now());
        self.turn = Some(Turn::new(job, known, context));
        known
    }

    /// Frees it if its client left.
    pub(super) fn let_go(&mut self) -> Option<()> {
        if self.turn.as_ref()?.is_abandoned() {
            self.free();
            return Some(());
        }
        None
    }

    /// How many tokens have not gone through the model.
    pub(super) fn unread(&self) -> usize {
        self.turn.as_ref().map_or(0, |turn| turn.unread().len())
    }

    /// The rows that are to go through the model, in order.
    pub(super) fn rows(&self, memory: usize) -> impl Iterator<Item = Row> {
        let (first, unread) = self
            .turn
            .as_ref()
            .map_or((0, &[][..]), |turn| (turn.known(), turn.unread()));
        unread.iter().enumerate().map(move |(at, token)| Row {
            memory,
            place: first + at,
            token: *token,
            purpose: if at + 1 == unread.len() {
                Purpose::Continue
            } else {
                Purpose::Remember
            },
        })
    }

    /// One more token went through the model.
    pub(super) fn remember(&mut self) {
        if let Some(turn) = &mut self.turn {
            turn.remember();
        }
    }

    /// Draws the next token. Says whether the answer has ended, and the slot with it.
    pub(super) fn go_on(&mut self, tokenizer: &Tokenizer, logits: &mut [f32]) -> bool {
        let has_ended = self
            .turn
            .as_mut()
            .is_some_and(|turn| turn.go_on(tokenizer, logits) == Step::Ended);
        if has_ended {
            self.free();
        }
        has_ended
    }

    fn free(&mut self) {
        if let Some(turn) = self.turn.take() {
            self.remembered = turn.into_known();
        }
    }
}
