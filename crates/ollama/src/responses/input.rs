//! The input of a response, a text or a list of items, as the messages of Ollama's own chat.
//!
//! Items that belong together are one message: what was thought, what was said, and the calls behind it. So is a text of the
//! assistant's between a call and its output, since an answer to a call has to follow it.

use super::content::Content;
use crate::json::{Kind, Raw};
use crate::openai::picture;
use crate::request::{Draft, Invalid};
use crate::translation::Output;

/// Writes the instructions and the input as messages.
///
/// # Errors
/// Ollama would not take an item.
pub(super) fn messages(asked: &Draft, out: &mut Output) -> Result<(), Invalid> {
    let text = |name: &str| {
        let text = asked.value(name).filter(|text| text.kind() == Kind::Text);
        text.filter(|text| !text.is_written(""))
    };
    for (role, text) in [("system", text("instructions")), ("user", text("input"))] {
        if let Some(text) = text {
            out.separate()?;
            out.push(b"{")?;
            out.member("role", format!("\"{role}\"").as_bytes())?;
            out.member("content", text.bytes())?;
            out.push(b"}")?;
        }
    }
    match asked.value("input") {
        Some(input) => items(input, out),
        None => Ok(()),
    }
}

fn items(input: Raw<'_>, out: &mut Output) -> Result<(), Invalid> {
    let mut items = input.items().enumerate();
    let mut open: Option<Group<'_, _>> = None;
    // What was thought before whatever comes next of the assistant's.
    let mut thought = None;
    loop {
        let from = items.clone();
        let Some((index, raw)) = items.next() else {
            break;
        };
        let item = Item::read(index, raw)?;
        match item.kind {
            What::Search => continue,
            What::Reasoning => {
                let said = raw.member("encrypted_content");
                thought = said.filter(|said| !said.is_written(""));
                continue;
            }
            What::Message | What::Output => {
                let is_assistant = item.is_assistant();
                let thinking = if is_assistant { thought.take() } else { None };
                let next = items.clone().next();
                if let Some(open) = &mut open
                    && is_assistant
                    && next.is_some_and(|(index, next)| open.is_answered_by(index, next))
                {
                    open.end = index + 1;
                    open.thinking = thinking.or(open.thinking);
                    continue;
                }
                close(open.take(), out)?;
                open = Some(Group::new(index, from, item, thinking));
            }
            What::Call => {
                match &mut open {
                    Some(open) if open.is_assistant => open.end = index + 1,
                    _ => {
                        close(open.take(), out)?;
                        open = Some(Group::new(index, from, item, None));
                    }
                }
                if let Some(open) = &mut open {
                    open.has_calls = true;
                    open.thinking = thought.take().or(open.thinking);
                }
            }
        }
    }
    close(open, out)?;
    match thought {
        // Nothing followed what was thought.
        Some(thought) => {
            out.separate()?;
            out.push(b"{\"role\":\"assistant\",\"content\":\"\"")?;
            out.member("thinking", thought.bytes())?;
            out.push(b"}")
        }
        None => Ok(()),
    }
}

fn close<'a, I>(open: Option<Group<'a, I>>, out: &mut Output) -> Result<(), Invalid>
where
    I: Iterator<Item = (usize, Raw<'a>)> + Clone,
{
    open.map_or(Ok(()), |open| open.write(out))
}

/// Items that are one message.
struct Group<'a, I> {
    /// The items from the first on.
    from: I,
    begin: usize,
    end: usize,
    first: Item<'a>,
    is_assistant: bool,
    has_calls: bool,
    thinking: Option<Raw<'a>>,
}

impl<'a, I> Group<'a, I>
where
    I: Iterator<Item = (usize, Raw<'a>)> + Clone,
{
    fn new(index: usize, from: I, first: Item<'a>, thinking: Option<Raw<'a>>) -> Group<'a, I> {
        Group {
            from,
            begin: index,
            end: index + 1,
            is_assistant: first.is_assistant(),
            has_calls: false,
            first,
            thinking,
        }
    }

    fn items(&self) -> impl Iterator<Item = Result<Item<'a>, Invalid>> {
        let items = self.from.clone().take(self.end - self.begin);
        items.map(|(index, raw)| Item::read(index, raw))
    }

    /// Whether an item is the output of a call that is made here.
    fn is_answered_by(&self, index: usize, raw: Raw<'_>) -> bool {
        let is_output = Item::read(index, raw).is_ok_and(|item| item.kind == What::Output);
        let answered = raw
            .member("call_id")
            .filter(|_| is_output && self.has_calls);
        let Some(answered) = answered else {
            return false;
        };
        let calls = self.items().filter_map(Result::ok);
        let mut calls = calls.filter(|item| item.kind == What::Call);
        calls.any(|call| {
            let id = call.raw.member("call_id");
            id.is_some_and(|id| id.bytes() == answered.bytes())
        })
    }

    fn write(&self, out: &mut Output) -> Result<(), Invalid> {
        out.separate()?;
        out.push(b"{")?;
        let role = match (self.first.kind, self.first.role) {
            (What::Output, _) => Some(&b"\"tool\""[..]),
            (What::Call, _) => Some(&b"\"assistant\""[..]),
            (_, role) => role.map(Raw::bytes),
        };
        if let Some(role) = role {
            out.member("role", role)?;
        }
        self.content(out)?;
        if let Some(thinking) = self.thinking {
            out.member("thinking", thinking.bytes())?;
        }
        self.images(out)?;
        self.calls(out)?;
        if self.first.kind == What::Output
            && let Some(id) = self.first.raw.member("call_id")
        {
            out.member("tool_call_id", id.bytes())?;
        }
        out.push(b"}")
    }

    fn content(&self, out: &mut Output) -> Result<(), Invalid> {
        out.member("content", b"\"")?;
        let mut has_text = false;
        for item in self.items() {
            let Some(content) = item?.content()? else {
                continue;
            };
            for (index, text) in content.texts()?.enumerate() {
                if index == 0 && has_text {
                    out.push(b"\\n")?;
                }
                out.push(text)?;
                has_text = true;
            }
        }
        out.push(b"\"")
    }

    fn images(&self, out: &mut Output) -> Result<(), Invalid> {
        let mut is_first = true;
        for item in self.items() {
            let Some(content) = item?.content()? else {
                continue;
            };
            for (path, url) in content.images() {
                if std::mem::take(&mut is_first) {
                    out.member("images", b"[")?;
                }
                out.separate()?;
                out.push(b"\"")?;
                if url.kind() != Kind::Text || !picture(url, out)? {
                    return Err(Invalid::request(
                        Some(&path),
                        format!("{path} must be a data: URL with a jpeg, png or webp in base64"),
                    ));
                }
                out.push(b"\"")?;
            }
        }
        match is_first {
            true => Ok(()),
            false => out.push(b"]"),
        }
    }

    fn calls(&self, out: &mut Output) -> Result<(), Invalid> {
        if !self.has_calls {
            return Ok(());
        }
        out.member("tool_calls", b"[")?;
        for item in self.items() {
            let item = item?;
            if item.kind == What::Call {
                item.call(out)?;
            }
        }
        out.push(b"]")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Message,
    Call,
    Output,
    Reasoning,
    /// A search of the web in a turn that Ollama has served: the message behind it says what came of it.
    Search,
}

struct Item<'a> {
    index: usize,
    raw: Raw<'a>,
    kind: What,
    role: Option<Raw<'a>>,
}

impl<'a> Item<'a> {
    fn read(index: usize, raw: Raw<'a>) -> Result<Item<'a>, Invalid> {
        let path = || format!("input[{index}]");
        let [kind, role] = raw.read(["type", "role"]);
        let said = |text: &Raw<'_>| !text.is_written("");
        let kind = match kind.filter(said) {
            None if role.is_some_and(|role| said(&role)) => What::Message,
            Some(kind) => match &*kind.text(LONGEST_WORD).unwrap_or_default() {
                "message" => What::Message,
                "function_call" => What::Call,
                "function_call_output" => What::Output,
                "reasoning" => What::Reasoning,
                "web_search_call" => What::Search,
                _ => {
                    let path = format!("{}.type", path());
                    let known = "message, function_call, function_call_output, reasoning or web_search_call";
                    return Err(Invalid::request(
                        Some(&path),
                        format!("{path} must be {known}"),
                    ));
                }
            },
            None => {
                let path = path();
                return Err(Invalid::request(
                    Some(&path),
                    format!("{path} must be an object with a type or a role"),
                ));
            }
        };
        let texts: &[&str] = match kind {
            What::Message => &["role"],
            What::Call => &["call_id", "name", "arguments"],
            What::Output => &["call_id"],
            What::Reasoning => &["encrypted_content"],
            What::Search => &[],
        };
        for name in texts {
            let value = raw.member(name);
            if value.is_some_and(|value| value.kind() != Kind::Text) {
                let path = format!("{}.{name}", path());
                return Err(Invalid::request(
                    Some(&path),
                    format!("{path} must be a string"),
                ));
            }
        }
        Ok(Item {
            index,
            raw,
            kind,
            role,
        })
    }

    fn is_assistant(&self) -> bool {
        let is_said = || self.role.is_some_and(|role| role.is("assistant"));
        self.kind == What::Call || (self.kind == What::Message && is_said())
    }

    /// What is said: by somebody, or by a tool.
    fn content(&self) -> Result<Option<Content<'a>>, Invalid> {
        let name = match self.kind {
            What::Message => "content",
            What::Output => "output",
            _ => return Ok(None),
        };
        let Some(raw) = self.raw.member(name) else {
            return Ok(None);
        };
        let path = format!("input[{}].{name}", self.index);
        match raw.kind() {
            Kind::Text | Kind::Array => Ok(Some(Content { raw, path })),
            _ => Err(Invalid::request(
                Some(&path),
                format!("{path} must be a string or an array"),
            )),
        }
    }

    fn call(&self, out: &mut Output) -> Result<(), Invalid> {
        let [id, name, arguments] = self.raw.read(["call_id", "name", "arguments"]);
        out.separate()?;
        out.push(b"{")?;
        if let Some(id) = id {
            out.member("id", id.bytes())?;
        }
        out.member("function", b"{")?;
        if let Some(name) = name {
            out.member("name", name.bytes())?;
        }
        out.member("arguments", b"")?;
        match arguments.filter(|arguments| !arguments.is_written("")) {
            Some(arguments) if !out.object(arguments)? => {
                let path = format!("input[{}].arguments", self.index);
                return Err(Invalid::request(
                    Some(&path),
                    format!("{path} must be a JSON object as text"),
                ));
            }
            Some(_) => {}
            None => out.push(b"{}")?,
        }
        out.push(b"}}")
    }
}

/// No word that means anything here is longer, in bytes.
const LONGEST_WORD: usize = 64;
