//! The real model against other programs, where `cargo xtask test` could fetch it. Nothing of those is here, only what they
//! computed from the same file: Hugging Face's `tokenizers` 0.23 the tokens; a forward pass in double precision, with numpy and
//! with what goes into a product rounded to 8 bits as here, the logits.

use ollama_sim::Message;

use crate::{
    cached,
    llama::{Memory, Purpose, Row},
    model::Model,
};

fn real_model() -> Option<Model> {
    match cached() {
        Ok(file) => Some(Model::load(&file, 512).unwrap()),
        Err(error) => {
            eprintln!("skipped: {error} (cargo xtask test fetches it)");
            None
        }
    }
}

#[test]
fn its_words_are_those_of_its_makers() {
    let Some(model) = real_model() else { return };
    for (text, expected) in TOKENS {
        let mut tokens = Vec::new();
        model.tokenizer.encode(text, &mut tokens);
        assert_eq!(tokens, *expected, "{text:?}");
    }
}

#[test]
fn its_logits_are_those_of_another_program() {
    let Some(model) = real_model() else { return };
    let message = Message {
        role: "user".to_owned(),
        content: "What is the capital of France?".to_owned(),
    };
    let prompt = model
        .template
        .conversation(&model.tokenizer, &[message], 512)
        .unwrap();
    assert_eq!(prompt, PROMPT);
    let last = prompt.len() - 1;
    let rows: Vec<Row> = (0..=last)
        .map(|place| Row {
            memory: 0,
            place,
            token: prompt[place],
            purpose: if place == last {
                Purpose::Continue
            } else {
                Purpose::Remember
            },
        })
        .collect();
    let mut memories = [Memory::default()];
    memories[0].keep(0, model.llama.shape());
    let logits = model.llama.forward(&rows, &mut memories);
    // Whatever is rounded otherwise on the way leads to other roundings: candle 0.8 is off by 0.5. Logits go from -10 to 25.
    for (token, expected) in LOGITS {
        let logit = logits[token];
        assert!(
            (logit - expected).abs() < 0.6,
            "{token}: {logit} for {expected}"
        );
    }
}

/// Texts and their tokens.
const TOKENS: &[(&str, &[u32])] = &[
    ("Hello, world!", &[19556, 28, 905, 17]),
    (
        "What is the capital of France?",
        &[1780, 314, 260, 3575, 282, 4649, 47],
    ),
    (
        "In 1984 it's 3.14; we'll see.",
        &[
            788, 216, 33, 41, 40, 36, 357, 506, 216, 35, 30, 33, 36, 43, 392, 3060, 963, 30,
        ],
    ),
    (
        "  two  spaces\n\n\tand a tab \n  ",
        &[216, 827, 216, 5600, 1116, 197, 397, 253, 10147, 3717, 256],
    ),
    (
        "naïve café – “quoted” …",
        &[3546, 46494, 37366, 816, 619, 385, 5036, 573, 5548],
    ),
    (
        "日本語のテスト, Ünïcödé",
        &[
            23274, 115, 40993, 179, 120, 248, 26453, 11100, 224, 10391, 134, 11100, 226, 28, 5549,
            246, 94, 25972, 83, 7466, 84, 2756,
        ],
    ),
    (
        "👋🏽 👨\u{200d}👩\u{200d}👧",
        &[
            10813, 235, 229, 10813, 233, 138, 15107, 235, 118, 321, 231, 10813, 235, 119, 321, 231,
            10813, 235, 117,
        ],
    ),
    (
        "don't can't I'VE they're",
        &[12420, 982, 416, 982, 339, 23, 18525, 502, 2316],
    ),
    (
        "fn main() {\n    println!(\"{}\", x_1 + 0xff);\n}",
        &[
            7853, 1085, 1000, 1662, 472, 1628, 34115, 17, 43331, 1002, 1792, 79, 33, 1232, 216, 32,
            44191, 4258, 198, 109,
        ],
    ),
    (
        "supercalifragilisticexpialidocious",
        &[14174, 5020, 342, 1808, 301, 40482, 104, 96, 409, 311, 42288],
    ),
    ("a\u{4}b", &[81, 82]),
    (
        "½ ² Ⅳ ٣",
        &[16738, 216, 19133, 216, 173, 223, 113, 216, 164, 113],
    ),
    ("\u{a0}nbsp\u{2003}em", &[15442, 94, 32093, 321, 221, 391]),
    (
        "ภาษาไทย हिन्दी",
        &[
            10283, 250, 43662, 10283, 119, 43662, 31933, 222, 10283, 241, 10283, 112, 12335, 134,
            27011, 30658, 16525, 44757, 37189,
        ],
    ),
];

const PROMPT: [u32; 37] = [
    1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411, 407,
    19712, 8182, 2, 198, 1, 4093, 198, 1780, 314, 260, 3575, 282, 4649, 47, 2, 198, 1, 520, 9531,
    198,
];

/// Tokens and their logits after the prompt: the first ones, and the likeliest.
const LOGITS: [(usize, f32); 12] = [
    (0, 9.54),
    (1, 5.47),
    (2, 6.0),
    (3, 5.41),
    (4, 4.55),
    (5, 4.22),
    (60, 24.62),
    (504, 24.37),
    (15319, 24.2),
    (2219, 23.92),
    (7026, 23.74),
    (50, 23.52),
];
