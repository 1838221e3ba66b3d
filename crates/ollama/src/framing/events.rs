//! Ollama's lines as server-sent events: `event: message` for each line, `event: error` for an error line.

use super::lines::{LineSplitter, LineTooLong};
use super::watch::is_error_line;

/// Turns a stream of Ollama's lines into server-sent events.
#[derive(Debug, Default)]
pub struct EventWriter {
    lines: LineSplitter,
}

impl EventWriter {
    /// Appends to `out` the events of those lines that this chunk completes. Empty lines make no event.
    ///
    /// # Errors
    /// A line is longer than [`super::MAX_LINE`].
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), LineTooLong> {
        self.lines.feed(chunk, |line| event(line, out))
    }

    /// Appends the event of a last line that its sender did not end.
    pub fn finish(&self, out: &mut Vec<u8>) {
        event(self.lines.remainder(), out);
    }
}

fn event(line: &[u8], out: &mut Vec<u8>) {
    if line.is_empty() {
        return;
    }
    let name = if is_error_line(line) {
        "error"
    } else {
        "message"
    };
    write_event(name, line, out);
}

/// Appends an event of this name with JSON as its data.
pub(crate) fn write_event(name: &str, json: &[u8], out: &mut Vec<u8>) {
    for part in ["event: ", name, "\ndata: "] {
        out.extend_from_slice(part.as_bytes());
    }
    write_data(json, out);
}

/// Appends JSON as the data of an event, and the event's end. A lone carriage return ends a line in this format, and JSON
/// needs none: it would forge a field. Some clients end a line at U+2028 and U+2029 too: they are escaped, as Go escapes
/// them.
pub(crate) fn write_data(json: &[u8], out: &mut Vec<u8>) {
    let mut rest = json;
    while let Some(at) = memchr::memchr2(b'\r', SEPARATOR[0], rest) {
        let (head, tail) = rest.split_at(at);
        out.extend_from_slice(head);
        let (escaped, length): (&[u8], usize) = match tail {
            [b'\r', ..] => (b"", 1),
            [0xe2, 0x80, 0xa8, ..] => (b"\\u2028", 3),
            [0xe2, 0x80, 0xa9, ..] => (b"\\u2029", 3),
            _ => (&SEPARATOR, 1),
        };
        out.extend_from_slice(escaped);
        rest = tail.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(b"\n\n");
}

/// The first byte of U+2028 and U+2029.
const SEPARATOR: [u8; 1] = [0xe2];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_becomes_one_event_wherever_the_chunks_are_cut() {
        let text = "{\"message\":{\"content\":\"é\"},\"done\":false}\n{\"error\":\"gone\"}\n{\"done\":true}".as_bytes();
        let expected = "event: message\ndata: {\"message\":{\"content\":\"é\"},\"done\":false}\n\n\
                        event: error\ndata: {\"error\":\"gone\"}\n\n\
                        event: message\ndata: {\"done\":true}\n\n";
        for cut in 0..=text.len() {
            let mut writer = EventWriter::default();
            let mut out = Vec::new();
            writer.feed(&text[..cut], &mut out).unwrap();
            writer.feed(&text[cut..], &mut out).unwrap();
            writer.finish(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "cut at {cut}");
        }
    }

    #[test]
    fn line_separators_are_escaped_and_their_neighbours_are_not() {
        let mut out = Vec::new();
        EventWriter::default()
            .feed(
                "{\"a\":\"x\u{2028}y\u{2029}–…é\u{20ac}\"}\n".as_bytes(),
                &mut out,
            )
            .unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "event: message\ndata: {\"a\":\"x\\u2028y\\u2029–…é€\"}\n\n"
        );
    }

    #[test]
    fn a_carriage_return_inside_a_line_cannot_forge_a_field() {
        let mut out = Vec::new();
        EventWriter::default()
            .feed(b"{}\revent: queue\n", &mut out)
            .unwrap();
        assert_eq!(out, b"event: message\ndata: {}event: queue\n\n");
    }
}
