//! A model that is ready: weights, vocabulary, template, and what is told about them.

use std::{io::Read, path::Path};

use sha2::{Digest, Sha256};

use crate::{
    error::ModelError, gguf::Gguf, llama::Llama, template::Template, tokenizer::Tokenizer,
};

/// A model in memory.
pub struct Model {
    pub(crate) llama: Llama,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) template: Template,
    pub(crate) facts: Facts,
}

/// A model's file, read but not understood yet.
pub struct ModelFile {
    bytes: Vec<u8>,
    digest: String,
}

/// What is told about a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// SHA-256 of the file, in hexadecimal.
    pub(crate) digest: String,
    /// Bytes of the file.
    pub(crate) size: usize,
    pub(crate) parameters: u64,
}

impl ModelFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let failed = |source| ModelError::Read {
            path: path.to_owned(),
            source,
        };
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        Ok(Self::from_bytes(bytes))
    }

    /// Takes a file that is in memory.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        let digest = Sha256::digest(&bytes);
        let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes, digest }
    }

    /// SHA-256 of the file, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl Model {
    /// Understands a file. Texts can have at most `context` tokens.
    ///
    /// # Errors
    /// It is not a model that this crate runs.
    pub fn load(file: &ModelFile, context: usize) -> Result<Self, ModelError> {
        let gguf = Gguf::read(&file.bytes)?;
        let (llama, tokenizer) =
            rayon::join(|| Llama::load(&gguf, context), || Tokenizer::load(&gguf));
        let (llama, tokenizer) = (llama?, tokenizer?);
        if llama.vocabulary() != tokenizer.len() {
            return Err(ModelError::Format(
                "it has another number of tokens than of embeddings".to_owned(),
            ));
        }
        Ok(Self {
            template: Template::new(&tokenizer)?,
            facts: Facts {
                digest: file.digest.clone(),
                size: file.bytes.len(),
                parameters: gguf.parameters(),
            },
            llama,
            tokenizer,
        })
    }
}
