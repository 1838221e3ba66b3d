//! What of a transcript has to be the same: everything but values.

use ollama_sim::record::Transcript;
use serde_json::{Map, Value};

/// A transcript without its values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    status: u16,
    headers: Vec<(String, String)>,
    /// The chunks; of several alike that follow one another one is kept.
    frames: Vec<String>,
    end: String,
}

impl Shape {
    pub(crate) fn of(transcript: &Transcript) -> Self {
        let mut frames: Vec<String> = Vec::new();
        for frame in &transcript.frames {
            let shape = match frame.as_str() {
                Some(text) => of_frame(text),
                None => continue,
            };
            if frames.last() != Some(&shape) {
                frames.push(shape);
            }
        }
        Self {
            status: transcript.status,
            headers: headers(&transcript.headers),
            frames,
            end: transcript.end.clone(),
        }
    }
}

/// What is not the same, if anything is not.
pub(crate) fn difference(recorded: &Shape, said: &Shape) -> Option<String> {
    if recorded.status != said.status {
        return Some(format!(
            "status {} and not {} ({:?})",
            said.status, recorded.status, said.frames
        ));
    }
    if recorded.headers != said.headers {
        return Some(format!(
            "headers\n    recorded {:?}\n    said     {:?}",
            recorded.headers, said.headers
        ));
    }
    let same = recorded.frames.iter().zip(&said.frames);
    // A chunk that was too long to be kept cannot be compared.
    let is_same = |(one, other): &(&String, &String)| one == other || *one == TOO_LONG;
    let at = same.take_while(is_same).count();
    if recorded.frames.len() != said.frames.len() || at < said.frames.len() {
        return Some(format!(
            "frame {at} of {} and {}\n    recorded {}\n    said     {}",
            recorded.frames.len(),
            said.frames.len(),
            recorded.frames.get(at).map_or("-", String::as_str),
            said.frames.get(at).map_or("-", String::as_str),
        ));
    }
    (recorded.end != said.end).then(|| format!("end {:?} and not {:?}", said.end, recorded.end))
}

/// Names in lower case and sorted; a length is told or not.
fn headers(headers: &Map<String, Value>) -> Vec<(String, String)> {
    let mut shape: Vec<_> = headers
        .iter()
        .map(|(name, value)| {
            let name = name.to_lowercase();
            let value = match name.as_str() {
                "content-length" => "told".to_owned(),
                _ => value.as_str().unwrap_or_default().to_owned(),
            };
            (name, value)
        })
        .collect();
    shape.sort();
    shape
}

/// A chunk: lines, events, or a document that may have been cut when it was recorded.
pub(crate) fn of_frame(text: &str) -> String {
    if text.contains(" ...[cut ") {
        return TOO_LONG.to_owned();
    }
    let mut lines: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        let mut shape = String::new();
        let (data, end) = match line.strip_suffix('\n') {
            Some(data) => (data, "\\n"),
            None => (line, ""),
        };
        let (field, data) = match data.strip_prefix("data: ") {
            Some(data) => ("data: ", data),
            None => ("", data),
        };
        shape += field;
        match serde_json::from_str::<Value>(data) {
            Ok(value) => shape += &of_value("", &value),
            Err(_) => shape += &without_digits(data),
        }
        shape += end;
        if lines.last() != Some(&shape) {
            lines.push(shape);
        }
    }
    lines.concat()
}

fn of_value(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(_) => "n".to_owned(),
        Value::String(text) if WORDS.contains(&name) => format!("{:?}", without_digits(text)),
        Value::String(_) => "s".to_owned(),
        Value::Array(items) => {
            let mut shapes: Vec<String> = items.iter().map(|item| of_value("", item)).collect();
            shapes.dedup();
            format!("[{}]", shapes.join(","))
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{name}:{}", of_value(name, value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
    }
}

/// Numbers in a sentence are values too.
fn without_digits(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, digest)) = rest.split_once("sha256:") {
        out += before;
        out += "sha:";
        rest = digest.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    let text = out + rest;
    let mut out = String::new();
    for letter in text.chars() {
        if !letter.is_ascii_digit() {
            out.push(letter);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}

const TOO_LONG: &str = "too long";

/// Members whose values are words of the protocol.
const WORDS: [&str; 13] = [
    "error",
    "message",
    "type",
    "role",
    "object",
    "status",
    "done_reason",
    "finish_reason",
    "stop_reason",
    "tool_choice",
    "truncation",
    "service_tier",
    "owned_by",
];
