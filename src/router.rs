//! From a request to the handler of its route: what holds for all of them happens here, once.

use std::rc::Rc;

use http::{HeaderMap, Method, StatusCode};
use serde_json::json;
use sluice_gate::Now;
use spin_sdk::wasip3::http::types::{Request, Response};

use crate::clock;
use crate::config::{self, Config, Misconfigured};
use crate::counters::{self, Tallied};
use crate::http::body::UnreadBody;
use crate::http::head::Head;
use crate::http::hosts;
use crate::http::log::Line;
use crate::http::origin;
use crate::http::origins::Origins;
use crate::http::refuse::Refusal;
use crate::http::reply::{Answer, Reply};
use crate::http::routes::{self, Matched, Open, Route};
use crate::operate::health;
use crate::operate::{advise, metrics, openapi, operator, queue, queue_status, warm};
use crate::request::Asked;
use crate::request::client::{self, Client};
use crate::request::limiter;
use crate::{answer, random, tasks};

/// Answers a request, always.
pub async fn handle(request: Request) -> Response {
    let (head, body, fits) = Head::take(request);
    let id = head.request_id();
    let id = id.map_or_else(|| format!("{:016x}", random::number()).into(), Rc::from);
    // In a box: see `tasks::spawn`.
    tasks::of_request(Some(id), Box::pin(answer_to(head, body, fits))).await
}

async fn answer_to(mut head: Head, body: UnreadBody, fits: Result<(), Refusal>) -> Response {
    // What is looked at before anything is waited for goes by one reading of the clocks: each is a call to the host.
    let came = clock::now();
    let wording = head.wording();
    let line = Line::at("request", came.wall_ms)
        .with("method", head.method.as_str())
        .with("path", routes::for_log(&head.path));
    let config = config::current().await;
    if let Ok(config) = &config {
        warm::tend(config);
        advise(config, came.mono_ms);
    }
    let known = config.as_deref().unwrap_or_else(|wrong| &wrong.rest);
    let mut client = Client::by_address(known, &head);
    let mut carried = HeaderMap::new();
    let answer = match fits.and_then(|()| let_in(config.as_deref().ok(), &mut head)) {
        Ok(cors) => {
            carried = cors;
            serve(head, body, config, came, &mut client, &mut carried).await
        }
        Err(refusal) => Err(refusal),
    };
    let log = |line: Line, reply: &Reply| {
        let duration_ms = clock::now_ms().saturating_sub(came.mono_ms);
        line.with("client", client.to_string())
            .with("client_id", client::id(client.fingerprint()))
            .with("status", reply.status.as_u16())
            .with("duration_ms", duration_ms)
            .write();
    };
    let reply = match answer {
        Ok(Answer::Streamed(response)) => return response,
        Ok(Answer::Told(reply)) => reply,
        Ok(Answer::Whole(reply)) => {
            log(line, &reply);
            reply
        }
        Err(refusal) => {
            counters::count(Tallied::Refused(refusal.code()));
            let reply = refusal.reply(wording);
            let line = match &refusal {
                Refusal::HostNotAllowed { host } => line.with("host", host.as_str()),
                _ => line,
            };
            log(line.with("code", refusal.code()), &reply);
            reply
        }
    };
    let headers = carried.into_iter();
    headers
        .fold(reply, |reply, (name, value)| match name {
            Some(name) => reply.with(name, value),
            None => reply,
        })
        .into_response()
}

/// Whether a browser may have sent this: the name that it knows this server by, and the page that asks.
fn let_in(config: Option<&Config>, head: &mut Head) -> Result<HeaderMap, Refusal> {
    let Some(config) = config else {
        // Then nothing is served but what is wrong with the settings.
        return origin::check_origin(&Origins::default(), head);
    };
    head.authority = client::asked_host(config, head);
    let host = head.authority.as_deref().unwrap_or_default();
    if !config.allowed_hosts.allows(host, !config.keys.is_empty()) && !routes::is_probe(&head.path)
    {
        return Err(Refusal::HostNotAllowed {
            host: hosts::name_of(host),
        });
    }
    origin::check_origin(&config.cors_origins, head)
}

async fn serve(
    head: Head,
    body: UnreadBody,
    config: Result<Rc<Config>, Misconfigured>,
    came: Now,
    client: &mut Client,
    carried: &mut HeaderMap,
) -> Result<Answer, Refusal> {
    if head.method == Method::OPTIONS && !carried.is_empty() {
        let reply = Reply::empty(StatusCode::NO_CONTENT);
        carried.extend(origin::preflight_headers(&head));
        return Ok(Answer::Whole(reply));
    }
    let Matched { route, segment } = routes::find(&head.method, &head.path)?;
    let segment = segment.to_owned();
    if let Route::Open(open) = route {
        return open_to_all(open, &head, &config, came, client).await;
    }
    let config = config?;
    client.recognize(&config, &head, came.mono_ms);
    if let Route::Operator(_) = route {
        client.operate()?;
    } else if route.needs_key() {
        client.admit(&config)?;
    }
    // Giving up looks a ticket up in the store, whoever asks.
    if let Route::Gated(_) | Route::GiveUp = route {
        limiter::check(&config, client, came, carried).await?;
    }
    let asked = Asked {
        head,
        body,
        config,
        client: client.clone(),
        carried: carried.clone(),
    };
    let reply = match route {
        Route::Gated(endpoint) => return answer::handle(asked, endpoint).await,
        Route::PassOn(question) => answer::questions::answer(asked, question, &segment).await,
        Route::Cloud => Ok(cloud(&asked.config)),
        Route::QueueStatus => queue_status::report(&asked.config).await,
        Route::Queue => queue::report(&asked.config).await,
        Route::GiveUp => queue::give_up(&asked.config, &segment).await,
        Route::Operator(order) => operator::answer(asked, order, &segment).await,
        Route::Metrics => metrics::report(&asked.config).await,
        // Answered above.
        Route::Open(_) => Err(Refusal::NotFound),
    };
    reply.map(Answer::Whole)
}

/// Answers what must be answered whatever the settings are.
async fn open_to_all(
    open: Open,
    head: &Head,
    config: &Result<Rc<Config>, Misconfigured>,
    came: Now,
    client: &mut Client,
) -> Result<Answer, Refusal> {
    let ok = |document| Reply::json(StatusCode::OK, &document);
    let reply = match open {
        Open::Live => ok(json!({ "status": "ok" })),
        Open::Hello => ok(json!({ "message": "hello" })),
        Open::OpenApi => openapi::report(),
        Open::Ready => health::ready(health::store().await)?,
        Open::Health => {
            let known = config.as_deref().unwrap_or_else(|wrong| &wrong.rest);
            client.recognize(known, head, came.mono_ms);
            health::report(config.as_ref(), client, health::store().await).await
        }
        // Taken unread, and not told of anywhere: it says nothing to anybody here.
        Open::Telemetry => return Ok(Answer::Told(ok(json!({})))),
    };
    Ok(Answer::Whole(reply))
}

/// What Ollama says of its cloud, as it is for whoever asks here.
fn cloud(config: &Config) -> Reply {
    let source = if config.allow_cloud { "none" } else { "config" };
    let cloud = json!({ "disabled": !config.allow_cloud, "source": source });
    Reply::json(StatusCode::OK, &json!({ "cloud": cloud }))
}
