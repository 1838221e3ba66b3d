//! What a client is told while it waits, and when an answer breaks off: a frame in the form that it reads.
//!
//! Clients that know nothing of queues see an empty token, an event of another name, a comment or white space.

use serde::Serialize;
use serde_json::{Value, json};

use crate::endpoint::{Endpoint, Family, Form};
use crate::framing::Waited;
use crate::{messages, responses};

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
    /// Why it waits: `slots`, `model_busy`, `model_loading`, `model_turn`, `upstream_down`, `settling`; or why it stands further back
    /// than it was told before: `reordered`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The model that it waits for, as its client wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How many of those who wait now start before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u64>,
    /// The wait in seconds: one in ten is shorter than the first, one in ten longer than the second; absent before five answers were
    /// measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_range: Option<[u64; 2]>,
    /// Other models that would begin much sooner, the soonest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// Once it is admitted: what it has waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waited: Option<Waited>,
}

/// A model that a client may take instead of the one that it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    /// Its name.
    pub model: String,
    /// When it would begin, in seconds.
    pub eta_seconds: u64,
}

impl Place {
    /// Whether it says the same, estimates aside: those change all the time.
    pub fn is_like(&self, other: &Place) -> bool {
        let without_estimates = |place: &Place| Place {
            eta_seconds: None,
            eta_range: None,
            alternatives: Vec::new(),
            ..place.clone()
        };
        without_estimates(self) == without_estimates(other)
    }
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

    /// Whose conventions the answer follows.
    pub fn family(&self) -> Family {
        self.endpoint.family()
    }

    /// The form of the answer.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The frame that tells a place; `now_ms` is the time of day in milliseconds since 1970.
    pub fn queue(&self, place: &Place, now_ms: u64) -> Vec<u8> {
        match self.form {
            Form::Lines => line(self.empty_token(Some(place), now_ms)),
            Form::Events => format!("event: queue\ndata: {}\n\n", json!(place)).into_bytes(),
            Form::OpenAiEvents => format!(": queue {}\n\n", json!(place)).into_bytes(),
            Form::AnthropicEvents => ping(Some(place)),
            Form::Document | Form::OpenAiDocument | Form::AnthropicDocument => WHITE_SPACE.to_vec(),
        }
    }

    /// The frame that only says "still here", for a silence of the upstream's in the midst of an answer. It may be sent
    /// between two frames only.
    pub fn idle(&self, now_ms: u64) -> Vec<u8> {
        match self.form {
            Form::Lines => line(self.empty_token(None, now_ms)),
            Form::Events | Form::OpenAiEvents => b": waiting for the model\n\n".to_vec(),
            Form::AnthropicEvents => ping(None),
            Form::Document | Form::OpenAiDocument | Form::AnthropicDocument => WHITE_SPACE.to_vec(),
        }
    }

    /// The frame that reports an error after the head is out: `message` is a sentence for people, `code` a word for
    /// programs, `kind` the word of the dialect for it. It may be sent between two frames only; [`Heartbeat::break_off`] ends one that was cut.
    pub fn error(&self, code: &str, kind: &str, message: &str) -> Vec<u8> {
        match self.form {
            Form::Lines => line(json!({ "error": message, "code": code })),
            Form::Events => format!(
                "event: error\ndata: {}\n\n",
                json!({ "error": message, "code": code })
            )
            .into_bytes(),
            Form::OpenAiEvents if self.endpoint == Endpoint::OpenAiResponses => {
                let response = json!({ "object": "response", "model": self.model, "output": [] });
                // Which number the last event had is not known here; no client counts.
                responses::failed(response, code, kind, message, 0).into_bytes()
            }
            Form::OpenAiEvents => {
                format!("data: {}\n\n", openai_error(kind, code, message)).into_bytes()
            }
            Form::Document => line(json!({ "error": message, "code": code })),
            Form::OpenAiDocument => line(openai_error(kind, code, message)),
            Form::AnthropicEvents => {
                let error = messages::error_document(kind, message);
                format!("event: error\ndata: {error}\n\n").into_bytes()
            }
            Form::AnthropicDocument => line(messages::error_document(kind, message)),
        }
    }

    /// What must be written to end a frame that was cut in the middle; `None` where nothing can follow (a document).
    pub fn break_off(&self) -> Option<&'static [u8]> {
        match self.form {
            Form::Lines => Some(b"\n"),
            Form::Events | Form::OpenAiEvents | Form::AnthropicEvents => Some(b"\n\n"),
            Form::Document | Form::OpenAiDocument | Form::AnthropicDocument => None,
        }
    }

    /// A line with all members of one of Ollama's: typed clients take one without for broken.
    fn empty_token(&self, place: Option<&Place>, now_ms: u64) -> Value {
        let mut token = json!({ "model": self.model, "created_at": rfc3339(now_ms) });
        match self.endpoint {
            Endpoint::Generate => token["response"] = "".into(),
            _ => token["message"] = json!({ "role": "assistant", "content": "" }),
        }
        token["done"] = false.into();
        if let Some(place) = place {
            token["queue"] = json!(place);
        }
        token
    }
}

/// OpenAI's error object, with `param` null.
fn openai_error(kind: &str, code: &str, message: &str) -> Value {
    json!({ "error": { "message": message, "type": kind, "code": code, "param": null } })
}

/// Anthropic's own sign of life, with the place in a member that its clients pass over.
fn ping(place: Option<&Place>) -> Vec<u8> {
    let mut ping = json!({ "type": "ping" });
    if let Some(place) = place {
        ping["queue"] = json!(place);
    }
    format!("event: ping\ndata: {ping}\n\n").into_bytes()
}

const WHITE_SPACE: &[u8] = b" ";

/// A time of day in UTC, from milliseconds since 1970.
pub(crate) fn rfc3339(now_ms: u64) -> String {
    let (days, ms) = (now_ms / DAY_MS, now_ms % DAY_MS);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    let ms = ms % 1_000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// The date so many days after 1 January 1970. Years are counted from March, so that the day that is not always there is
/// the last one.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_TO_1970;
    let (era, day_of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

const DAY_MS: u64 = 86_400_000;

/// From 1 March of the year 0.
const DAYS_TO_1970: u64 = 719_468;

const DAYS_OF_400_YEARS: u64 = 146_097;

fn line(value: Value) -> Vec<u8> {
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::{AnswerWatch, Verdict};

    const FORMS: [Form; 7] = [
        Form::Lines,
        Form::Events,
        Form::OpenAiEvents,
        Form::Document,
        Form::OpenAiDocument,
        Form::AnthropicEvents,
        Form::AnthropicDocument,
    ];

    fn place() -> Place {
        Place {
            ticket: "7-abc".into(),
            position: 3,
            queued: 5,
            active: 4,
            max: 4,
            eta_seconds: Some(12),
            reason: Some("model_turn"),
            model: Some("m".to_owned()),
            ahead: Some(2),
            eta_range: Some([9, 20]),
            alternatives: vec![Alternative {
                model: "n".to_owned(),
                eta_seconds: 4,
            }],
            waited: None,
        }
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    const QUEUE: &str = r#"{"ticket":"7-abc","position":3,"queued":5,"active":4,"max":4,"etaSeconds":12,"reason":"model_turn","model":"m","ahead":2,"etaRange":[9,20],"alternatives":[{"model":"n","etaSeconds":4}]}"#;

    const NOW_MS: u64 = 1_795_874_872_045;
    const TIME: &str = "2026-11-28T14:07:52.045Z";

    #[test]
    fn times_are_those_of_the_calendar() {
        for (now_ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (NOW_MS, TIME),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(rfc3339(now_ms), expected);
        }
    }

    #[test]
    fn a_place_is_an_empty_token_with_one_more_member_on_ollamas_own_streams() {
        let chat = Heartbeat::new(Endpoint::Chat, Form::Lines, "m").queue(&place(), NOW_MS);
        let expected = format!(
            "{{\"model\":\"m\",\"created_at\":\"{TIME}\",\"message\":{{\"role\":\"assistant\",\"content\":\"\"}},\"done\":false,\"queue\":{QUEUE}}}\n"
        );
        assert_eq!(text(chat), expected);
        let generate = Heartbeat::new(Endpoint::Generate, Form::Lines, "m").queue(&place(), NOW_MS);
        assert_eq!(
            text(generate),
            format!(
                "{{\"model\":\"m\",\"created_at\":\"{TIME}\",\"response\":\"\",\"done\":false,\"queue\":{QUEUE}}}\n"
            )
        );
    }

    #[test]
    fn a_place_is_an_event_a_comment_or_white_space_elsewhere() {
        let of = |form| text(Heartbeat::new(Endpoint::Chat, form, "m").queue(&place(), NOW_MS));
        assert_eq!(of(Form::Events), format!("event: queue\ndata: {QUEUE}\n\n"));
        assert_eq!(of(Form::OpenAiEvents), format!(": queue {QUEUE}\n\n"));
        let ping = format!("event: ping\ndata: {{\"type\":\"ping\",\"queue\":{QUEUE}}}\n\n");
        assert_eq!(of(Form::AnthropicEvents), ping);
        assert_eq!(of(Form::Document), " ");
    }

    #[test]
    fn an_unknown_wait_is_absent_rather_than_null() {
        let unknown = Place {
            eta_seconds: None,
            eta_range: None,
            alternatives: Vec::new(),
            ..place()
        };
        let told = json!(unknown).to_string();
        assert!(!told.contains("eta") && !told.contains("alternatives"));
        assert!(unknown.is_like(&place()), "an estimate is no other place");
        let moved = Place {
            position: 2,
            ..place()
        };
        assert!(!moved.is_like(&place()));
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
            watch.see(&heartbeat.queue(&place(), NOW_MS)).unwrap();
            watch.see(&heartbeat.idle(NOW_MS)).unwrap();
            assert_eq!(watch.end(), Verdict::Incomplete, "{form:?}");
        }
    }

    #[test]
    fn an_error_frame_is_read_as_an_error_in_each_form() {
        let responses = (Endpoint::OpenAiResponses, Form::OpenAiEvents);
        let chats = FORMS.map(|form| (Endpoint::Chat, form));
        for (endpoint, form) in chats.into_iter().chain([responses]) {
            let heartbeat = Heartbeat::new(endpoint, form, "m");
            let mut watch = watch_of(form);
            watch
                .see(&heartbeat.error("upstream_error", "api_error", "it \"broke\"\n"))
                .unwrap();
            assert_eq!(watch.end(), Verdict::Failed, "{form:?}");
        }
    }

    #[test]
    fn a_response_that_fails_is_told_in_both_ways_that_its_clients_look_for() {
        let heartbeat = Heartbeat::new(Endpoint::OpenAiResponses, Form::OpenAiEvents, "m");
        let frames = text(heartbeat.error("queue_timeout", "server_error", "it took too long"));
        let frames: Vec<&str> = frames.split_terminator("\n\n").collect();
        let data = |index: usize, event: &str| -> Value {
            let data = frames[index].strip_prefix(&format!("event: {event}\ndata: "));
            serde_json::from_str(data.unwrap()).unwrap()
        };
        let failed = data(0, "response.failed");
        assert_eq!(failed["response"]["status"], "failed");
        let error = json!({ "code": "queue_timeout", "message": "it took too long" });
        assert_eq!(failed["response"]["error"], error);
        let error = data(1, "error");
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("error"), &json!("queue_timeout"))
        );
        assert_eq!(error["error"]["message"], "it took too long");
    }

    #[test]
    fn a_name_with_line_ends_cannot_forge_a_frame() {
        let heartbeat = Heartbeat::new(Endpoint::Chat, Form::Lines, "m\n{\"done\":true}\n");
        let frame = heartbeat.queue(&place(), NOW_MS);
        assert_eq!(frame.iter().filter(|&&byte| byte == b'\n').count(), 1);
    }
}
