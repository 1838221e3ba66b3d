//! Parsers for the texts of variables. A problem is a sentence's end: the variable's name stands before it. It never quotes
//! the text, since everybody may read it in `/api/health`.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;
use sluice_ollama::options::{Kind, kind_of};
use sluice_ollama::request::MAX_MODEL_NAME;

/// A value, or what is wrong and what was expected.
pub(super) type Parsed<T> = Result<T, String>;

/// A network by its address and the number of leading bits that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether an address lies in it. An IPv4 address in IPv6's clothing is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let shift = |width: u32| width - self.bits;
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits())
                    .checked_shr(shift(32))
                    .unwrap_or(0)
                    == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits())
                    .checked_shr(shift(128))
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }
}

/// Nothing for an empty text, else what `parse` makes of it.
pub(super) fn optional<T>(text: &str, parse: impl FnOnce(&str) -> Parsed<T>) -> Parsed<Option<T>> {
    if text.is_empty() {
        return Ok(None);
    }
    parse(text).map(Some)
}

pub(super) fn text(text: &str) -> Parsed<String> {
    Ok(text.to_owned())
}

/// A whole number within bounds.
pub(super) fn count(text: &str, least: u32, most: u32) -> Parsed<u32> {
    match text.parse::<u32>() {
        Ok(count) if (least..=most).contains(&count) => Ok(count),
        _ => Err(format!("must be a whole number from {least} to {most}")),
    }
}

/// A duration with its unit: `ms`, `s`, `m` or `h`.
pub(super) fn duration(text: &str, least: Duration, most: Duration) -> Parsed<Duration> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    match with_unit(text, &units).map(Duration::from_millis) {
        Some(duration) if (least..=most).contains(&duration) => Ok(duration),
        Some(_) => Err(format!("must be from {least:?} to {most:?}")),
        None => Err("must be a duration with its unit, such as 300s or 500ms".to_owned()),
    }
}

/// A size in bytes with its unit: `B`, `KiB` or `MiB`.
pub(super) fn size(text: &str, most: usize) -> Parsed<usize> {
    let units = [("B", 1), ("KiB", 1024), ("MiB", 1024 * 1024)];
    let Some(bytes) = with_unit(text, &units) else {
        return Err("must be a size with its unit, such as 8MiB or 512KiB".to_owned());
    };
    match usize::try_from(bytes) {
        Ok(bytes) if (1..=most).contains(&bytes) => Ok(bytes),
        _ => Err(format!("must be from 1 to {most} bytes")),
    }
}

/// Items separated by commas or white space.
pub(super) fn list(text: &str) -> Parsed<Vec<String>> {
    Ok(items(text).map(str::to_owned).collect())
}

pub(super) fn model(text: &str) -> Parsed<String> {
    if text.is_empty()
        || text.len() > MAX_MODEL_NAME
        || text.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return Err("must be the name of a model such as qwen3:1.7b".to_owned());
    }
    Ok(text.to_owned())
}

/// The value of one of Ollama's options.
pub(super) fn option(name: &str, text: &str) -> Parsed<Value> {
    let value = serde_json::from_str::<Value>(text).ok();
    match (kind_of(name), value) {
        (Some(Kind::Flag), Some(value)) if value.is_boolean() => Ok(value),
        (Some(Kind::Flag), _) => Err("must be true, false or empty".to_owned()),
        (_, Some(value)) if value.is_number() => Ok(value),
        _ => Err("must be a number or empty".to_owned()),
    }
}

/// Addresses or networks (`10.0.0.0/8`), separated by commas or white space.
pub(super) fn networks(text: &str) -> Parsed<Vec<Network>> {
    items(text)
        .map(|item| {
            network(item)
                .ok_or_else(|| "must list addresses or networks such as 10.0.0.0/8".to_owned())
        })
        .collect()
}

/// Origins (`https://example.org`) or `*`, separated by commas or white space.
pub(super) fn origins(text: &str) -> Parsed<Vec<String>> {
    items(text)
        .map(|item| {
            let rest = item
                .strip_prefix("https://")
                .or_else(|| item.strip_prefix("http://"))
                .unwrap_or_default();
            if item == "*" || (!rest.is_empty() && !rest.contains('/')) {
                Ok(item.to_ascii_lowercase())
            } else {
                Err("must list origins such as https://example.org".to_owned())
            }
        })
        .collect()
}

/// Splits a text at commas and white space.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|item| !item.is_empty())
}

/// A whole number and its unit, in the smallest unit.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn network(text: &str) -> Option<Network> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(width), |bits| bits.parse().ok())?;
    (bits <= width).then_some(Network { address, bits })
}
