//! From pieces to text that may be sent: whole characters, and nothing of a stop.

/// What has been said and not sent yet.
pub(crate) struct Speech {
    stops: Vec<String>,
    /// Bytes of a character that is not whole yet.
    bytes: Vec<u8>,
    /// Text that may be the beginning of a stop.
    held: String,
}

/// What a piece led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Text that may be sent; it may be empty.
    Text(String),
    /// The last text before a stop.
    Stop(String),
}

impl Speech {
    /// Speech that ends before any of these texts. Empty ones stop nothing.
    pub(crate) fn new(mut stops: Vec<String>) -> Self {
        stops.retain(|stop| !stop.is_empty());
        Self {
            stops,
            bytes: Vec::new(),
            held: String::new(),
        }
    }

    /// Takes the bytes of one token.
    pub(crate) fn hear(&mut self, piece: &[u8]) -> Said {
        self.bytes.extend_from_slice(piece);
        self.take_characters();
        let found = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop.as_str()))
            .min();
        if let Some(at) = found {
            self.held.truncate(at);
            return Said::Stop(std::mem::take(&mut self.held));
        }
        let safe = self.held.len() - self.possible_stop();
        let rest = self.held.split_off(safe);
        Said::Text(std::mem::replace(&mut self.held, rest))
    }

    /// The rest, when no more comes.
    pub(crate) fn finish(mut self) -> String {
        if !self.bytes.is_empty() {
            self.held.push_str(&String::from_utf8_lossy(&self.bytes));
        }
        self.held
    }

    /// Moves what is whole from the bytes to the text; what can never become whole is replaced.
    fn take_characters(&mut self) {
        let mut taken = 0;
        for chunk in self.bytes.utf8_chunks() {
            self.held.push_str(chunk.valid());
            taken += chunk.valid().len();
            let invalid = chunk.invalid();
            let is_at_end = taken + invalid.len() == self.bytes.len();
            if invalid.is_empty() || is_at_end && is_beginning(invalid) {
                break;
            }
            self.held.push(char::REPLACEMENT_CHARACTER);
            taken += invalid.len();
        }
        self.bytes.drain(..taken);
    }

    /// The length of the longest end of the text with which a stop begins.
    fn possible_stop(&self) -> usize {
        let ends = |stop: &&String| {
            let mut lengths = (1..stop.len())
                .rev()
                .filter(|length| stop.is_char_boundary(*length));
            lengths.find(|length| self.held.ends_with(&stop[..*length]))
        };
        self.stops
            .iter()
            .filter_map(|stop| ends(&stop))
            .max()
            .unwrap_or_default()
    }
}

/// Whether more bytes could make a character of these.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Said {
        Said::Text(text.to_owned())
    }

    #[test]
    fn a_character_comes_when_it_is_whole() {
        let mut speech = Speech::new(Vec::new());
        let hand = "👋".as_bytes();
        assert_eq!(speech.hear(&[b'a', hand[0]]), text("a"));
        assert_eq!(speech.hear(&hand[1..3]), text(""));
        assert_eq!(speech.hear(&[hand[3], b'!']), text("👋!"));
        assert_eq!(speech.finish(), "");
    }

    #[test]
    fn bytes_that_are_no_character_are_replaced() {
        let mut speech = Speech::new(Vec::new());
        assert_eq!(
            speech.hear(&[0xff, b'a', 0xc3, b'b']),
            text("\u{fffd}a\u{fffd}b")
        );
        assert_eq!(speech.hear(&[0xe2, 0x82]), text(""));
        assert_eq!(speech.finish(), "\u{fffd}");
    }

    #[test]
    fn a_stop_ends_the_text_before_it_even_in_pieces() {
        let mut speech = Speech::new(vec!["\n\nUser:".to_owned(), "END".to_owned()]);
        assert_eq!(speech.hear(b"hello\n"), text("hello"));
        assert_eq!(speech.hear(b"\nUs"), text(""));
        assert_eq!(speech.hear(b"e you"), text("\n\nUse you"));
        assert_eq!(speech.hear(b" EN"), text(" "));
        assert_eq!(speech.hear(b"D of it"), Said::Stop(String::new()));
    }

    #[test]
    fn of_several_stops_the_first_counts() {
        let mut speech = Speech::new(vec!["c".to_owned(), "b".to_owned(), String::new()]);
        assert_eq!(speech.hear(b"abc"), Said::Stop("a".to_owned()));
    }

    #[test]
    fn what_was_held_back_comes_when_there_is_no_stop() {
        let mut speech = Speech::new(vec!["stop".to_owned()]);
        assert_eq!(speech.hear(b"a st"), text("a "));
        assert_eq!(speech.finish(), "st");
    }
}
