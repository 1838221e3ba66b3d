//! What of two answers is not the same, told in a line.

use ollama_sim::record::Transcript;
use serde_json::Value;

/// What the one said and the other did not, and the other way round; `None`: they are alike.
pub(super) fn difference(recorded: &Transcript, said: &Transcript) -> Option<[String; 2]> {
    let (mut recorded, mut said) = (Answer::of(recorded), Answer::of(said));
    if recorded.is_left || said.is_left {
        // Who hangs up does so after so many chunks, which need not be as many lines.
        let both = recorded.lines.len().min(said.lines.len());
        for answer in [&mut recorded, &mut said] {
            answer.lines.truncate(both);
            answer.is_whole = true;
        }
    }
    let (is_same_kind, is_same_end) = (
        recorded.kind == said.kind,
        recorded.is_whole == said.is_whole,
    );
    let is_same_status = recorded.status == said.status;
    if is_same_status && is_same_kind && is_same_end && recorded.lines == said.lines {
        return None;
    }
    let pairs = recorded.lines.iter().zip(&said.lines);
    let at = pairs.take_while(|(one, other)| one == other).count();
    let line = |answer: &Answer| match answer.lines.get(at) {
        Some(line) => line.clone(),
        None if recorded.lines.len() == said.lines.len() => String::new(),
        None => "nothing more".to_owned(),
    };
    let lines = apart(&line(&recorded), &line(&said));
    let told = |answer: Answer, line: &str| {
        let kind = if is_same_kind { "" } else { &answer.kind };
        let end = match answer.is_whole {
            _ if is_same_end => "",
            true => "whole",
            false => "broken off",
        };
        let parts = [
            &answer.status.to_string(),
            kind,
            answer.code.as_deref().unwrap_or(""),
            line,
            end,
        ];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    };
    Some([told(recorded, &lines[0]), told(said, &lines[1])])
}

/// Of two texts what is not in both, from the member on in which they begin to differ.
fn apart(one: &str, other: &str) -> [String; 2] {
    let same = one.bytes().zip(other.bytes());
    let same = same.take_while(|(one, other)| one == other).count();
    let begin = one.get(..same).and_then(|same| same.rfind([',', '{']));
    let begin = begin.filter(|at| one.starts_with('{') && *at > 0);
    [one, other].map(|text| match begin {
        Some(at) => format!("…{}", short(&text[at..])),
        None => short(text).to_owned(),
    })
}

fn short(text: &str) -> &str {
    let cut = text.char_indices().nth(LONGEST);
    cut.map_or(text, |(at, _)| &text[..at])
}

/// An answer without its values.
struct Answer {
    status: u16,
    /// The type, without its parameters.
    kind: String,
    /// Sluice's own word for a refusal, which is told and not compared.
    code: Option<String>,
    /// The words of an error, or the shapes of the lines, heartbeats left out; of several alike that follow one another one is kept.
    lines: Vec<String>,
    is_whole: bool,
    is_left: bool,
}

impl Answer {
    fn of(transcript: &Transcript) -> Self {
        let mut headers = transcript.headers.iter();
        let kind = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let kind = kind
            .and_then(|(_, value)| value.as_str())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().to_owned();
        let body: String = transcript.frames.iter().map(whole_lines).collect();
        let error = serde_json::from_str::<Value>(&body).ok();
        let error = error.filter(|_| transcript.status >= 400);
        let code = error.as_ref().and_then(|error| {
            let code = error["error"].get("code").unwrap_or(&error["code"]);
            code.as_str().map(str::to_owned)
        });
        let mut lines = match (kind.as_str(), &error) {
            (_, Some(error)) => vec![words(error)],
            ("application/json" | "application/x-ndjson", _) => {
                body.lines().filter_map(line).collect()
            }
            ("text/event-stream", _) => body.split("\n\n").filter_map(event).collect(),
            ("", _) => Vec::new(),
            _ => vec![without_digits(body.lines().next().unwrap_or_default())],
        };
        lines.dedup();
        Self {
            status: transcript.status,
            kind,
            code,
            lines,
            is_whole: matches!(transcript.end.as_str(), "complete" | "closed"),
            is_left: transcript.end == "client hung up",
        }
    }
}

/// A chunk. Of one that was too long to be kept only whole lines are, and nothing of those that were left out.
fn whole_lines(frame: &Value) -> String {
    let text = frame.as_str().unwrap_or_default();
    match text.split_once(" ...[cut ") {
        Some((kept, _)) => match kept.rfind('\n') {
            Some(end) => kept[..=end].to_owned(),
            None => String::new(),
        },
        None => text.to_owned(),
    }
}

fn words(error: &Value) -> String {
    let error = &error["error"];
    let words = error.as_str().or(error["message"].as_str());
    let words = without_digits(words.unwrap_or_default());
    match error["type"].as_str() {
        Some(kind) => format!("{kind}: {words}"),
        None => words,
    }
}

/// The shape of a line; `None`: nothing is said.
fn line(line: &str) -> Option<String> {
    match serde_json::from_str::<Value>(line) {
        Ok(value) if value.get("queue").is_some() && value["done"] != true => None,
        Ok(value) => Some(shape("", &value)),
        Err(_) => Some(line.trim())
            .filter(|line| !line.is_empty())
            .map(without_digits),
    }
}

/// The shape of an event; its name is its type, which stands in it, too.
fn event(text: &str) -> Option<String> {
    let mut fields = text.lines().filter_map(|line| line.strip_prefix("data: "));
    line(fields.next()?)
}

/// A value without what is the model's or the machine's; members in the order of the alphabet, since it is nobody's.
fn shape(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(_) => "n".to_owned(),
        Value::String(text) if WORDS.contains(&name) => format!("{:?}", without_digits(text)),
        Value::String(_) => "s".to_owned(),
        Value::Array(items) => {
            let mut shapes: Vec<String> = items.iter().map(|item| shape("", item)).collect();
            shapes.dedup();
            format!("[{}]", shapes.join(","))
        }
        Value::Object(members) => {
            let mut shapes: Vec<String> = members
                .iter()
                .filter(|(member, _)| !OWN.contains(&member.as_str()))
                .map(|(member, value)| format!("{member}:{}", shape(member, value)))
                .collect();
            shapes.sort();
            format!("{{{}}}", shapes.join(","))
        }
    }
}

/// Numbers in a sentence are values too, and so are digests.
fn without_digits(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric()) {
        let letters = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let is_digest = letters.len() == 64 && letters.bytes().all(|byte| byte.is_ascii_hexdigit());
        let word = if is_digest {
            word.replace(letters, "#")
        } else {
            word.to_owned()
        };
        for letter in word.chars() {
            let letter = if letter.is_ascii_digit() { '#' } else { letter };
            if !(letter == '#' && out.ends_with('#')) {
                out.push(letter);
            }
        }
    }
    out
}

/// Of what is told of an answer, in letters.
const LONGEST: usize = 120;

/// What Sluice tells of the line.
const OWN: [&str; 2] = ["queue", "waited"];

/// Members whose values are words of the protocol.
const WORDS: [&str; 12] = [
    "code",
    "done_reason",
    "error",
    "finish_reason",
    "message",
    "object",
    "owned_by",
    "role",
    "status",
    "stop_reason",
    "tool_choice",
    "type",
];
