//! The messages of Anthropic's dialect as those of Ollama's own chat.
//!
//! A message is a list of blocks. The results of tools are messages of their own, before what the user says beside them; its texts
//! are one content, its pictures and calls go with it.

use crate::json::{self, Kind, Raw};
use crate::request::Invalid;
use crate::translation::Output;

/// The chat that is written.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) out: Output,
    /// Bytes of what the model reads, pictures left out.
    weight: usize,
}

impl Chat {
    /// For a body of so many bytes.
    pub(super) fn new(read: usize) -> Chat {
        Chat {
            out: Output::new(read),
            weight: 0,
        }
    }

    /// Counts a value among what the model reads.
    pub(super) fn weigh(&mut self, value: Raw<'_>) {
        let quotes = if value.kind() == Kind::Text { 2 } else { 0 };
        self.weight += value.bytes().len().saturating_sub(quotes);
    }

    /// How many tokens that may be: one for four bytes, as Ollama guesses it.
    pub(super) fn tokens(&self) -> u64 {
        (self.weight as u64 / 4).max(1)
    }
}

/// The system prompt, a text or blocks, as the first message.
pub(super) fn system(raw: Raw<'_>, chat: &mut Chat) -> Result<(), Invalid> {
    if !has_text(raw) {
        return Ok(());
    }
    begin("system", chat)?;
    text_member("content", raw, chat)?;
    chat.out.push(b"}")
}

/// One message, as one or more of Ollama's.
///
/// # Errors
/// Ollama would not take it.
pub(super) fn message(raw: Raw<'_>, path: &str, chat: &mut Chat) -> Result<(), Invalid> {
    let [role, content] = raw.read(["role", "content"]);
    let role = role.and_then(|role| role.text(LONGEST_ROLE));
    let Some(role) = role.map(|role| role.to_lowercase()) else {
        return wrong(path, "role", "must be user or assistant");
    };
    let Some(content) =
        content.filter(|content| matches!(content.kind(), Kind::Text | Kind::Array))
    else {
        return wrong(path, "content", "must be a string or an array of blocks");
    };
    chat.weight += role.len();
    let path = format!("{path}.content");
    // What the user says beside a result was said after it.
    if role == "user" {
        results(content, &path, chat)?;
        own(&role, content, &path, chat)
    } else {
        own(&role, content, &path, chat)?;
        results(content, &path, chat)
    }
}

/// What is said by whoever speaks; nothing where nothing is said.
fn own(role: &str, content: Raw<'_>, path: &str, chat: &mut Chat) -> Result<(), Invalid> {
    let is_own = |block: Block<'_>| {
        block.is("image") || block.is_call() || (block.is("thinking") && block.says("thinking"))
    };
    if !has_text(content) && !blocks(content).any(is_own) {
        return Ok(());
    }
    begin(role, chat)?;
    text_member("content", content, chat)?;
    // Of several the last counts, as for Ollama.
    let thoughts = blocks(content).filter(|block| block.is("thinking"));
    let thought = thoughts.filter_map(|block| block.text("thinking")).last();
    if let Some(thought) = thought {
        chat.out.member("thinking", thought.bytes())?;
        chat.weigh(thought);
    }
    images(content, path, chat)?;
    calls(content, path, chat)?;
    chat.out.push(b"}")
}

fn calls(content: Raw<'_>, path: &str, chat: &mut Chat) -> Result<(), Invalid> {
    let made = blocks(content).enumerate();
    let mut is_first = true;
    for (index, call) in made.filter(|(_, block)| block.is_call()) {
        if is_first {
            chat.out.member("tool_calls", b"[")?;
        }
        is_first = false;
        let [id, name, input] = call.raw.read(["id", "name", "input"]);
        let path = format!("{path}[{index}]");
        let is_said = |text: &Raw<'_>| text.kind() == Kind::Text && !text.is_written("");
        let Some(id) = id.filter(is_said) else {
            return wrong(&path, "id", "is missing");
        };
        let Some(name) = name.filter(is_said) else {
            return wrong(&path, "name", "is missing");
        };
        chat.out.separate()?;
        chat.out.push(b"{")?;
        chat.out.member("id", id.bytes())?;
        chat.out.member("function", b"{")?;
        chat.out.member("name", name.bytes())?;
        match input {
            None => chat.out.member("arguments", b"{}")?,
            Some(input) if input.kind() == Kind::Object => {
                chat.out.member("arguments", input.bytes())?;
            }
            Some(_) => return wrong(&path, "input", "must be an object"),
        }
        chat.out.push(b"}}")?;
        chat.weigh(call.raw);
    }
    match is_first {
        true => Ok(()),
        false => chat.out.push(b"]"),
    }
}

/// The results of tools, each as a message of its own.
fn results(content: Raw<'_>, path: &str, chat: &mut Chat) -> Result<(), Invalid> {
    for (index, block) in blocks(content).enumerate() {
        let is_search = block.is("web_search_tool_result");
        if !is_search && !block.is("tool_result") {
            continue;
        }
        let [id, result] = block.raw.read(["tool_use_id", "content"]);
        begin("tool", chat)?;
        match result {
            Some(result) if is_search => found(result, chat)?,
            Some(result) => {
                text_member("content", result, chat)?;
                images(result, &format!("{path}[{index}].content"), chat)?;
            }
            None => chat.out.member("content", b"\"\"")?,
        }
        if let Some(id) = id.filter(|id| id.kind() == Kind::Text) {
            chat.out.member("tool_call_id", id.bytes())?;
        }
        chat.out.push(b"}")?;
    }
    Ok(())
}

/// What a search of the web found, in a turn that Ollama has served, or that it failed: then what else was found does not count.
fn found(result: Raw<'_>, chat: &mut Chat) -> Result<(), Invalid> {
    if result.kind() == Kind::Text {
        return text_member("content", result, chat);
    }
    chat.out.member("content", b"\"")?;
    let mut all = [result].into_iter().chain(result.items());
    if let Some(failed) = all.find(|one| one.has_type(SEARCH_FAILED)) {
        chat.out.push(SEARCH_FAILED.as_bytes())?;
        let code = failed.member("error_code").and_then(Raw::inner);
        if let Some(code) = code.filter(|code| !code.is_empty()) {
            chat.out.push(b": ")?;
            chat.out.push(code)?;
        }
        return chat.out.push(b"\"");
    }
    for one in result
        .items()
        .filter(|one| one.has_type("web_search_result"))
    {
        let [title, url] = one.read(["title", "url"]);
        let parts = [(&b"- "[..], title), (b": ", url)];
        for (before, text) in parts {
            chat.out.push(before)?;
            if let Some(text) = text
                && let Some(inner) = text.inner()
            {
                chat.out.push(inner)?;
                chat.weigh(text);
            }
        }
        chat.out.push(b"\\n")?;
    }
    chat.out.push(b"\"")
}

/// The type of what a search says that failed.
const SEARCH_FAILED: &str = "web_search_tool_result_error";

fn images(content: Raw<'_>, path: &str, chat: &mut Chat) -> Result<(), Invalid> {
    let mut is_first = true;
    for (index, block) in blocks(content).enumerate() {
        if !block.is("image") {
            continue;
        }
        let source = block.raw.member("source");
        let is_base64 = |source: &Raw<'_>| source.has_type("base64");
        let data = source.filter(is_base64).and_then(|one| one.member("data"));
        if is_first {
            chat.out.member("images", b"[")?;
        }
        is_first = false;
        chat.out.separate()?;
        chat.out.push(b"\"")?;
        let is_written = match data.filter(|data| data.kind() == Kind::Text) {
            Some(data) => chat.out.base64(data, |_| Some(&b""[..]))?,
            None => false,
        };
        if !is_written {
            return wrong(&format!("{path}[{index}]"), "source", "must be base64");
        }
        chat.out.push(b"\"")?;
    }
    match is_first {
        true => Ok(()),
        false => chat.out.push(b"]"),
    }
}

fn begin(role: &str, chat: &mut Chat) -> Result<(), Invalid> {
    let mut written = Vec::new();
    json::quote(&mut written, role);
    chat.out.separate()?;
    chat.out.push(b"{")?;
    chat.out.member("role", &written)
}

/// Writes a text, or the texts of blocks one behind the other, as they are written.
fn text_member(name: &str, content: Raw<'_>, chat: &mut Chat) -> Result<(), Invalid> {
    if content.kind() == Kind::Text {
        chat.weigh(content);
        return chat.out.member(name, content.bytes());
    }
    chat.out.member(name, b"\"")?;
    for block in blocks(content).filter(|block| block.is("text")) {
        if let Some(text) = block.text("text")
            && let Some(inner) = text.inner()
        {
            chat.out.push(inner)?;
            chat.weigh(text);
        }
    }
    chat.out.push(b"\"")
}

/// Whether a content has a text that says something.
fn has_text(content: Raw<'_>) -> bool {
    match content.kind() {
        Kind::Text => !content.is_written(""),
        _ => blocks(content).any(|block| block.is("text") && block.says("text")),
    }
}

/// A part of a message.
#[derive(Clone, Copy)]
struct Block<'a> {
    raw: Raw<'a>,
    kind: Option<Raw<'a>>,
}

fn blocks(content: Raw<'_>) -> impl Iterator<Item = Block<'_>> {
    content.items().map(|raw| Block {
        raw,
        kind: raw.member("type"),
    })
}

impl<'a> Block<'a> {
    fn is(&self, kind: &str) -> bool {
        self.kind.is_some_and(|named| named.is(kind))
    }

    /// Whether it calls a tool; those of a server's own are calls in a turn that is over.
    fn is_call(&self) -> bool {
        self.is("tool_use") || self.is("server_tool_use")
    }

    fn text(&self, name: &str) -> Option<Raw<'a>> {
        let text = self.raw.member(name);
        text.filter(|text| text.kind() == Kind::Text)
    }

    fn says(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| !text.is_written(""))
    }
}

fn wrong<T>(path: &str, member: &str, what: &str) -> Result<T, Invalid> {
    let path = format!("{path}.{member}");
    Err(Invalid::request(Some(&path), format!("{path} {what}")))
}

/// The longest name of a role, in bytes.
const LONGEST_ROLE: usize = 64;
