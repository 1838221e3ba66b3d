//! Which token comes next.

/// What an answer is drawn with. The defaults are Ollama's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Zero: always the likeliest.
    pub(crate) temperature: f32,
    /// How many of the likeliest tokens are looked at; 0: all.
    pub(crate) top_k: usize,
    /// Which share of the probability is looked at.
    pub(crate) top_p: f32,
    /// How likely a token has to be, as a share of the likeliest.
    pub(crate) min_p: f32,
    /// How much less likely a token becomes that was there already; 1: not at all.
    pub(crate) repeat_penalty: f32,
    /// How many tokens back is looked for it.
    pub(crate) repeat_last: usize,
    pub(crate) seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            temperature: 0.8,
            top_k: 40,
            top_p: 0.9,
            min_p: 0.0,
            repeat_penalty: 1.1,
            repeat_last: 64,
            seed: 0,
        }
    }
}

/// Draws the tokens of one answer. The same settings and logits give the same tokens.
pub(crate) struct Sampler {
    settings: Settings,
    state: u64,
    candidates: Vec<(f32, u32)>,
}

impl Sampler {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            state: settings.seed,
            settings,
            candidates: Vec::new(),
        }
    }

    /// Draws one. `logits` are changed; `before` is the text so far.
    pub(crate) fn draw(&mut self, logits: &mut [f32], before: &[u32]) -> u32 {
        self.penalise(logits, before);
        if self.settings.temperature <= 0.0 {
            return likeliest(logits);
        }
        self.candidates.clear();
        self.candidates.extend(logits.iter().copied().zip(0..));
        let count = match self.settings.top_k {
            0 => self.candidates.len(),
            top_k => top_k.min(self.candidates.len()),
        };
        if count < self.candidates.len() {
            self.candidates
                .select_nth_unstable_by(count, by_falling_logit);
            self.candidates.truncate(count);
        }
        self.candidates.sort_unstable_by(by_falling_logit);
        self.keep_the_likely();
        self.pick()
    }

    /// Makes tokens that were there less likely.
    fn penalise(&self, logits: &mut [f32], before: &[u32]) {
        let penalty = self.settings.repeat_penalty;
        if penalty == 1.0 {
            return;
        }
        let mut seen = before[before.len().saturating_sub(self.settings.repeat_last)..].to_vec();
        seen.sort_unstable();
        seen.dedup();
        for token in seen {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit = if *logit > 0.0 {
                    *logit / penalty
                } else {
                    *logit * penalty
                };
            }
        }
    }

    /// Turns the candidates' logits into probabilities and cuts off the tail.
    fn keep_the_likely(&mut self) {
        let Some(&(most, _)) = self.candidates.first() else {
            return;
        };
        let mut total = 0.0;
        for (weight, _) in &mut self.candidates {
            *weight = ((*weight - most) / self.settings.temperature).exp();
            total += *weight;
        }
        let mut sum = 0.0;
        let mut kept = 0;
        for (weight, _) in &self.candidates {
            let is_enough = sum >= self.settings.top_p * total;
            if kept > 0 && (is_enough || *weight < self.settings.min_p) {
                break;
            }
            sum += weight;
            kept += 1;
        }
        self.candidates.truncate(kept);
    }

    fn pick(&mut self) -> u32 {
        let total: f32 = self.candidates.iter().map(|(weight, _)| weight).sum();
        let mut left = self.random() * total;
        for (weight, token) in &self.candidates {
            left -= weight;
            if left < 0.0 {
                return *token;
            }
        }
        // Rounding can leave a little over.
        self.candidates.last().map_or(0, |(_, token)| *token)
    }

    /// The next of a sequence of numbers from 0 to 1 (SplitMix64).
    fn random(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// The first of the likeliest.
fn likeliest(logits: &[f32]) -> u32 {
    let mut best = (f32::NEG_INFINITY, 0);
    for (logit, token) in logits.iter().zip(0..) {
        if *logit > best.0 {
            best = (*logit, token);
        }
    }
    best.1
}

/// The likelier first, and of equal ones the lower: so the order never depends on how it was sorted.
fn by_falling_logit(a: &(f32, u32), b: &(f32, u32)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Settings {
        Settings {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            repeat_penalty: 1.0,
            ..Settings::default()
        }
    }

    /// How often each of four tokens is drawn, of 4,000 times.
    fn counts(settings: Settings, logits: [f32; 4]) -> [u32; 4] {
        let mut sampler = Sampler::new(settings);
        let mut counts = [0; 4];
        for _ in 0..4000 {
            counts[sampler.draw(&mut logits.clone(), &[]) as usize] += 1;
        }
        counts
    }

    const LOGITS: [f32; 4] = [1.0, 3.0, 2.0, 0.0];

    #[test]
    fn without_temperature_the_likeliest_comes() {
        let settings = Settings {
            temperature: 0.0,
            ..plain()
        };
        assert_eq!(counts(settings, LOGITS), [0, 4000, 0, 0]);
    }

    #[test]
    fn tokens_come_as_often_as_they_are_likely() {
        // e³ : e² : e : 1, of 4,000.
        let expected = [348.0, 2576.0, 948.0, 128.0];
        for (count, expected) in counts(plain(), LOGITS).into_iter().zip(expected) {
            assert!(
                (f64::from(count) - expected).abs() < 120.0,
                "{count} {expected}"
            );
        }
    }

    #[test]
    fn a_low_temperature_prefers_the_likely() {
        let settings = Settings {
            temperature: 0.25,
            ..plain()
        };
        assert!(counts(settings, LOGITS)[1] > 3800);
    }

    #[test]
    fn the_unlikely_are_cut_off() {
        let nobody = |counts: [u32; 4]| counts.map(|count| count == 0);
        let top_k = Settings {
            top_k: 2,
            ..plain()
        };
        assert_eq!(nobody(counts(top_k, LOGITS)), [true, false, false, true]);
        // The two likeliest have 0.88 of it.
        let top_p = Settings {
            top_p: 0.8,
            ..plain()
        };
        assert_eq!(nobody(counts(top_p, LOGITS)), [true, false, false, true]);
        let top_p = Settings {
            top_p: 0.0,
            ..plain()
        };
        assert_eq!(nobody(counts(top_p, LOGITS)), [true, false, true, true]);
        let min_p = Settings {
            min_p: 0.1,
            ..plain()
        };
        assert_eq!(nobody(counts(min_p, LOGITS)), [false, false, false, true]);
    }

    #[test]
    fn what_was_said_lately_is_less_likely() {
        let settings = Settings {
            temperature: 0.0,
            repeat_penalty: 2.0,
            repeat_last: 2,
            ..plain()
        };
        let mut sampler = Sampler::new(settings);
        assert_eq!(sampler.draw(&mut LOGITS.clone(), &[1, 3]), 2);
        assert_eq!(sampler.draw(&mut LOGITS.clone(), &[1, 3, 3]), 1);
        assert_eq!(sampler.draw(&mut [-1.0, -1.5], &[0]), 1);
    }

    #[test]
    fn a_seed_gives_the_same_again() {
        let draw = |seed| {
            let mut sampler = Sampler::new(Settings { seed, ..plain() });
            (0..50)
                .map(|_| sampler.draw(&mut LOGITS.clone(), &[]))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn logits_that_are_no_numbers_do_no_harm() {
        let mut sampler = Sampler::new(plain());
        assert!(sampler.draw(&mut [f32::NAN; 4], &[9]) < 4);
        let mut sampler = Sampler::new(Settings {
            temperature: 0.0,
            ..plain()
        });
        assert_eq!(sampler.draw(&mut [f32::NAN; 4], &[]), 0);
    }
}
