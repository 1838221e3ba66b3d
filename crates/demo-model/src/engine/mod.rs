//! The thread that generates: several answers at once, one token of each at a time.
//!
//! # Why
//! Reading the weights is what a token costs, so that the tokens of all slots go through them together, with a piece of the
//! prompts that have just come. Between two such steps whoever left is let go, and whoever waits gets a slot that is free.
//!
//! # Limits
//! A slot keeps the keys and values of its last text, so that a conversation that goes on is not read again. Who waits, waits in
//! order of arrival; beyond [`MOST_WAITING`] nobody is let in.

mod slot;
mod turn;

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc::UnboundedSender, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    error::ModelError,
    llama::{Memory, Purpose, Row},
    model::Model,
    sampler::Settings,
};

use self::slot::Slot;

/// What is to be generated.
pub(crate) struct Job {
    pub(crate) prompt: Vec<u32>,
    pub(crate) settings: Settings,
    pub(crate) stops: Vec<String>,
    /// The most tokens of the answer.
    pub(crate) limit: Option<usize>,
    /// Whom to tell. An answer has at most as many events as the context has tokens, which bounds what is not read yet. When the
    /// receiver is dropped the slot is free again.
    pub(crate) events: UnboundedSender<Event>,
    pub(crate) arrived: Instant,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Text(String),
    /// The end: nothing comes after it.
    Done(Done),
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) reason: Reason,
    pub(crate) prompt_tokens: usize,
    pub(crate) tokens: usize,
    /// Until a slot was free.
    pub(crate) waited: Duration,
    /// Until the prompt was read.
    pub(crate) prompt_took: Duration,
    pub(crate) answer_took: Duration,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The model ended it, or a stop did.
    Stop,
    /// It reached its limit, or that of the context.
    Length,
}

/// How much is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answers that are being generated.
    pub active: usize,
    /// Requests that wait for a slot.
    pub waiting: usize,
    /// Answers that were generated to their end.
    pub finished: u64,
    /// Answers whose clients left.
    pub aborted: u64,
}

/// A handle on the thread. Dropping it ends the thread.
pub(crate) struct Engine {
    jobs: mpsc::Sender<Job>,
    counts: Arc<watch::Sender<Counts>>,
    ended: CancellationToken,
}

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// There is nothing to go on from.
    Empty,
    /// Too many wait.
    Full,
    /// The thread has ended.
    Ended,
}

impl Engine {
    /// Starts the thread, with so many slots, and `threads` that compute for it.
    pub(crate) fn start(
        model: Arc<Model>,
        slots: usize,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("compute-{index}"))
            .build()
            .map_err(|error| ModelError::Threads(error.into()))?;
        let counts = Arc::new(watch::Sender::new(Counts::default()));
        let (jobs, incoming) = mpsc::channel();
        let ended = CancellationToken::new();
        let ending = ended.clone().drop_guard();
        let mut work = Work {
            model,
            incoming,
            counts: Arc::clone(&counts),
            waiting: VecDeque::new(),
            slots: (0..slots.max(1)).map(|_| Slot::default()).collect(),
            memories: (0..slots.max(1)).map(|_| Memory::default()).collect(),
        };
        thread::Builder::new()
            .name("generate".to_owned())
            .spawn(move || {
                // Dropped however the thread ends.
                let _ending = ending;
                pool.install(|| {
                    while work.gather() {
                        work.step()
                    }
                })
            })
            .map_err(|error| ModelError::Threads(error.into()))?;
        Ok(Self {
            jobs,
            counts,
            ended,
        })
    }

    /// Hands over a job.
    pub(crate) fn submit(&self, job: Job) -> Result<(), Rejected> {
        if job.prompt.is_empty() {
            return Err(Rejected::Empty);
        }
        let has_room = self.counts.send_if_modified(|counts| {
            let has_room = counts.waiting < MOST_WAITING;
            counts.waiting += usize::from(has_room);
            has_room
        });
        if !has_room {
            return Err(Rejected::Full);
        }
        self.jobs.send(job).map_err(|_| {
            self.counts.send_modify(|counts| counts.waiting -= 1);
            Rejected::Ended
        })
    }

    /// Waits until the thread has ended.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    pub(crate) fn counts(&self) -> watch::Receiver<Counts> {
        self.counts.subscribe()
    }
}

/// The state of the thread.
struct Work {
    model: Arc<Model>,
    incoming: mpsc::Receiver<Job>,
    counts: Arc<watch::Sender<Counts>>,
    waiting: VecDeque<Job>,
    slots: Vec<Slot>,
    /// One for each slot.
    memories: Vec<Memory>,
}

impl Work {
    /// Takes what has come, lets go who left, and fills the slots; waits when there is nothing to do. Says whether to go on.
    fn gather(&mut self) -> bool {
        loop {
            let is_idle = self.waiting.is_empty() && self.slots.iter().all(Slot::is_free);
            let next = if is_idle {
                self.incoming
                    .recv()
                    .map_err(|_| mpsc::TryRecvError::Disconnected)
            } else {
                self.incoming.try_recv()
            };
            match next {
                Ok(job) => self.waiting.push_back(job),
                Err(mpsc::TryRecvError::Disconnected) => return false,
                Err(mpsc::TryRecvError::Empty) => {
                    self.let_go();
                    self.seat();
                    if self.slots.iter().any(|slot| !slot.is_free()) {
                        return true;
                    }
                }
            }
        }
    }

    /// Drops the jobs whose clients left.
    fn let_go(&mut self) {
        let before = self.waiting.len();
        self.waiting.retain(|job| !job.events.is_closed());
        let left_waiting = before - self.waiting.len();
        let left = self.slots.iter_mut().filter_map(Slot::let_go).count();
        if left_waiting + left > 0 {
            self.counts.send_modify(|counts| {
                counts.waiting -= left_waiting;
                counts.active -= left;
                counts.aborted += (left_waiting + left) as u64;
            });
        }
    }

    /// Gives free slots to those who wait: to each the one that remembers most of its text, and of equal ones the one that was
    /// not used for longest.
    fn seat(&mut self) {
        let shape = self.model.llama.shape();
        while let Some(job) = self.waiting.front() {
            let free = self
                .slots
                .iter()
                .enumerate()
                .filter(|(_, slot)| slot.is_free());
            let best = free
                .max_by_key(|(_, slot)| (slot.known(&job.prompt), std::cmp::Reverse(slot.used())));
            let Some((index, _)) = best else { return };
            let Some(job) = self.waiting.pop_front() else {
                return;
            };
            let known = self.slots[index].sit(job, shape.context);
            self.memories[index].keep(known, shape);
            self.counts.send_modify(|counts| {
                counts.waiting -= 1;
                counts.active += 1;
            });
        }
    }

    /// Sends the next tokens of all slots through the model and tells what came of it.
    fn step(&mut self) {
        let rows = self.rows();
        let mut logits = self.model.llama.forward(&rows, &mut self.memories);
        let mut logits = logits.chunks_exact_mut(self.model.llama.vocabulary());
        let mut finished = 0;
        for row in &rows {
            let slot = &mut self.slots[row.memory];
            slot.remember();
            if row.purpose == Purpose::Continue
                && let Some(logits) = logits.next()
            {
                finished += u64::from(slot.go_on(&self.model.tokenizer, logits));
            }
        }
        if finished > 0 {
            self.counts.send_modify(|counts| {
                counts.active -= finished as usize;
                counts.finished += finished;
            });
        }
    }

    /// The rows of a step: the last token of each answer, and of the prompts as much as there is room for, those that came first
    /// before the others.
    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut seated: Vec<_> = self.slots.iter().enumerate().collect();
        seated.sort_by_key(|(_, slot)| (slot.unread() > 1, slot.used()));
        for (memory, slot) in seated {
            let room = MOST_ROWS.saturating_sub(rows.len());
            rows.extend(slot.rows(memory).take(room));
        }
        rows
    }
}

/// Tokens that go through the model at once. A step of so many takes about as long as eight of a single one, and is as long as
/// somebody who left still keeps a slot.
const MOST_ROWS: usize = 32;

/// Requests that may wait, as with Ollama.
const MOST_WAITING: usize = 512;

#[cfg(test)]
mod tests;
