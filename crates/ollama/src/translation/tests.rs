//! What the rules of all dialects need.

use super::Translation;
use crate::Form;
use crate::framing::{Passage, Verdict};

/// What the client gets for an answer, the same wherever its chunks are cut.
pub(crate) fn answered(form: Form, translation: &Translation, answer: &str) -> (Verdict, String) {
    let passed = |chunks: &[&[u8]]| {
        let mut passage = Passage::new(form, Some(translation));
        let mut out = Vec::new();
        for chunk in chunks {
            out.extend(passage.pass(chunk.to_vec()).unwrap());
            assert!(passage.between_frames());
        }
        let (verdict, last) = passage.end();
        out.extend(last);
        (verdict, String::from_utf8(out).unwrap())
    };
    let answer = answer.as_bytes();
    let whole = passed(&[answer]);
    for cut in 0..=answer.len() {
        let in_two = passed(&[&answer[..cut], &answer[cut..]]);
        assert_eq!(in_two, whole, "cut at {cut}");
    }
    whole
}
