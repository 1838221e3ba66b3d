//! The gated endpoints of Ollama, and the forms in which their answers travel.

/// A route of Ollama's that makes the model work, and that is therefore gated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /api/chat`
    Chat,
    /// `POST /api/generate`
    Generate,
    /// `POST /api/embed`
    Embed,
    /// `POST /api/embeddings`, the older form.
    Embeddings,
    /// `POST /v1/chat/completions`
    OpenAiChat,
    /// `POST /v1/completions`
    OpenAiCompletions,
    /// `POST /v1/embeddings`
    OpenAiEmbeddings,
    /// `POST /v1/responses`
    OpenAiResponses,
    /// `POST /v1/messages`, Anthropic's dialect.
    Messages,
}

/// Whose conventions an endpoint follows: they differ in defaults, errors and stream framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Ollama's own `/api`.
    Ollama,
    /// OpenAI's `/v1`, as Ollama serves it.
    OpenAi,
    /// Anthropic's `/v1/messages`, as Ollama serves it.
    Anthropic,
}

/// How an answer travels to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Ollama's own stream: one JSON object a line.
    Lines,
    /// Ollama's lines as server-sent events, for clients that ask for `text/event-stream`.
    Events,
    /// OpenAI's stream: `data:` events, ended by `data: [DONE]`.
    OpenAiEvents,
    /// One JSON document of Ollama's.
    Document,
    /// One JSON document of OpenAI's shape.
    OpenAiDocument,
    /// Anthropic's stream: named events, ended by `message_stop`.
    AnthropicEvents,
    /// One JSON document of Anthropic's shape.
    AnthropicDocument,
}

impl Endpoint {
    /// Every gated endpoint.
    pub const ALL: [Endpoint; 9] = [
        Endpoint::Chat,
        Endpoint::Generate,
        Endpoint::Embed,
        Endpoint::Embeddings,
        Endpoint::OpenAiChat,
        Endpoint::OpenAiCompletions,
        Endpoint::OpenAiEmbeddings,
        Endpoint::OpenAiResponses,
        Endpoint::Messages,
    ];

    /// The path, here and at the upstream.
    pub fn path(self) -> &'static str {
        match self {
            Endpoint::Chat => "/api/chat",
            Endpoint::Generate => "/api/generate",
            Endpoint::Embed => "/api/embed",
            Endpoint::Embeddings => "/api/embeddings",
            Endpoint::OpenAiChat => "/v1/chat/completions",
            Endpoint::OpenAiCompletions => "/v1/completions",
            Endpoint::OpenAiEmbeddings => "/v1/embeddings",
            Endpoint::OpenAiResponses => "/v1/responses",
            Endpoint::Messages => "/v1/messages",
        }
    }

    /// Whose conventions it follows.
    pub fn family(self) -> Family {
        match self {
            Endpoint::Chat | Endpoint::Generate | Endpoint::Embed | Endpoint::Embeddings => {
                Family::Ollama
            }
            Endpoint::OpenAiChat
            | Endpoint::OpenAiCompletions
            | Endpoint::OpenAiEmbeddings
            | Endpoint::OpenAiResponses => Family::OpenAi,
            Endpoint::Messages => Family::Anthropic,
        }
    }

    /// Whether it can answer with a stream at all; embeddings cannot.
    pub fn streams(self) -> bool {
        !matches!(
            self,
            Endpoint::Embed | Endpoint::Embeddings | Endpoint::OpenAiEmbeddings
        )
    }
}

impl Form {
    /// Whether it is one document, of which nothing can be told before it is whole.
    pub fn is_document(self) -> bool {
        matches!(
            self,
            Form::Document | Form::OpenAiDocument | Form::AnthropicDocument
        )
    }

    /// The content type under which this form is sent.
    pub fn content_type(self) -> &'static str {
        match self {
            Form::Lines => "application/x-ndjson",
            Form::Events | Form::OpenAiEvents | Form::AnthropicEvents => "text/event-stream",
            Form::Document | Form::OpenAiDocument | Form::AnthropicDocument => "application/json",
        }
    }
}
