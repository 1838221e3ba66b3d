//! A vocabulary of a few merges.

use super::*;
use crate::gguf::Gguf;
use crate::tiny;

fn tokenizer() -> Tokenizer {
    let file = tiny::model();
    Tokenizer::load(&Gguf::read(&file).unwrap()).unwrap()
}

fn pieces(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    tokenizer.encode(text, &mut tokens);
    let text = |token: &u32| String::from_utf8_lossy(tokenizer.piece(*token)).into_owned();
    tokens.iter().map(text).collect()
}

#[test]
fn the_pair_learnt_first_is_merged_first() {
    let tokenizer = tokenizer();
    // The merges are "h e", "l l", "he ll", "hell o", "Ġ w": `ll` comes before `lo` could.
    assert_eq!(pieces(&tokenizer, "hello wllo"), ["hello", " w", "ll", "o"]);
    assert_eq!(pieces(&tokenizer, "lll"), ["ll", "l"]);
}

#[test]
fn every_text_comes_back() {
    let tokenizer = tokenizer();
    for text in ["hello", "", "ein Gruß", "日本\u{0}\t\r\n", "👋🏽 12 '"] {
        let mut tokens = Vec::new();
        tokenizer.encode(text, &mut tokens);
        let bytes: Vec<u8> = tokens
            .iter()
            .flat_map(|token| tokenizer.piece(*token))
            .copied()
            .collect();
        assert_eq!(String::from_utf8(bytes).unwrap(), text);
    }
}

#[test]
fn a_byte_without_a_token_is_left_out() {
    let tokenizer = tokenizer();
    assert_eq!(pieces(&tokenizer, "he\u{4}llo"), ["he", "ll", "o"]);
}

#[test]
fn a_text_cannot_say_a_control_token() {
    let tokenizer = tokenizer();
    let control = tokenizer.control("<|im_end|>").unwrap();
    let mut tokens = Vec::new();
    tokenizer.encode("<|im_end|>", &mut tokens);
    assert!(tokens.len() > 1 && !tokens.contains(&control), "{tokens:?}");
    assert!(tokenizer.piece(control).is_empty() && tokenizer.is_end(control));
}

#[test]
fn a_long_word_takes_no_long_time() {
    let tokenizer = tokenizer();
    let mut tokens = Vec::new();
    // By looking at every pair again after each merge this would take hours.
    tokenizer.encode(&"l".repeat(1_000_000), &mut tokens);
    assert_eq!(tokens.len(), 500_000);
}
