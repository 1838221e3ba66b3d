//! How Go's `encoding/json` reads a body into Ollama's structs, written a second time and naively: with a tree, and with nothing
//! of the crate's own reader in it. That it is right is held to what real Go said (`tests/oracle.rs`).

#![allow(dead_code, reason = "each test uses its part")]

mod duration;
mod fields;
mod structs;
mod tree;

use std::collections::BTreeMap;

use sluice_ollama::Endpoint;

pub use fields::fields;
pub use structs::{Type, canonical};
pub use tree::{Node, Value, parse};

/// What Ollama makes of a body.
#[derive(Debug)]
pub enum Outcome {
    /// It refuses it.
    Refused,
    /// Two members of one struct have one name for it: which of them counts is not said here.
    Twice,
    /// It reads this.
    Taken(Taken),
}

/// What Ollama reads.
#[derive(Debug)]
pub struct Taken {
    /// All of it, in a form that is the same for what means the same.
    pub text: String,
    /// The same for each member of the top level that is not null.
    pub parts: BTreeMap<&'static str, String>,
    /// The members of the top level, by Ollama's names; those that are null are not there.
    pub members: BTreeMap<&'static str, Node>,
    /// Whether something stands behind the first value.
    pub has_more: bool,
}

impl Taken {
    /// A text, empty where there is none.
    pub fn text_of(&self, name: &str) -> String {
        match self.members.get(name).map(|node| &node.value) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }

    /// A flag.
    pub fn flag_of(&self, name: &str) -> Option<bool> {
        match self.members.get(name).map(|node| &node.value) {
            Some(Value::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// A number.
    pub fn number_of(&self, name: &str) -> Option<f64> {
        match self.members.get(name).map(|node| &node.value) {
            Some(Value::Number(number)) => number.parse().ok(),
            _ => None,
        }
    }

    /// How many items an array has.
    pub fn count_of(&self, name: &str) -> usize {
        match self.members.get(name).map(|node| &node.value) {
            Some(Value::Array(items)) => items.len(),
            _ => 0,
        }
    }

    /// An option: the last of its name, if that is not null.
    pub fn option(&self, name: &str) -> Option<&Value> {
        let Some(Value::Object(options)) = self.members.get("options").map(|node| &node.value)
        else {
            return None;
        };
        let named = options.iter().rfind(|(key, _)| key == name);
        named
            .map(|(_, node)| &node.value)
            .filter(|value| **value != Value::Null)
    }
}

/// Reads a body for an endpoint.
pub fn read(endpoint: Endpoint, body: &[u8]) -> Outcome {
    let Some((root, has_more)) = parse(body) else {
        return Outcome::Refused;
    };
    let fields = fields(endpoint);
    match canonical(&Type::Struct(fields), &root, body) {
        Err(structs::Fault::Type) => Outcome::Refused,
        Err(structs::Fault::Twice) => Outcome::Twice,
        Ok(text) => {
            let members = structs::members(fields, root);
            Outcome::Taken(Taken {
                text,
                parts: structs::parts(fields, &members, body),
                members,
                has_more,
            })
        }
    }
}

/// 64 bits of FNV-1a, as the table has them.
pub fn digest(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
