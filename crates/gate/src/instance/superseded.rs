//! What the model check keeps of a board that a session has read and that is not in the store any more.

use super::Instance;
use crate::board::{AskId, Board, Grant};
use crate::store::SessionNo;

impl Instance {
    /// Of a board that is not in the store any more nobody renumbers the asks of other sessions, and none may be taken for its own.
    pub(crate) fn forget_others_in_view(&mut self) {
        let Some(session) = &mut self.session else {
            return;
        };
        let own = session.no;
        let asks = session
            .view
            .iter_mut()
            .flat_map(|view| asks(&mut view.board));
        for ask in asks.filter(|ask| ask.session != own) {
            ask.session = 0;
        }
    }
}

/// The asks in it that can still be used: those that are granted, and the heirs.
pub(super) fn asks(board: &mut Board) -> impl Iterator<Item = &mut AskId> {
    let granted = board.grants.iter_mut().map(|grant| &mut grant.ask);
    granted.chain(board.heirs.iter_mut().map(|heir| &mut heir.ask))
}

/// What can still be used of a board that is not in the store any more: the grants of a session, who starts after whom, and
/// its heirs before whom none of another stands. Where a session finds the board gone before it knows of a newer term, it checks the
/// term by this one at once, by the whole one a little later.
pub(super) fn own_grants(board: &Board, session: SessionNo) -> Board {
    let is_own = |grant: &&Grant| grant.ask.session == session;
    let grants: Vec<Grant> = board.grants.iter().filter(is_own).cloned().collect();
    let heirs = board.heirs.iter();
    let heirs = heirs.take_while(|heir| heir.ask.session == session);
    Board {
        grants,
        heirs: heirs.copied().collect(),
        ..Board::default()
    }
}
