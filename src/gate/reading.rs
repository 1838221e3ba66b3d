//! What is shown of the line: read once for all who ask in this instance, by whoever is no member.
//!
//! An instance that is a member has the board already: its own machine looked at it a moment ago. Any other reads three keys. A
//! reader never takes a term and writes nothing.

use std::rc::Rc;
use std::time::Duration;

use sluice_gate::Wants;
use sluice_gate::board::Board;
use sluice_gate::instance::Report;
use sluice_gate::policy::{Foreseen, Joined, Newcomer, Policy, Rules};
use sluice_gate::reader::{Reader, Step};

use super::driver::Gate;
use crate::world::{StoreError, World};

impl<W: World> Gate<W> {
    /// The board as it stood at most `max_age_ms` before this call, or later. Whoever asks while it is being read waits for that
    /// reading, and shares its failure.
    pub async fn board(&self, max_age_ms: u64) -> Result<Rc<Board>, StoreError> {
        let asked_ms = self.now_ms();
        if let Some(board) = self.cached(max_age_ms) {
            return Ok(board);
        }
        let readings = &self.0.readings;
        let _one = readings.one_at_a_time.lock().await;
        let waited_ms = self.now_ms().saturating_sub(asked_ms);
        if let Some(board) = self.cached(max_age_ms.saturating_add(waited_ms)) {
            return Ok(board);
        }
        if readings
            .failed_ms
            .get()
            .is_some_and(|failed_ms| failed_ms >= asked_ms)
        {
            return Err(StoreError::Failed("away, as for one before".to_owned()));
        }
        let begun_ms = self.now_ms();
        let board = self.read_board().await.inspect_err(|_| {
            readings.failed_ms.set(Some(self.now_ms()));
        })?;
        let board = Rc::new(board);
        readings.last.replace(Some((begun_ms, board.clone())));
        Ok(board)
    }

    /// The last board that is known, by the machine or by a reading, if it is not older than that.
    pub fn cached(&self, max_age_ms: u64) -> Option<Rc<Board>> {
        let now = self.0.world.now();
        let mut last = self.0.readings.last.borrow_mut();
        let age_ms = last.as_ref().map_or(u64::MAX, |(read_ms, _)| {
            now.mono_ms.saturating_sub(*read_ms)
        });
        if age_ms > max_age_ms.min(CLONED_MS)
            && let Some((board, own_age_ms)) = self.0.machine.borrow().board(now)
            && own_age_ms < age_ms
            && is_kept(board)
        {
            let read_ms = now.mono_ms.saturating_sub(own_age_ms);
            *last = Some((read_ms, Rc::new(board.clone())));
        }
        let (read_ms, board) = last.as_ref()?;
        (now.mono_ms.saturating_sub(*read_ms) <= max_age_ms).then(|| board.clone())
    }

    /// Reads the newest board; that of a gate at which nobody has been is empty.
    async fn read_board(&self) -> Result<Board, StoreError> {
        let failed = |why: &str| Err(StoreError::Failed(why.to_owned()));
        let (mut reader, mut step) = Reader::begin();
        loop {
            step = match step {
                Step::Read { keys, patience_ms } => {
                    let patience = Duration::from_millis(patience_ms);
                    let found = self.read_all(keys, patience).await;
                    reader.step(&found)
                }
                Step::Done(board) => return Ok(*board),
                Step::Unreadable => return failed("the board is in the form of another version"),
                Step::Failed => return failed("the board could not be read"),
            };
        }
    }

    /// What health and metrics tell of this instance.
    pub fn report(&self) -> Report {
        self.0.machine.borrow().report(self.0.world.now())
    }

    /// What those who wait by this board can be told.
    pub(super) fn foresee(&self, board: &Board) -> Vec<Foreseen> {
        self.with_policy(|policy| policy.foresee(board))
    }

    /// What could be told to one who came now.
    pub(super) fn foresee_newcomer(&self, board: &Board, one: Joined) -> Newcomer {
        let run = || self.with_policy(|policy| policy.foresee_newcomer(board, one));
        let foresight = &self.0.foresight;
        foresight.of_newcomer(board, one, self.now_ms(), run)
    }

    /// The longest that the first request of a model waits for its turn, if answers take no longer than that.
    pub(super) fn longest_turn_wait(&self, board: &Board, answer: Duration) -> Option<Duration> {
        let answer_ms = super::ms(answer);
        let wait_ms = self.with_policy(|policy| policy.longest_turn_wait_ms(board, answer_ms));
        wait_ms.map(Duration::from_millis)
    }

    /// Where one who is granted may go instead, without the upstreams of the set bits.
    pub(super) fn another(&self, board: &Board, wants: Wants, avoid: u8) -> Option<u8> {
        self.with_policy(|policy| policy.another(board, wants, avoid))
    }

    fn with_policy<T>(&self, ask: impl FnOnce(&Policy<'_>) -> T) -> T {
        let models = (self.0.around.models)();
        let (_, rules) = self.0.settings.get();
        ask(&Policy {
            rules,
            room: (self.0.around.room)(),
            models: &models,
        })
    }

    /// Takes over changed settings.
    pub fn set_rules(&self, rules: Rules) {
        let (times, _) = self.0.settings.get();
        self.0.settings.set((times, rules));
        self.0.machine.borrow_mut().set_rules(rules);
    }

    fn now_ms(&self) -> u64 {
        self.0.world.now().mono_ms
    }
}

/// Whether a board is kept up to date by whoever put it. On an idle one stands who relayed when it was put.
fn is_kept(board: &Board) -> bool {
    !board.idle || board.grants.is_empty()
}

/// A board of the machine's is taken over for those who are shown it at most so often.
const CLONED_MS: u64 = 20;
