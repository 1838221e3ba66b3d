//! What an operator does while people are being served: look who stands where, put up a notice, drain an upstream, end a request.
//!
//! All of it holds on every host of the store: what is ordered stands there ([`crate::orders`]), and a request is ended by way of
//! the board. The router lets in whoever shows an operator's key, and nobody else.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sluice_gate::board::{Board, Class, Grant, Waiting};

use super::queue;
use crate::config::Config;
use crate::gate;
use crate::http::body::{Limits, UnreadBody};
use crate::http::log::Line;
use crate::http::refuse::Refusal;
use crate::http::reply::Reply;
use crate::http::routes::Order;
use crate::orders::{self, LONGEST_NOTICE};
use crate::request::Asked;
use crate::request::client;
use crate::store::StoreError;
use crate::upstreams::breakers;

/// The largest body that an operator sends, in bytes.
const MAX_BODY: usize = 8 * 1024;

/// Does what was ordered.
///
/// # Errors
/// The body says something else than is understood, there is no such upstream or request, or the store failed.
pub async fn answer(asked: Asked, order: Order, segment: &str) -> Result<Reply, Refusal> {
    let limits = asked.limits(MAX_BODY);
    let Asked {
        body,
        config,
        client,
        ..
    } = asked;
    if order != Order::Look {
        Line::new("order")
            .with("client", client.to_string())
            .with("order", format!("{order:?}").to_lowercase())
            .with("of", (!segment.is_empty()).then_some(segment))
            .write();
    }
    match order {
        Order::Look => look(&config).await,
        Order::Notice => {
            let Notice { text } = read(body, limits).await?;
            if text.chars().count() > LONGEST_NOTICE {
                let message = format!("must be a text of at most {LONGEST_NOTICE} characters");
                return Err(invalid("text", &message));
            }
            change(|orders| orders.tell(text.trim())).await
        }
        Order::Drain | Order::Resume => {
            let Upstreams { upstream } = read(body, limits).await?;
            let all = 0..config.upstreams.len();
            let meant = match upstream {
                None => all,
                Some(index) if all.contains(&index) => index..index + 1,
                Some(_) => return Err(invalid("upstream", "is no number of an upstream")),
            };
            change(|orders| meant.for_each(|index| orders.drain(index, order == Order::Drain)))
                .await
        }
        Order::End => end(&config, segment).await,
    }
}

/// A notice, as it is sent; an empty one takes down what is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notice {
    text: String,
}

/// Which upstreams are meant: one, or all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upstreams {
    upstream: Option<usize>,
}

async fn read<T: for<'a> Deserialize<'a>>(body: UnreadBody, limits: Limits) -> Result<T, Refusal> {
    let body = body.read(limits).await?;
    serde_json::from_slice(body.bytes()).map_err(|error| Refusal::InvalidRequest {
        param: None,
        message: error.to_string(),
    })
}

fn invalid(param: &str, problem: &str) -> Refusal {
    Refusal::InvalidRequest {
        param: Some(param.to_owned()),
        message: format!("{param} {problem}"),
    }
}

fn unavailable(_: StoreError) -> Refusal {
    Refusal::StoreUnavailable
}

async fn change(change: impl FnOnce(&mut orders::Orders)) -> Result<Reply, Refusal> {
    let orders = orders::change(change).await.map_err(unavailable)?;
    let drained = (0..sluice_gate::MAX_UPSTREAMS).filter(|index| orders.drains(*index));
    let body = json!({ "notice": orders.notice(), "drained": drained.collect::<Vec<_>>() });
    Ok(Reply::json(StatusCode::OK, &body))
}

/// Who stands where.
async fn look(config: &Config) -> Result<Reply, Refusal> {
    breakers::refresh(config).await;
    let board = gate::board(config, gate::SHOWN_MS)
        .await
        .map_err(unavailable)?;
    let upstreams = queue::upstreams(config, &breakers::room(config), &board.load());
    let upstreams = upstreams.into_iter().zip(&config.upstreams);
    let upstreams = upstreams.map(|(mut told, upstream)| {
        told["address"] = upstream.to_string().into();
        told
    });
    Ok(Reply::json(
        StatusCode::OK,
        &json!({
            "notice": orders::known().notice(),
            "upstreams": upstreams.collect::<Vec<_>>(),
            "running": running(config, &board),
            "waiting": waiting(config, &board),
        }),
    ))
}

fn running(config: &Config, board: &Board) -> Vec<Value> {
    let grants = board.grants.iter();
    let entry = |grant: &Grant| {
        json!({
            "ticket": gate::ticket_number(grant.ask),
            "client": client::named(config, grant.client),
            "class": word(grant.class),
            "upstream": grant.upstream,
        })
    };
    grants.map(entry).collect()
}

/// Each with the position that its client is told.
fn waiting(config: &Config, board: &Board) -> Vec<Value> {
    let foreseen = gate::foresee(config, board);
    let entry = |waiting: &Waiting| {
        let foreseen = foreseen.iter().find(|one| one.ask == waiting.ask);
        let ahead = foreseen.map(|one| one.ahead);
        let ahead = ahead.or_else(|| board.ahead(waiting.ask));
        json!({
            "ticket": gate::ticket_number(waiting.ask),
            "client": client::named(config, waiting.client),
            "class": word(waiting.class),
            "position": ahead.unwrap_or(0) + 1,
            "waitedSeconds": waiting.waited_ms / 1_000,
        })
    };
    board.waiting().map(entry).collect()
}

fn word(class: Class) -> &'static str {
    match class {
        Class::Interactive => "interactive",
        Class::Batch => "batch",
    }
}

/// Ends a request by the number of its ticket, wherever it stands.
async fn end(config: &Config, ticket: &str) -> Result<Reply, Refusal> {
    let ask = gate::ask_of(ticket).ok_or(Refusal::UnknownTicket)?;
    queue::cancelled(gate::cancel_as_operator(config, ask).await)
}
