//! The log: one line of JSON for each request, on stderr. What came from outside is escaped, so no line can be forged.

use std::io::Write;

use crate::clock;
use crate::tasks;
use serde_json::{Map, Value};

/// One line, being gathered.
#[derive(Clone, Debug)]
pub struct Line(Map<String, Value>);

impl Line {
    /// A line about this event, at this moment (`time_ms` since 1970).
    pub fn new(event: &str) -> Line {
        let mut members = Map::new();
        members.insert("time_ms".to_owned(), clock::wall_ms().into());
        members.insert("event".to_owned(), event.into());
        if let Some(id) = tasks::request_id() {
            members.insert("request_id".to_owned(), (*id).into());
        }
        Line(members)
    }

    /// The same with one more member.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Line {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Writes the line. A log that cannot be written must not end the requests that it is about.
    pub fn write(self) {
        let mut line = plain(&Value::Object(self.0).to_string());
        line.push('\n');
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// The same JSON without characters that a terminal or an editor takes for commands, for ends of lines or for a change of
/// direction: JSON itself only escapes those below the space.
fn plain(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_a_command(c) {
            // They stand in strings alone, and none needs two units.
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    text
}

fn is_a_command(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_of_one_line_whatever_is_in_it() {
        for text in [
            "a\n{\"event\":\"forged\"}",
            "\u{7f}\u{85}\u{9b}2J\u{1b}[2J",
            "\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}",
            "Grüße, 世界 🎉",
        ] {
            let line = plain(&Value::from(text).to_string());
            assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), text);
            assert!(!line.contains(is_a_command), "{line:?}");
        }
        assert_eq!(plain("\"Grüße\""), "\"Grüße\"");
    }
}
