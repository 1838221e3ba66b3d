//! What a client is told while it waits, and when an answer breaks off: a frame in the form that it reads.
//!
//! Clients that know nothing of queues see an empty token, an event of another name, a comment or white space.

use serde::Serialize;
use serde_json::{Value, json};

use crate::endpoint::{Endpoint, Form};

/// A place in the line, as clients are told. `camelCase` on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The public ticket: the right to give this place up.
    pub ticket: String,
    /// How many start before this one, this one counted: 1 is the front, 0 is admitted and waiting for the upstream.
    pub position: u64,
    /// How many wait, over all.
    pub queued: u64,
    /// How many answers are being relayed.
    pub active: u64,
    /// How many may be.
    pub max: u64,
    /// The estimated wait in seconds; absent while nothing was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
}

/// Writes the frames for one request.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    endpoint: Endpoint,
    form: Form,
    model: String,
}

impl Heartbeat {
    /// Frames for a request to `endpoint` that is answered in `form`; `model` stands in each line of Ollama's.
    pub fn new(endpoint: Endpoint, form: Form, model: &str) -> Heartbeat {
        Heartbeat {
            endpoint,
            form,
            model: model.to_owned(),
        }
    }

    /// The model that stands in each line.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The form of the answer.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The frame that tells a place.
    pub fn queue(&self, place: &Place) -> Vec<u8> {
        match self.form {
            Form::Lines => line(self.empty_token(Some(place))),
            Form::Events => format!("event: queue\ndata: {}\n\n", json!(place)).into_bytes(),
            Form::OpenAiEvents => format!(": queue {}\n\n", json!(place)).into_bytes(),
            Form::Document | Form::OpenAiDocument => WHITE_SPACE.to_vec(),
        }
    }

    /// The frame that only says "still here", for a silence of the upstream's in the midst of an answer. It may be sent
    /// between two frames only.
    pub fn idle(&self) -> Vec<u8> {
        match self.form {
            Form::Lines => line(self.empty_token(None)),
            Form::Events | Form::OpenAiEvents => b": waiting for the model\n\n".to_vec(),
            Form::Document | Form::OpenAiDocument => WHITE_SPACE.to_vec(),
        }
    }

    /// The frame that reports an error after the head is out: `message` is a sentence for people, `code` a word for
    /// programs. It may be sent between two frames only; [`Heartbeat::break_off`] ends one that was cut.
    pub fn error(&self, code: &str, message: &str) -> Vec<u8> {
        match self.form {
            Form::Lines => line(json!({ "error": message, "code": code })),
            Form::Events => format!(
                "event: error\ndata: {}\n\n",
                json!({ "error": message, "code": code })
            )
            .into_bytes(),
            Form::OpenAiEvents => format!("data: {}\n\n", openai_error(code, message)).into_bytes(),
            Form::Document => line(json!({ "error": message, "code": code })),
            Form::OpenAiDocument => line(openai_error(code, message)),
        }
    }

    /// What must be written to end a frame that was cut in the middle; `None` where nothing can follow (a document).
    pub fn break_off(&self) -> Option<&'static [u8]> {
        match self.form {
            Form::Lines => Some(b"\n"),
            Form::Events | Form::OpenAiEvents => Some(b"\n\n"),
            Form::Document | Form::OpenAiDocument => None,
        }
    }

    fn empty_token(&self, place: Option<&Place>) -> Value {
        let mut token = match self.endpoint {
            Endpoint::Generate => json!({ "model": self.model, "response": "", "done": false }),
            _ => json!({
                "model": self.model,
                "message": { "role": "assistant", "content": "" },
                "done": false,
            }),
        };
        if let Some(place) = place {
            token["queue"] = json!(place);
        }
        token
    }
}

/// OpenAI's error object, with `param` null.
fn openai_error(code: &str, message: &str) -> Value {
    json!({ "error": { "message": message, "type": "api_error", "code": code, "param": null } })
}

const WHITE_SPACE: &[u8] = b" ";

fn line(value: Value) -> Vec<u8> {
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::{AnswerWatch, Verdict};

    const FORMS: [Form; 5] = [
        Form::Lines,
        Form::Events,
        Form::OpenAiEvents,
        Form::Document,
        Form::OpenAiDocument,
    ];

    fn place() -> Place {
        Place {
            ticket: "7-abc".into(),
            position: 3,
            queued: 5,
            active: 4,
            max: 4,
            eta_seconds: Some(12),
        }
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    const QUEUE: &str =
        r#"{"ticket":"7-abc","position":3,"queued":5,"active":4,"max":4,"etaSeconds":12}"#;

    #[test]
    fn a_place_is_an_empty_token_with_one_more_member_on_ollamas_own_streams() {
        let chat = Heartbeat::new(Endpoint::Chat, Form::Lines, "m").queue(&place());
        let expected = format!(
            "{{\"model\":\"m\",\"message\":{{\"role\":\"assistant\",\"content\":\"\"}},\"done\":false,\"queue\":{QUEUE}}}\n"
        );
        assert_eq!(text(chat), expected);
        let generate = Heartbeat::new(Endpoint::Generate, Form::Lines, "m").queue(&place());
        assert_eq!(
            text(generate),
            format!("{{\"model\":\"m\",\"response\":\"\",\"done\":false,\"queue\":{QUEUE}}}\n")
        );
    }

    #[test]
    fn a_place_is_an_event_a_comment_or_white_space_elsewhere() {
        let of = |form| text(Heartbeat::new(Endpoint::Chat, form, "m").queue(&place()));
        assert_eq!(of(Form::Events), format!("event: queue\ndata: {QUEUE}\n\n"));
        assert_eq!(of(Form::OpenAiEvents), format!(": queue {QUEUE}\n\n"));
        assert_eq!(of(Form::Document), " ");
    }

    #[test]
    fn an_unknown_wait_is_absent_rather_than_null() {
        let place = Place {
            eta_seconds: None,
            ..place()
        };
        assert!(!json!(place).to_string().contains("eta"));
    }

    /// What watches answers of this form: events alone tell nothing of their end.
    fn watch_of(form: Form) -> AnswerWatch {
        AnswerWatch::new(match form {
            Form::Events => Form::OpenAiEvents,
            form => form,
        })
    }

    #[test]
    fn no_heartbeat_ends_or_fails_an_answer() {
        for form in FORMS {
            let heartbeat = Heartbeat::new(Endpoint::Chat, form, "m");
            let mut watch = watch_of(form);
            watch.see(&heartbeat.queue(&place())).unwrap();
            watch.see(&heartbeat.idle()).unwrap();
            assert_eq!(watch.end(), Verdict::Incomplete, "{form:?}");
        }
    }

    #[test]
    fn an_error_frame_is_read_as_an_error_in_each_form() {
        for form in FORMS {
            let heartbeat = Heartbeat::new(Endpoint::Chat, form, "m");
            let mut watch = watch_of(form);
            watch
                .see(&heartbeat.error("upstream_error", "it \"broke\"\n"))
                .unwrap();
            assert_eq!(watch.end(), Verdict::Failed, "{form:?}");
        }
    }

    #[test]
    fn a_name_with_line_ends_cannot_forge_a_frame() {
        let heartbeat = Heartbeat::new(Endpoint::Chat, Form::Lines, "m\n{\"done\":true}\n");
        let frame = heartbeat.queue(&place());
        assert_eq!(frame.iter().filter(|&&byte| byte == b'\n').count(), 1);
    }
}
