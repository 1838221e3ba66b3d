//! Service times as they were measured, and how much longer a request may go on.

use super::super::Figure;
use crate::board::Board;

/// Measured service times, by model.
pub(super) struct Services {
    by_model: Vec<(u64, Vec<u64>)>,
    all: Vec<u64>,
}

impl Services {
    pub(super) fn of(board: &Board) -> Services {
        let mut services = Services {
            by_model: Vec::new(),
            all: Vec::new(),
        };
        for figure in &board.policy.figures {
            services.all.extend(figure.samples_ms());
            match services
                .by_model
                .iter_mut()
                .find(|(model, _)| *model == figure.model)
            {
                Some((_, times)) => times.extend(figure.samples_ms()),
                None => services
                    .by_model
                    .push((figure.model, figure.samples_ms().collect())),
            }
        }
        services
    }

    pub(super) fn are_known(&self) -> bool {
        self.all.len() > Figure::TOO_FEW
    }

    /// Those of the model, or of all where it has too few.
    fn times(&self, model: u64) -> &[u64] {
        let own = self.by_model.iter().find(|(other, _)| *other == model);
        own.map(|(_, times)| times)
            .filter(|times| times.len() > Figure::TOO_FEW)
            .unwrap_or(&self.all)
    }

    /// How much longer one runs on average that has run for `age_ms`.
    pub(super) fn mean_ms(&self, model: u64, age_ms: u64) -> u64 {
        let longer = self.times(model).iter().filter(|ms| **ms > age_ms);
        let (sum, count) = longer.fold((0_u64, 0_u64), |(sum, count), ms| {
            (sum.saturating_add(ms - age_ms), count + 1)
        });
        sum.checked_div(count).unwrap_or_else(|| overdue_ms(age_ms))
    }

    /// The same, drawn.
    pub(super) fn draw_ms(&self, model: u64, age_ms: u64, dice: &mut Dice) -> u64 {
        let longer: Vec<u64> = self
            .times(model)
            .iter()
            .copied()
            .filter(|ms| *ms > age_ms)
            .collect();
        let at = dice.below(longer.len());
        longer
            .get(at)
            .map_or_else(|| overdue_ms(age_ms), |ms| ms - age_ms)
    }
}

/// How much longer one runs that has run longer than any before it: the longer it has, the longer it may.
fn overdue_ms(age_ms: u64) -> u64 {
    (age_ms / 4).max(500)
}

/// Xorshift.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bound = u64::try_from(bound.max(1)).unwrap_or(1);
        usize::try_from((self.0 >> 11) % bound).unwrap_or(0)
    }
}
