//! Who starts in the slot of one that ends (rule 26).
//!
//! # Why
//!
//! A slot that stays in its session is handed on without a word: the next request starts at once, and the board learns of it
//! afterwards. One that goes to another session is its heir's, who starts when it knows that the one before it has ended. It goes to
//! whom the policy would choose, so the order is that of [`Policy::schedule`].

use super::{Draft, Policy, order};
use crate::board::{AskId, Board, Grant, HEIRS_MAX, Heir};
use crate::store::SessionNo;

/// Whose place of a kind is free does not matter to who is next: by upstream, model and whether it completes nothing.
type Kind = (u8, u64, bool);

fn kind(grant: &Grant) -> Kind {
    (grant.upstream, grant.wants.model, grant.wants.is_auxiliary)
}

/// Where more kinds of grants stand on a board there is one heir at a time: each pair of kinds would be looked at.
const KINDS_MAX: usize = 4;

/// Who is next, and where.
type Next = Option<(AskId, u8)>;

/// Who is next once those before it have a slot each, if it is the same whichever grants end. The draft is as before afterwards.
fn next_after(draft: &mut Draft<'_>, before: &[Heir]) -> Next {
    let mut kinds: Vec<(Kind, usize)> = Vec::new();
    for (at, grant) in draft.board.grants.iter().enumerate() {
        let kind = kind(grant);
        if !kinds.iter().any(|(known, _)| *known == kind) {
            kinds.push((kind, at));
        }
    }
    if !before.is_empty() && kinds.len() > KINDS_MAX {
        return None;
    }
    let mut first: Option<Next> = None;
    for (_, at) in kinds {
        let ended = draft.board.grants.remove(at);
        let next = match before.split_first() {
            None => order::next(draft),
            Some((heir, others)) => next_beside(draft, *heir, others),
        };
        draft.board.grants.insert(at, ended);
        if *first.get_or_insert(next) != next {
            return None;
        }
    }
    first.flatten()
}

/// The same where that heir has a slot already.
fn next_beside(draft: &mut Draft<'_>, heir: Heir, others: &[Heir]) -> Next {
    let board = &mut draft.board;
    let at = board.line.iter().position(|one| one.ask == heir.ask)?;
    let place = board.grants.partition_point(|one| one.ask < heir.ask);
    let waiting = board.line.remove(at);
    board
        .grants
        .insert(place, waiting.clone().granted(heir.upstream));
    let next = next_after(draft, others);
    draft.board.grants.remove(place);
    draft.board.line.insert(at, waiting);
    next
}

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
        let kind = kind(grant);
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

    /// Who waits and would be granted the next slot that is free, whichever that is, and who the one after that: those of them whom the
    /// board does not name yet. None where it depends on whose slot it is, or while not all slots are taken. Where there are several
    /// upstreams there is none: who is granted may move. The second is none of those who stand behind all others, so that whoever comes
    /// to the front finds one of them before it and no more.
    pub(crate) fn heirs(&self, board: &Board, silent: &[SessionNo]) -> Vec<Heir> {
        let of = u32::try_from(board.grants.len()).unwrap_or(u32::MAX);
        let known = board.heirs.len();
        let most = HEIRS_MAX.min(board.grants.len());
        if known >= most || !board.open || of < self.room.capacity() || !self.room.is_of_one() {
            return Vec::new();
        }
        let mut draft = Draft::of(self, board, silent);
        let mut heirs = board.heirs.clone();
        while heirs.len() < most
            && let Some((ask, upstream)) = next_after(&mut draft, &heirs)
            && (heirs.is_empty() || draft.stands_in_front(ask))
        {
            heirs.push(Heir {
                ask,
                upstream,
                of,
                started: false,
            });
        }
        heirs.split_off(known)
    }
}

impl Draft<'_> {
    fn stands_in_front(&self, ask: AskId) -> bool {
        let mut line = self.board.waiting();
        line.any(|waiting| waiting.ask == ask && waiting.rank.is_in_front())
    }
}

#[cfg(test)]
mod tests {
    use super::super::days::Dice;
    use super::super::tests::Day;
    use super::super::{Asks, Class, Decision, Joined};
    use super::*;
    use crate::room::Room;

    fn one_may_end(day: &mut Day, dice: &mut Dice) {
        if dice.below(2) == 0 && !day.board.grants.is_empty() {
            let at = dice.below(day.board.grants.len() as u64) as usize;
            let ask = day.board.grants[at].ask;
            day.board.remove_ask(ask);
        }
    }

    /// Each grant with each other one.
    fn pairs(board: &Board) -> Vec<[AskId; 2]> {
        let asks: Vec<AskId> = board.grants.iter().map(|grant| grant.ask).collect();
        let all = asks.iter().flat_map(|one| {
            let others = asks.iter().filter(move |other| *other != one);
            others.map(|other| [*one, *other])
        });
        all.collect()
    }

    impl Day {
        /// Who is granted a slot on this board, in their order.
        fn granted(&self, board: &Board) -> Vec<AskId> {
            let decisions = self.policy.schedule(board, &Asks::default());
            let granted = decisions.expect("lawful").into_iter();
            granted
                .filter_map(|decision| match decision {
                    Decision::Grant { ask, .. } => Some(ask),
                    _ => None,
                })
                .collect()
        }
    }

    #[test]
    fn heirs_are_whom_the_policy_would_choose_whoever_ended() {
        let (mut named, mut seconds, mut none) = (0, 0, 0);
        for seed in 1..=100 {
            let mut dice = Dice(seed * 0x9e37_79b9);
            let mut day = Day::new(Room::one(3));
            for _ in 0..60 {
                let joined: Vec<Joined> = (0..dice.below(3))
                    .map(|_| day.asks(Class::Interactive, dice.below(4), 0))
                    .collect();
                one_may_end(&mut day, &mut dice);
                day.come(&joined);
                let heirs = day.policy.heirs(&day.board, &[]);
                let is_full = day.board.grants.len() == 3;
                let waits = day.board.waiting().next().is_some();
                assert_eq!(!heirs.is_empty(), is_full && waits, "seed {seed}");
                seconds += heirs.len().saturating_sub(1);
                none += usize::from(heirs.is_empty());
                let asks: Vec<AskId> = heirs.iter().map(|heir| heir.ask).collect();
                for [one, other] in pairs(&day.board) {
                    let mut board = day.board.clone();
                    board.remove_ask(one);
                    assert!(
                        day.granted(&board).starts_with(&asks[..asks.len().min(1)]),
                        "seed {seed}"
                    );
                    board.remove_ask(other);
                    assert!(day.granted(&board).starts_with(&asks), "seed {seed}");
                    named += asks.len();
                }
            }
        }
        assert!(
            named > 1_000 && seconds > 100 && none > 100,
            "{named} {seconds} {none}"
        );
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
