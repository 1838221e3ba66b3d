//! A model of random numbers, small enough for tests: everything works as with a real one, and what it says is nonsense.
//!
//! It has nearly every byte, a few merges, two layers. Its control tokens are never the likeliest: at temperature 0 an answer
//! goes on until somebody ends it.

/// The bytes of its file.
pub fn model() -> Vec<u8> {
    let mut file = Writer::default();
    let (names, kinds) = vocabulary();
    let texts = |list: &[String]| Value::Texts(list.to_vec());
    let metadata = [
        ("general.architecture", Value::Text("llama".to_owned())),
        ("llama.block_count", Value::Integer(LAYERS)),
        ("llama.context_length", Value::Integer(CONTEXT)),
        ("llama.embedding_length", Value::Integer(WIDTH)),
        ("llama.feed_forward_length", Value::Integer(HIDDEN)),
        ("llama.attention.head_count", Value::Integer(4)),
        ("llama.attention.head_count_kv", Value::Integer(2)),
        ("llama.rope.freq_base", Value::Float(10_000.0)),
        ("llama.attention.layer_norm_rms_epsilon", Value::Float(1e-5)),
        ("tokenizer.ggml.model", Value::Text("gpt2".to_owned())),
        ("tokenizer.ggml.tokens", texts(&names)),
        ("tokenizer.ggml.token_type", Value::Integers(kinds)),
        ("tokenizer.ggml.merges", texts(&MERGES.map(str::to_owned))),
    ];
    let mut tensors = vec![
        (
            "token_embd.weight".to_owned(),
            Q8_0,
            WIDTH,
            names.len() as u32,
        ),
        ("output_norm.weight".to_owned(), F32, WIDTH, 1),
    ];
    for layer in 0..LAYERS {
        for (name, kind, columns, rows) in [
            ("attn_norm", F32, WIDTH, 1),
            ("attn_q", Q4_1, WIDTH, WIDTH),
            ("attn_k", Q4_1, WIDTH, WIDTH / 2),
            ("attn_v", Q4_1, WIDTH, WIDTH / 2),
            ("attn_output", Q4_1, WIDTH, WIDTH),
            ("ffn_norm", F32, WIDTH, 1),
            ("ffn_gate", Q4_1, WIDTH, HIDDEN),
            ("ffn_up", Q4_1, WIDTH, HIDDEN),
            ("ffn_down", Q4_1, HIDDEN, WIDTH),
        ] {
            tensors.push((format!("blk.{layer}.{name}.weight"), kind, columns, rows));
        }
    }
    file.bytes.extend_from_slice(b"GGUF");
    file.u32(3);
    file.u64(tensors.len() as u64);
    file.u64(metadata.len() as u64);
    for (name, value) in metadata {
        file.text(name);
        file.value(value);
    }
    let mut data = Vec::new();
    for (name, kind, columns, rows) in tensors {
        file.text(&name);
        file.u32(if rows == 1 { 1 } else { 2 });
        file.u64(columns.into());
        if rows != 1 {
            file.u64(rows.into());
        }
        file.u32(kind);
        file.u64(data.len() as u64);
        let from = data.len();
        fill(&mut data, kind, columns * rows);
        if name == "token_embd.weight" {
            let row = WIDTH as usize / 32 * 34;
            data[from..from + CONTROL.len() * row].fill(0);
        }
        data.resize(data.len().next_multiple_of(32), 0);
    }
    let start = file.bytes.len().next_multiple_of(32);
    file.bytes.resize(start, 0);
    file.bytes.extend(data);
    file.bytes
}

/// The names and the types of the tokens: three control tokens, the bytes, what the merges make.
fn vocabulary() -> (Vec<String>, Vec<u32>) {
    let mut names: Vec<String> = CONTROL.map(str::to_owned).into();
    let mut letters: Vec<_> = crate::tokenizer::letters().into_iter().collect();
    // As in the real one, bytes that were never seen have no token: 0xc0, which no text has, and 0x04.
    letters.retain(|letter| !['À', 'Ą'].contains(letter));
    letters.sort_unstable();
    names.extend(letters.iter().map(char::to_string));
    names.extend(MERGES.map(|merge| merge.replace(' ', "")));
    let kinds = (0..names.len()).map(|at| if at < CONTROL.len() { 3 } else { 1 });
    let kinds = kinds.collect();
    (names, kinds)
}

/// Numbers that look random, around a tenth in size.
fn fill(data: &mut Vec<u8>, kind: u32, count: u32) {
    let mut state = u64::from(count) + data.len() as u64;
    let mut byte = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    match kind {
        F32 => data.extend((0..count).flat_map(|_| 1f32.to_le_bytes())),
        Q4_1 => {
            for _ in 0..count / 32 {
                // A scale of 1/64 and a least value of -7.5 times that.
                data.extend([0x00, 0x24, 0x80, 0xaf]);
                data.extend((0..16).map(|_| byte()));
            }
        }
        _ => {
            for _ in 0..count / 32 {
                // A scale of 1/512.
                data.extend([0x00, 0x18]);
                data.extend((0..32).map(|_| byte()));
            }
        }
    }
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
}

enum Value {
    Integer(u32),
    Float(f32),
    Text(String),
    Texts(Vec<String>),
    Integers(Vec<u32>),
}

impl Writer {
    fn u32(&mut self, number: u32) {
        self.bytes.extend(number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.bytes.extend(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u64(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn value(&mut self, value: Value) {
        match value {
            Value::Integer(number) => {
                self.u32(4);
                self.u32(number);
            }
            Value::Float(number) => {
                self.u32(6);
                self.bytes.extend(number.to_le_bytes());
            }
            Value::Text(text) => {
                self.u32(8);
                self.text(&text);
            }
            Value::Texts(texts) => {
                self.list(8, texts.len());
                texts.iter().for_each(|text| self.text(text));
            }
            Value::Integers(numbers) => {
                self.list(5, numbers.len());
                numbers.iter().for_each(|number| self.u32(*number));
            }
        }
    }

    fn list(&mut self, kind: u32, length: usize) {
        self.u32(9);
        self.u32(kind);
        self.u64(length as u64);
    }
}

/// More than any test has the patience for.
const CONTEXT: u32 = 1 << 17;
const CONTROL: [&str; 3] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
const LAYERS: u32 = 2;
const WIDTH: u32 = 64;
const HIDDEN: u32 = 128;
const MERGES: [&str; 5] = ["h e", "l l", "he ll", "hell o", "Ġ w"];
const F32: u32 = 0;
const Q4_1: u32 = 3;
const Q8_0: u32 = 8;
