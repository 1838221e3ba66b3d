//! Whether a prompt fits its model and what it is to answer with: what the runner itself refuses, in place of a first token.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    body::{self, Body, Refusal},
    generator::{Prompt, PromptText},
    model::{Capability, Model, Template},
    request::{Ask, Form, Message, Said},
    schema,
    state::State,
    wire::rfc3339,
};

/// Tokens of the prompt, cut to the context if it has to be.
pub(super) fn fit(ask: &Ask, model: &Model, context: u32) -> Result<u32, Refusal> {
    if ask.form.is_embedding() {
        return embedding(ask, model, context);
    }
    if let Some(fault) = &ask.template_fault {
        let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, fault);
        return Err(refusal.while_handling());
    }
    if ask.has_images && !model.can(Capability::Vision) {
        let message = "Multimodal data provided, but model does not support multimodal requests.";
        return Err(runners(json!({
            "code": 400, "message": message, "type": "invalid_request_error",
        })));
    }
    check_format(ask)?;
    // A template has tokens of its own.
    let tokens = ask.prompt_tokens().max(1);
    if tokens <= context {
        return Ok(tokens);
    }
    let is_own = model.template == Template::Own && is_last_too_long(ask, context);
    if ask.truncate == Some(false) || is_own {
        let message = format!(
            "request ({tokens} tokens) exceeds the available context size ({context} tokens), try increasing it"
        );
        return Err(runners(json!({
            "code": 400,
            "message": message,
            "type": "exceed_context_size_error",
            "n_prompt_tokens": tokens,
            "n_ctx": context,
        })));
    }
    if ask.shift == Some(false) {
        let message = "the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length";
        return Err(Refusal::bad_request(message).while_running());
    }
    // Old messages go first, then the middle of the last one.
    Ok((context / 2).max(1))
}

fn embedding(ask: &Ask, model: &Model, context: u32) -> Result<u32, Refusal> {
    if !model.can(Capability::Embedding) {
        let status = match ask.form {
            Form::Embeddings => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::NOT_IMPLEMENTED,
        };
        let message = "This server does not support embeddings. Start it with `--embeddings`";
        return Err(Refusal::new(status, message).while_handling());
    }
    let tokens = ask.prompt_tokens();
    if tokens > context && ask.truncate == Some(false) {
        let message = "the input length exceeds the context length";
        return Err(Refusal::bad_request(message).while_handling());
    }
    Ok(tokens.min(context))
}

fn is_last_too_long(ask: &Ask, context: u32) -> bool {
    let words = ask.prompt().split_whitespace().count();
    u32::try_from(words).is_ok_and(|words| words > context)
}

fn check_format(ask: &Ask) -> Result<(), Refusal> {
    let format = match &ask.format {
        None | Some(Value::Null) => return Ok(()),
        Some(format) if format == "" || format == "json" => return Ok(()),
        Some(format) => format,
    };
    if !format.is_object() {
        let message = format!(
            "invalid format: {:?}; expected \"json\" or a valid JSON Schema object",
            format.to_string()
        );
        let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message);
        return Err(refusal.while_running());
    }
    if schema::instance(format).is_none() {
        let message = format!(
            "Field 'json_schema': \"json_schema\": JSON schema conversion failed:\nUnrecognized schema: {format}"
        );
        return Err(runners(json!({
            "code": 400, "message": message, "type": "invalid_request_error",
        })));
    }
    Ok(())
}

/// An error of the runner's, which Ollama passes on as JSON inside JSON.
fn runners(error: Value) -> Refusal {
    Refusal::bad_request(json!({ "error": error }).to_string()).while_running()
}

/// The text of an answer that has to keep to a form.
pub(super) fn formatted(ask: &Ask) -> Option<String> {
    let value = match ask.format.as_ref()? {
        format if format == "json" => json!({ "answer": vec!["text"; LONG_ANSWER] }),
        format => schema::instance(format)?,
    };
    serde_json::to_string_pretty(&value).ok()
}

/// Texts in JSON that has no schema: longer than the limits that are set in a hurry.
const LONG_ANSWER: usize = 30;

/// What a model is to go on from.
pub(super) fn prompt(ask: &Ask) -> Prompt {
    let text = match &ask.said {
        Said::Messages(messages) => PromptText::Messages(messages.clone()),
        Said::Prompt {
            text, is_raw: true, ..
        } => PromptText::Raw(text.clone()),
        Said::Prompt { system, text, .. } => {
            let said = |role: &str, content: &String| Message {
                role: role.to_owned(),
                content: content.clone(),
            };
            let system = (!system.is_empty()).then(|| said("system", system));
            PromptText::Messages(system.into_iter().chain([said("user", text)]).collect())
        }
        Said::Nothing | Said::Inputs(_) => PromptText::Messages(Vec::new()),
    };
    let format = ask.format.as_ref();
    Prompt {
        text,
        options: ask.options.clone(),
        limit: ask.options.limit(),
        has_format: format.is_some_and(|format| !format.is_null() && format != ""),
    }
}

/// The prompt as the model would see it.
pub(super) fn rendered(state: &State, ask: &Ask, model: &Model) -> Response<Body> {
    let mut messages = match prompt(ask).text {
        PromptText::Messages(messages) => messages,
        PromptText::Raw(text) => return debug_info(state, ask, &text),
    };
    if !model.system.is_empty() && messages.iter().all(|message| message.role != "system") {
        let system = Message {
            role: "system".to_owned(),
            content: model.system.clone(),
        };
        messages.insert(0, system);
    }
    let mut text = String::new();
    for Message { role, content } in messages {
        text += &format!("<|im_start|>{role}\n{content}<|im_end|>\n");
    }
    debug_info(state, ask, &(text + "<|im_start|>assistant\n"))
}

fn debug_info(state: &State, ask: &Ask, text: &str) -> Response<Body> {
    let created_at = rfc3339(state.clock.now());
    let mut document = json!({ "model": ask.model, "created_at": created_at });
    match ask.form {
        Form::Generate => document["response"] = "".into(),
        _ => document["message"] = json!({ "role": "", "content": "" }),
    }
    document["done"] = false.into();
    document["_debug_info"] = json!({ "rendered_template": text });
    body::json(StatusCode::OK, &document)
}
