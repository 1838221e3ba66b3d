//! The messages of a chat completion as those of Ollama's own chat.

use std::collections::VecDeque;

use crate::json::{Kind, Raw};
use crate::request::Invalid;
use crate::translation::Output;

/// Writes the messages, one or more for each.
///
/// # Errors
/// Ollama would not take one.
pub(super) fn translate_all<'a>(
    messages: impl Iterator<Item = Raw<'a>>,
    out: &mut Output,
) -> Result<(), Invalid> {
    let mut calls = Calls::default();
    for (index, message) in messages.enumerate() {
        let message = Message::read(message, format!("messages[{index}]"));
        message.translate(&mut calls, out)?;
    }
    Ok(())
}

/// The calls that were made so far, id and name: OpenAI's answer to a call has only the call's id.
#[derive(Debug, Default)]
struct Calls<'a>(VecDeque<(&'a [u8], Raw<'a>)>);

impl<'a> Calls<'a> {
    fn made(&mut self, id: Raw<'a>, name: Raw<'a>) {
        if id.bytes().len() > LONGEST_ID {
            return;
        }
        if self.0.len() == MAX_CALLS {
            self.0.pop_back();
        }
        self.0.push_front((id.bytes(), name));
    }

    fn name_of(&self, id: Raw<'_>) -> Option<Raw<'a>> {
        let made = self.0.iter().find(|(made, _)| *made == id.bytes());
        made.map(|(_, name)| *name)
    }
}

/// How many calls are remembered. Their answers follow them.
const MAX_CALLS: usize = 256;

/// The longest id that is remembered, as it is written, in bytes: each result is compared with all of them. Those of clients and
/// of Ollama have up to 40.
const LONGEST_ID: usize = 128;

/// One message. It is read once: its content may have as many parts as it likes.
struct Message<'a> {
    path: String,
    role: Option<Raw<'a>>,
    content: Option<Raw<'a>>,
    reasoning: Option<Raw<'a>>,
    tool_calls: Option<Raw<'a>>,
    name: Option<Raw<'a>>,
    tool_call_id: Option<Raw<'a>>,
}

impl<'a> Message<'a> {
    fn read(raw: Raw<'a>, path: String) -> Message<'a> {
        let [role, content, reasoning, tool_calls, name, tool_call_id] = raw.read([
            "role",
            "content",
            "reasoning",
            "tool_calls",
            "name",
            "tool_call_id",
        ]);
        Message {
            path,
            role,
            content,
            reasoning,
            tool_calls,
            name,
            tool_call_id,
        }
    }

    fn translate(&self, calls: &mut Calls<'a>, out: &mut Output) -> Result<(), Invalid> {
        match self.content {
            Some(content) if content.kind() == Kind::Text => {
                self.begin(out)?;
                out.member("content", content.bytes())?;
                self.end(calls, out)
            }
            Some(content) if content.kind() == Kind::Array => self.parts(content, calls, out),
            _ if self.tool_calls.is_some() => {
                self.begin(out)?;
                self.end(calls, out)
            }
            _ => Err(Invalid::request(
                Some(&format!("{}.content", self.path)),
                format!(
                    "{}.content must be a string or an array of parts",
                    self.path
                ),
            )),
        }
    }

    /// A message for each part; what belongs to them all goes with the last.
    fn parts(
        &self,
        content: Raw<'a>,
        calls: &mut Calls<'a>,
        out: &mut Output,
    ) -> Result<(), Invalid> {
        let mut parts = content.items().enumerate().peekable();
        if parts.peek().is_none() && self.tool_calls.is_some() {
            self.begin(out)?;
            return self.end(calls, out);
        }
        while let Some((index, part)) = parts.next() {
            self.begin(out)?;
            let part = Part {
                raw: part,
                path: format!("{}.content[{index}]", self.path),
            };
            part.translate(out)?;
            match parts.peek() {
                Some(_) => out.push(b"}")?,
                None => self.end(calls, out)?,
            }
        }
        Ok(())
    }

    fn begin(&self, out: &mut Output) -> Result<(), Invalid> {
        out.separate()?;
        out.push(b"{")?;
        match self.role {
            Some(role) => out.member("role", role.bytes()),
            None => Ok(()),
        }
    }

    fn end(&self, calls: &mut Calls<'a>, out: &mut Output) -> Result<(), Invalid> {
        let texts = [
            ("thinking", self.reasoning),
            ("tool_call_id", self.tool_call_id),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                out.member(name, text.bytes())?;
            }
        }
        if let Some(made) = self.tool_calls {
            out.member("tool_calls", b"[")?;
            for (index, call) in made.items().enumerate() {
                let call = Call {
                    raw: call,
                    path: format!("{}.tool_calls[{index}]", self.path),
                };
                call.translate(calls, out)?;
            }
            out.push(b"]")?;
        }
        if self.is_tool()
            && let Some(name) = self.tool_name(calls)
        {
            out.member("tool_name", name.bytes())?;
        }
        out.push(b"}")
    }

    fn is_tool(&self) -> bool {
        self.role
            .is_some_and(|role| role.bytes().eq_ignore_ascii_case(b"\"tool\""))
    }

    fn tool_name(&self, calls: &Calls<'a>) -> Option<Raw<'a>> {
        self.name
            .filter(|name| !name.is_written(""))
            .or_else(|| calls.name_of(self.tool_call_id?))
    }
}

struct Part<'a> {
    raw: Raw<'a>,
    path: String,
}

impl Part<'_> {
    fn translate(&self, out: &mut Output) -> Result<(), Invalid> {
        let is = |kind: &str| self.raw.has_type(kind);
        let text = self.raw.member("text");
        match text.filter(|text| text.kind() == Kind::Text) {
            Some(text) if is("text") => out.member("content", text.bytes()),
            _ if is("image_url") => self.image(out),
            _ if is("input_audio") => self.audio(out),
            _ => Err(Invalid::request(
                Some(&self.path),
                format!(
                    "{} must be a text, an image_url or an input_audio",
                    self.path
                ),
            )),
        }
    }

    fn image(&self, out: &mut Output) -> Result<(), Invalid> {
        let url = self.raw.member("image_url");
        let url = url.and_then(|url| match url.kind() {
            Kind::Object => url.member("url"),
            _ => Some(url),
        });
        let url = url.filter(|url| url.kind() == Kind::Text);
        let is_written = match url {
            Some(url) => data(out, |out| picture(url, out))?,
            None => false,
        };
        if is_written {
            return Ok(());
        }
        Err(Invalid::request(
            Some(&format!("{}.image_url", self.path)),
            format!(
                "{}.image_url must be a data: URL with a jpeg, png or webp in base64",
                self.path
            ),
        ))
    }

    fn audio(&self, out: &mut Output) -> Result<(), Invalid> {
        let audio = self.raw.member("input_audio");
        let audio = audio.and_then(|audio| audio.member("data"));
        let audio = audio.filter(|audio| audio.kind() == Kind::Text);
        let is_written = match audio {
            Some(audio) => data(out, |out| out.base64(audio, |_| Some(&b""[..])))?,
            None => false,
        };
        if is_written {
            return Ok(());
        }
        Err(Invalid::request(
            Some(&format!("{}.input_audio", self.path)),
            format!("{}.input_audio must have data in base64", self.path),
        ))
    }
}

/// Writes base64 as `images`; `false`: there is none.
fn data(
    out: &mut Output,
    write: impl FnOnce(&mut Output) -> Result<bool, Invalid>,
) -> Result<bool, Invalid> {
    out.member("images", b"[\"")?;
    if !write(out)? {
        return Ok(false);
    }
    out.push(b"\"]")?;
    Ok(true)
}

/// Writes the base64 of a `data:` URL with a picture that Ollama takes; `false`: it is none.
pub(crate) fn picture(url: Raw<'_>, out: &mut Output) -> Result<bool, Invalid> {
    let begins = |data: &[u8]| IMAGES.into_iter().find(|begin| data.starts_with(begin));
    out.base64(url, begins)
}

struct Call<'a> {
    raw: Raw<'a>,
    path: String,
}

impl<'a> Call<'a> {
    fn translate(&self, calls: &mut Calls<'a>, out: &mut Output) -> Result<(), Invalid> {
        out.separate()?;
        out.push(b"{")?;
        let id = self.raw.member("id");
        if let Some(id) = id {
            out.member("id", id.bytes())?;
        }
        let function = self.raw.member("function");
        let name = function.and_then(|function| function.member("name"));
        out.member("function", b"{")?;
        if let Some(name) = name {
            out.member("name", name.bytes())?;
        }
        out.member("arguments", b"")?;
        let arguments = function.and_then(|function| function.member("arguments"));
        match arguments.filter(|arguments| !arguments.is_written("")) {
            Some(arguments) => self.arguments(arguments, out)?,
            None => out.push(b"{}")?,
        }
        if let (Some(id), Some(name)) = (id, name) {
            calls.made(id, name);
        }
        out.push(b"}}")
    }

    /// A text that says a JSON object becomes the object.
    fn arguments(&self, arguments: Raw<'_>, out: &mut Output) -> Result<(), Invalid> {
        let is_object = out.object(arguments)?;
        if is_object {
            return Ok(());
        }
        Err(Invalid::request(
            Some(&format!("{}.function.arguments", self.path)),
            format!(
                "{}.function.arguments must be a JSON object as text",
                self.path
            ),
        ))
    }
}

/// What Ollama takes for a picture.
const IMAGES: [&[u8]; 5] = [
    b"data:image/jpeg;base64,",
    b"data:image/jpg;base64,",
    b"data:image/png;base64,",
    b"data:image/webp;base64,",
    b"data:;base64,",
];
