//! What a request asks for, whichever API it speaks: everything becomes an [`Ask`], as Ollama itself turns `/v1` into its own
//! requests.

mod chat;
mod completion;
mod duration;
mod embed;
mod generate;
mod messages;
mod openai;
mod options;
mod parts;
mod responses;

use serde_json::{Map, Value};

use crate::{
    body::{Dialect, Refusal},
    json::{NoValue, Raw},
};

pub(crate) use duration::{FOREVER, KeepAlive};
pub use options::Options;

/// The form of a generating request, and so of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/api/chat`
    Chat,
    /// `/api/generate`
    Generate,
    /// `/v1/chat/completions`
    ChatCompletion,
    /// `/v1/completions`
    Completion,
    /// `/v1/responses`
    Responses,
    /// `/v1/messages`
    Messages,
    /// `/api/embed`
    Embed,
    /// `/api/embeddings`, the older form
    Embeddings,
    /// `/v1/embeddings`
    OpenAiEmbeddings,
}

/// A generating request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ask {
    pub(crate) form: Form,
    /// As the client wrote it; it is answered with the same.
    pub(crate) model: String,
    pub(crate) said: Said,
    pub(crate) delivery: Delivery,
    pub(crate) usage: Usage,
    pub(crate) options: Options,
    pub(crate) keep_alive: Option<KeepAlive>,
    pub(crate) thinking: Thinking,
    /// A schema, `"json"`, or something that is neither.
    pub(crate) format: Option<Value>,
    /// Functions that may be called.
    pub(crate) tools: Vec<Value>,
    pub(crate) has_images: bool,
    pub(crate) has_suffix: bool,
    /// What is wrong with the template that it brings.
    pub(crate) template_fault: Option<String>,
    /// Whether a prompt that is too long is cut.
    pub(crate) truncate: Option<bool>,
    /// Whether the oldest tokens go when the context is full.
    pub(crate) shift: Option<bool>,
    /// Whether each token comes with its probability, and with how many others.
    pub(crate) logprobs: Option<u32>,
    /// Answer with the prompt as the model would see it.
    pub(crate) render_only: bool,
    pub(crate) dimensions: Option<usize>,
    /// Vectors as base64.
    pub(crate) base64: bool,
    /// What `/v1/responses` repeats in its answer.
    pub(crate) echo: Map<String, Value>,
}

/// What the model is to go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing: load the model.
    Nothing,
    Messages(Vec<Message>),
    /// A prompt with its system text; `raw`: without any template.
    Prompt {
        system: String,
        text: String,
        is_raw: bool,
    },
    /// Texts to embed.
    Inputs(Vec<String>),
}

/// One message of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Who says it: `user`, `assistant`, `system` or anything else.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// Whether the answer comes token by token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Streamed,
    Whole,
}

/// Whether thinking is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// It is the model's to say.
    #[default]
    Unsaid,
    Asked,
    Off,
}

/// Whether `stream_options.include_usage` is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Usage {
    Included,
    #[default]
    Off,
}

impl Form {
    pub(crate) fn of(path: &str) -> Option<Self> {
        FORMS.into_iter().find(|form| form.path() == path)
    }

    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::ChatCompletion | Self::Completion | Self::Responses | Self::OpenAiEmbeddings => {
                Dialect::OpenAi
            }
            Self::Messages => Dialect::Anthropic,
            Self::Chat | Self::Generate | Self::Embed | Self::Embeddings => Dialect::Ollama,
        }
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/api/chat",
            Self::Generate => "/api/generate",
            Self::ChatCompletion => "/v1/chat/completions",
            Self::Completion => "/v1/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::Embed => "/api/embed",
            Self::Embeddings => "/api/embeddings",
            Self::OpenAiEmbeddings => "/v1/embeddings",
        }
    }

    pub(crate) fn is_embedding(self) -> bool {
        matches!(
            self,
            Self::Embed | Self::Embeddings | Self::OpenAiEmbeddings
        )
    }

    /// Whether the prompt is one text and not a conversation.
    pub(crate) fn is_generate(self) -> bool {
        matches!(self, Self::Generate | Self::Completion)
    }
}

impl Ask {
    /// Reads a request. An unreadable one is refused as Ollama refuses it.
    pub(crate) fn read(form: Form, body: &[u8]) -> Result<Self, Refusal> {
        let raw = Raw::first(body).map_err(|no_value| unreadable(form.dialect(), no_value))?;
        let mut ask = Self::empty(form);
        match form {
            Form::Chat => chat::read(raw, &mut ask),
            Form::Generate => generate::read(raw, &mut ask),
            Form::ChatCompletion => openai::read(raw, &mut ask),
            Form::Completion => completion::read(raw, &mut ask),
            Form::Responses => responses::read(raw, &mut ask),
            Form::Messages => messages::read(raw, &mut ask),
            Form::Embed => embed::read(raw, &mut ask),
            Form::Embeddings => embed::read_old(raw, &mut ask),
            Form::OpenAiEmbeddings => embed::read_openai(raw, &mut ask),
        }?;
        Ok(ask)
    }

    fn empty(form: Form) -> Self {
        let is_stream = form.dialect() == Dialect::Ollama && !form.is_embedding();
        Self {
            form,
            model: String::new(),
            said: Said::Nothing,
            delivery: if is_stream {
                Delivery::Streamed
            } else {
                Delivery::Whole
            },
            usage: Usage::Off,
            options: Options::default(),
            keep_alive: None,
            thinking: Thinking::Unsaid,
            format: None,
            tools: Vec::new(),
            has_images: false,
            has_suffix: false,
            template_fault: None,
            truncate: None,
            shift: None,
            logprobs: None,
            render_only: false,
            dimensions: None,
            base64: false,
            echo: Map::new(),
        }
    }

    /// The last text that is the user's: what a script is looked for in, and what an answer quotes.
    pub(crate) fn prompt(&self) -> &str {
        let last = match &self.said {
            Said::Nothing => None,
            Said::Messages(messages) => messages
                .iter()
                .rfind(|message| message.role == "user")
                .map(|message| &message.content),
            Said::Prompt { text, .. } => Some(text),
            Said::Inputs(inputs) => inputs.last(),
        };
        last.map_or("", String::as_str)
    }

    /// Words in everything that is said: the count of prompt tokens.
    pub(crate) fn prompt_tokens(&self) -> u32 {
        let words = |text: &str| u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX);
        let counts: Vec<u32> = match &self.said {
            Said::Nothing => Vec::new(),
            Said::Messages(messages) => messages.iter().map(|said| words(&said.content)).collect(),
            Said::Prompt { system, text, .. } => vec![words(system), words(text)],
            Said::Inputs(inputs) => inputs.iter().map(|text| words(text)).collect(),
        };
        counts.into_iter().fold(0, u32::saturating_add)
    }

    fn stream(&mut self, asked: Option<bool>) {
        match asked {
            Some(true) => self.delivery = Delivery::Streamed,
            Some(false) => self.delivery = Delivery::Whole,
            None => {}
        }
    }
}

const FORMS: [Form; 9] = [
    Form::Chat,
    Form::Generate,
    Form::ChatCompletion,
    Form::Completion,
    Form::Responses,
    Form::Messages,
    Form::Embed,
    Form::Embeddings,
    Form::OpenAiEmbeddings,
];

/// A body without a value.
pub(crate) fn unreadable(dialect: Dialect, no_value: NoValue) -> Refusal {
    Refusal::bad_request(match no_value {
        NoValue::Empty if dialect == Dialect::Ollama => "missing request body".to_owned(),
        NoValue::Empty => "EOF".to_owned(),
        NoValue::CutShort => "unexpected EOF".to_owned(),
        NoValue::Invalid(message) => message,
    })
}

#[cfg(test)]
mod tests;
