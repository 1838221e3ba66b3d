//! What Sluice has to say of an answer, in its last frame: members that Ollama does not have.

use serde_json::Value;

use super::lines::{LineSplitter, LineTooLong};
use super::watch::is_last_line;
use crate::endpoint::Form;

/// Writes members into the last frame of an answer of Ollama's.
#[derive(Debug)]
pub(crate) struct LastFrame {
    /// As they stand behind the brace, each with a comma.
    members: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// The last line.
    LastLine(LineSplitter),
    /// The document, whose brace has not come yet.
    Document,
    /// The same document, of which nothing but white space has come behind its brace.
    Members,
    /// Nowhere any more.
    Told,
}

impl LastFrame {
    /// For an answer that the upstream sends in `form`; each member by its name.
    pub(crate) fn new(members: &[(&str, Value)], form: Form) -> LastFrame {
        let place = match form {
            Form::Lines | Form::Events => Place::LastLine(LineSplitter::default()),
            Form::Document => Place::Document,
            // These have no place for it.
            Form::OpenAiEvents
            | Form::OpenAiDocument
            | Form::AnthropicEvents
            | Form::AnthropicDocument => Place::Told,
        };
        LastFrame {
            members: members
                .iter()
                .map(|(name, value)| format!("\"{name}\":{value},"))
                .collect(),
            place,
        }
    }

    /// The chunk as it is passed on.
    ///
    /// # Errors
    /// A line is longer than [`super::MAX_LINE`].
    pub(crate) fn pass(&mut self, chunk: Vec<u8>) -> Result<Vec<u8>, LineTooLong> {
        match &mut self.place {
            Place::Told => Ok(chunk),
            Place::Document => {
                let Some(brace) = chunk.iter().position(|byte| *byte == b'{') else {
                    return Ok(chunk);
                };
                self.place = Place::Members;
                Ok(self.behind(brace + 1, chunk))
            }
            Place::Members => Ok(self.behind(0, chunk)),
            Place::LastLine(lines) => {
                let mut out = Vec::with_capacity(chunk.len());
                lines.feed(&chunk, |line| {
                    write_line(line, &self.members, &mut out);
                    out.push(b'\n');
                })?;
                Ok(out)
            }
        }
    }

    /// Writes the members before the first of the document's own, which lies there or further on.
    fn behind(&mut self, from: usize, chunk: Vec<u8>) -> Vec<u8> {
        let rest = chunk.get(from..).unwrap_or_default();
        let Some(spaces) = rest.iter().position(|byte| !byte.is_ascii_whitespace()) else {
            return chunk;
        };
        let members = match rest.get(spaces) {
            // Of none: no comma follows.
            Some(b'}') => self.members.trim_end_matches(','),
            _ => &self.members,
        };
        let at = from + spaces;
        let mut out = chunk;
        out.splice(at..at, members.bytes());
        self.place = Place::Told;
        out
    }

    /// A last line that its sender did not end.
    pub(crate) fn end(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Place::LastLine(lines) = &self.place {
            write_line(lines.remainder(), &self.members, &mut out);
        }
        out
    }
}

fn write_line(line: &[u8], members: &str, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(line);
    if is_last_line(line)
        && let Some(brace) = line.iter().position(|byte| *byte == b'{')
    {
        let at = begin + brace + 1;
        out.splice(at..at, members.bytes());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told() -> [(&'static str, Value); 1] {
        let cut = json!({ "prompt_tokens": 3499, "num_ctx": 512 });
        [("prompt_cut", cut)]
    }

    #[test]
    fn several_members_stand_behind_one_brace() {
        let members = [("a", json!(1)), ("b", json!({ "c": "\n" }))];
        let mut writer = LastFrame::new(&members, Form::Lines);
        let out = writer.pass(b"{\"done\":true}\n".to_vec()).unwrap();
        let expected = "{\"a\":1,\"b\":{\"c\":\"\\n\"},\"done\":true}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn the_last_line_tells_it_and_no_other_wherever_the_chunks_are_cut() {
        let line = "{\"message\":{\"content\":\"\\\"done\\\":true\"},\"done\":false}\n";
        let answer = format!("{line}{line}{{\"done\":true}}");
        let expected = format!(
            "{line}{line}{{\"prompt_cut\":{{\"prompt_tokens\":3499,\"num_ctx\":512}},\"done\":true}}"
        );
        for cut in 0..=answer.len() {
            for last in ["", "\n"] {
                let mut writer = LastFrame::new(&told(), Form::Lines);
                let (head, tail) = answer.split_at(cut);
                let mut out = writer.pass(head.as_bytes().to_vec()).unwrap();
                out.extend(writer.pass(format!("{tail}{last}").into_bytes()).unwrap());
                out.extend(writer.end());
                let expected = format!("{expected}{last}");
                assert_eq!(String::from_utf8(out).unwrap(), expected, "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_document_tells_it_behind_its_brace() {
        let mut writer = LastFrame::new(&told(), Form::Document);
        let mut out = writer.pass(b" ".to_vec()).unwrap();
        out.extend(writer.pass(b"{\"a\":{}".to_vec()).unwrap());
        out.extend(writer.pass(b",\"done\":true}".to_vec()).unwrap());
        out.extend(writer.end());
        let told =
            "{\"prompt_cut\":{\"prompt_tokens\":3499,\"num_ctx\":512},\"a\":{},\"done\":true}";
        assert_eq!(String::from_utf8(out).unwrap(), format!(" {told}"));
    }
    #[test]
    fn an_empty_document_stays_one_wherever_the_chunks_are_cut() {
        for (answer, expected) in [("{}", "{\"a\":1}"), (" { } ", " { \"a\":1} ")] {
            for cut in 0..=answer.len() {
                let mut writer = LastFrame::new(&[("a", json!(1))], Form::Document);
                let (head, tail) = answer.split_at(cut);
                let mut out = writer.pass(head.as_bytes().to_vec()).unwrap();
                out.extend(writer.pass(tail.as_bytes().to_vec()).unwrap());
                out.extend(writer.end());
                assert_eq!(String::from_utf8(out).unwrap(), expected, "cut at {cut}");
            }
        }
    }
}
