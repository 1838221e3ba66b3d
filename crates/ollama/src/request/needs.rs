//! What a request asks of its model beyond words, and what Ollama says where the model cannot.
//!
//! # Why
//! Ollama refuses such a request at once. Before a line the same refusal would come after the wait, in the midst of an answer whose
//! status is out, where many clients do not see it.
//!
//! # What it does not do
//! It does not know what a model can: whoever does asks [`Needs::refused_by`].

use super::draft::Draft;
use super::settle::Work;
use crate::ModelName;
use crate::endpoint::Endpoint;
use crate::json::{Kind, Raw};
use crate::openai;

/// What a request needs its model to be able to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    kind: What,
    has_work: bool,
    tools: bool,
    insert: bool,
    thinking: bool,
    vision: bool,
}

/// What the model is to do, in the word of Ollama's refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum What {
    #[default]
    Chat,
    Generate,
    Embed,
}

impl Needs {
    /// Of a request as its client wrote it. What unloads a model needs nothing of it.
    pub(super) fn of(endpoint: Endpoint, asked: &Draft, work: Work) -> Needs {
        let kind = match endpoint {
            Endpoint::Generate | Endpoint::OpenAiCompletions => What::Generate,
            Endpoint::Embed | Endpoint::Embeddings | Endpoint::OpenAiEmbeddings => What::Embed,
            _ => What::Chat,
        };
        let given = |name: &str| asked.value(name).is_some_and(says_something);
        Needs {
            kind,
            has_work: work == Work::Some,
            tools: kind == What::Chat && given("tools"),
            insert: kind == What::Generate && given("suffix"),
            thinking: thinks(endpoint, asked),
            vision: shows_pictures(endpoint, asked),
        }
    }

    /// Whether it makes an embedding of something. No input is a load.
    pub fn embeds(&self) -> bool {
        self.kind == What::Embed && self.has_work
    }

    /// What Ollama says of a model that it does not have.
    pub fn unknown(&self, model: &str) -> String {
        match self.kind {
            What::Embed => format!("model {model:?} not found, try pulling it first"),
            What::Chat | What::Generate => format!("model '{model}' not found"),
        }
    }

    /// Why a model cannot serve it, in Ollama's words and in the order in which Ollama asks; pictures are refused in our own,
    /// since Ollama's are JSON within JSON. `can`: whether the model can do a thing; `None`: nobody knows, and that refuses nothing.
    pub fn refused_by(&self, model: &str, can: impl Fn(&str) -> Option<bool>) -> Option<String> {
        let cannot = |capability: &str| can(capability) == Some(false);
        let what = match self.kind {
            // Ollama asks a model that embeds nothing; what it says then is known from what it said before.
            What::Embed => return None,
            What::Chat => "chat",
            What::Generate => "generate",
        };
        let full = || ModelName::parse(model).map_or_else(|| model.to_owned(), |name| name.full());
        if self.thinking && cannot("thinking") {
            Some(format!("{model:?} does not support thinking"))
        } else if cannot("completion") {
            Some(format!("{model:?} does not support {what}"))
        } else if self.insert && cannot("insert") {
            Some(format!("{} does not support insert", full()))
        } else if self.tools && cannot("tools") {
            Some(format!("{} does not support tools", full()))
        } else if self.vision && cannot("vision") {
            Some(format!("{model:?} does not see pictures"))
        } else {
            None
        }
    }
}

fn says_something(value: Raw<'_>) -> bool {
    match value.kind() {
        Kind::Array => value.items().next().is_some(),
        Kind::Text => !value.is_written(""),
        _ => false,
    }
}

/// Whether it asks for thinking: what asks for none, or leaves it to the model, needs none.
fn thinks(endpoint: Endpoint, asked: &Draft) -> bool {
    let is_level = |value: Raw<'_>| says_something(value) && !value.is("none");
    match endpoint {
        Endpoint::Chat | Endpoint::Generate => asked
            .value("think")
            .is_some_and(|think| think.flag() == Some(true) || is_level(think)),
        Endpoint::OpenAiChat => openai::effort(asked).is_some_and(is_level),
        Endpoint::OpenAiResponses => asked
            .value("reasoning")
            .and_then(|value| value.member("effort"))
            .is_some_and(is_level),
        _ => false,
    }
}

fn shows_pictures(endpoint: Endpoint, asked: &Draft) -> bool {
    let has_images = |value: Option<Raw<'_>>| value.is_some_and(says_something);
    let messages = |name: &str| asked.value(name).into_iter().flat_map(Raw::items);
    let has_part = |holder: Raw<'_>, parts: &str, kind: &str| {
        let mut parts = holder.member(parts).into_iter().flat_map(Raw::items);
        parts.any(|part| part.has_type(kind))
    };
    // What a tool came back with may be a picture too.
    let in_result = |message: Raw<'_>| {
        let blocks = message.member("content").into_iter().flat_map(Raw::items);
        let mut results = blocks.filter(|block| block.has_type("tool_result"));
        results.any(|result| has_part(result, "content", "image"))
    };
    match endpoint {
        Endpoint::Chat => messages("messages").any(|message| has_images(message.member("images"))),
        Endpoint::Generate => has_images(asked.value("images")),
        Endpoint::OpenAiChat => {
            messages("messages").any(|message| has_part(message, "content", "image_url"))
        }
        Endpoint::Messages => messages("messages")
            .any(|message| has_part(message, "content", "image") || in_result(message)),
        Endpoint::OpenAiResponses => messages("input").any(|item| {
            has_part(item, "content", "input_image") || has_part(item, "output", "input_image")
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Policy;
    use crate::request::{Asker, prepare};

    fn needs(endpoint: Endpoint, body: &str) -> Needs {
        let asker = Asker::default();
        let prepared = prepare(
            endpoint,
            body.as_bytes().to_vec(),
            &asker,
            &Policy::default(),
        );
        prepared.unwrap().needs
    }

    /// What is said to a request whose model can do these things alone.
    fn said(endpoint: Endpoint, body: &str, can: &[&str]) -> Option<String> {
        let needs = needs(endpoint, body);
        needs.refused_by("smollm2:135m", |capability| Some(can.contains(&capability)))
    }

    #[test]
    fn what_a_model_cannot_is_refused_as_ollama_refuses_it() {
        let tools = r#""tools":[{"type":"function","function":{"name":"f"}}]"#;
        let full = "registry.ollama.ai/library/smollm2:135m";
        let chat = r#"{"messages":[{"role":"user","content":"x"}]"#;
        for (endpoint, more, expected) in [
            (
                Endpoint::Chat,
                tools,
                format!("{full} does not support tools"),
            ),
            (
                Endpoint::OpenAiChat,
                tools,
                format!("{full} does not support tools"),
            ),
            (
                Endpoint::Chat,
                r#""think":"high""#,
                r#""smollm2:135m" does not support thinking"#.to_owned(),
            ),
            (
                Endpoint::OpenAiChat,
                r#""reasoning_effort":"low""#,
                r#""smollm2:135m" does not support thinking"#.to_owned(),
            ),
        ] {
            let body = format!("{chat},{more}}}");
            assert_eq!(
                said(endpoint, &body, &["completion"]),
                Some(expected),
                "{body}"
            );
            assert_eq!(
                said(endpoint, &body, &["completion", "tools", "thinking"]),
                None
            );
        }
        let insert = r#"{"prompt":"x","suffix":"end"}"#;
        assert_eq!(
            said(Endpoint::Generate, insert, &["completion"]),
            Some(format!("{full} does not support insert"))
        );
        for (endpoint, body, what) in [
            (Endpoint::Chat, r#"{"prompt":"x"}"#, "chat"),
            (Endpoint::Generate, r#"{"prompt":"x"}"#, "generate"),
            (Endpoint::OpenAiCompletions, r#"{"prompt":"x"}"#, "generate"),
        ] {
            let expected = format!("\"smollm2:135m\" does not support {what}");
            assert_eq!(said(endpoint, body, &["embedding"]), Some(expected));
        }
    }

    #[test]
    fn what_asks_for_nothing_special_is_never_refused() {
        for (endpoint, body) in [
            (Endpoint::Chat, r#"{"prompt":"x","tools":[],"think":false}"#),
            (
                Endpoint::Chat,
                r#"{"prompt":"x","think":null,"tools":null}"#,
            ),
            (
                Endpoint::Chat,
                r#"{"messages":[{"role":"user","content":"x","images":[]}]}"#,
            ),
            (
                Endpoint::Generate,
                r#"{"prompt":"x","suffix":"","images":null}"#,
            ),
            (
                Endpoint::OpenAiChat,
                r#"{"messages":[{"role":"user","content":"x"}],"reasoning_effort":"none"}"#,
            ),
            (
                Endpoint::OpenAiChat,
                r#"{"messages":[{"role":"user","content":"x"}],"reasoning":{},"reasoning_effort":"high"}"#,
            ),
        ] {
            assert_eq!(said(endpoint, body, &["completion"]), None, "{body}");
        }
        let tools = r#"{"prompt":"x","tools":[{}],"think":true}"#;
        let needs = needs(Endpoint::Chat, tools);
        assert_eq!(needs.refused_by("m", |_| None), None, "nobody knows");
    }

    #[test]
    fn pictures_are_found_in_each_form() {
        for (endpoint, body) in [
            (
                Endpoint::Chat,
                r#"{"messages":[{"role":"user","content":"x","images":["aGk="]}]}"#,
            ),
            (Endpoint::Generate, r#"{"prompt":"x","images":["aGk="]}"#),
            (
                Endpoint::OpenAiChat,
                r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}]}"#,
            ),
            (
                Endpoint::OpenAiResponses,
                r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,aGk="}]}]}"#,
            ),
            (
                Endpoint::OpenAiResponses,
                r#"{"input":[{"type":"function_call_output","call_id":"1","output":[{"type":"input_image","image_url":"data:;base64,aGk="}]}]}"#,
            ),
            (
                Endpoint::Messages,
                r#"{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"aGk="}}]}]}"#,
            ),
            (
                Endpoint::Messages,
                r#"{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"x"},{"type":"image","source":{"type":"base64","data":"aGk="}}]}]}]}"#,
            ),
        ] {
            let refused = said(endpoint, body, &["completion"]);
            assert_eq!(
                refused.as_deref(),
                Some("\"smollm2:135m\" does not see pictures"),
                "{body}"
            );
            assert_eq!(said(endpoint, body, &["completion", "vision"]), None);
        }
    }

    #[test]
    fn an_unknown_model_is_told_in_the_words_of_its_route_and_an_embedding_is_not_judged_before() {
        let chat = needs(Endpoint::Chat, r#"{"prompt":"x"}"#);
        assert_eq!(chat.unknown("nosuch"), "model 'nosuch' not found");
        let embed = needs(Endpoint::Embed, r#"{"model":"m","input":"x"}"#);
        assert_eq!(
            embed.unknown("nosuch"),
            "model \"nosuch\" not found, try pulling it first"
        );
        assert_eq!(embed.refused_by("m", |_| Some(false)), None);
        assert!(embed.embeds());
        assert!(!needs(Endpoint::Embed, r#"{"model":"m"}"#).embeds());
    }
}
