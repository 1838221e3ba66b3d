//! The routes, as one table, and which of Ollama's are its operator's alone.

use http::Method;
use sluice_ollama::Endpoint;

use crate::http::refuse::Refusal;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Work for the model, through the gate.
    Gated(Endpoint),
    /// A question to the upstream that is passed on.
    PassOn(Question),
    /// Whether models of Ollama's cloud are offered, as Ollama's own command line asks.
    Cloud,
    /// The mission's three numbers.
    QueueStatus,
    /// The line in detail.
    Queue,
    /// A place is given up, or a stream is stopped.
    GiveUp,
    /// An operator looks, or orders something.
    Operator(Order),
    /// The numbers, for Prometheus.
    Metrics,
    /// What is answered to everybody, whatever the settings are.
    Open(Open),
}

/// What shows nothing of anybody, and needs no settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// What works and what does not.
    Health,
    /// What there is, for programs.
    OpenApi,
    /// This instance runs.
    Live,
    /// Requests can be taken.
    Ready,
    /// Anthropic's clients ask whether there is anybody.
    Hello,
    /// What Anthropic's clients tell their maker of themselves.
    Telemetry,
}

/// What an operator does while people are being served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Looks who stands where.
    Look,
    /// Puts up a notice, or takes it down.
    Notice,
    /// Gives an upstream nothing new.
    Drain,
    /// Gives it work again.
    Resume,
    /// Ends a request; the number of its ticket ends the path.
    End,
}

/// What an upstream is asked without the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The models there are.
    Tags,
    /// One model in detail.
    Show,
    /// The models that are loaded.
    Loaded,
    /// Ollama's version.
    Version,
    /// The models there are, in OpenAI's form.
    OpenAiModels,
    /// One model in OpenAI's form; its name ends the path.
    OpenAiModel,
}

/// A path with its route, and what stood in the place of its `{}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched<'a> {
    /// The route.
    pub route: Route,
    /// The last segment, where the route leaves it open; else empty.
    pub segment: &'a str,
}

impl Route {
    /// Whether it needs a key where keys are set.
    pub fn needs_key(self) -> bool {
        // Knowing a ticket is the right to give it up.
        !matches!(self, Route::GiveUp | Route::QueueStatus | Route::Open(_))
    }
}

/// Whether this is the path of a probe: whoever runs this asks it by whatever name, and it tells nothing.
pub fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}

/// A path as it may stand in the log: of a ticket its number alone, since its secret is the right to give it up.
pub fn for_log(path: &str) -> &str {
    let ticket = path.strip_prefix("/api/queue/");
    let secret = ticket.and_then(|ticket| ticket.split_once('-'));
    secret.map_or(path, |(_, secret)| &path[..path.len() - secret.len()])
}

/// Finds the route of a method and a path.
///
/// # Errors
/// The path is not fit to be compared, is the operator's alone, has other methods, or is unknown.
pub fn find<'a>(method: &Method, path: &'a str) -> Result<Matched<'a>, Refusal> {
    if !is_plain(path) {
        return Err(Refusal::InvalidPath);
    }
    for (verb, pattern, route) in table() {
        let Some(segment) = matches(pattern, path) else {
            continue;
        };
        if !verb.takes(method) {
            return Err(Refusal::MethodNotAllowed {
                allow: verb.allow(),
            });
        }
        return Ok(Matched { route, segment });
    }
    Err(match path {
        "/api/pull" => Refusal::NoPull,
        path if is_operators(path) => Refusal::NotExposed,
        _ => Refusal::NotFound,
    })
}

/// The method of a route; each has one. `HEAD` goes with `GET`: the host leaves the body out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Get,
    Post,
    Delete,
}

impl Verb {
    fn takes(self, method: &Method) -> bool {
        match self {
            Verb::Get => method == Method::GET || method == Method::HEAD,
            Verb::Post => method == Method::POST,
            Verb::Delete => method == Method::DELETE,
        }
    }

    fn allow(self) -> &'static str {
        match self {
            Verb::Get => "GET, HEAD",
            Verb::Post => "POST",
            Verb::Delete => "DELETE",
        }
    }
}

/// Every route: an endpoint of the gate stands where it says itself, the others in a table.
fn table() -> impl Iterator<Item = (Verb, &'static str, Route)> {
    let gated = Endpoint::ALL.into_iter();
    let gated = gated.map(|endpoint| (Verb::Post, endpoint.path(), Route::Gated(endpoint)));
    gated.chain(ROUTES.iter().copied())
}

const ROUTES: &[(Verb, &str, Route)] = &[
    (Verb::Get, "/api/tags", Route::PassOn(Question::Tags)),
    (Verb::Post, "/api/show", Route::PassOn(Question::Show)),
    (Verb::Get, "/api/ps", Route::PassOn(Question::Loaded)),
    (Verb::Get, "/api/version", Route::PassOn(Question::Version)),
    (
        Verb::Get,
        "/v1/models",
        Route::PassOn(Question::OpenAiModels),
    ),
    (
        Verb::Get,
        "/v1/models/{}",
        Route::PassOn(Question::OpenAiModel),
    ),
    (Verb::Get, "/api/status", Route::Cloud),
    (Verb::Get, "/api/queue-status", Route::QueueStatus),
    (Verb::Get, "/api/queue", Route::Queue),
    (Verb::Delete, "/api/queue/{}", Route::GiveUp),
    (Verb::Get, "/api/operator", Route::Operator(Order::Look)),
    (
        Verb::Post,
        "/api/operator/notice",
        Route::Operator(Order::Notice),
    ),
    (
        Verb::Post,
        "/api/operator/drain",
        Route::Operator(Order::Drain),
    ),
    (
        Verb::Post,
        "/api/operator/resume",
        Route::Operator(Order::Resume),
    ),
    (
        Verb::Delete,
        "/api/operator/requests/{}",
        Route::Operator(Order::End),
    ),
    (Verb::Get, "/api/health", Route::Open(Open::Health)),
    (Verb::Get, "/api/openapi.json", Route::Open(Open::OpenApi)),
    (Verb::Get, "/metrics", Route::Metrics),
    (Verb::Get, "/livez", Route::Open(Open::Live)),
    (Verb::Get, "/readyz", Route::Open(Open::Ready)),
    (Verb::Get, "/api/hello", Route::Open(Open::Hello)),
    (
        Verb::Post,
        "/api/event_logging/batch",
        Route::Open(Open::Telemetry),
    ),
];

/// Routes of Ollama's that change what it holds, reach its account or the network, or speak a form that is not gated here.
const OPERATORS: &[&str] = &[
    "/api/pull",
    "/api/push",
    "/api/create",
    "/api/copy",
    "/api/delete",
    "/api/blobs",
    "/api/me",
    "/api/signin",
    "/api/signout",
    "/api/user",
    "/api/experimental",
    "/v1/images",
    "/v1/audio",
];

fn is_operators(path: &str) -> bool {
    let is_below = |prefix: &&str| {
        path.strip_prefix(*prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    OPERATORS.iter().any(is_below)
}

fn matches<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    match pattern.strip_suffix("{}") {
        None => (pattern == path).then_some(""),
        Some(prefix) => path
            .strip_prefix(prefix)
            .filter(|segment| !segment.is_empty() && !segment.contains('/')),
    }
}

/// Whether a path says what it seems to say, to whoever reads it next: no dot segments, no empty ones, no encoded slash,
/// dot or percent sign, no control characters.
fn is_plain(path: &str) -> bool {
    let has_plain_bytes = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let lower = path.to_ascii_lowercase();
    let is_encoded = ["%2f", "%5c", "%2e", "%25", "%00"]
        .iter()
        .any(|code| lower.contains(code));
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
    has_plain_bytes
        && !is_encoded
        && path.starts_with('/')
        && segments.all(|segment| !matches!(segment, "" | "." | ".."))
}

/// Every route: its method, its pattern, and what it is for.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = (Method, &'static str, Route)> {
    table().map(|(verb, pattern, route)| {
        let method = match verb {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Delete => Method::DELETE,
        };
        (method, pattern, route)
    })
}

#[cfg(test)]
mod tests;
