//! What a request asks for, read from its JSON as leniently as Ollama reads it.

use http::StatusCode;
use serde_json::Value;

use crate::body::{Dialect, Refusal};

/// The form of a generating request, and so of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/api/chat`
    Chat,
    /// `/api/generate`
    Generate,
    /// `/v1/chat/completions`
    ChatCompletion,
    /// `/v1/completions`
    Completion,
    /// `/v1/responses`
    Responses,
    /// `/api/embed`
    Embed,
    /// `/api/embeddings`, the older form
    Embeddings,
    /// `/v1/embeddings`
    OpenAiEmbeddings,
}

/// A generating request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) form: Form,
    pub(crate) model: String,
    /// The last message of the user, or the prompt. Empty: load the model.
    pub(crate) prompt: String,
    /// What is embedded; for embeddings only.
    pub(crate) inputs: Vec<String>,
    /// Words in all messages: the count of prompt tokens.
    pub(crate) prompt_tokens: u32,
    pub(crate) delivery: Delivery,
    pub(crate) thinking: Thinking,
    pub(crate) usage: Usage,
    /// The most tokens to send.
    pub(crate) limit: Option<u32>,
}

/// Whether the answer comes token by token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Streamed,
    Whole,
}

/// Whether thinking is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thinking {
    Asked,
    Off,
}

/// Whether `stream_options.include_usage` is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    Included,
    Off,
}

impl Form {
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path {
            "/api/chat" => Some(Self::Chat),
            "/api/generate" => Some(Self::Generate),
            "/v1/chat/completions" => Some(Self::ChatCompletion),
            "/v1/completions" => Some(Self::Completion),
            "/v1/responses" => Some(Self::Responses),
            "/api/embed" => Some(Self::Embed),
            "/api/embeddings" => Some(Self::Embeddings),
            "/v1/embeddings" => Some(Self::OpenAiEmbeddings),
            _ => None,
        }
    }

    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::ChatCompletion | Self::Completion | Self::Responses | Self::OpenAiEmbeddings => {
                Dialect::OpenAi
            }
            Self::Chat | Self::Generate | Self::Embed | Self::Embeddings => Dialect::Ollama,
        }
    }

    pub(crate) fn is_embedding(self) -> bool {
        matches!(
            self,
            Self::Embed | Self::Embeddings | Self::OpenAiEmbeddings
        )
    }
}

impl Ask {
    /// Reads a request. An unreadable one is refused as Ollama refuses it.
    pub(crate) fn read(form: Form, body: &Value) -> Result<Self, Refusal> {
        let model = match &body["model"] {
            Value::String(model) if !model.is_empty() => model.clone(),
            Value::Null | Value::String(_) => return Err(bad_request("model is required")),
            _ => {
                return Err(bad_request(
                    "json: cannot unmarshal into Go struct field .model of type string",
                ));
            }
        };
        check_options(&body["options"])?;
        let openai = form.dialect() == Dialect::OpenAi;
        let delivery = match body["stream"].as_bool() {
            _ if form.is_embedding() => Delivery::Whole,
            Some(true) => Delivery::Streamed,
            Some(false) => Delivery::Whole,
            None if openai => Delivery::Whole,
            None => Delivery::Streamed,
        };
        let limit = match form {
            Form::ChatCompletion | Form::Completion if body["max_completion_tokens"].is_null() => {
                &body["max_tokens"]
            }
            Form::ChatCompletion | Form::Completion => &body["max_completion_tokens"],
            Form::Responses => &body["max_output_tokens"],
            _ => &body["options"]["num_predict"],
        };
        let asked = match &body["think"] {
            Value::Bool(think) => *think,
            Value::String(level) => !level.is_empty(),
            _ => false,
        };
        let include_usage = body["stream_options"]["include_usage"].as_bool() == Some(true);
        let messages = texts(form, body);
        Ok(Self {
            form,
            model,
            prompt: last_prompt(form, body, &messages),
            prompt_tokens: messages
                .iter()
                .map(|text| words(text))
                .fold(0, u32::saturating_add),
            inputs: messages,
            delivery,
            thinking: if asked {
                Thinking::Asked
            } else {
                Thinking::Off
            },
            usage: if include_usage {
                Usage::Included
            } else {
                Usage::Off
            },
            // Negative: no limit.
            limit: limit
                .as_f64()
                .filter(|limit| *limit >= 0.0)
                .map(|limit| limit as u32),
        })
    }
}

/// Refuses an option of a wrong type, with Ollama's status and words. Unknown options are ignored, as it does.
fn check_options(options: &Value) -> Result<(), Refusal> {
    let options = match options {
        Value::Null => return Ok(()),
        Value::Object(options) => options,
        _ => {
            return Err(bad_request(
                "json: cannot unmarshal into Go struct field .options of type map[string]interface {}",
            ));
        }
    };
    for (name, value) in options {
        let wrong = match name.as_str() {
            _ if value.is_null() => None,
            name if INTEGERS.contains(&name) => (!value.is_number()).then_some("of type integer"),
            name if FLOATS.contains(&name) => (!value.is_number()).then_some("of type float32"),
            "use_mmap" => (!value.is_boolean()).then_some("of type boolean"),
            "stop" => match value {
                Value::Array(stops) => stops
                    .iter()
                    .any(|stop| !stop.is_string())
                    .then_some("of an array of strings"),
                _ => Some("of type array"),
            },
            _ => None,
        };
        if let Some(expected) = wrong {
            let message = format!("option {name:?} must be {expected}");
            return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message));
        }
    }
    Ok(())
}

/// All texts of a request, in order.
fn texts(form: Form, body: &Value) -> Vec<String> {
    let all = match form {
        Form::Chat | Form::ChatCompletion => {
            return body["messages"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|message| text(&message["content"]))
                .collect();
        }
        // The input is a text, or a list of messages.
        Form::Responses if body["input"].is_array() => {
            return body["input"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|message| text(&message["content"]))
                .collect();
        }
        Form::Responses => &body["input"],
        Form::Generate | Form::Completion | Form::Embeddings => &body["prompt"],
        Form::Embed | Form::OpenAiEmbeddings => &body["input"],
    };
    match all {
        Value::Array(inputs) => inputs.iter().map(text).collect(),
        Value::Null => Vec::new(),
        one => vec![text(one)],
    }
}

/// The last text that is the user's.
fn last_prompt(form: Form, body: &Value, messages: &[String]) -> String {
    let last = match form {
        Form::Chat | Form::ChatCompletion => {
            let roles = body["messages"].as_array().into_iter().flatten();
            roles
                .zip(messages)
                .filter(|(message, _)| message["role"] == "user")
                .map(|(_, text)| text)
                .last()
        }
        _ => messages.last(),
    };
    last.cloned().unwrap_or_default()
}

/// A content as text: a string, or the text parts of OpenAI's list.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}

fn words(text: &str) -> u32 {
    u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX)
}

fn bad_request(message: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, message)
}

const INTEGERS: &[&str] = &[
    "num_keep",
    "seed",
    "num_predict",
    "top_k",
    "repeat_last_n",
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "num_thread",
    "draft_num_predict",
];

const FLOATS: &[&str] = &[
    "top_p",
    "min_p",
    "typical_p",
    "temperature",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_prompt_is_the_last_message_of_the_user() {
        let body = json!({"model": "m", "messages": [
            {"role": "user", "content": "first"},
            {"role": "user", "content": [{"type": "text", "text": "second"}, {"type": "image_url"}]},
            {"role": "assistant", "content": "and then"},
        ]});
        let ask = Ask::read(Form::ChatCompletion, &body).unwrap();
        assert_eq!((ask.prompt.as_str(), ask.prompt_tokens), ("second", 4));
    }

    #[test]
    fn the_two_apis_differ_in_whether_they_stream() {
        let body = json!({"model": "m", "messages": []});
        assert_eq!(
            Ask::read(Form::Chat, &body).unwrap().delivery,
            Delivery::Streamed
        );
        assert_eq!(
            Ask::read(Form::ChatCompletion, &body).unwrap().delivery,
            Delivery::Whole
        );
    }

    #[test]
    fn a_negative_limit_is_none() {
        for (limit, expected) in [(-1, None), (0, Some(0)), (7, Some(7))] {
            let body = json!({"model": "m", "options": {"num_predict": limit}});
            assert_eq!(Ask::read(Form::Chat, &body).unwrap().limit, expected);
        }
    }

    #[test]
    fn an_option_of_a_wrong_type_is_a_500_and_an_unknown_one_is_ignored() {
        for (options, expected) in [
            (
                json!({"temperature": "hot"}),
                Some("option \"temperature\" must be of type float32"),
            ),
            (
                json!({"num_ctx": "big"}),
                Some("option \"num_ctx\" must be of type integer"),
            ),
            (
                json!({"stop": "x"}),
                Some("option \"stop\" must be of type array"),
            ),
            (
                json!({"num_parallel": "x", "seed": null, "stop": ["x"]}),
                None,
            ),
        ] {
            let refusal = Ask::read(Form::Chat, &json!({"model": "m", "options": options})).err();
            assert_eq!(
                refusal,
                expected.map(|message| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
            );
        }
    }
}
