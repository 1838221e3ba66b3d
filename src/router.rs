//! From a request to the handler of its route: what holds for all of them happens here, once.

use std::rc::Rc;

use http::{HeaderMap, Method, StatusCode};
use serde_json::json;
use spin_sdk::http::Request;
use spin_sdk::wasip3::http::types::Response;

use crate::clock;
use crate::config::{self, Config, Misconfigured};
use crate::counters::{self, Tallied};
use crate::http::body::UnreadBody;
use crate::http::head::Head;
use crate::http::log::Line;
use crate::http::origin;
use crate::http::refuse::Refusal;
use crate::http::reply::{Answer, Reply};
use crate::http::routes::{self, Matched, Route};
use crate::operate::health::{self, Store};
use crate::operate::{metrics, openapi, queue, queue_status};
use crate::request::limiter;
use crate::request::{Asked, client::Client};
use crate::{answer, gate};

/// Answers a request, always.
pub async fn handle(request: Request) -> Response {
    let started = clock::now_ns();
    let (head, body) = match Head::take(request) {
        Ok(taken) => taken,
        Err((family, refusal)) => {
            Line::new("request").with("code", refusal.code()).write();
            counters::count(Tallied::Refused(refusal.code()));
            return refusal.reply(family).into_response();
        }
    };
    let family = head.family();
    let line = Line::new("request")
        .with("method", head.method.as_str())
        .with("path", head.path.as_str());
    let config = config::current().await;
    let allowed = config
        .as_ref()
        .map_or(&[][..], |config| &config.cors_origins);
    let mut carried = HeaderMap::new();
    let answer = match origin::check_origin(allowed, &head) {
        Ok(cors) => {
            carried = cors;
            serve(head, body, config, &mut carried).await
        }
        Err(refusal) => Err(refusal),
    };
    let log = |line: Line, reply: &Reply| {
        let duration_ms = clock::now_ns().saturating_sub(started) / 1_000_000;
        line.with("status", reply.status.as_u16())
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
            let reply = refusal.reply(family);
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

async fn serve(
    head: Head,
    body: UnreadBody,
    config: Result<Rc<Config>, Misconfigured>,
    carried: &mut HeaderMap,
) -> Result<Answer, Refusal> {
    if head.method == Method::OPTIONS && !carried.is_empty() {
        let reply = Reply::empty(StatusCode::NO_CONTENT);
        let headers = origin::preflight_headers().into_iter();
        return Ok(Answer::Whole(
            headers.fold(reply, |reply, (name, value)| reply.with(name, value)),
        ));
    }
    let Matched { route, segment } = routes::find(&head.method, &head.path)?;
    let segment = segment.to_owned();
    // These must answer whatever the settings are.
    match route {
        Route::Live => {
            return Ok(Answer::Whole(Reply::json(
                StatusCode::OK,
                &json!({ "status": "ok" }),
            )));
        }
        Route::OpenApi => return Ok(Answer::Whole(openapi::report())),
        Route::Ready => return health::ready(store().await).map(Answer::Whole),
        Route::Health => {
            let client = config
                .as_ref()
                .ok()
                .map(|config| Client::recognize(config, &head));
            return Ok(Answer::Whole(
                health::report(config.as_ref(), client.as_ref(), store().await).await,
            ));
        }
        _ => {}
    }
    let config = config?;
    let client = Client::recognize(&config, &head);
    if route.needs_key() {
        client.admit(&config)?;
    }
    if let Route::Gated(_) = route {
        limiter::check(&config, &client, carried).await?;
    }
    let asked = Asked {
        head,
        body,
        config,
        client,
        carried: carried.clone(),
    };
    match route {
        Route::PassOn(question) => answer::passthrough::pass_on(asked, question, &segment).await,
        Route::Gated(endpoint) => answer::handle(asked, endpoint).await,
        Route::QueueStatus => queue_status::report(&asked.config).await.map(Answer::Whole),
        Route::Queue => queue::report(&asked.config).await.map(Answer::Whole),
        Route::Metrics => metrics::report(&asked.config).await.map(Answer::Whole),
        Route::GiveUp => queue::give_up(&segment).await.map(Answer::Whole),
        // Answered above.
        Route::Live | Route::Ready | Route::Health | Route::OpenApi => Err(Refusal::NotFound),
    }
}

async fn store() -> Store {
    match gate::probe().await {
        Ok(()) => Store::Usable,
        Err(_) => Store::Unusable,
    }
}
