//! How admitted requests end, in words.

/// The client left while its answer came.
pub const CLIENT_GONE: &str = "client_gone";

/// The known word for an ending; `other` for one that has none.
pub fn known(word: &str) -> &'static str {
    let own = OWN.into_iter().find(|own| *own == word);
    own.unwrap_or(OTHER)
}

/// All words, each once.
pub fn words() -> impl Iterator<Item = &'static str> {
    OWN.into_iter()
}

const OWN: [&str; 18] = [
    OTHER,
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
    "wait_too_long",
    "prompt_too_long",
];
const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_known_and_any_other_is_other() {
        for word in words() {
            assert_eq!(known(word), word);
        }
        assert_eq!(known("never heard of"), OTHER);
    }
}
