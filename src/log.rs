//! The log: one line of JSON for each request, on stderr. JSON escapes what came from outside, so no line can be forged.

use std::io::Write;

use serde_json::{Map, Value};
use spin_sdk::wasip3::clocks::system_clock;

/// One line, being gathered.
#[derive(Clone, Debug)]
pub struct Line(Map<String, Value>);

impl Line {
    /// A line about this event, at this moment (`time_ms` since 1970).
    pub fn new(event: &str) -> Line {
        let now = system_clock::now();
        let time_ms = now.seconds * 1000 + i64::from(now.nanoseconds / 1_000_000);
        let mut members = Map::new();
        members.insert("time_ms".to_owned(), time_ms.into());
        members.insert("event".to_owned(), event.into());
        Line(members)
    }

    /// The same with one more member.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Line {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Writes the line. A log that cannot be written must not end the requests that it is about.
    pub fn write(self) {
        let mut line = Value::Object(self.0).to_string();
        line.push('\n');
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
