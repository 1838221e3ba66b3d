//! The settings of this instance.

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::rc::Rc;

use futures::future::join_all;
use spin_sdk::variables;

use super::parse::Misconfigured;
use super::table::{Config, names};
use crate::http::log::Line;
use crate::http::refuse::Refusal;

/// The settings of this instance, once they have been parsed.
pub fn parsed() -> Option<Rc<Config>> {
    CURRENT.with(|cell| cell.get().cloned())
}

/// The settings of this instance.
///
/// # Errors
/// Every fault that was found.
pub async fn current() -> Result<Rc<Config>, Misconfigured> {
    if let Some(config) = parsed() {
        return Ok(config);
    }
    let names = names();
    let values = join_all(names.iter().map(variables::get)).await;
    let found: HashMap<_, _> = names.iter().map(String::as_str).zip(values).collect();
    let parsed = Config::parse(&|name| match found.get(name) {
        Some(Ok(value)) => Ok(Some(value.clone())),
        Some(Err(variables::Error::Undefined(_))) | None => Ok(None),
        Some(Err(error)) => Err(error.to_string()),
    });
    let config = Rc::new(parsed.inspect_err(log_once)?);
    Ok(CURRENT.with(|cell| cell.get_or_init(|| config).clone()))
}

impl From<Misconfigured> for Refusal {
    fn from(_: Misconfigured) -> Refusal {
        Refusal::Misconfigured
    }
}

/// Faults go to the log once an instance: every request finds them again.
fn log_once(misconfigured: &Misconfigured) {
    if !LOGGED.replace(true) {
        Line::new("misconfigured")
            .with("problem", misconfigured.to_string())
            .write();
    }
}

thread_local! {
    static CURRENT: OnceCell<Rc<Config>> = const { OnceCell::new() };
    static LOGGED: Cell<bool> = const { Cell::new(false) };
}
