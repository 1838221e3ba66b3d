//! Chance that can be repeated: SplitMix64.

/// A source of chance; the same seed throws the same.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// One of 0 to `sides` − 1; 0 for none.
    pub(super) fn below(&mut self, sides: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(sides);
        u64::try_from(wide >> 64).expect("the upper half")
    }

    /// One of `low` to `high`.
    pub(super) fn between(&mut self, (low, high): (u64, u64)) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True so many times out of a million.
    pub(super) fn chance(&mut self, in_a_million: u64) -> bool {
        self.below(1_000_000) < in_a_million
    }

    /// Heads.
    pub(super) fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = usize::try_from(self.below(choices.len() as u64)).expect("an index");
        choices[index]
    }

    /// Around `mean`, as long as it takes until something happens that may happen at any time.
    pub(super) fn exponential(&mut self, mean: u64) -> u64 {
        let uniform = (self.below(1 << 32) + 1) as f64 / (1_u64 << 32) as f64;
        (-uniform.ln() * mean as f64) as u64
    }
}
