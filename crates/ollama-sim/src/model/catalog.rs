//! The models there are.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::name::{BadName, Name};

/// A model of a simulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its name; without a tag it is `:latest`.
    pub name: String,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// The file with its weights. Models of one file share a runner; by default each has its own.
    pub file: String,
    /// Its digest, in hexadecimal.
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// The family of its architecture.
    pub family: String,
    /// Numbers that it has; 0: as many as the size has it.
    pub parameters: u64,
    /// Such as `135M`.
    pub parameter_size: String,
    /// Such as `Q4_1`.
    pub quantization: String,
    /// The longest text that it was taught; 0: it is not told.
    pub context_length: u32,
    /// The length of its vectors; 0: it is not told.
    pub embedding_length: u32,
    /// `num_ctx`, where the model itself sets it.
    pub num_ctx: Option<u32>,
    /// `num_predict`, where the model itself sets it.
    pub num_predict: Option<u32>,
    /// The system text that comes with it.
    pub system: String,
    /// Who turns a conversation into its prompt.
    pub template: Template,
    /// Whether it thinks where a request does not say.
    pub thinks: bool,
    /// Where it is sent instead, as a model of the cloud is whatever its name.
    pub remote_host: Option<String>,
    /// Why it cannot be loaded.
    pub fault: Option<String>,
    /// When it came, in RFC 3339.
    pub modified_at: String,
}

/// What a model can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Answer.
    Completion,
    /// Call functions.
    Tools,
    /// Think first.
    Thinking,
    /// Look at pictures.
    Vision,
    /// Fill in a gap.
    Insert,
    /// Make vectors.
    Embedding,
}

/// Who turns a conversation into a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// Ollama, by a template in Go's language.
    Go,
    /// The runner, by the template in the model's own file.
    Own,
}

impl From<&str> for Model {
    /// A model of this name: one for embeddings if the name says so, else one that can answer, call and think.
    fn from(name: &str) -> Self {
        let embeds = ["embed", "minilm", "bge"]
            .iter()
            .any(|word| name.contains(word));
        let capabilities = if embeds {
            vec![Capability::Embedding]
        } else {
            vec![
                Capability::Completion,
                Capability::Tools,
                Capability::Thinking,
            ]
        };
        let digest = digest(name);
        Self {
            name: name.to_owned(),
            capabilities,
            file: digest.clone(),
            digest,
            size: 1_000_000_000,
            family: "simulator".to_owned(),
            parameters: 0,
            parameter_size: "0B".to_owned(),
            quantization: "none".to_owned(),
            context_length: 32_768,
            embedding_length: if embeds { 8 } else { 1_024 },
            num_ctx: None,
            num_predict: None,
            system: String::new(),
            template: Template::Go,
            thinks: false,
            remote_host: None,
            fault: None,
            modified_at: "2026-01-01T00:00:00Z".to_owned(),
        }
    }
}

impl Model {
    /// A model as `/api/tags` lists it.
    pub fn listed(entry: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let details = &entry["details"];
        let capabilities = entry["capabilities"].as_array().into_iter().flatten();
        let digest = text(&entry["digest"]);
        Self {
            capabilities: capabilities
                .filter_map(|capability| Capability::of(capability.as_str()?))
                .collect(),
            file: digest.clone(),
            digest,
            size: number(&entry["size"]),
            family: text(&details["family"]),
            parameter_size: text(&details["parameter_size"]),
            quantization: text(&details["quantization_level"]),
            context_length: u32::try_from(number(&details["context_length"])).unwrap_or(u32::MAX),
            embedding_length: u32::try_from(number(&details["embedding_length"])).unwrap_or(0),
            modified_at: text(&entry["modified_at"]),
            ..Self::from(text(&entry["name"]).as_str())
        }
    }

    /// Whether it can do this.
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Whether it makes vectors and nothing else.
    pub(crate) fn only_embeds(&self) -> bool {
        self.can(Capability::Embedding) && !self.can(Capability::Completion)
    }
}

impl Capability {
    fn of(word: &str) -> Option<Self> {
        let all = [
            Self::Completion,
            Self::Tools,
            Self::Thinking,
            Self::Vision,
            Self::Insert,
            Self::Embedding,
        ];
        all.into_iter()
            .find(|capability| capability.as_str() == word)
    }

    /// Ollama's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completion => "completion",
            Self::Tools => "tools",
            Self::Thinking => "thinking",
            Self::Vision => "vision",
            Self::Insert => "insert",
            Self::Embedding => "embedding",
        }
    }
}

/// All models, by name.
pub(crate) struct Shelf(Mutex<Vec<(String, Model)>>);

impl Shelf {
    pub(crate) fn new(models: &[Model]) -> Self {
        let named = models.iter().map(|model| {
            let short = Name::parse(&model.name).map(|(name, _)| name.short());
            let short = short.unwrap_or_else(|_: BadName| model.name.clone());
            (
                short.clone(),
                Model {
                    name: short,
                    ..model.clone()
                },
            )
        });
        Self(Mutex::new(named.collect()))
    }

    pub(crate) fn find(&self, name: &Name) -> Option<Model> {
        let short = name.short();
        self.lock()
            .iter()
            .find(|(known, _)| *known == short)
            .map(|(_, model)| model.clone())
    }

    pub(crate) fn all(&self) -> Vec<Model> {
        self.lock().iter().map(|(_, model)| model.clone()).collect()
    }

    /// Adds a model, in the place of one of that name.
    pub(crate) fn put(&self, model: &Model) {
        let added = Self::new(std::slice::from_ref(model));
        for (short, model) in added.lock().drain(..) {
            self.remove(&short);
            self.lock().push((short, model));
        }
    }

    /// Takes a model away, by its short name.
    pub(crate) fn remove(&self, short: &str) {
        self.lock().retain(|(known, _)| known != short);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Model)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another word of 64 digits for each name.
fn digest(name: &str) -> String {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    let mut digits = String::with_capacity(64);
    for round in 0_u8..4 {
        for byte in name.bytes().chain([round]) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        digits.push_str(&format!("{state:016x}"));
    }
    digits
}
