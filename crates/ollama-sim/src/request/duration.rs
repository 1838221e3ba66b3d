//! `keep_alive`, as Go reads a duration.

use std::time::Duration;

use crate::json::{Kind, Raw};

/// How long a model stays loaded. Negative, as a number, is for ever.
pub(crate) type KeepAlive = Duration;

/// The longest duration that Go has, which is what Ollama takes for ever.
pub(crate) const FOREVER: Duration = Duration::from_nanos(i64::MAX.cast_unsigned());

/// Reads `keep_alive`; `None`: null.
pub(super) fn read(raw: Raw<'_>) -> Result<Option<KeepAlive>, String> {
    match raw.kind() {
        Kind::Null => Ok(None),
        Kind::Number => {
            let seconds = raw.number().unwrap_or_default();
            Ok(Some(if seconds < 0.0 {
                FOREVER
            } else {
                Duration::try_from_secs_f64(seconds).unwrap_or(FOREVER)
            }))
        }
        Kind::String => parse(&raw.text().unwrap_or_default()).map(Some),
        Kind::Bool => Err("Unsupported type: 'bool'".to_owned()),
        Kind::Array => Err("Unsupported type: '[]interface {}'".to_owned()),
        Kind::Object => Err("Unsupported type: 'map[string]interface {}'".to_owned()),
    }
}

/// Go's `time.ParseDuration`.
fn parse(text: &str) -> Result<KeepAlive, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let unit_end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let (unit, after) = rest.split_at(unit_end);
        rest = after;
        let seconds = match unit {
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            unit => return Err(format!("time: unknown unit {unit:?} in duration {text:?}")),
        };
        total += number * seconds;
    }
    if is_negative {
        return Ok(FOREVER);
    }
    Duration::try_from_secs_f64(total).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (json, expected) in [
            ("60", Ok(Some(Duration::from_secs(60)))),
            ("1.5", Ok(Some(Duration::from_millis(1_500)))),
            ("-1", Ok(Some(FOREVER))),
            ("0", Ok(Some(Duration::ZERO))),
            ("null", Ok(None)),
            ("\"1h5m\"", Ok(Some(Duration::from_secs(3_900)))),
            ("\"0s\"", Ok(Some(Duration::ZERO))),
            ("\"-1m\"", Ok(Some(FOREVER))),
            ("\"60\"", Err("time: missing unit in duration \"60\"")),
            ("\"-1\"", Err("time: missing unit in duration \"-1\"")),
            ("\"soon\"", Err("time: invalid duration \"soon\"")),
            ("\"5x\"", Err("time: unknown unit \"x\" in duration \"5x\"")),
            ("true", Err("Unsupported type: 'bool'")),
        ] {
            let read = read(Raw::first(json.as_bytes()).unwrap());
            assert_eq!(read, expected.map_err(str::to_owned), "{json}");
        }
    }
}
