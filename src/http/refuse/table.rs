//! The refusals, as one table.
//!
//! # How one is added
//! By a row: what it means (for the docs), its name and what it carries, its code, its status, when to ask again, and its sentence,
//! which may name what it carries. `cargo test --release --workspace --lib written` writes it into `docs/operating.md` and the
//! OpenAPI document. OpenAI's and Anthropic's words for it follow from the status.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

/// For one who is refused because the store is away: longer than a restart of it takes, shorter than people's patience.
const STORE_RETRY: Duration = Duration::from_secs(5);

/// For one who is refused because this instance is full: answers end and bodies go out all the time.
const OVERLOADED_RETRY: Duration = Duration::from_secs(2);

macro_rules! refusals {
    ($(
        #[doc = $what:literal]
        $variant:ident $({ $($(#[$member_doc:meta])* $member:ident: $type:ty),* })?
            = $code:literal, $status:expr, $retry_after:expr, $sentence:literal;
    )*) => {
        /// Why a request is not served.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Refusal {
            $(#[doc = $what] $variant $({ $($(#[$member_doc])* $member: $type),* })?,)*
        }

        #[allow(unused_variables, reason = "a row uses of what it carries what it needs")]
        impl Refusal {
            /// The word for programs.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Refusal::$variant { .. } => $code,)*
                }
            }

            /// The status.
            pub fn status(&self) -> StatusCode {
                match self {
                    $(Refusal::$variant { $($($member),*)? } => $status,)*
                }
            }

            /// How long to wait before asking again, where that is known.
            pub fn retry_after(&self) -> Option<Duration> {
                match self {
                    $(Refusal::$variant { $($($member),*)? } => $retry_after,)*
                }
            }

            /// The sentence for people, without a full stop. It is also the text of an error in the midst of a stream.
            pub fn detail(&self) -> String {
                match self {
                    $(Refusal::$variant { $($($member),*)? } => format!($sentence),)*
                }
            }

            /// Every word that [`Refusal::code`] answers, each once.
            pub fn codes() -> impl Iterator<Item = &'static str> {
                const CODES: &[&str] = &[$($code),*];
                let is_first = |(index, code): &(usize, &&str)| !CODES.iter().take(*index).any(|earlier| earlier == *code);
                CODES.iter().enumerate().filter(is_first).map(|(_, code)| *code)
            }

            /// The rows: one of each with nothing in it, its sentence as it stands in the table, and what it means.
            #[cfg(test)]
            pub(super) fn rows() -> Vec<(Refusal, &'static str, &'static str)> {
                vec![$((Refusal::$variant { $($($member: Default::default()),*)? }, $sentence, $what.trim())),*]
            }
        }
    };
}

refusals! {
    /// The body is not a JSON object.
    InvalidJson {
        /// The member at fault, where it is one.
        param: Option<String>,
        /// What is wrong.
        message: String
    } = "invalid_json", StatusCode::BAD_REQUEST, None, "{message}";

    /// A member is missing, of a wrong type, or beyond a bound; `param` names it.
    InvalidRequest {
        /// The member at fault, where it is one.
        param: Option<String>,
        /// What is wrong.
        message: String
    } = "invalid_request", StatusCode::BAD_REQUEST, None, "{message}";

    /// An option is of a wrong type; `param` names it.
    InvalidOption {
        /// The option at fault.
        param: Option<String>,
        /// What is wrong.
        message: String
    } = "invalid_option", StatusCode::BAD_REQUEST, None, "{message}";

    /// The prompt does not fit into the model's context, and its client speaks a dialect that has a sentence for that: it shortens what it sends.
    PromptTooLong {
        /// Its tokens.
        prompt_tokens: u64,
        /// Those of the context.
        num_ctx: u64
    } = "prompt_too_long", StatusCode::BAD_REQUEST, None,
        "prompt is too long: {prompt_tokens} tokens > {num_ctx} maximum";
    /// The path is not one that is relayed.
    InvalidPath = "invalid_path", StatusCode::BAD_REQUEST, None,
        "this path is not relayed: no slash that is doubled, encoded or at the end, no dots or control characters";

    /// The body broke off, or its framing is wrong.
    BodyBroken = "body_broken", StatusCode::BAD_REQUEST, None, "the body broke off";

    /// The body is not coded as its `content-encoding` says, ends before its coding does, or needs a window of more than 8 MiB.
    BodyUndecodable = "body_broken", StatusCode::BAD_REQUEST, None,
        "the body is not coded as its content-encoding says, or with a window of more than 8 MiB";

    /// Keys are set and none of them was shown; after ten wrong keys in a minute from one address, a key of less than 24 characters that is new here is not looked at for a while.
    Unauthorized {
        /// When a key of this address is looked at again, where too many were wrong.
        retry_after: Option<Duration>
    } = "unauthorized", StatusCode::UNAUTHORIZED, *retry_after,
        "an API key is needed: authorization: Bearer …, or x-api-key";

    /// A route of Ollama's that changes what it holds, or reaches its account or the network.
    NotExposed = "not_exposed", StatusCode::FORBIDDEN, None,
        "this route of Ollama's is its operator's alone and is not reachable from here";

    /// `ollama pull`, and `ollama run` of a model that there is not: it asks for nothing else, and shows this sentence.
    NoPull = "not_exposed", StatusCode::FORBIDDEN, None,
        "no model is pulled from here: `ollama list` shows those that there are, and whoever runs this server can add one";

    /// The key that was shown is none of an operator's.
    OperatorOnly = "operator_only", StatusCode::FORBIDDEN, None, "this needs the key of an operator";

    /// A page of another origin asks, and that origin is not in `cors_origins`.
    ForeignOrigin = "foreign_origin", StatusCode::FORBIDDEN, None, "pages of other origins may not ask here";

    /// The name that the client asked by is none of this server's (`allowed_hosts`).
    HostNotAllowed {
        /// The name.
        host: String
    } = "host_not_allowed", StatusCode::MISDIRECTED_REQUEST, None,
        "this server does not answer to the name {host:?}; whoever runs it can add {host:?} to its setting allowed_hosts";

    /// The model is not among `allowed_models`.
    ModelNotAllowed {
        /// The model asked for.
        model: String
    } = "model_not_allowed", StatusCode::FORBIDDEN, None, "the model {model:?} is not offered here";

    /// The model, or a search of the web, would run in Ollama's cloud, and neither `allow_cloud` nor `allowed_models` allows it.
    CloudNotAllowed {
        /// What was asked for.
        what: String
    } = "cloud_not_allowed", StatusCode::FORBIDDEN, None,
        "{what} would run in the cloud, with the account of whoever runs this server";

    /// There is no such route.
    NotFound = "not_found", StatusCode::NOT_FOUND, None, "there is no such route";

    /// There is no such ticket: it was never drawn, or its request is over.
    UnknownTicket = "unknown_ticket", StatusCode::NOT_FOUND, None, "there is no such ticket";

    /// No upstream has such a model, in Ollama's words: `ollama pull` it there.
    UpstreamsUnknown {
        /// Its sentence.
        sentence: String,
        /// Its document, where the client is to have it as it came.
        document: Option<Value>
    } = "model_not_found", StatusCode::NOT_FOUND, None, "{sentence}";

    /// The route has other methods; `allow` lists them.
    MethodNotAllowed {
        /// The methods that it has, as the header `allow` lists them.
        allow: &'static str
    } = "method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, None, "this route takes {allow}";

    /// The body stopped coming for 30 s, or did not come whole within `body_timeout`.
    BodyStalled = "body_stalled", StatusCode::REQUEST_TIMEOUT, None, "the body did not come in time";

    /// The request was given up by its ticket.
    Cancelled = "cancelled", StatusCode::CONFLICT, None, "the request was given up";

    /// The body is larger than `max_body`.
    BodyTooLarge {
        /// The bound in bytes.
        limit: usize
    } = "body_too_large", StatusCode::PAYLOAD_TOO_LARGE, None, "the body is larger than {limit} bytes";

    /// The body is no JSON, and does not say that it is.
    UnsupportedMediaType = "unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, None,
        "the body must be JSON";

    /// The body has another `content-encoding` than those that `accept-encoding` of this answer lists, or more than one.
    UnsupportedCoding = "unsupported_coding", StatusCode::UNSUPPORTED_MEDIA_TYPE, None,
        "a body may be coded with gzip or zstd, once";

    /// The line is full (`max_queue`).
    QueueFull {
        /// When a place is likely to be free.
        retry_after: Duration
    } = "queue_full", StatusCode::TOO_MANY_REQUESTS, Some(*retry_after), "the line is full, please try again";

    /// This client asks more often than `rate_limit` or `rate_limit_address` lets it.
    RateLimited {
        /// When it may ask again.
        retry_after: Duration
    } = "rate_limited", StatusCode::TOO_MANY_REQUESTS, Some(*retry_after), "too many requests from this client";

    /// This client, known by its key, holds all of its `places_per_client`.
    PlacesTaken {
        /// When one of them is likely to be free.
        retry_after: Duration
    } = "rate_limited", StatusCode::TOO_MANY_REQUESTS, Some(*retry_after),
        "this client has as many requests here as it may";

    /// More headers than any client needs.
    TooManyHeaders = "too_many_headers", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, None,
        "the request has too many headers";

    /// The upstream failed, refused Sluice's own credentials, or is no Ollama; the log and `/api/health` say how.
    UpstreamError = "upstream_error", StatusCode::BAD_GATEWAY, None, "the model server failed";

    /// The answer ended before it was complete.
    IncompleteAnswer = "incomplete_answer", StatusCode::BAD_GATEWAY, None,
        "the answer ended before it was complete";

    /// The upstream's own word on a request that it cannot serve, with the upstream's status.
    Upstreams {
        /// Its status.
        status: StatusCode,
        /// Its sentence.
        sentence: String,
        /// Its document, where the client is to have it as it came.
        document: Option<Value>
    } = "upstream_refused", *status, None, "{sentence}";

    /// No upstream can be reached, or all are left alone (`breaker_pause`).
    UpstreamDown {
        /// When one is tried again, where all of them are left alone until then.
        retry_after: Option<Duration>
    } = "upstream_down", StatusCode::SERVICE_UNAVAILABLE, *retry_after, "the model server cannot be reached";

    /// The upstream's own line is full: `max_concurrent` is more than it answers at once.
    UpstreamBusy {
        /// When it asks to come back, where it does.
        retry_after: Option<Duration>
    } = "upstream_busy", StatusCode::SERVICE_UNAVAILABLE, *retry_after,
        "the model server is busy, please try again";

    /// The key-value store cannot be used.
    StoreUnavailable = "store_unavailable", StatusCode::SERVICE_UNAVAILABLE, Some(STORE_RETRY),
        "the line cannot be read or written at the moment, please try again";

    /// This instance, or this client's part of it, holds as many bytes of bodies (`bodies_in_flight`), questions or connections as it may.
    Overloaded = "overloaded", StatusCode::SERVICE_UNAVAILABLE, Some(OVERLOADED_RETRY),
        "too much at once, please try again";

    /// A setting cannot be read; `/api/health` names it.
    Misconfigured = "misconfigured", StatusCode::SERVICE_UNAVAILABLE, None,
        "this server is not configured correctly; /api/health says what is wrong";

    /// It waited for `queue_timeout`, or for as long as its client waits (`x-sluice-wait-at-most`).
    QueueTimeout {
        /// When a place is likely to be free.
        retry_after: Duration
    } = "queue_timeout", StatusCode::SERVICE_UNAVAILABLE, Some(*retry_after),
        "waited too long for a place, please try again";

    /// It would wait longer than its client waits (`x-sluice-wait-at-most`), as it looks now.
    WaitTooLong {
        /// When the wait is likely to be short enough.
        retry_after: Duration
    } = "wait_too_long", StatusCode::SERVICE_UNAVAILABLE, Some(*retry_after),
        "the wait would be longer than x-sluice-wait-at-most says";

    /// The upstream did not answer in time.
    UpstreamTimeout = "upstream_timeout", StatusCode::GATEWAY_TIMEOUT, None,
        "the model server did not answer in time";
}
