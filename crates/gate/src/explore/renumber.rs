//! Every number of an epoch, wherever in the world it stands: to be looked at, or renumbered.

use super::world::{Doing, Value, World, Write};
use crate::board::Board;
use crate::store::{Epoch, Key, SessionNo, TermNo};

impl World {
    /// Every board of an epoch, wherever it is.
    pub(super) fn each_board(&mut self, epoch: Epoch, mut f: impl FnMut(&mut Board)) {
        for (key, value) in &mut self.store {
            if let Value::Board(board) = value
                && epoch_of(key) == Some(epoch)
            {
                f(board);
            }
        }
        for write in &mut self.late {
            if epoch_of(write.key()) == Some(epoch)
                && let Some(Value::Board(board)) = write.value_mut()
            {
                f(board);
            }
        }
        for process in &mut self.processes {
            if process.instance.epoch() == Some(epoch) {
                process.instance.boards_mut().into_iter().for_each(&mut f);
                if let Doing::Write(Write::Put(_, Value::Board(board))) = &mut process.doing {
                    f(board);
                }
            }
        }
    }

    pub(super) fn all_terms(&mut self, epoch: Epoch) -> Vec<TermNo> {
        let mut all = Vec::new();
        self.each_board(epoch, |board| all.push(board.oldest));
        let keys = self.store.keys().chain(self.late.iter().map(Write::key));
        all.extend(keys.filter_map(|key| term_of(key, epoch)));
        if let Some(Value::Number(term)) = self.store.get(&Key::Term(epoch)) {
            all.push(*term);
        }
        for process in &mut self.processes {
            if process.instance.epoch() == Some(epoch) {
                all.extend(process.instance.terms_mut().into_iter().map(|term| *term));
                match &process.doing {
                    Doing::Write(write) => all.extend(term_of(write.key(), epoch)),
                    Doing::Read(keys) => {
                        all.extend(keys.iter().filter_map(|key| term_of(key, epoch)))
                    }
                    Doing::Rest(_) | Doing::Quiet => {}
                }
            }
        }
        all
    }

    pub(super) fn map_terms(&mut self, epoch: Epoch, mut f: impl FnMut(TermNo) -> TermNo) {
        self.each_board(epoch, |board| board.oldest = f(board.oldest));
        self.map_keys(epoch, |key| {
            if let Key::Board(_, term) = key {
                *term = f(*term);
            }
        });
        if let Some(Value::Number(term)) = self.store.get_mut(&Key::Term(epoch)) {
            *term = f(*term);
        }
        for process in &mut self.processes {
            if process.instance.epoch() == Some(epoch) {
                for term in process.instance.terms_mut() {
                    *term = f(*term);
                }
            }
        }
    }

    pub(super) fn map_sessions(&mut self, epoch: Epoch, f: impl Fn(SessionNo) -> SessionNo) {
        self.each_board(epoch, |board| {
            board.top = f(board.top);
            board
                .members
                .iter_mut()
                .for_each(|member| member.session = f(member.session));
            let granted = board.grants.iter_mut().map(|grant| &mut grant.ask.session);
            let lined = board
                .line
                .iter_mut()
                .map(|waiting| &mut waiting.ask.session);
            granted
                .chain(lined)
                .chain(board.heirs.iter_mut().map(|heir| &mut heir.ask.session))
                .for_each(|session| *session = f(*session));
        });
        self.map_keys(epoch, |key| {
            if let Key::Member(_, session) = key {
                *session = f(*session);
            }
        });
        if let Some(Value::Number(members)) = self.store.get_mut(&Key::Members(epoch)) {
            *members = f(*members);
        }
        for process in &mut self.processes {
            if process.instance.epoch() == Some(epoch) {
                for session in process.instance.sessions_mut() {
                    *session = f(*session);
                }
            }
        }
    }

    fn map_keys(&mut self, epoch: Epoch, mut f: impl FnMut(&mut Key)) {
        let store = std::mem::take(&mut self.store);
        self.store = store
            .into_iter()
            .map(|(mut key, value)| {
                if epoch_of(&key) == Some(epoch) {
                    f(&mut key);
                }
                (key, value)
            })
            .collect();
        let late = self.late.iter_mut().map(Write::key_mut);
        let doing = self
            .processes
            .iter_mut()
            .flat_map(|process| match &mut process.doing {
                Doing::Write(write) => vec![write.key_mut()],
                Doing::Read(keys) => keys.iter_mut().collect(),
                Doing::Rest(_) | Doing::Quiet => Vec::new(),
            });
        for key in late.chain(doing) {
            if epoch_of(key) == Some(epoch) {
                f(key);
            }
        }
    }

    pub(super) fn map_beats(
        &mut self,
        epoch: Epoch,
        session: SessionNo,
        mut f: impl FnMut(&mut u64),
    ) {
        self.each_board(epoch, |board| {
            if let Some(member) = board.member_mut(session) {
                f(&mut member.seen);
                f(&mut member.last);
            }
        });
        let meant = Key::Member(epoch, session);
        if let Some(Value::Outbox(outbox)) = self.store.get_mut(&meant) {
            f(&mut outbox.beat);
        }
        let doing = self
            .processes
            .iter_mut()
            .filter_map(|process| match &mut process.doing {
                Doing::Write(write) => Some(write),
                _ => None,
            });
        for write in self.late.iter_mut().chain(doing) {
            if *write.key() == meant
                && let Some(Value::Outbox(outbox)) = write.value_mut()
            {
                f(&mut outbox.beat);
            }
        }
        for process in &mut self.processes {
            if process.instance.epoch() == Some(epoch)
                && let Some((no, beats)) = process.instance.beats_mut()
                && no == session
            {
                beats.into_iter().for_each(&mut f);
            }
        }
    }
}

impl Write {
    pub(super) fn key(&self) -> &Key {
        match self {
            Write::Put(key, _) | Write::Delete(key) | Write::Add(key) | Write::Base(key) => key,
        }
    }

    fn key_mut(&mut self) -> &mut Key {
        match self {
            Write::Put(key, _) | Write::Delete(key) | Write::Add(key) | Write::Base(key) => key,
        }
    }

    pub(super) fn value_mut(&mut self) -> Option<&mut Value> {
        match self {
            Write::Put(_, value) => Some(value),
            Write::Delete(_) | Write::Add(_) | Write::Base(_) => None,
        }
    }
}

pub(super) fn epoch_of(key: &Key) -> Option<Epoch> {
    match key {
        Key::Epoch | Key::New => None,
        Key::Term(epoch) | Key::Members(epoch) | Key::Member(epoch, _) | Key::Board(epoch, _) => {
            Some(*epoch)
        }
    }
}

fn term_of(key: &Key, epoch: Epoch) -> Option<TermNo> {
    match key {
        Key::Board(of, term) if *of == epoch => Some(*term),
        _ => None,
    }
}
