//! How the text of a setting is read, and what it may say. A problem never quotes the text, since everybody may read it in
//! `/api/health`.

use std::net::IpAddr;
use std::time::Duration;

use bytesize::ByteSize;
use http::{HeaderName, header};
use ipnet::{IpNet, Ipv4Net};
use serde_json::Value;
use sluice_ollama::ModelName;
use sluice_ollama::options::{Kind, Sampling, kind_of};
use sluice_ollama::request::{MAX_MODEL_NAME, duration_ns};

use super::page::PageHistory;
use crate::http::hosts::Hosts;
use crate::http::origins::Origins;

/// How one setting is read.
pub(super) struct Form<T> {
    /// What is expected, as the end of a sentence that begins with "must be".
    pub(super) expected: String,
    /// Whether the text is a secret.
    pub(super) is_secret: bool,
    read: Reading<T>,
}

type Reading<T> = Box<dyn Fn(&str) -> Result<T, Wrong>>;

/// The text is not as expected; where that is not all to be said, what else.
pub(super) struct Wrong(pub(super) Option<String>);

impl<T: 'static> Form<T> {
    /// A form by what it expects, and how it reads a text that was trimmed.
    pub(super) fn new(
        expected: impl Into<String>,
        read: impl Fn(&str) -> Option<T> + 'static,
    ) -> Form<T> {
        Form::telling(expected, move |text| read(text).ok_or(Wrong(None)))
    }

    /// The same where the reading has more to say of what is wrong.
    pub(super) fn telling(
        expected: impl Into<String>,
        read: impl Fn(&str) -> Result<T, Wrong> + 'static,
    ) -> Form<T> {
        Form {
            expected: expected.into(),
            is_secret: false,
            read: Box::new(read),
        }
    }

    /// The same for a text that nobody is shown.
    pub(super) fn secret(self) -> Form<T> {
        Form {
            is_secret: true,
            ..self
        }
    }

    /// The value, or what is wrong, as the end of a sentence that begins with the setting's name.
    pub(super) fn read(&self, text: &str) -> Result<T, String> {
        (self.read)(text.trim()).map_err(|Wrong(detail)| match detail {
            None => format!("must be {}", self.expected),
            Some(detail) => format!("must be {}; {detail}", self.expected),
        })
    }
}

/// The same, or empty.
pub(super) fn optional<T: 'static>(form: Form<T>) -> Form<Option<T>> {
    Form {
        expected: format!("empty, or {}", form.expected),
        is_secret: form.is_secret,
        read: Box::new(move |text| match text {
            "" => Ok(None),
            text => (form.read)(text).map(Some),
        }),
    }
}

/// Any text.
pub(super) fn text() -> Form<String> {
    Form::new("any text", |text| Some(text.to_owned()))
}

/// A whole number within bounds.
pub(super) fn count(least: u32, most: u32) -> Form<u32> {
    Form::new(
        format!("a whole number from {least} to {most}"),
        move |text| {
            let count = text.parse::<u32>().ok()?;
            (least..=most).contains(&count).then_some(count)
        },
    )
}

/// A duration with its units.
pub fn read_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_bounded = digits <= DURATION_DIGITS;
    is_bounded.then(|| humantime::parse_duration(text).ok())?
}

/// The most digits of a duration: even as years they are less than a `Duration` holds. `humantime` panics where a whole second of
/// nanoseconds comes upon the last second that there is.
const DURATION_DIGITS: usize = 11;

/// A duration with its unit, within bounds.
pub(super) fn duration(least: Duration, most: Duration) -> Form<Duration> {
    let [from, to] = [least, most].map(|bound| humantime::format_duration(bound).to_string());
    Form::new(
        format!("a duration such as 90s or 1m 30s, from {from} to {to}"),
        move |text| {
            let duration = read_duration(text)?;
            (least..=most).contains(&duration).then_some(duration)
        },
    )
}

/// A size with its unit, up to a bound.
pub(super) fn size(most: usize) -> Form<usize> {
    let to = ByteSize::b(most as u64).display().iec();
    Form::new(
        format!("a size such as 8MiB or 512KiB, up to {to}"),
        move |text| {
            // A number alone would be bytes, which nobody means.
            let has_unit = text.ends_with(|c: char| c.is_ascii_alphabetic());
            let size = text.parse::<ByteSize>().ok().filter(|_| has_unit)?;
            let bytes = usize::try_from(size.as_u64()).ok()?;
            (1..=most).contains(&bytes).then_some(bytes)
        },
    )
}

/// Names of models, separated by commas or white space.
pub(super) fn models() -> Form<Vec<ModelName>> {
    Form::new("a list of names of models, such as qwen3:1.7b", |text| {
        items(text).map(ModelName::parse).collect()
    })
}

/// Yes or no.
pub(super) fn flag() -> Form<bool> {
    Form::new("true or false", |text| text.parse().ok())
}

/// Whose sampling holds.
pub(super) fn sampling() -> Form<Sampling> {
    Form::new("operator or model", |text| match text {
        "operator" => Some(Sampling::Operator),
        "model" => Some(Sampling::Model),
        _ => None,
    })
}

/// Where the page keeps conversations.
pub(super) fn page_history() -> Form<PageHistory> {
    Form::new("device, session or off", |text| match text {
        "device" => Some(PageHistory::Device),
        "session" => Some(PageHistory::Session),
        "off" => Some(PageHistory::Off),
        _ => None,
    })
}

/// The name of a model.
pub(super) fn model() -> Form<String> {
    Form::new("the name of a model, such as qwen3:1.7b", |text| {
        let is_name = !text.is_empty()
            && text.len() <= MAX_MODEL_NAME
            && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        is_name.then(|| text.to_owned())
    })
}

/// The value of one of Ollama's options; empty: not sent.
pub(super) fn option(name: &str) -> Form<Option<Value>> {
    optional(match kind_of(name) {
        Some(Kind::Flag) => Form::new("true or false", |text| {
            text.parse::<bool>().ok().map(Value::from)
        }),
        _ => Form::new("a number", |text| {
            let value = serde_json::from_str::<Value>(text).ok()?;
            value.is_number().then_some(value)
        }),
    })
}

/// Ollama takes a number of seconds, or a text with a unit; either may be negative for "for ever".
pub(super) fn keep_alive() -> Form<Value> {
    Form::new("a number of seconds or a duration such as 5m", |text| {
        if let Ok(seconds) = text.parse::<i64>() {
            return Some(seconds.into());
        }
        duration_ns(text).map(|_| text.into())
    })
}

/// Addresses or networks.
pub(super) fn networks() -> Form<Vec<IpNet>> {
    Form::new(
        "a list of addresses or networks such as 10.0.0.0/8",
        |text| items(text).map(network).collect(),
    )
}

/// The name of a header that says who somebody is, and not by a secret or as a part of HTTP itself.
pub(super) fn header() -> Form<HeaderName> {
    Form::new("the name of a header such as x-openwebui-user-id", |text| {
        let name: HeaderName = text.parse().ok()?;
        let others = [
            header::AUTHORIZATION,
            header::COOKIE,
            header::HOST,
            HeaderName::from_static("x-api-key"),
        ];
        (!others.contains(&name)).then_some(name)
    })
}

/// The names that this server answers to. An entry that is none lets nobody in, and no more: `/api/health` tells of it.
pub(super) fn hosts() -> Form<Hosts> {
    Form::new(
        "a list of names such as chat.example.org or *.example.org, or *",
        |text| Some(Hosts::listed(items(text))),
    )
}

/// Origins whose pages may ask. An entry that is none lets nobody in, and no more: `/api/health` tells of it.
pub(super) fn origins() -> Form<Origins> {
    Form::new(
        "a list of origins such as https://example.org, http://localhost:* or app://obsidian.md, or *",
        |text| Some(Origins::listed(items(text))),
    )
}

/// Splits a text at commas and white space.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|item| !item.is_empty())
}

/// An address is a network of one. IPv4 in IPv6's clothing is IPv4: clients' addresses are unwrapped too.
fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    let IpNet::V6(wide) = network else {
        return Some(network);
    };
    let narrow = wide.addr().to_ipv4_mapped().and_then(|address| {
        let bits = wide.prefix_len().checked_sub(128 - 32)?;
        Ipv4Net::new(address, bits).ok()
    });
    Some(narrow.map_or(network, IpNet::V4))
}
