//! Who starts in the slot of one that ends (rule 26).
//!
//! # Why
//!
//! A slot that stays in its session is handed on without a word: the next request starts at once, and the board learns of it
//! afterwards. One that goes to another session is its heir's, who starts when it reads that the one before it has ended. It goes to
//! whom the policy would choose, so the order is that of [`Policy::schedule`].

use super::{Draft, Policy, order};
use crate::board::{AskId, Board, Grant, Heir};
use crate::store::SessionNo;

/// Whose place of a kind is free does not matter to who is next: by upstream, model and whether it completes nothing.
type Kind = (u8, u64, bool);

/// Who is next if one of those who are granted ended, looked for once for each kind of them.
struct Successions<'a> {
    draft: Draft<'a>,
    known: Vec<(Kind, Option<(AskId, u8)>)>,
}

impl<'a> Successions<'a> {
    fn of(policy: &Policy<'a>, board: &Board, silent: &'a [SessionNo]) -> Successions<'a> {
        Successions {
            draft: Draft::of(policy, board, silent),
            known: Vec::new(),
        }
    }

    /// Whose turn it is, and where, if this one, the grant at that index, ended.
    fn after(&mut self, at: usize, grant: &Grant) -> Option<(AskId, u8)> {
        let kind = (grant.upstream, grant.wants.model, grant.wants.is_auxiliary);
        if let Some((_, next)) = self.known.iter().find(|(other, _)| *other == kind) {
            return *next;
        }
        let removed = self.draft.board.grants.remove(at);
        let next = order::next(&self.draft);
        self.draft.board.grants.insert(at, removed);
        self.known.push((kind, next));
        next
    }
}

impl Policy<'_> {
    /// For each grant of the board, in their order: the number of the ask of its session that would be granted its place if it
    /// ended now; 0 where there is none. The board is one on which all that may start was granted.
    pub(crate) fn successors(&self, board: &Board, silent: &[SessionNo]) -> Vec<u64> {
        let has_line = |session| {
            board
                .waiting()
                .any(|waiting| waiting.ask.session == session)
        };
        let mut successions = Successions::of(self, board, silent);
        let successors = board.grants.iter().enumerate().map(|(at, grant)| {
            if !has_line(grant.ask.session) {
                return 0;
            }
            let next = successions.after(at, grant);
            let is_own = |(ask, upstream): &(AskId, u8)| {
                (ask.session, *upstream) == (grant.ask.session, grant.upstream)
            };
            next.filter(is_own).map_or(0, |(ask, _)| ask.k)
        });
        successors.collect()
    }

    /// Who waits and would be granted the next slot that is free, whichever that is. `None` where there is none, where it depends on
    /// whose slot it is, or while not all slots are taken. Where there are several upstreams there is none: who is granted may move.
    pub(crate) fn heir(&self, board: &Board, silent: &[SessionNo]) -> Option<Heir> {
        let of = u32::try_from(board.grants.len()).ok()?;
        if !board.open || of < self.room.capacity() || !self.room.is_of_one() {
            return None;
        }
        let mut successions = Successions::of(self, board, silent);
        let mut grants = board.grants.iter().enumerate();
        let first = grants
            .next()
            .and_then(|(at, grant)| successions.after(at, grant));
        let is_always = grants.all(|(at, grant)| successions.after(at, grant) == first);
        first.filter(|_| is_always).map(|(ask, upstream)| Heir {
            ask,
            upstream,
            of,
            started: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::days::Dice;
    use super::super::tests::Day;
    use super::super::{Asks, Class, Decision, Joined};
    use crate::room::Room;

    fn one_may_end(day: &mut Day, dice: &mut Dice) {
        if dice.below(2) == 0 && !day.board.grants.is_empty() {
            let at = dice.below(day.board.grants.len() as u64) as usize;
            let ask = day.board.grants[at].ask;
            day.board.remove_ask(ask);
        }
    }

    #[test]
    fn the_heir_is_whom_the_policy_would_choose_whoever_ended() {
        let (mut named, mut none) = (0, 0);
        for seed in 1..=100 {
            let mut dice = Dice(seed * 0x9e37_79b9);
            let mut day = Day::new(Room::one(3));
            for _ in 0..60 {
                let joined: Vec<Joined> = (0..dice.below(3))
                    .map(|_| day.asks(Class::Interactive, dice.below(4), 0))
                    .collect();
                one_may_end(&mut day, &mut dice);
                day.come(&joined);
                let Some(heir) = day.policy.heir(&day.board, &[]) else {
                    let is_free = day.board.grants.len() < 3;
                    assert!(
                        is_free || day.board.waiting().next().is_none(),
                        "seed {seed}"
                    );
                    none += 1;
                    continue;
                };
                for grant in &day.board.grants {
                    let mut board = day.board.clone();
                    board.remove_ask(grant.ask);
                    let decisions = day.policy.schedule(&board, &Asks::default());
                    let granted = Decision::Grant {
                        ask: heir.ask,
                        upstream: heir.upstream,
                    };
                    assert!(decisions.expect("lawful").contains(&granted), "seed {seed}");
                    named += 1;
                }
            }
        }
        assert!(named > 1_000 && none > 100, "{named} {none}");
    }

    #[test]
    fn it_is_whom_the_policy_would_choose_if_that_one_ended() {
        let (mut named, mut others) = (0, 0);
        for seed in 1..=200 {
            let mut dice = Dice(seed * 0x9e37_79b9);
            let mut day = Day::new(Room::new(4, [3, 2]));
            for _ in 0..60 {
                let joined: Vec<Joined> = (0..dice.below(3))
                    .map(|_| match dice.below(3) {
                        0 => day.asks(Class::Batch, dice.below(4), 0),
                        _ => day.asks(Class::Interactive, dice.below(4), 0),
                    })
                    .collect();
                one_may_end(&mut day, &mut dice);
                day.come(&joined);
                let successors = day.policy.successors(&day.board, &[]);
                assert_eq!(successors.len(), day.board.grants.len());
                for (grant, successor) in day.board.grants.iter().zip(successors) {
                    let mut board = day.board.clone();
                    board.remove_ask(grant.ask);
                    let decisions = day.policy.schedule(&board, &Asks::default());
                    let granted =
                        decisions.expect("lawful").into_iter().find_map(
                            |decision| match decision {
                                Decision::Grant { ask, upstream } => Some((ask, upstream)),
                                _ => None,
                            },
                        );
                    let own = granted.filter(|(ask, upstream)| {
                        (ask.session, *upstream) == (grant.ask.session, grant.upstream)
                    });
                    assert_eq!(successor, own.map_or(0, |(ask, _)| ask.k), "seed {seed}");
                    named += usize::from(successor != 0);
                    others += usize::from(granted.is_some() && successor == 0);
                }
            }
        }
        assert!(named > 1_000 && others > 1_000, "{named} {others}");
    }
}
