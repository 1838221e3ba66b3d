//! The log: one line of JSON for each request, on stderr. What came from outside is escaped, so no line can be forged.

use std::io::Write;

use crate::clock;
use crate::tasks;
use serde::Serialize;

/// One line, being written: a JSON object that lacks its last brace.
#[derive(Clone, Debug)]
pub struct Line(Vec<u8>);

/// What most lines fit into.
const USUAL: usize = 512;

impl Line {
    /// A line about this event, at this moment (`time_ms` since 1970).
    pub fn new(event: &str) -> Line {
        Line::at(event, clock::wall_ms())
    }

    /// The same at another moment.
    pub fn at(event: &str, time_ms: u64) -> Line {
        let mut line = Line(Vec::with_capacity(USUAL));
        line.add('{', "time_ms", &time_ms);
        let line = line.with("event", event);
        match tasks::request_id() {
            Some(id) => line.with("request_id", &*id),
            None => line,
        }
    }

    /// The same with one more member, of another name than those before.
    pub fn with(mut self, name: &str, value: impl Serialize) -> Line {
        self.add(',', name, &value);
        self
    }

    /// Writes the line. A log that cannot be written must not end the requests that it is about.
    pub fn write(self) {
        let mut line = plain(self.0);
        line.extend_from_slice(b"}\n");
        let _ = std::io::stderr().write_all(&line);
    }

    fn add(&mut self, before: char, name: &str, value: &impl Serialize) {
        let line = &mut self.0;
        line.push(before as u8);
        // Neither a name nor a value here is one that JSON has no form for.
        let _ = serde_json::to_writer(&mut *line, name);
        line.push(b':');
        let _ = serde_json::to_writer(&mut *line, value);
    }
}

/// The same JSON without characters that a terminal or an editor takes for commands, for ends of lines or for a change of
/// direction: JSON itself only escapes those below the space.
fn plain(json: Vec<u8>) -> Vec<u8> {
    if json.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return json;
    }
    let mut text = String::with_capacity(json.len());
    for c in String::from_utf8_lossy(&json).chars() {
        if is_a_command(c) {
            // They stand in strings alone, and none needs two units.
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    text.into_bytes()
}

fn is_a_command(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn text_of(json: &str) -> String {
        String::from_utf8(plain(json.into())).unwrap()
    }

    #[test]
    fn its_members_stand_in_the_order_in_which_they_came() {
        let mut line = Line(Vec::new());
        line.add('{', "time_ms", &7);
        let line = line.with("a \"b\"", "c").with("d", None::<u64>);
        let line = text_of(&format!("{}}}", String::from_utf8(line.0).unwrap()));
        assert_eq!(line, r#"{"time_ms":7,"a \"b\"":"c","d":null}"#);
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read, json!({ "time_ms": 7, "a \"b\"": "c", "d": null }));
    }

    #[test]
    fn a_line_is_json_of_one_line_whatever_is_in_it() {
        for text in [
            "a\n{\"event\":\"forged\"}",
            "\u{7f}\u{85}\u{9b}2J\u{1b}[2J",
            "\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}",
            "Grüße, 世界 🎉",
        ] {
            let line = text_of(&Value::from(text).to_string());
            assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), text);
            assert!(!line.contains(is_a_command), "{line:?}");
        }
        assert_eq!(text_of("\"Grüße\""), "\"Grüße\"");
    }
}
