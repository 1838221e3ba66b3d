//! Rules of requests.

mod form;
mod models;
mod reading;
mod rules;

use serde_json::{Map, Value, json};

use super::*;
use crate::{Endpoint, Policy};

fn options(options: Value) -> Map<String, Value> {
    options.as_object().unwrap().clone()
}

fn policy() -> Policy {
    Policy {
        model: "qwen3:1.7b".into(),
        options: options(json!({ "num_ctx": 4096, "temperature": 0.7 })),
        ..Policy::default()
    }
}

fn prepared_by(policy: &Policy, endpoint: Endpoint, body: &str) -> Result<Prepared, Invalid> {
    prepare(
        endpoint,
        body.as_bytes().to_vec(),
        &Asker::default(),
        policy,
    )
}

fn prepared(endpoint: Endpoint, body: &str) -> Prepared {
    prepared_by(&policy(), endpoint, body).unwrap_or_else(|invalid| panic!("{body}: {invalid}"))
}

fn refused(endpoint: Endpoint, body: &str) -> Invalid {
    prepared_by(&policy(), endpoint, body).expect_err(body)
}

/// What is sent, as it is written.
fn sent(prepared: &Prepared, sending: &Sending) -> String {
    String::from_utf8(prepared.body.payload(sending).to_vec()).unwrap()
}

/// What is sent by an operator who adds nothing, and may cut.
fn passed(endpoint: Endpoint, body: &str) -> String {
    let prepared = prepared_by(&Policy::default(), endpoint, body).expect(body);
    let cut = Sending {
        may_cut: true,
        ..Sending::default()
    };
    sent(&prepared, &cut)
}

/// What is sent, as JSON.
fn json_sent(policy: &Policy, endpoint: Endpoint, body: &str, sending: &Sending) -> Value {
    let prepared = prepared_by(policy, endpoint, body).expect(body);
    serde_json::from_str(&sent(&prepared, sending)).unwrap()
}
