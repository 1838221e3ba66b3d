//! Checks of single members: each says what was expected. Null counts as absent, as it does for Ollama.

use serde_json::{Map, Value};

use super::{Invalid, MAX_MESSAGES, MAX_MODEL_NAME};

/// Checks the value of the member `name`.
pub(super) type Check = fn(name: &str, value: &Value) -> Result<(), Invalid>;

/// Applies a check to a member that is there and is not null.
pub(super) fn expect(
    members: &Map<String, Value>,
    name: &str,
    check: Check,
) -> Result<(), Invalid> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(()),
        Some(value) => check(name, value),
    }
}

pub(super) fn text(name: &str, value: &Value) -> Result<(), Invalid> {
    must(value.is_string(), name, "a string")
}

pub(super) fn flag(name: &str, value: &Value) -> Result<(), Invalid> {
    must(value.is_boolean(), name, "true or false")
}

pub(super) fn number(name: &str, value: &Value) -> Result<(), Invalid> {
    must(value.is_number(), name, "a number")
}

pub(super) fn array(name: &str, value: &Value) -> Result<(), Invalid> {
    must(value.is_array(), name, "an array")
}

pub(super) fn object(name: &str, value: &Value) -> Result<(), Invalid> {
    must(value.is_object(), name, "an object")
}

pub(super) fn texts(name: &str, value: &Value) -> Result<(), Invalid> {
    let fits = value
        .as_array()
        .is_some_and(|items| items.iter().all(Value::is_string));
    must(fits, name, "an array of strings")
}

pub(super) fn text_or_object(name: &str, value: &Value) -> Result<(), Invalid> {
    must(
        value.is_string() || value.is_object(),
        name,
        "a string or an object",
    )
}

pub(super) fn text_or_array(name: &str, value: &Value) -> Result<(), Invalid> {
    must(
        value.is_string() || value.is_array(),
        name,
        "a string or an array",
    )
}

pub(super) fn flag_or_text(name: &str, value: &Value) -> Result<(), Invalid> {
    must(
        value.is_boolean() || value.is_string(),
        name,
        "true, false or a string",
    )
}

/// A model's name: short, and without control characters or white space, since it is logged and written into frames.
pub(super) fn model(name: &str, value: &Value) -> Result<(), Invalid> {
    let fits = value.as_str().is_some_and(|model| {
        model.len() <= MAX_MODEL_NAME && !model.chars().any(|c| c.is_control() || c.is_whitespace())
    });
    must(
        fits,
        name,
        &format!("a string of at most {MAX_MODEL_NAME} bytes without spaces"),
    )
}

pub(super) fn messages(name: &str, value: &Value) -> Result<(), Invalid> {
    each_message(name, value, |message, path| {
        expect_at(message, path, "content", text)?;
        expect_at(message, path, "thinking", text)?;
        expect_at(message, path, "images", texts)?;
        expect_at(message, path, "tool_calls", array)?;
        expect_at(message, path, "tool_name", text)?;
        expect_at(message, path, "tool_call_id", text)
    })
}

pub(super) fn openai_messages(name: &str, value: &Value) -> Result<(), Invalid> {
    if value.as_array().is_some_and(Vec::is_empty) {
        return Err(Invalid::request(Some(name), "messages must not be empty"));
    }
    each_message(name, value, |message, path| {
        expect_at(message, path, "content", text_or_array)?;
        expect_at(message, path, "tool_calls", array)
    })
}

fn each_message(
    name: &str,
    value: &Value,
    check: impl Fn(&Map<String, Value>, &str) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    let Some(messages) = value.as_array() else {
        return must(false, name, "an array");
    };
    if messages.len() > MAX_MESSAGES {
        return Err(Invalid::request(
            Some(name),
            format!(
                "{name} must hold at most {MAX_MESSAGES}, and holds {}",
                messages.len()
            ),
        ));
    }
    for (index, message) in messages.iter().enumerate() {
        let path = format!("{name}[{index}]");
        let Some(message) = message.as_object() else {
            return must(false, &path, "an object");
        };
        match message.get("role").and_then(Value::as_str) {
            Some(role) if !role.is_empty() => {}
            _ => return must(false, &format!("{path}.role"), "a string that is not empty"),
        }
        check(message, &path)?;
    }
    Ok(())
}

fn expect_at(
    members: &Map<String, Value>,
    path: &str,
    name: &str,
    check: Check,
) -> Result<(), Invalid> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(()),
        Some(value) => check(&format!("{path}.{name}"), value),
    }
}

fn must(fits: bool, name: &str, expected: &str) -> Result<(), Invalid> {
    if fits {
        return Ok(());
    }
    Err(Invalid::request(
        Some(name),
        format!("{name} must be {expected}"),
    ))
}
