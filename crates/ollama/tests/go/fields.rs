//! Ollama's structs.

use sluice_ollama::Endpoint;

use super::structs::Type;

/// The members of a body.
pub fn fields(endpoint: Endpoint) -> &'static [(&'static str, Type)] {
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

const FLAG: Type = Type::Ptr(&Type::Flag);
const INT: Type = Type::Ptr(&Type::Int);
const DOUBLE: Type = Type::Ptr(&Type::F64);

const CHAT: &[(&str, Type)] = &[
    ("model", Type::Text),
    ("messages", Type::List(&Type::Struct(MESSAGE))),
    ("stream", FLAG),
    ("format", Type::Raw),
    ("keep_alive", Type::KeepAlive),
    ("tools", Type::List(&Type::Struct(TOOL))),
    ("options", Type::Map),
    ("think", Type::Think),
    ("truncate", FLAG),
    ("shift", FLAG),
    ("_debug_render_only", Type::Flag),
    ("logprobs", Type::Flag),
    ("top_logprobs", Type::Int),
    ("prompt", Type::Ours),
];

const MESSAGE: &[(&str, Type)] = &[
    ("role", Type::Lower),
    ("content", Type::Text),
    ("thinking", Type::Text),
    ("images", Type::List(&Type::Text)),
    ("tool_calls", Type::List(&Type::Struct(CALL))),
    ("tool_name", Type::Text),
    ("tool_call_id", Type::Text),
];

const CALL: &[(&str, Type)] = &[
    ("id", Type::Text),
    (
        "function",
        Type::Struct(&[
            ("index", Type::Int),
            ("name", Type::Text),
            ("arguments", Type::Map),
        ]),
    ),
];

const TOOL: &[(&str, Type)] = &[
    ("type", Type::Text),
    ("items", Type::Any),
    (
        "function",
        Type::Struct(&[
            ("name", Type::Text),
            ("description", Type::Text),
            ("parameters", Type::RawMap),
        ]),
    ),
];

const GENERATE: &[(&str, Type)] = &[
    ("model", Type::Text),
    ("prompt", Type::Text),
    ("suffix", Type::Text),
    ("system", Type::Text),
    ("template", Type::Text),
    ("context", Type::List(&Type::Int)),
    ("stream", FLAG),
    ("raw", Type::Flag),
    ("format", Type::Raw),
    ("keep_alive", Type::KeepAlive),
    ("images", Type::List(&Type::Text)),
    ("options", Type::Map),
    ("think", Type::Think),
    ("truncate", FLAG),
    ("shift", FLAG),
    ("_debug_render_only", Type::Flag),
    ("logprobs", Type::Flag),
    ("top_logprobs", Type::Int),
];

const EMBED: &[(&str, Type)] = &[
    ("model", Type::Text),
    ("input", Type::Any),
    ("keep_alive", Type::KeepAlive),
    ("truncate", FLAG),
    ("dimensions", Type::Int),
    ("options", Type::Map),
];

const EMBEDDINGS: &[(&str, Type)] = &[
    ("model", Type::Text),
    ("prompt", Type::Text),
    ("keep_alive", Type::KeepAlive),
    ("options", Type::Map),
];

const OPENAI_CHAT: &[(&str, Type)] = &[
    ("model", Type::Text),
    ("messages", Type::List(&Type::Struct(OPENAI_MESSAGE))),
    ("stream", Type::Flag),
    ("stream_options", Type::Ptr(&Type::Struct(STREAM_OPTIONS))),
    ("max_tokens", INT),
    ("seed", INT),
    ("stop", Type::Any),
    ("temperature", DOUBLE),
    ("frequency_penalty", DOUBLE),
    ("presence_penalty", DOUBLE),
    ("top_p", DOUBLE),
    ("response_format", Type::Ptr(&Type::Struct(RESPONSE_FORMAT))),
    ("tools", Type::List(&Type::Struct(TOOL))),
    (
        "reasoning",
        Type::Ptr(&Type::Struct(&[("effort", Type::Text)])),
    ),
    ("reasoning_effort", Type::Ptr(&Type::Text)),
    ("logprobs", FLAG),
    ("top_logprobs", Type::Int),
    ("_debug_render_only", Type::Flag),
    ("max_completion_tokens", Type::Ours),
];

const OPENAI_MESSAGE: &[(&str, Type)] = &[
    ("role", Type::Text),
    ("content", Type::Any),
    ("reasoning", Type::Text),
    ("tool_calls", Type::List(&Type::Struct(OPENAI_CALL))),
    ("name", Type::Text),
    ("tool_call_id", Type::Text),
];

const OPENAI_CALL: &[(&str, Type)] = &[
    ("id", Type::Text),
    ("index", Type::Int),
    ("type", Type::Text),
    (
        "function",
        Type::Struct(&[("name", Type::Text), ("arguments", Type::Text)]),
    ),
];

const STREAM_OPTIONS: &[(&str, Type)] = &[("include_usage", Type::Flag)];

const RESPONSE_FORMAT: &[(&str, Type)] = &[
    ("type", Type::Text),
    (
        "json_schema",
        Type::Ptr(&Type::Struct(&[("schema", Type::Raw)])),
    ),
];

const OPENAI_COMPLETIONS: &[(&str, Type)] = &[
    ("model", Type::Text),
    ("prompt", Type::Text),
    ("frequency_penalty", Type::F32),
    ("max_tokens", INT),
    ("presence_penalty", Type::F32),
    ("seed", INT),
    ("stop", Type::Any),
    ("stream", Type::Flag),
    ("stream_options", Type::Ptr(&Type::Struct(STREAM_OPTIONS))),
    ("temperature", Type::Ptr(&Type::F32)),
    ("top_p", Type::F32),
    ("suffix", Type::Text),
    ("logprobs", INT),
    ("_debug_render_only", Type::Flag),
    ("max_completion_tokens", Type::Ours),
];

const OPENAI_EMBEDDINGS: &[(&str, Type)] = &[
    ("input", Type::Any),
    ("model", Type::Text),
    ("dimensions", Type::Int),
    ("encoding_format", Type::Text),
];

const OPENAI_RESPONSES: &[(&str, Type)] = &[
    ("model", Type::Text),
    ("background", Type::Flag),
    ("include", Type::List(&Type::Text)),
    ("input", Type::Raw),
    ("instructions", Type::Text),
    ("max_output_tokens", INT),
    (
        "reasoning",
        Type::Struct(&[
            ("effort", Type::Text),
            ("generate_summary", Type::Text),
            ("summary", Type::Text),
        ]),
    ),
    ("temperature", DOUBLE),
    (
        "text",
        Type::Ptr(&Type::Struct(&[(
            "format",
            Type::Ptr(&Type::Struct(TEXT_FORMAT)),
        )])),
    ),
    ("top_p", DOUBLE),
    ("truncation", Type::Ptr(&Type::Text)),
    ("tools", Type::List(&Type::Struct(RESPONSES_TOOL))),
    ("stream", FLAG),
];

const TEXT_FORMAT: &[(&str, Type)] = &[
    ("type", Type::Text),
    ("name", Type::Text),
    ("schema", Type::Raw),
    ("strict", FLAG),
];

const RESPONSES_TOOL: &[(&str, Type)] = &[
    ("type", Type::Text),
    ("name", Type::Text),
    ("description", Type::Ptr(&Type::Text)),
    ("strict", FLAG),
    ("parameters", Type::RawMap),
];

/// What a message says within is translated, so that only Sluice reads it.
const MESSAGES: &[(&str, Type)] = &[
    ("model", Type::Text),
    ("max_tokens", Type::Int),
    (
        "messages",
        Type::List(&Type::Struct(&[
            ("role", Type::Text),
            ("content", Type::Any),
        ])),
    ),
    ("system", Type::Any),
    ("stream", Type::Flag),
    ("temperature", DOUBLE),
    ("top_p", DOUBLE),
    ("top_k", INT),
    ("stop_sequences", Type::List(&Type::Text)),
    (
        "tools",
        Type::List(&Type::Struct(&[
            ("type", Type::Text),
            ("name", Type::Text),
            ("description", Type::Text),
            ("input_schema", Type::RawMap),
        ])),
    ),
    (
        "thinking",
        Type::Ptr(&Type::Struct(&[("type", Type::Text)])),
    ),
    (
        "output_config",
        Type::Ptr(&Type::Struct(&[("effort", Type::Text)])),
    ),
];
