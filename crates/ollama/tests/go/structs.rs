//! Ollama's structs, and what Go reads into them.

use std::collections::{BTreeMap, BTreeSet};

use super::duration::nanoseconds;
use super::tree::{Node, Value};

/// A type of Go's.
#[derive(Clone, Copy)]
pub enum Type {
    Text,
    /// A text that is kept in lower case.
    Lower,
    Flag,
    Int,
    F32,
    F64,
    Raw,
    Any,
    Map,
    RawMap,
    KeepAlive,
    Think,
    Ptr(&'static Type),
    List(&'static Type),
    Struct(&'static [(&'static str, Type)]),
    /// A member that is Sluice's own, and that Ollama does not read.
    Ours,
}

/// Why Go refuses a body, or why it is not told here what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Type,
    Twice,
}

/// The members of the top level that are not null.
pub fn members(
    fields: &'static [(&'static str, Type)],
    root: Node,
) -> BTreeMap<&'static str, Node> {
    let Value::Object(members) = root.value else {
        return BTreeMap::new();
    };
    let named = members.into_iter().filter_map(|(name, node)| {
        let field = fields.iter().find(|(field, _)| *field == fold(&name))?;
        (node.value != Value::Null).then_some((field.0, node))
    });
    named.collect()
}

/// What Go reads into each of these members.
pub fn parts(
    fields: &'static [(&'static str, Type)],
    members: &BTreeMap<&'static str, Node>,
    body: &[u8],
) -> BTreeMap<&'static str, String> {
    let read = members.iter().filter_map(|(name, node)| {
        let (_, kind) = fields.iter().find(|(field, _)| field == name)?;
        Some((*name, canonical(kind, node, body).ok()?))
    });
    read.collect()
}

fn fold(name: &str) -> String {
    let folded = name.chars().map(|c| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    });
    folded.collect()
}

/// What Go reads into a type that was empty, in the form of the table.
pub fn canonical(kind: &Type, node: &Node, body: &[u8]) -> Result<String, Fault> {
    let raw = || String::from_utf8_lossy(&body[node.at.clone()]).into_owned();
    Ok(match (kind, &node.value) {
        (Type::Raw, _) => sized('r', &raw()),
        (Type::Any, value) => any(value)?,
        (Type::Ours, _) => String::new(),
        (kind, Value::Null) => empty(kind),
        (Type::Text, Value::Text(text)) => sized('s', text),
        (Type::Lower, Value::Text(text)) => sized('s', &lower(text)),
        (Type::Flag, Value::Flag(flag)) => flag_text(*flag),
        (Type::Int, Value::Number(number)) => {
            format!("i{}", number.parse::<i64>().map_err(|_| Fault::Type)?)
        }
        (Type::F32, Value::Number(number)) => {
            let number: f32 = number.parse().map_err(|_| Fault::Type)?;
            if number.is_infinite() {
                return Err(Fault::Type);
            }
            format!("e{:08x}", number.to_bits())
        }
        (Type::F64, value @ Value::Number(_)) => any(value)?,
        (Type::Map, value @ Value::Object(_)) => any(value)?,
        (Type::RawMap, Value::Object(members)) => {
            let members: BTreeMap<_, _> = members.iter().map(|(name, node)| (name, node)).collect();
            let written = members.into_iter().map(|(name, node)| {
                let raw = String::from_utf8_lossy(&body[node.at.clone()]);
                format!("{}{}", sized('s', name), sized('r', &raw))
            });
            format!("{{{}}}", written.collect::<String>())
        }
        (Type::KeepAlive, Value::Number(number)) => {
            let seconds: f64 = number.parse().map_err(|_| Fault::Type)?;
            if seconds.is_infinite() {
                return Err(Fault::Type);
            }
            let ns = if seconds < 0.0 {
                i64::MAX
            } else {
                (seconds * 1e9) as i64
            };
            format!("d{ns}")
        }
        (Type::KeepAlive, Value::Text(text)) => {
            let ns = nanoseconds(text).ok_or(Fault::Type)?;
            let ns = if ns < 0 { i64::MAX } else { ns };
            format!("d{ns}")
        }
        (Type::Think, Value::Flag(flag)) => flag_text(*flag),
        (Type::Think, Value::Text(text)) => sized('s', text),
        (Type::Ptr(inner), _) => canonical(inner, node, body)?,
        (Type::List(inner), Value::Array(items)) => {
            let mut written = "[".to_owned();
            for item in items {
                written.push_str(&canonical(inner, item, body)?);
                written.push(',');
            }
            written + "]"
        }
        (Type::Struct(fields), Value::Object(members)) => structure(fields, members, body)?,
        _ => return Err(Fault::Type),
    })
}

fn structure(
    fields: &[(&'static str, Type)],
    members: &[(String, Node)],
    body: &[u8],
) -> Result<String, Fault> {
    let mut seen = BTreeSet::new();
    for (name, _) in members {
        let name = fold(name);
        if fields.iter().any(|(field, _)| *field == name) && !seen.insert(name) {
            return Err(Fault::Twice);
        }
    }
    let mut written = "(".to_owned();
    for (name, kind) in fields {
        if matches!(kind, Type::Ours) {
            continue;
        }
        let member = members.iter().find(|(written, _)| fold(written) == *name);
        written.push_str(&match member {
            Some((_, node)) => canonical(kind, node, body)?,
            None => empty(kind),
        });
        written.push(';');
    }
    Ok(written + ")")
}

/// What is there without a word.
fn empty(kind: &Type) -> String {
    match kind {
        Type::Text | Type::Lower => "s0:".to_owned(),
        Type::Flag => "f".to_owned(),
        Type::Int => "i0".to_owned(),
        Type::F32 => "e00000000".to_owned(),
        Type::F64 => "#0000000000000000".to_owned(),
        Type::Any => "n".to_owned(),
        Type::List(_) => "[]".to_owned(),
        Type::Struct(fields) => {
            let fields = fields
                .iter()
                .filter(|(_, kind)| !matches!(kind, Type::Ours));
            let fields = fields.map(|(_, kind)| empty(kind) + ";");
            format!("({})", fields.collect::<String>())
        }
        Type::Ours => String::new(),
        Type::Raw | Type::Map | Type::RawMap | Type::Ptr(_) => "-".to_owned(),
        Type::KeepAlive | Type::Think => "-".to_owned(),
    }
}

fn any(value: &Value) -> Result<String, Fault> {
    Ok(match value {
        Value::Null => "n".to_owned(),
        Value::Flag(flag) => flag_text(*flag),
        Value::Number(number) => {
            let number: f64 = number.parse().map_err(|_| Fault::Type)?;
            if number.is_infinite() {
                return Err(Fault::Type);
            }
            format!("#{:016x}", number.to_bits())
        }
        Value::Text(text) => sized('s', text),
        Value::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| any(&item.value)).collect();
            let items = items?.into_iter().map(|item| item + ",");
            format!("[{}]", items.collect::<String>())
        }
        Value::Object(members) => {
            // All are read, and the last of a name counts.
            let mut read = BTreeMap::new();
            for (name, node) in members {
                read.insert(name, any(&node.value)?);
            }
            let members = read
                .into_iter()
                .map(|(name, value)| sized('s', name) + &value);
            format!("{{{}}}", members.collect::<String>())
        }
    })
}

fn sized(letter: char, text: &str) -> String {
    format!("{letter}{}:{text}", text.len())
}

/// In lower case as Go has it: a letter for each, whatever stands around it.
fn lower(text: &str) -> String {
    text.chars()
        .filter_map(|c| c.to_lowercase().next())
        .collect()
}

fn flag_text(flag: bool) -> String {
    if flag { "t" } else { "f" }.to_owned()
}
