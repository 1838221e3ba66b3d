//! Writes the name that a client asked for in place of the one that its model has.
//!
//! # How
//! The bytes are looked at as they pass, in any framing: outside of a JSON document they are not looked at. Only the member `model`
//! of a document, or of the object `response` or `message` within it, is written anew, and only where it is the name that was sent.
//! At most so many bytes are held back as that name has.

/// Renames the model of one answer.
#[derive(Debug)]
pub(crate) struct Renamer {
    /// Both as JSON texts, with their quotes.
    from: Vec<u8>,
    to: Vec<u8>,
    depth: u32,
    /// Whether what comes is the value of a member.
    is_value: bool,
    text: Text,
    /// The last name of a member at the depth at which it matters.
    name: Name,
    /// Whether the object that is being read is one whose model matters, too.
    is_in_answer: bool,
    held: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    None,
    /// A text that matters not, or a name that is still compared.
    Passed {
        is_escaped: bool,
    },
    /// A text that may be the name of the model.
    Held {
        is_escaped: bool,
    },
}

/// What the name of a member may be, as far as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// The first of [`NAMES`] that begins as what was read does, and how many bytes of it were.
    Known(usize, usize),
    Other,
}

/// The names that matter, each with the quote at its end: the model, and the objects that have one, of `/v1/responses` and of
/// `/v1/messages`. Those that begin alike stand together.
const NAMES: [&[u8]; 3] = [b"model\"", b"message\"", b"response\""];
const MODEL: usize = 0;

impl Renamer {
    /// For answers that say `from` where the client asked for `to`.
    pub(crate) fn new(from: &str, to: &str) -> Renamer {
        let quoted = |name: &str| serde_json::Value::from(name).to_string().into_bytes();
        Renamer {
            from: quoted(from),
            to: quoted(to),
            depth: 0,
            is_value: false,
            text: Text::None,
            name: Name::Other,
            is_in_answer: false,
            held: Vec::new(),
        }
    }

    /// The chunk as the client reads it.
    pub(crate) fn pass(&mut self, chunk: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(chunk.len() + self.held.len() + self.to.len());
        for &byte in chunk {
            match self.text {
                Text::None => self.between(byte, &mut out),
                Text::Passed { is_escaped } => {
                    out.push(byte);
                    if !self.is_value {
                        self.name = self.name.and(byte);
                    }
                    self.text = match byte {
                        b'"' if !is_escaped => Text::None,
                        byte => Text::Passed {
                            is_escaped: byte == b'\\' && !is_escaped,
                        },
                    };
                }
                Text::Held { is_escaped } => self.hold(byte, is_escaped, &mut out),
            }
        }
        out
    }

    /// What is still held back, when no more comes.
    pub(crate) fn end(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn between(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'{' | b'[' => {
                self.is_in_answer |= self.depth == 1 && self.is_value && self.name.is_answer();
                self.depth = self.depth.saturating_add(1);
                self.is_value = byte == b'[';
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.is_in_answer &= self.depth > 1;
                self.is_value = false;
            }
            b':' => self.is_value = true,
            // Within an array it may be wrong, and no array's item matters.
            b',' => self.is_value = false,
            b'"' if self.depth > 0 => {
                let matters = self.depth == 1 || self.depth == 2 && self.is_in_answer;
                if matters && self.is_value && self.name.is_model() {
                    self.held.push(byte);
                    self.text = Text::Held { is_escaped: false };
                    return;
                }
                if !self.is_value {
                    self.name = if matters {
                        Name::Known(0, 0)
                    } else {
                        Name::Other
                    };
                }
                self.text = Text::Passed { is_escaped: false };
            }
            _ => {}
        }
        out.push(byte);
    }

    fn hold(&mut self, byte: u8, is_escaped: bool, out: &mut Vec<u8>) {
        self.held.push(byte);
        let is_end = byte == b'"' && !is_escaped;
        let is_escaped = byte == b'\\' && !is_escaped;
        if is_end && self.held == self.from {
            out.extend_from_slice(&self.to);
            self.held.clear();
            self.text = Text::None;
        } else if is_end || !self.from.starts_with(&self.held) {
            out.append(&mut self.held);
            self.text = match is_end {
                true => Text::None,
                false => Text::Passed { is_escaped },
            };
        } else {
            self.text = Text::Held { is_escaped };
        }
    }
}

impl Name {
    /// With one more byte, the quote at its end included.
    fn and(self, byte: u8) -> Name {
        let Name::Known(name, length) = self else {
            return Name::Other;
        };
        let so_far = NAMES.get(name).and_then(|name| name.get(..length));
        let goes_on =
            |name: &&[u8]| name.get(..length) == so_far && name.get(length) == Some(&byte);
        let found = NAMES.iter().position(goes_on);
        found.map_or(Name::Other, |name| Name::Known(name, length + 1))
    }

    /// Which one it is, when it has ended.
    fn whole(self) -> Option<usize> {
        match self {
            Name::Known(name, length) => {
                let is_whole = NAMES.get(name).is_some_and(|name| name.len() == length);
                is_whole.then_some(name)
            }
            Name::Other => None,
        }
    }

    fn is_model(self) -> bool {
        self.whole() == Some(MODEL)
    }

    fn is_answer(self) -> bool {
        self.whole().is_some_and(|name| name != MODEL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(answer: &str) -> String {
        let in_chunks_of = |size: usize| {
            let mut renamer = Renamer::new("qwen3:8b", "gpt-4o");
            let chunks = answer.as_bytes().chunks(size);
            let mut out: Vec<u8> = chunks.flat_map(|chunk| renamer.pass(chunk)).collect();
            out.extend(renamer.end());
            String::from_utf8(out).unwrap()
        };
        let whole = in_chunks_of(usize::MAX);
        for size in [1, 2, 3, 7] {
            assert_eq!(in_chunks_of(size), whole, "in chunks of {size}");
        }
        whole
    }

    #[test]
    fn the_model_of_each_frame_is_renamed_whatever_the_framing() {
        for (answer, expected) in [
            (
                "{\"model\":\"qwen3:8b\",\"message\":{\"content\":\"a\"}}\n{\"model\" : \"qwen3:8b\"}\n",
                "{\"model\":\"gpt-4o\",\"message\":{\"content\":\"a\"}}\n{\"model\" : \"gpt-4o\"}\n",
            ),
            (
                "event: \"x\ndata: {\"id\":\"1\",\"model\":\"qwen3:8b\"}\n\ndata: [DONE]\n\n",
                "event: \"x\ndata: {\"id\":\"1\",\"model\":\"gpt-4o\"}\n\ndata: [DONE]\n\n",
            ),
            (
                r#"{"object":"list","data":[{"embedding":[1,2],"x":"model"}],"model":"qwen3:8b"}"#,
                r#"{"object":"list","data":[{"embedding":[1,2],"x":"model"}],"model":"gpt-4o"}"#,
            ),
            (
                r#"{"type":"x","response":{"model":"qwen3:8b","output":[{"model":"qwen3:8b"}]},"model":"qwen3:8b"}"#,
                r#"{"type":"x","response":{"model":"gpt-4o","output":[{"model":"qwen3:8b"}]},"model":"gpt-4o"}"#,
            ),
            (
                "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"qwen3:8b\",\"content\":[]}}\n\n",
                "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"gpt-4o\",\"content\":[]}}\n\n",
            ),
        ] {
            assert_eq!(renamed(answer), expected);
        }
    }

    #[test]
    fn nothing_else_is_changed() {
        for answer in [
            r#"{"model":"qwen3:8b2","a":1}"#,
            r#"{"model":"qwen3","b":"model"}"#,
            r#"{"models":"qwen3:8b"}"#,
            r#"{"message":{"content":"\"model\":\"qwen3:8b\"","tool":{"model":"qwen3:8b"}}}"#,
            r#"{"messages":{"model":"qwen3:8b"},"mess":{"model":"qwen3:8b"},"x":{"message":{"model":"qwen3:8b"}}}"#,
            r#"{"content":"{\"model\":\"qwen3:8b\"}"}"#,
            r#"{"a":["model","qwen3:8b"],"model":["qwen3:8b"]}"#,
            r#"{"model":"qwen3:"#,
            r#"{"model":"qwen3:8b\""}"#,
            "",
        ] {
            assert_eq!(renamed(answer), answer);
        }
    }
}
