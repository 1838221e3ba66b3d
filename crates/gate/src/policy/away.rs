//! Tables for those who are passed over because their session gives no sign of life.

use super::tests::Day;
use super::*;

#[test]
fn one_that_is_away_keeps_nobody_from_stepping_in_front() {
    let mut day = Day::new(Room::one(1));
    day.come_one(Class::Interactive, 0);
    let gone = day.come_one(Class::Batch, 0);
    let here = day.come_one(Class::Batch, 0);
    let promoted = |day: &Day| -> Vec<u64> {
        let line = day.board.waiting();
        let promoted = line.filter(|waiting| waiting.rank == Rank::Promoted);
        promoted.map(|waiting| waiting.ask.k).collect()
    };
    day.come(&[]);
    assert_eq!(promoted(&day), [gone]);
    let session = day.board.waiting().find(|waiting| waiting.ask.k == gone);
    let session = session.expect("it waits").ask.session;
    day.board.member_mut(session).expect("a member").away = true;
    day.come(&[]);
    assert_eq!(promoted(&day), [gone, here]);
}
