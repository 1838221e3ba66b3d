//! Models that are taken for loaded, since no list of what is loaded can tell it of them here. Pure.
//!
//! # Why
//! A turn begins with a load, until the model is seen loaded. That would not come to an end
//! - of a model that this instance is to load and has no name for, since no request of it came here: nobody sends the load. Its
//!   requests are let go, and load it themselves;
//! - of a request that came by the number of its model's name, since nobody could say in time what file that is: lists tell the
//!   number of the file.
//!
//! # Limits
//! For [`TAKEN_MS`] after the load that could not be sent, or has ended: until then a turn is under way.

use super::loads::Place;

/// How long one is taken for loaded, in milliseconds.
const TAKEN_MS: u64 = 10_000;

/// The most that are kept.
const MOST: usize = 64;

/// Those that are taken for loaded, and since when.
#[derive(Clone, Debug, Default)]
pub struct Strangers(Vec<(Place, u64)>);

impl Strangers {
    /// A constant, for a place that is initialized once.
    pub const NONE: Strangers = Strangers(Vec::new());

    /// Takes a model for loaded from now on.
    pub fn take(&mut self, place: Place, now_ms: u64) {
        self.0
            .retain(|(other, since_ms)| *other != place && is_taken(*since_ms, now_ms));
        if self.0.len() < MOST {
            self.0.push((place, now_ms));
        }
    }

    /// Those that are at this time.
    pub fn taken(&self, now_ms: u64) -> impl Iterator<Item = Place> {
        let taken = self
            .0
            .iter()
            .filter(move |(_, since_ms)| is_taken(*since_ms, now_ms));
        taken.map(|(place, _)| *place)
    }
}

fn is_taken(since_ms: u64, now_ms: u64) -> bool {
    now_ms.saturating_sub(since_ms) < TAKEN_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_taken_for_loaded_for_a_while_and_again() {
        let mut strangers = Strangers::NONE;
        let taken = |strangers: &Strangers, now_ms| strangers.taken(now_ms).collect::<Vec<_>>();
        strangers.take((0, 7), 1_000);
        strangers.take((1, 7), 2_000);
        assert_eq!(taken(&strangers, 999 + TAKEN_MS), [(0, 7), (1, 7)]);
        assert_eq!(taken(&strangers, 1_000 + TAKEN_MS), [(1, 7)]);
        strangers.take((1, 7), 1_500 + TAKEN_MS);
        assert_eq!(taken(&strangers, 2_000 + TAKEN_MS), [(1, 7)]);
    }

    #[test]
    fn no_more_are_kept_than_the_bound() {
        let mut strangers = Strangers::NONE;
        for model in 0..1_000 {
            strangers.take((0, model), 0);
        }
        assert_eq!(strangers.taken(0).count(), MOST);
    }
}
