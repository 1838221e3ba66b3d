//! A small language model behind Ollama's API.
//!
//! # Why
//! On a machine without an Ollama the gateway should still answer with something real. This runs SmolLM2-135M-Instruct (135
//! million numbers, Apache-2.0, English) in plain Rust: as quick as one reads on two cores, four people at once.
//!
//! # What it does
//! The kernel and the tokenizer are here; the HTTP is the simulator's (`ollama_sim`), so that what Ollama's API has is there once.
//! With temperature 0, or with a seed, a request has the same answer every time, whatever else is going on.
//!
//! # What it does not do
//! One model and no other; no tools, images, thinking, formats or embeddings: such requests are refused as Ollama refuses
//! them where a model cannot. It is for trying things out, and no replacement for an Ollama.

mod cache;
mod engine;
mod error;
mod gguf;
mod llama;
mod math;
mod model;
#[cfg(test)]
mod reference;
mod sampler;
mod serve;
mod settings;
mod speech;
mod template;
pub mod tiny;
mod tokenizer;

pub use self::{
    cache::cached,
    engine::Counts,
    error::ModelError,
    model::{Model, ModelFile},
    serve::{Demo, Options},
};

/// The name of the model, as Ollama's library has it.
pub const MODEL: &str = "smollm2:135m";
