//! The letters that stand for bytes in a vocabulary of GPT-2's kind.

use std::collections::HashMap;

/// Which byte each letter stands for. Bytes that can be printed stand for themselves, the others for the letters from U+0100
/// on.
pub(super) fn from_chars() -> HashMap<char, u8> {
    let mut others = (0x100u32..).filter_map(char::from_u32);
    (0..=255u8)
        .filter_map(|byte| match byte {
            b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => Some((char::from(byte), byte)),
            _ => Some((others.next()?, byte)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_letter() {
        let letters = from_chars();
        assert_eq!(letters.len(), 256);
        assert_eq!(letters[&'a'], b'a');
        assert_eq!(letters[&'Ġ'], b' ');
        assert_eq!(letters[&'Ċ'], b'\n');
    }
}
