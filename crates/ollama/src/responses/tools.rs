//! Tools as Ollama's chat has them: functions, and namespaces of functions, whose names stand before theirs.

use crate::json::{self, Raw};
use crate::request::{Draft, Invalid};
use crate::translation::Output;

/// Writes the tools, where there are any.
///
/// # Errors
/// A namespace stands in another.
pub(super) fn tools(asked: &Draft, out: &mut Output) -> Result<(), Invalid> {
    let Some(tools) = asked.value("tools") else {
        return Ok(());
    };
    out.member("tools", b"[")?;
    for (index, tool) in tools.items().enumerate() {
        if !tool.has_type("namespace") {
            function(tool, None, out)?;
            continue;
        }
        let [name, members] = tool.read(["name", "tools"]);
        for member in members.into_iter().flat_map(Raw::items) {
            if member.has_type("namespace") {
                let path = format!("tools[{index}].tools");
                return Err(Invalid::request(
                    Some(&path),
                    format!("{path} must not hold another namespace"),
                ));
            }
            function(member, name.filter(|name| !name.is_written("")), out)?;
        }
    }
    out.push(b"]")
}

fn function(tool: Raw<'_>, within: Option<Raw<'_>>, out: &mut Output) -> Result<(), Invalid> {
    let [kind, name, description, parameters] =
        tool.read(["type", "name", "description", "parameters"]);
    out.separate()?;
    out.push(b"{")?;
    if let Some(kind) = kind {
        out.member("type", kind.bytes())?;
    }
    out.member("function", b"{")?;
    match within {
        Some(within) => out.member("name", &full_name(within, name))?,
        None => out.member("name", name.map_or(&b"\"\""[..], Raw::bytes))?,
    }
    for (to, value) in [("description", description), ("parameters", parameters)] {
        if let Some(value) = value {
            out.member(to, value.bytes())?;
        }
    }
    out.push(b"}}")
}

/// A member's name behind its namespace's, unless it stands there already.
fn full_name(within: Raw<'_>, name: Option<Raw<'_>>) -> Vec<u8> {
    let text = |raw: Raw<'_>| json::unquote(raw.bytes()).into_owned();
    let before = format!("{}.", text(within));
    let name = name.map(text).unwrap_or_default();
    let full = match name.starts_with(&before) {
        true => name,
        false => before + &name,
    };
    let mut written = Vec::new();
    json::quote(&mut written, &full);
    written
}
