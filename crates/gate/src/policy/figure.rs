//! What was measured of one model at one upstream: how long its answers hold a slot, and how many of them run at once.

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::parallel::Parallel;

/// What was measured of a model at an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Figure {
    /// The upstream's index.
    pub upstream: u8,
    /// The model's number.
    #[serde(with = "postcard::fixint::le")]
    pub model: u64,
    /// How long its latest answers held a slot, at most [`Self::SAMPLES`], and where the next goes.
    samples: Vec<Sample>,
    at: u8,
    /// How many of its answers run at once.
    pub parallel: Parallel,
}

/// A duration in 8 bits: 4 of mantissa, 4 of exponent. Exact to a sixteenth, from 16 ms to a quarter of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sample(u8);

impl Sample {
    /// The nearest that is not longer; 16 ms for what is shorter.
    pub fn of(ms: u64) -> Sample {
        let ms = ms.clamp(16, 31 << 15);
        let exponent = 59 - ms.leading_zeros().min(59);
        let mantissa = (ms >> exponent) & 15;
        Sample(u8::try_from(u64::from(exponent) << 4 | mantissa).unwrap_or(u8::MAX))
    }

    /// In milliseconds.
    pub fn ms(self) -> u64 {
        (16 + u64::from(self.0 & 15)) << (self.0 >> 4)
    }
}

impl Figure {
    /// How many durations are kept.
    pub const SAMPLES: usize = 64;

    /// The most models at upstreams that are measured; the one that was heard of least lately makes room.
    pub const FIGURES: usize = 16;

    /// How many durations nothing is concluded from.
    pub const TOO_FEW: usize = 4;

    /// One more answer held its slot for so long.
    pub fn note(&mut self, service_ms: u64) {
        let sample = Sample::of(service_ms);
        let at = usize::from(self.at) % Self::SAMPLES;
        match self.samples.get_mut(at) {
            Some(old) => *old = sample,
            None => self.samples.push(sample),
        }
        self.at = u8::try_from((at + 1) % Self::SAMPLES).unwrap_or(0);
    }

    /// How long its latest answers held a slot, in milliseconds.
    pub fn samples_ms(&self) -> impl Iterator<Item = u64> {
        self.samples.iter().map(|sample| sample.ms())
    }

    /// The mean of them; `None` while they are too few.
    pub fn mean_ms(&self) -> Option<u64> {
        if self.samples.len() <= Self::TOO_FEW {
            return None;
        }
        let sum = self.samples_ms().fold(0, u64::saturating_add);
        sum.checked_div(u64::try_from(self.samples.len()).unwrap_or(1))
    }
}

impl Field {
    /// Changes the figure of a model at an upstream, begun where there is none; it is the first from now on.
    pub(crate) fn measure(&mut self, upstream: u8, model: u64, change: impl FnOnce(&mut Figure)) {
        let mut figures = self.figures.iter();
        let found = figures.position(|figure| figure.upstream == upstream && figure.model == model);
        let mut figure = match found {
            Some(at) => self.figures.remove(at),
            None => Figure {
                upstream,
                model,
                ..Figure::default()
            },
        };
        change(&mut figure);
        self.figures.truncate(Figure::FIGURES - 1);
        self.figures.insert(0, figure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_exact_to_a_sixteenth() {
        for ms in (16..40_000).chain([300_000, 999_999]) {
            let told = Sample::of(ms).ms();
            assert!(told <= ms && ms - told <= ms / 16, "{ms}: {told}");
        }
        assert_eq!(Sample::of(0).ms(), 16);
        assert_eq!(Sample::of(u64::MAX).ms(), 31 << 15);
    }

    #[test]
    fn the_latest_sixty_four_are_kept_and_nothing_is_said_before_five() {
        let mut figure = Figure::default();
        for said in [None, None, None, None, Some(1_024)] {
            figure.note(1_024);
            assert_eq!(figure.mean_ms(), said);
        }
        (0..64).for_each(|_| figure.note(2_048));
        assert_eq!(figure.samples_ms().count(), Figure::SAMPLES);
        assert_eq!(figure.mean_ms(), Some(2_048));
    }

    #[test]
    fn the_model_that_was_heard_of_least_lately_makes_room() {
        let mut field = Field::default();
        for model in 1..=20 {
            field.measure(0, model, |figure| figure.note(100));
            field.measure(0, 1, |figure| figure.note(100));
        }
        assert_eq!(field.figures.len(), Figure::FIGURES);
        assert!(field.figure(0, 1).is_some() && field.figure(0, 20).is_some());
        assert!(field.figure(0, 2).is_none());
    }
}
