//! From text to tokens and back, by the vocabulary and the merges that the model file has.
//!
//! A text that somebody sends never becomes a control token, whatever it says: those are put between texts by
//! [`crate::template`] alone.

mod bytes;
mod merge;
mod split;

use std::collections::HashMap;

use crate::{error::ModelError, gguf::Gguf};

use self::merge::Merges;

/// The vocabulary.
pub(crate) struct Tokenizer {
    /// What each token stands for; a control token stands for nothing.
    pieces: Vec<Vec<u8>>,
    control: HashMap<String, u32>,
    /// The token of each single byte. Bytes that the model never saw have none: those of control characters, and those that no
    /// text has.
    single: [Option<u32>; 256],
    merges: Merges,
    /// Ends an answer.
    ends: Vec<u32>,
}

impl Tokenizer {
    /// Takes the vocabulary from a file.
    pub(crate) fn load(file: &Gguf<'_>) -> Result<Self, ModelError> {
        if file.text("tokenizer.ggml.model")? != "gpt2" {
            return Err(ModelError::Format(
                "its tokens are not GPT-2's kind".to_owned(),
            ));
        }
        let names = file.texts("tokenizer.ggml.tokens")?;
        let kinds = file.integers("tokenizer.ggml.token_type")?;
        if names.len() != kinds.len() {
            return Err(ModelError::Format("tokens without a type".to_owned()));
        }
        let unbyte = bytes::from_chars();
        let (mut pieces, mut control, mut ids) = (Vec::new(), HashMap::new(), HashMap::new());
        for (id, (name, kind)) in (0u32..).zip(names.iter().zip(kinds)) {
            if *kind == CONTROL {
                control.insert(name.clone(), id);
                pieces.push(Vec::new());
                continue;
            }
            let piece = name
                .chars()
                .map(|char| unbyte.get(&char).copied())
                .collect();
            let piece: Option<Vec<u8>> = piece;
            pieces.push(piece.ok_or_else(|| ModelError::Format(format!("the token {name:?}")))?);
            ids.insert(name.as_str(), id);
        }
        let mut single = [None; 256];
        for (char, byte) in &unbyte {
            single[usize::from(*byte)] = ids.get(char.to_string().as_str()).copied();
        }
        let merges = Merges::load(file.texts("tokenizer.ggml.merges")?, &ids)?;
        let ends = ["<|im_end|>", "<|endoftext|>"]
            .iter()
            .filter_map(|name| control.get(*name));
        Ok(Self {
            ends: ends.copied().collect(),
            pieces,
            control,
            single,
            merges,
        })
    }

    /// Appends the tokens of a text. What has no token is left out, as its makers do.
    pub(crate) fn encode(&self, text: &str, tokens: &mut Vec<u32>) {
        for word in split::words(text) {
            let singles = word
                .bytes()
                .filter_map(|byte| self.single[usize::from(byte)])
                .collect();
            self.merges.apply(singles, tokens);
        }
    }

    /// The bytes that a token stands for. They need not be whole characters.
    pub(crate) fn piece(&self, token: u32) -> &[u8] {
        self.pieces.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// A control token, by its name.
    pub(crate) fn control(&self, name: &str) -> Result<u32, ModelError> {
        self.control
            .get(name)
            .copied()
            .ok_or_else(|| ModelError::Format(format!("no token {name}")))
    }

    /// Whether a token says that the answer is over.
    pub(crate) fn is_end(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }

    /// How many tokens there are.
    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }
}

/// The letters that stand for the bytes.
pub(crate) fn letters() -> impl IntoIterator<Item = char> {
    bytes::from_chars().into_keys()
}

/// The type of tokens that no text has.
const CONTROL: u64 = 3;

#[cfg(test)]
mod tests;
