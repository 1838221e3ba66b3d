//! The structs into which Ollama reads a body, as far as anybody here or there looks at their members.
//!
//! What is not listed passes byte for byte. Keys of options, arguments, parameters and schemas are those of maps: their case
//! counts, and nothing is done to them.
//!
//! # What it does not do
//! Ollama looks further into some: a picture must be base64, `think` one of four words, and the parameters of a tool, the items of
//! an `input` and the blocks of a message have types of their own. None of them says what is the operator's: where such a value
//! goes to Ollama as it came, its refusal is Ollama's.

use crate::endpoint::Endpoint;

/// A member that Ollama reads.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name, in lower case as all of Ollama's.
    pub(super) name: &'static str,
    /// What Ollama reads there.
    pub(super) kind: Kind,
}

/// What Ollama reads into a member. Null is absent for all.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Flag,
    /// Go's `int`.
    Whole,
    /// A double.
    Number,
    /// A `float32`.
    Single,
    Texts,
    Wholes,
    /// An object whose members are not looked at.
    Map,
    TextOrMap,
    TextOrArray,
    /// A text or an array, whose numbers must be doubles.
    Input,
    FlagOrText,
    KeepAlive,
    Model,
    /// The options of a model.
    Options,
    /// Anything, read into values: its numbers must be doubles.
    Any,
    /// Anything, kept as it is.
    Json,
    Struct(&'static [Field]),
    Structs(&'static [Field]),
}

/// The members of a body for this endpoint.
pub(super) fn of(endpoint: Endpoint) -> &'static [Field] {
    match endpoint {
        Endpoint::Chat => CHAT,
        Endpoint::Generate => GENERATE,
        Endpoint::Embed => EMBED,
        Endpoint::Embeddings => EMBEDDINGS,
        Endpoint::OpenAiChat => OPENAI_CHAT,
        Endpoint::OpenAiCompletions => OPENAI_COMPLETIONS,
        Endpoint::OpenAiEmbeddings => OPENAI_EMBEDDINGS,
        Endpoint::OpenAiResponses => OPENAI_RESPONSES,
        Endpoint::Messages => MESSAGES,
    }
}

/// The members of a question about a model.
pub(super) const SHOW: &[Field] = &[
    field("model", Kind::Model),
    field("name", Kind::Model),
    field("system", Kind::Text),
    field("template", Kind::Text),
    field("verbose", Kind::Flag),
    field("options", Kind::Map),
];

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

const CHAT: &[Field] = &[
    field("model", Kind::Model),
    field("messages", Kind::Structs(MESSAGE)),
    // The short form, which is Sluice's own.
    field("prompt", Kind::Text),
    field("stream", Kind::Flag),
    field("format", Kind::TextOrMap),
    field("keep_alive", Kind::KeepAlive),
    field("tools", Kind::Structs(TOOL)),
    field("options", Kind::Options),
    field("think", Kind::FlagOrText),
    field("truncate", Kind::Flag),
    field("shift", Kind::Flag),
    field("_debug_render_only", Kind::Flag),
    field("logprobs", Kind::Flag),
    field("top_logprobs", Kind::Whole),
];

const MESSAGE: &[Field] = &[
    field("role", Kind::Text),
    field("content", Kind::Text),
    field("thinking", Kind::Text),
    field("images", Kind::Texts),
    field("tool_calls", Kind::Structs(CALL)),
    field("tool_name", Kind::Text),
    field("tool_call_id", Kind::Text),
];

const CALL: &[Field] = &[
    field("id", Kind::Text),
    field("function", Kind::Struct(CALLED)),
];

const CALLED: &[Field] = &[
    field("index", Kind::Whole),
    field("name", Kind::Text),
    field("arguments", Kind::Map),
];

const TOOL: &[Field] = &[
    field("type", Kind::Text),
    field("items", Kind::Any),
    field("function", Kind::Struct(TOOL_FUNCTION)),
];

const TOOL_FUNCTION: &[Field] = &[
    field("name", Kind::Text),
    field("description", Kind::Text),
    field("parameters", Kind::Map),
];

const GENERATE: &[Field] = &[
    field("model", Kind::Model),
    field("prompt", Kind::Text),
    field("suffix", Kind::Text),
    field("system", Kind::Text),
    field("template", Kind::Text),
    field("context", Kind::Wholes),
    field("stream", Kind::Flag),
    field("raw", Kind::Flag),
    field("format", Kind::TextOrMap),
    field("keep_alive", Kind::KeepAlive),
    field("images", Kind::Texts),
    field("options", Kind::Options),
    field("think", Kind::FlagOrText),
    field("truncate", Kind::Flag),
    field("shift", Kind::Flag),
    field("_debug_render_only", Kind::Flag),
    field("logprobs", Kind::Flag),
    field("top_logprobs", Kind::Whole),
];

const EMBED: &[Field] = &[
    field("model", Kind::Model),
    field("input", Kind::Input),
    field("keep_alive", Kind::KeepAlive),
    field("truncate", Kind::Flag),
    field("dimensions", Kind::Whole),
    field("options", Kind::Options),
];

const EMBEDDINGS: &[Field] = &[
    field("model", Kind::Model),
    field("prompt", Kind::Text),
    field("keep_alive", Kind::KeepAlive),
    field("options", Kind::Options),
];

const OPENAI_CHAT: &[Field] = &[
    field("model", Kind::Model),
    field("messages", Kind::Structs(OPENAI_MESSAGE)),
    field("stream", Kind::Flag),
    field("stream_options", Kind::Struct(STREAM_OPTIONS)),
    field("max_tokens", Kind::Whole),
    // Ollama does not read it; Sluice does, in its place.
    field("max_completion_tokens", Kind::Whole),
    field("seed", Kind::Whole),
    field("stop", Kind::Any),
    field("temperature", Kind::Number),
    field("frequency_penalty", Kind::Number),
    field("presence_penalty", Kind::Number),
    field("top_p", Kind::Number),
    field("response_format", Kind::Struct(RESPONSE_FORMAT)),
    field("tools", Kind::Structs(TOOL)),
    field("reasoning", Kind::Struct(REASONING)),
    field("reasoning_effort", Kind::Text),
    field("logprobs", Kind::Flag),
    field("top_logprobs", Kind::Whole),
    field("_debug_render_only", Kind::Flag),
];

const OPENAI_MESSAGE: &[Field] = &[
    field("role", Kind::Text),
    field("content", Kind::Any),
    field("reasoning", Kind::Text),
    field("tool_calls", Kind::Structs(OPENAI_CALL)),
    field("name", Kind::Text),
    field("tool_call_id", Kind::Text),
];

const OPENAI_CALL: &[Field] = &[
    field("id", Kind::Text),
    field("index", Kind::Whole),
    field("type", Kind::Text),
    field("function", Kind::Struct(OPENAI_CALLED)),
];

const OPENAI_CALLED: &[Field] = &[field("name", Kind::Text), field("arguments", Kind::Text)];

const STREAM_OPTIONS: &[Field] = &[field("include_usage", Kind::Flag)];

const RESPONSE_FORMAT: &[Field] = &[
    field("type", Kind::Text),
    field("json_schema", Kind::Struct(&[field("schema", Kind::Json)])),
];

const REASONING: &[Field] = &[field("effort", Kind::Text)];

const OPENAI_COMPLETIONS: &[Field] = &[
    field("model", Kind::Model),
    field("prompt", Kind::Text),
    field("frequency_penalty", Kind::Single),
    field("max_tokens", Kind::Whole),
    field("max_completion_tokens", Kind::Whole),
    field("presence_penalty", Kind::Single),
    field("seed", Kind::Whole),
    field("stop", Kind::Any),
    field("stream", Kind::Flag),
    field("stream_options", Kind::Struct(STREAM_OPTIONS)),
    field("temperature", Kind::Single),
    field("top_p", Kind::Single),
    field("suffix", Kind::Text),
    field("logprobs", Kind::Whole),
    field("_debug_render_only", Kind::Flag),
];

const OPENAI_EMBEDDINGS: &[Field] = &[
    field("model", Kind::Model),
    field("input", Kind::Any),
    field("dimensions", Kind::Whole),
    field("encoding_format", Kind::Text),
];

const OPENAI_RESPONSES: &[Field] = &[
    field("model", Kind::Model),
    field("background", Kind::Flag),
    field("include", Kind::Texts),
    field("input", Kind::TextOrArray),
    field("instructions", Kind::Text),
    field("max_output_tokens", Kind::Whole),
    field("reasoning", Kind::Struct(RESPONSES_REASONING)),
    field("temperature", Kind::Number),
    field(
        "text",
        Kind::Struct(&[field("format", Kind::Struct(TEXT_FORMAT))]),
    ),
    field("top_p", Kind::Number),
    field("truncation", Kind::Text),
    field("tools", Kind::Structs(RESPONSES_TOOL)),
    field("stream", Kind::Flag),
];

const RESPONSES_REASONING: &[Field] = &[
    field("effort", Kind::Text),
    field("generate_summary", Kind::Text),
    field("summary", Kind::Text),
];

const TEXT_FORMAT: &[Field] = &[
    field("type", Kind::Text),
    field("name", Kind::Text),
    field("schema", Kind::Json),
    field("strict", Kind::Flag),
];

const RESPONSES_TOOL: &[Field] = &[
    field("type", Kind::Text),
    field("name", Kind::Text),
    field("description", Kind::Text),
    field("strict", Kind::Flag),
    field("parameters", Kind::Map),
    // Ollama does not read those of a namespace; Sluice does, and sends them as tools by themselves.
    field("tools", Kind::Structs(RESPONSES_MEMBER)),
];

const RESPONSES_MEMBER: &[Field] = &[
    field("type", Kind::Text),
    field("name", Kind::Text),
    field("description", Kind::Text),
    field("parameters", Kind::Map),
];

/// What is read here or by Ollama. The rest is the clients' own: each version of theirs has more.
const MESSAGES: &[Field] = &[
    field("model", Kind::Model),
    field("max_tokens", Kind::Whole),
    field("messages", Kind::Structs(MESSAGES_MESSAGE)),
    field("system", Kind::Any),
    field("stream", Kind::Flag),
    field("temperature", Kind::Number),
    field("top_p", Kind::Number),
    field("top_k", Kind::Whole),
    field("stop_sequences", Kind::Texts),
    field("tools", Kind::Structs(MESSAGES_TOOL)),
    field("thinking", Kind::Struct(MESSAGES_THINKING)),
    field("output_config", Kind::Struct(MESSAGES_OUTPUT)),
];

const MESSAGES_MESSAGE: &[Field] = &[field("role", Kind::Text), field("content", Kind::Any)];

const MESSAGES_TOOL: &[Field] = &[
    field("type", Kind::Text),
    field("name", Kind::Text),
    field("description", Kind::Text),
    field("input_schema", Kind::Map),
];

const MESSAGES_THINKING: &[Field] = &[field("type", Kind::Text)];

const MESSAGES_OUTPUT: &[Field] = &[field("effort", Kind::Text)];
