//! One form for all states that behave alike: instants become ages, numbers that nobody refers to any more are taken out, and
//! whoever died is nobody. So time, terms, sessions and beats are not bounded, and the exploration is finite.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::renumber::epoch_of;
use super::world::{Doing, ORIGIN, Value, World, Write};
use crate::policy::Field;
use crate::store::{Epoch, Key, SessionNo, TermNo};

pub(super) fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl World {
    /// `is_prompt`: a rest ends when its time has come, not at any moment.
    pub(super) fn canonical(&mut self, is_prompt: bool) {
        self.forget_lost_epochs();
        for epoch in self.epochs() {
            self.number_puts(epoch);
            self.shift_terms(epoch);
            self.drop_sessions(epoch);
            self.rank_beats(epoch);
        }
        self.blank_boards();
        let store = &self.store;
        for process in &mut self.processes {
            let epoch = process.instance.epoch();
            let current = |term: TermNo| match store.get(&Key::Board(epoch?, term)) {
                Some(Value::Board(board)) => Some(board.clone()),
                _ => None,
            };
            if let Doing::Rest(until) = &mut process.doing
                && !is_prompt
            {
                *until = ORIGIN;
            } else if let Doing::Rest(until) = &mut process.doing {
                *until = (*until + ORIGIN).saturating_sub(process.now).max(ORIGIN);
            }
            let now = process.clocks();
            process.instance.rebase(now, ORIGIN, is_prompt, current);
            process.now = ORIGIN;
        }
        self.late.sort_by_cached_key(fingerprint);
        self.processes.sort_by_cached_key(fingerprint);
    }

    /// The epochs of all keys that there are or that are known.
    fn epochs(&self) -> Vec<Epoch> {
        let keys = self.store.keys().chain(self.late.iter().map(Write::key));
        let of_keys = keys.filter_map(epoch_of);
        let of_processes = self
            .processes
            .iter()
            .filter_map(|process| process.instance.epoch());
        let mut all: Vec<Epoch> = of_keys.chain(of_processes).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Keys of an epoch that is not in force and that nobody knows, and writes on their way there.
    fn forget_lost_epochs(&mut self) {
        let mut known: BTreeSet<Epoch> = BTreeSet::new();
        for process in &self.processes {
            known.extend(process.instance.epochs());
            if let Doing::Write(Write::Put(Key::Epoch, Value::Word(word))) = process.doing {
                known.insert(word);
            }
        }
        if let Some(Value::Word(word)) = self.store.get(&Key::Epoch) {
            known.insert(*word);
        }
        known.extend(self.late.iter().filter_map(|write| match write {
            Write::Put(Key::Epoch, Value::Word(word)) => Some(*word),
            _ => None,
        }));
        let is_known = |key: &Key| epoch_of(key).is_none_or(|epoch| known.contains(&epoch));
        self.store.retain(|key, _| is_known(key));
        self.late.retain(|write| is_known(write.key()));
    }

    /// The number of a put matters only to who has read that very board.
    fn number_puts(&mut self, epoch: Epoch) {
        let old: Vec<(TermNo, u64)> = self
            .store
            .iter()
            .filter_map(|(key, value)| match (key, value) {
                (Key::Board(of, term), Value::Board(board)) if *of == epoch => {
                    Some((*term, board.put))
                }
                _ => None,
            })
            .collect();
        for process in &mut self.processes {
            if process.instance.epoch() == Some(epoch) {
                process
                    .instance
                    .number_view(|term, put| old.contains(&(term, put)));
            }
        }
        self.each_board(epoch, |board| board.put = 1);
        for write in &mut self.late {
            if let Write::Put(Key::Board(of, _), Value::Board(board)) = write
                && *of == epoch
            {
                board.put = 2;
            }
        }
        for process in &mut self.processes {
            if let Doing::Write(Write::Put(Key::Board(of, _), Value::Board(board))) =
                &mut process.doing
                && *of == epoch
            {
                board.put = 2;
                process.instance.number_put(2);
            }
        }
    }

    fn shift_terms(&mut self, epoch: Epoch) {
        let terms = self.all_terms(epoch);
        let boards = self.store.keys().chain(self.late.iter().map(Write::key));
        let boards = boards.filter_map(|key| match key {
            Key::Board(of, term) if *of == epoch => Some(*term),
            _ => None,
        });
        let oldest = boards.min().unwrap_or(u64::MAX);
        let newest = terms.iter().copied().max().unwrap_or(0);
        self.each_board(epoch, |board| {
            board.oldest = board.oldest.max(oldest.min(newest))
        });
        let lowest = self
            .all_terms(epoch)
            .into_iter()
            .filter(|term| *term > 0)
            .min();
        let shift = lowest.unwrap_or(1).saturating_sub(1);
        if shift > 0 {
            self.map_terms(epoch, |term| term.saturating_sub(shift));
        }
    }

    fn drop_sessions(&mut self, epoch: Epoch) {
        let mut used: BTreeSet<SessionNo> = BTreeSet::new();
        let mut low = u64::MAX;
        self.each_board(epoch, |board| {
            low = low.min(board.top);
            used.extend(board.members.iter().map(|member| member.session));
        });
        for process in &mut self.processes {
            if process.instance.epoch() == Some(epoch) {
                used.extend(
                    process
                        .instance
                        .sessions_mut()
                        .into_iter()
                        .map(|session| *session),
                );
            }
        }
        if low == u64::MAX {
            return;
        }
        let free: Vec<SessionNo> = (1..=low)
            .filter(|session| !used.contains(session))
            .collect();
        if free.is_empty() {
            return;
        }
        for process in &mut self.processes {
            if process.instance.epoch() == Some(epoch) {
                process.instance.forget_others_in_view();
            }
        }
        let is_free =
            |key: &Key| matches!(key, Key::Member(of, no) if *of == epoch && free.contains(no));
        self.store.retain(|key, _| !is_free(key));
        self.late.retain(|write| !is_free(write.key()));
        let below =
            |session: SessionNo| free.iter().filter(|other| **other <= session).count() as u64;
        self.map_sessions(epoch, |session| session - below(session));
    }

    fn rank_beats(&mut self, epoch: Epoch) {
        let members = match self.store.get(&Key::Members(epoch)) {
            Some(Value::Number(members)) => *members,
            _ => 0,
        };
        for session in 1..=members.max(3) {
            let mut used: BTreeSet<u64> = [0].into();
            self.map_beats(epoch, session, |beat| {
                used.insert(*beat);
            });
            let used: Vec<u64> = used.into_iter().collect();
            if used.last().is_some_and(|last| *last as usize >= used.len()) {
                self.map_beats(epoch, session, |beat| {
                    *beat = used.iter().position(|other| other == beat).unwrap_or(0) as u64;
                });
            }
        }
    }

    /// Ages that only an order among unlike requests would depend on, and names.
    fn blank_boards(&mut self) {
        for epoch in self.epochs() {
            self.each_board(epoch, |board| {
                board.settings = 0;
                board.policy = Field::default();
                board
                    .grants
                    .iter_mut()
                    .for_each(|grant| grant.granted_ms = 0);
                board.degraded = false;
                for waiting in &mut board.line {
                    waiting.waited_ms = 0;
                }
                for member in &mut board.members {
                    member.name = member.name.min(1);
                }
            });
        }
        let values = self.store.values_mut();
        let late = self.late.iter_mut().filter_map(Write::value_mut);
        let doing = self
            .processes
            .iter_mut()
            .filter_map(|process| match &mut process.doing {
                Doing::Write(write) => write.value_mut(),
                _ => None,
            });
        for value in values.chain(late).chain(doing) {
            if let Value::Outbox(outbox) = value {
                outbox.name = 1;
                outbox.asks.iter_mut().for_each(|ask| ask.waited_ms = 0);
            }
        }
    }
}
