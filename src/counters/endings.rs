//! How admitted requests end: words for people, numbers for the line's records.
//!
//! The numbers stand in records that another version may read: a word keeps its place, new ones come at the end.

use sluice_gate::{Counts, Figures};

/// The client left while its answer came.
pub const CLIENT_GONE: &str = "client_gone";

/// The number of an ending; what has no word of its own is `other`.
pub fn number(word: &str) -> u8 {
    let place = OWN.iter().position(|own| *own == word).unwrap_or(OTHER);
    Figures::OF_CALLER + u8::try_from(place).unwrap_or(0)
}

/// The word for an ending's number.
pub fn word(number: u8) -> &'static str {
    match number {
        Figures::LEFT => CLIENT_GONE,
        Figures::CANCELLED => "cancelled",
        Figures::STOPPED => "store_unavailable",
        _ => number
            .checked_sub(Figures::OF_CALLER)
            .and_then(|place| OWN.get(usize::from(place)).copied())
            .unwrap_or(OWN[OTHER]),
    }
}

/// All words, each once.
pub fn words() -> impl Iterator<Item = &'static str> {
    OWN.into_iter()
}

/// How many ended so, by their numbers.
pub fn count(endings: &Counts, wanted: &str) -> u64 {
    (0..Counts::MAX)
        .filter(|&number| u8::try_from(number).is_ok_and(|number| word(number) == wanted))
        .map(|number| endings.of(number))
        .sum()
}

const OWN: [&str; 16] = [
    "other",
    "complete",
    "failed",
    CLIENT_GONE,
    "cancelled",
    "incomplete_answer",
    "upstream_error",
    "upstream_down",
    "upstream_busy",
    "upstream_timeout",
    "upstream_refused",
    "model_not_found",
    "store_unavailable",
    "misconfigured",
    "queue_timeout",
    "queue_full",
];
const OTHER: usize = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_comes_back_from_its_number_and_the_turns_own_endings_have_words() {
        for word_ in words() {
            assert_eq!(word(number(word_)), word_);
            assert!(usize::from(number(word_)) < Counts::MAX);
        }
        for own in [Figures::LEFT, Figures::CANCELLED, Figures::STOPPED] {
            assert!(words().any(|known| known == word(own)));
        }
        assert_eq!(word(number("never heard of")), "other");
        assert_eq!(word(u8::MAX), "other");
    }

    #[test]
    fn an_ending_is_counted_once_whoever_named_it() {
        let mut counts = Counts::default();
        counts.add(usize::from(Figures::LEFT), 2);
        counts.add(usize::from(number(CLIENT_GONE)), 3);
        counts.add(usize::from(Figures::OPEN), 7);
        assert_eq!(count(&counts, CLIENT_GONE), 5);
        let all: u64 = words().map(|word| count(&counts, word)).sum();
        assert_eq!(all, counts.total());
    }
}
