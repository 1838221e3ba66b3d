//! Fuzzing that runs on stable Rust within the ordinary tests: a committed corpus, mutated.
//!
//! # Why
//! `cargo fuzz` needs a nightly compiler and a machine to spare. What it finds early, this finds too: each run makes the same
//! inputs from the same seed, so that a failure can be seen again, and a long run (`SLUICE_LONG`) makes more of them.
//!
//! # What it does not do
//! It is not guided by coverage. An input that broke something is added to the corpus by hand.

use std::fs;
use std::path::Path;

/// Makes inputs out of a corpus.
#[derive(Debug)]
pub struct Mutator {
    corpus: Vec<Vec<u8>>,
    dictionary: &'static [&'static str],
    state: u64,
}

impl Mutator {
    /// A mutator over these inputs, which also inserts the words of a dictionary.
    pub fn new(corpus: Vec<Vec<u8>>, dictionary: &'static [&'static str]) -> Mutator {
        Mutator {
            corpus,
            dictionary,
            state: SEED,
        }
    }

    /// A mutator over the files of a folder, in the order of their names.
    ///
    /// # Errors
    /// The folder cannot be read, or is empty.
    pub fn of_folder(
        folder: &Path,
        dictionary: &'static [&'static str],
    ) -> std::io::Result<Mutator> {
        let mut files = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<Vec<_>>>()?;
        files.sort();
        let corpus = files
            .iter()
            .map(fs::read)
            .collect::<std::io::Result<Vec<_>>>()?;
        if corpus.is_empty() {
            return Err(std::io::Error::other("an empty corpus shows nothing"));
        }
        Ok(Mutator::new(corpus, dictionary))
    }

    /// The corpus as it is.
    pub fn corpus(&self) -> &[Vec<u8>] {
        &self.corpus
    }

    /// The next input: one of the corpus after one mutation or a few. Most have one: after many hardly anything is JSON, and
    /// then only the first check is tried.
    pub fn input(&mut self) -> Vec<u8> {
        let picked = self.below(self.corpus.len());
        let mut input = self.corpus.get(picked).cloned().unwrap_or_default();
        let most = 1 + self.below(4);
        for _ in 0..=self.below(most) {
            self.mutate(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    /// A number smaller than `bound`; 0 where there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(random).unwrap_or(0) % bound.max(1)
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = at + self.below(input.len() + 1 - at);
        match self.below(7) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 => _ = input.drain(at..end),
            2 => {
                let again = input[at..end].to_vec();
                input.splice(at..at, again);
            }
            3 => input.truncate(at),
            4 => {
                let byte = u8::try_from(self.below(256)).unwrap_or(0);
                input.insert(at, byte);
            }
            5 => {
                let other = self.below(self.corpus.len());
                let other = self.corpus.get(other).cloned().unwrap_or_default();
                let from = self.below(other.len() + 1);
                input.splice(at..end, other[from..].iter().copied());
            }
            _ => {
                let word = self.below(self.dictionary.len());
                let word = self.dictionary.get(word).copied().unwrap_or_default();
                input.splice(at..end, word.bytes());
            }
        }
    }
}

/// How many inputs a test is to make: `ordinary`, or a hundred times as many where the long tests are wanted.
pub fn rounds(ordinary: usize) -> usize {
    if std::env::var_os("SLUICE_LONG").is_some() {
        ordinary.saturating_mul(100)
    } else {
        ordinary
    }
}

/// Where every run begins.
const SEED: u64 = 0x5eed_0f5e_ed0f_5eed;

/// No input is longer, so that doublings do not add up.
const LONGEST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_inputs_come_in_every_run_and_they_differ() {
        let mutator = || Mutator::new(vec![b"abc".to_vec(), b"{}".to_vec()], &["word"]);
        let inputs = |mut mutator: Mutator| (0..100).map(|_| mutator.input()).collect::<Vec<_>>();
        let made = inputs(mutator());
        assert_eq!(made, inputs(mutator()));
        let distinct: std::collections::BTreeSet<_> = made.iter().collect();
        assert!(distinct.len() > 50, "{}", distinct.len());
        assert!(
            made.iter()
                .any(|input| input.windows(4).any(|word| word == b"word"))
        );
    }
}
