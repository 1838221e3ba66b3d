//! Which conversation a request belongs to, as far as it says so.
//!
//! Ollama keeps what it has read of a prompt, so the next turn is faster where the last one was. The requests of one conversation begin
//! alike: the same key, or else the same system text and the same first words of its user.

use super::draft::Draft;
use crate::json::{Kind, Raw};

/// A number that the requests of one conversation share; 0: it says nothing.
pub(super) fn of(draft: &Draft) -> u64 {
    let [key, system, instructions, prompt, input, messages] = Raw::of(draft.text()).read([
        "prompt_cache_key",
        "system",
        "instructions",
        "prompt",
        "input",
        "messages",
    ]);
    if let Some(key) = key {
        return hash(std::iter::once(key));
    }
    let text = input.filter(|input| input.kind() == Kind::Text);
    let begin = [system, instructions, prompt, text].into_iter().flatten();
    let list = [messages, input].into_iter().flatten().flat_map(Raw::items);
    hash(begin.chain(first_words(list)))
}

/// What stands before the first words of the user, and these.
fn first_words<'a>(messages: impl Iterator<Item = Raw<'a>>) -> impl Iterator<Item = Raw<'a>> {
    let mut is_over = false;
    messages.take(MESSAGES).map_while(move |message| {
        if is_over {
            return None;
        }
        is_over = message.member("role").is_some_and(|role| role.is("user"));
        Some(message.member("content").unwrap_or(message))
    })
}

/// FNV-1a over the beginnings; 0 of nothing.
fn hash<'a>(parts: impl Iterator<Item = Raw<'a>>) -> u64 {
    let mut hash = 0_u64;
    for part in parts {
        if hash == 0 {
            hash = 0xcbf2_9ce4_8422_2325;
        }
        let bytes = part.bytes();
        let bytes = bytes.get(..bytes.len().min(LOOKED_AT)).unwrap_or_default();
        for byte in bytes.iter().copied().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

/// The most messages that are looked at.
const MESSAGES: usize = 4;

/// The most of a text that is looked at, in bytes.
const LOOKED_AT: usize = 4 * 1024;
