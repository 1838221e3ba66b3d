//! The model: a Llama, as its file describes it.
//!
//! Rows of several requests go through it together; each row is one token at one place of one request's text. What a row needs
//! of those before it is kept in its request's [`Memory`].

use rayon::prelude::*;

use crate::{
    error::ModelError,
    gguf::{Gguf, TensorKind},
    math::{Activations, Head, Matrix, Simd, normalise, rotate, silu_times},
};

/// The weights.
pub(crate) struct Llama {
    shape: Shape,
    embedding: Matrix,
    layers: Vec<Layer>,
    last_norm: Vec<f32>,
    /// The cosine and sine of each pair of a head, place by place.
    turns: Vec<(f32, f32)>,
    simd: Simd,
}

/// The sizes that the file gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) layers: usize,
    pub(crate) width: usize,
    pub(crate) heads: usize,
    /// Heads that have keys and values; several heads share one.
    pub(crate) key_heads: usize,
    pub(crate) head_width: usize,
    /// Tokens that a text can have.
    pub(crate) context: usize,
    epsilon: f32,
}

struct Layer {
    attention_norm: Vec<f32>,
    /// Queries, keys and values.
    attention_in: Matrix,
    attention_out: Matrix,
    gate_norm: Vec<f32>,
    /// Gate and up.
    gate_in: Matrix,
    gate_out: Matrix,
}

/// Keys and values of the tokens of one text, so that each goes through the model once.
#[derive(Default)]
pub(crate) struct Memory {
    layers: Vec<(Vec<f32>, Vec<f32>)>,
}

/// One token on its way through the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Which of the memories it belongs to.
    pub(crate) memory: usize,
    /// Its place in the text. The rows of one text come in order and without gaps.
    pub(crate) place: usize,
    pub(crate) token: u32,
    pub(crate) purpose: Purpose,
}

/// What a row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be remembered.
    Remember,
    /// To say what may come next.
    Continue,
}

impl Llama {
    /// Takes the weights from a file; texts can have at most `context` tokens, however many the model knows.
    pub(crate) fn load(file: &Gguf<'_>, context: usize) -> Result<Self, ModelError> {
        let shape = Shape::read(file, context)?;
        let matrix = |name: &str, rows: usize, columns: usize| {
            let matrix = Matrix::load(file.tensor(name)?)?;
            if rows != 0 && matrix.rows() != rows || matrix.columns() != columns {
                return Err(ModelError::Format(format!("{name} has another shape")));
            }
            Ok(matrix)
        };
        let embedding = matrix("token_embd.weight", 0, shape.width)?;
        let hidden = file.size("llama.feed_forward_length")?;
        let key_width = shape.key_heads * shape.head_width;
        let layers = (0..shape.layers).into_par_iter().map(|layer| {
            let named = |name: &str| format!("blk.{layer}.{name}.weight");
            let part = |name, rows, columns| matrix(&named(name), rows, columns);
            Ok(Layer {
                attention_norm: floats(file, &named("attn_norm"), shape.width)?,
                attention_in: Matrix::stack(vec![
                    part("attn_q", shape.width, shape.width)?,
                    part("attn_k", key_width, shape.width)?,
                    part("attn_v", key_width, shape.width)?,
                ])?,
                attention_out: part("attn_output", shape.width, shape.width)?,
                gate_norm: floats(file, &named("ffn_norm"), shape.width)?,
                gate_in: Matrix::stack(vec![
                    part("ffn_gate", hidden, shape.width)?,
                    part("ffn_up", hidden, shape.width)?,
                ])?,
                gate_out: part("ffn_down", shape.width, hidden)?,
            })
        });
        Ok(Self {
            layers: layers.collect::<Result<_, ModelError>>()?,
            embedding,
            last_norm: floats(file, "output_norm.weight", shape.width)?,
            turns: turns(file.float("llama.rope.freq_base")?, shape),
            shape,
            simd: Simd::detect(),
        })
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// How many tokens the model knows.
    pub(crate) fn vocabulary(&self) -> usize {
        self.embedding.rows()
    }

    /// Sends rows through the model. Says, for each row that is to be continued, how likely each token is to come next, as
    /// logits.
    pub(crate) fn forward(&self, rows: &[Row], memories: &mut [Memory]) -> Vec<f32> {
        let width = self.shape.width;
        let mut state = Vec::with_capacity(rows.len() * width);
        for row in rows {
            self.embedding.read(row.token as usize, &mut state);
        }
        let mut room = Room::default();
        for (index, layer) in self.layers.iter().enumerate() {
            self.attention(layer, index, rows, memories, &mut state, &mut room);
            self.gate(layer, &mut state, &mut room);
        }
        let (mut normal, mut logits) = (Vec::new(), Vec::new());
        let states = state.chunks_exact(width).zip(rows);
        for (state, _) in states.filter(|(_, row)| row.purpose == Purpose::Continue) {
            normalise(state, &self.last_norm, self.shape.epsilon, &mut normal);
        }
        if !normal.is_empty() {
            room.quantised.quantise(&normal, width);
            self.simd
                .multiply(&self.embedding, &room.quantised, &mut logits);
        }
        logits
    }

    /// Adds to each row what it takes from the rows before it.
    fn attention(
        &self,
        layer: &Layer,
        index: usize,
        rows: &[Row],
        memories: &mut [Memory],
        state: &mut [f32],
        room: &mut Room,
    ) {
        let Shape {
            width,
            head_width,
            key_heads,
            ..
        } = self.shape;
        let key_width = key_heads * head_width;
        self.enter(state, &layer.attention_norm, &layer.attention_in, room);
        for (row, product) in rows
            .iter()
            .zip(room.product.chunks_exact_mut(width + 2 * key_width))
        {
            let turns = &self.turns[row.place * head_width / 2..][..head_width / 2];
            let (turned, value) = product.split_at_mut(width + key_width);
            turned
                .chunks_exact_mut(head_width)
                .for_each(|head| rotate(head, turns));
            memories[row.memory].append(index, &turned[width..], value);
        }
        let memories = &*memories;
        let mut taken = vec![0.0; rows.len() * width];
        let shared = self.shape.heads / key_heads;
        let heads = taken.par_chunks_mut(head_width).enumerate();
        heads.for_each_init(Vec::new, |scores, (at, out)| {
            let (row, head) = (at / self.shape.heads, at % self.shape.heads);
            let start = row * (width + 2 * key_width) + head * head_width;
            let (keys, values) = &memories[rows[row].memory].layers[index];
            let known = (rows[row].place + 1) * key_width;
            let head = Head {
                query: &room.product[start..start + head_width],
                keys: &keys[..known],
                values: &values[..known],
                stride: key_width,
                offset: head / shared * head_width,
            };
            self.simd.attend(head, scores, out);
        });
        room.quantised.quantise(&taken, width);
        self.add(&layer.attention_out, state, room);
    }

    /// Adds to each row what the layer makes of it alone.
    fn gate(&self, layer: &Layer, state: &mut [f32], room: &mut Room) {
        self.enter(state, &layer.gate_norm, &layer.gate_in, room);
        let hidden = layer.gate_out.columns();
        room.rows.clear();
        for product in room.product.chunks_exact(2 * hidden) {
            let (gate, up) = product.split_at(hidden);
            silu_times(gate, up, &mut room.rows);
        }
        room.quantised.quantise(&room.rows, hidden);
        self.add(&layer.gate_out, state, room);
    }

    /// Normalises the rows and multiplies them.
    fn enter(&self, state: &[f32], norm: &[f32], matrix: &Matrix, room: &mut Room) {
        room.rows.clear();
        for row in state.chunks_exact(self.shape.width) {
            normalise(row, norm, self.shape.epsilon, &mut room.rows);
        }
        room.quantised.quantise(&room.rows, self.shape.width);
        self.simd
            .multiply(matrix, &room.quantised, &mut room.product);
    }

    /// Multiplies what was quantised and adds it to the rows.
    fn add(&self, matrix: &Matrix, state: &mut [f32], room: &mut Room) {
        self.simd
            .multiply(matrix, &room.quantised, &mut room.product);
        for (state, product) in state.iter_mut().zip(&room.product) {
            *state += product;
        }
    }
}

/// Room to work in, used again by every layer.
#[derive(Default)]
struct Room {
    rows: Vec<f32>,
    quantised: Activations,
    product: Vec<f32>,
}

impl Shape {
    fn read(file: &Gguf<'_>, context: usize) -> Result<Self, ModelError> {
        if file.text("general.architecture")? != "llama" {
            return Err(ModelError::Format("it is no Llama".to_owned()));
        }
        let (heads, width) = (
            file.size("llama.attention.head_count")?,
            file.size("llama.embedding_length")?,
        );
        let shape = Self {
            layers: file.size("llama.block_count")?,
            width,
            heads,
            key_heads: file.size("llama.attention.head_count_kv")?,
            head_width: width.checked_div(heads).unwrap_or_default(),
            context: file.size("llama.context_length")?.min(context),
            epsilon: file.float("llama.attention.layer_norm_rms_epsilon")?,
        };
        let is_possible = shape.key_heads > 0
            && shape.heads.is_multiple_of(shape.key_heads)
            && shape.head_width * shape.heads == width
            && shape.head_width > 0
            && shape.head_width.is_multiple_of(8)
            && width > 0
            && shape.context > 0;
        if !is_possible {
            return Err(ModelError::Format(format!(
                "its sizes do not fit: {shape:?}"
            )));
        }
        Ok(shape)
    }
}

impl Memory {
    /// Forgets all but the first tokens of the text.
    pub(crate) fn keep(&mut self, tokens: usize, shape: Shape) {
        let length = tokens * shape.key_heads * shape.head_width;
        self.layers.resize_with(shape.layers, Default::default);
        for (keys, values) in &mut self.layers {
            keys.truncate(length);
            values.truncate(length);
        }
    }

    fn append(&mut self, layer: usize, key: &[f32], value: &[f32]) {
        let (keys, values) = &mut self.layers[layer];
        keys.extend_from_slice(key);
        values.extend_from_slice(value);
    }
}

/// A row of plain numbers.
fn floats(file: &Gguf<'_>, name: &str, width: usize) -> Result<Vec<f32>, ModelError> {
    let tensor = file.tensor(name)?;
    if tensor.kind != TensorKind::F32 || tensor.columns != width || tensor.rows != 1 {
        return Err(ModelError::Format(format!("{name} has another shape")));
    }
    let (numbers, _) = tensor.bytes.as_chunks::<4>();
    Ok(numbers
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect())
}

/// The turns of every place of a text.
fn turns(base: f32, shape: Shape) -> Vec<(f32, f32)> {
    let pairs = shape.head_width / 2;
    let places = (0..shape.context).flat_map(|place| (0..pairs).map(move |pair| (place, pair)));
    places
        .map(|(place, pair)| {
            let exponent = -2.0 * pair as f64 / shape.head_width as f64;
            let angle = place as f64 * f64::from(base).powf(exponent);
            (angle.cos() as f32, angle.sin() as f32)
        })
        .collect()
}
