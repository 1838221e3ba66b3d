//! The two lines: the main line, whose tickets start requests, and the batch line, whose tickets grant the right to draw in it.

use serde::{Deserialize, Serialize};

use crate::Epoch;

/// Which line a ticket is of. Both go by the same protocol, over keys of their own.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Whoever starts here relays.
    #[default]
    Main,
    /// Whoever starts here, one at a time, has the right to draw in the main line.
    Batch,
}

impl Lane {
    /// Both of them.
    pub const ALL: [Lane; 2] = [Lane::Main, Lane::Batch];

    /// The word in this line's keys while `in_force` is the epoch of the store. Asked of that word it answers the epoch.
    pub fn word(self, in_force: Epoch) -> Epoch {
        match self {
            Lane::Main => in_force,
            Lane::Batch => Epoch(in_force.0 ^ APART),
        }
    }

    pub(crate) fn is_main(&self) -> bool {
        *self == Lane::Main
    }
}

/// Keeps the two lines' keys apart. Epochs are random: no other one's main line has this word.
const APART: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_an_epoch_share_no_key_and_each_word_leads_back() {
        for epoch in [Epoch(1), Epoch(APART), Epoch(u64::MAX)] {
            assert_ne!(Lane::Main.word(epoch), Lane::Batch.word(epoch));
            for lane in Lane::ALL {
                assert_eq!(lane.word(lane.word(epoch)), epoch);
            }
        }
    }
}
