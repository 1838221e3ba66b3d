//! Embeddings: vectors that depend on nothing but the words.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    body::{self, Body},
    model::Model,
    request::{Ask, Form, Said},
    wire::Spent,
};

/// The answer to a request that has something to embed.
pub(crate) fn answer(ask: &Ask, model: &Model, spent: Spent) -> Response<Body> {
    let inputs = match &ask.said {
        Said::Inputs(inputs) => inputs.as_slice(),
        _ => &[],
    };
    // More than the model has are not to be had.
    let own = usize::try_from(model.embedding_length).unwrap_or(1).max(1);
    let wanted = ask.dimensions.filter(|wanted| *wanted > 0);
    let length = wanted.map_or(own, |wanted| wanted.min(own));
    let vectors: Vec<_> = inputs.iter().map(|input| vector(input, length)).collect();
    match ask.form {
        Form::Embeddings => {
            let first = json!({ "embedding": vectors.first() });
            body::json(StatusCode::OK, &first)
        }
        Form::OpenAiEmbeddings => {
            let data = vectors.iter().enumerate().map(|(index, vector)| {
                let embedding = if ask.base64 {
                    base64(vector)
                } else {
                    json!(vector)
                };
                json!({ "object": "embedding", "embedding": embedding, "index": index })
            });
            let document = json!({
                "object": "list",
                "data": data.collect::<Vec<_>>(),
                "model": ask.model,
                "usage": { "prompt_tokens": spent.prompt_tokens, "total_tokens": spent.prompt_tokens },
            });
            body::line(StatusCode::OK, &document)
        }
        _ => {
            let document = json!({
                "model": ask.model,
                "embeddings": vectors,
                "total_duration": nanos(&spent) + EMBEDDING_NS,
                "load_duration": nanos(&spent),
                "prompt_eval_count": spent.prompt_tokens,
            });
            body::json(StatusCode::OK, &document)
        }
    }
}

/// The answer to a request that has nothing to embed: the model is loaded.
pub(crate) fn nothing(ask: &Ask) -> Response<Body> {
    let document = match ask.form {
        Form::Embeddings => json!({ "embedding": [] }),
        _ => json!({ "model": ask.model, "embeddings": [] }),
    };
    body::json(StatusCode::OK, &document)
}

/// A vector between -1 and 1 in each of its directions.
fn vector(text: &str, length: usize) -> Vec<f64> {
    let mut sums = vec![0_i32; length];
    for (at, byte) in text.bytes().enumerate() {
        let sum = &mut sums[at % length];
        *sum = (*sum * 31 + i32::from(byte)) % 1000;
    }
    let numbers = sums.iter().map(|sum| f64::from(sum - 500) / 501.7);
    numbers.collect()
}

/// As OpenAI has it: 32-bit numbers, the lowest byte first.
fn base64(vector: &[f64]) -> Value {
    let bytes = vector
        .iter()
        .flat_map(|number| (*number as f32).to_le_bytes());
    STANDARD.encode(bytes.collect::<Vec<_>>()).into()
}

fn nanos(spent: &Spent) -> u64 {
    u64::try_from(spent.load.as_nanos()).unwrap_or(u64::MAX)
}

const EMBEDDING_NS: u64 = 1_000_000;
