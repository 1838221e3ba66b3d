//! How long a model is to stay loaded, as Ollama reads it: seconds, or a duration of Go's (`1h15m`, `-1ns`, `.5s`).

use crate::json::{Kind, Raw};

/// A `keep_alive` in nanoseconds; `None`: Ollama refuses it. For ever is [`i64::MAX`].
pub(super) fn keep_alive_ns(raw: Raw<'_>) -> Option<i64> {
    let ns = match raw.kind() {
        Kind::Number => {
            let seconds = raw.number().filter(|seconds| seconds.is_finite())?;
            (seconds * 1e9) as i64
        }
        Kind::Text => duration_ns(&raw.text(LONGEST)?)?,
        _ => return None,
    };
    Some(if ns < 0 { i64::MAX } else { ns })
}

/// No duration that anybody means is written longer, in bytes.
const LONGEST: usize = 64;

/// Go's `time.ParseDuration`, in nanoseconds; `None`: it is none.
pub fn duration_ns(text: &str) -> Option<i64> {
    let (is_negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum_ns = 0_u64;
    while !rest.is_empty() {
        let number = take(&mut rest, |c| c.is_ascii_digit() || c == '.');
        let unit_ns = unit_ns(take(&mut rest, |c| !c.is_ascii_digit() && c != '.'))?;
        // `5.` and `.5` are numbers for both.
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && part.is_empty() || part.contains('.') {
            return None;
        }
        let whole: u64 = match whole {
            "" => 0,
            whole => whole.parse().ok()?,
        };
        // What is less than a nanosecond is dropped.
        let part_ns = format!("0.{part}").parse::<f64>().ok()? * unit_ns as f64;
        sum_ns = sum_ns.checked_add(whole.checked_mul(unit_ns)?)?;
        sum_ns = sum_ns.checked_add(part_ns as u64)?;
    }
    // Beyond 2^63 nanoseconds Go refuses it.
    match is_negative {
        true => 0_i64.checked_sub_unsigned(sum_ns),
        false => sum_ns.try_into().ok(),
    }
}

fn take<'a>(rest: &mut &'a str, belongs: impl Fn(char) -> bool) -> &'a str {
    let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    let (taken, left) = rest.split_at(end);
    *rest = left;
    taken
}

fn unit_ns(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ollama_takes_is_taken_and_for_ever_is_the_longest() {
        for (text, ns) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("1.5", Some(1_500_000_000)),
            ("1e-10", Some(0)),
            ("-1", Some(i64::MAX)),
            ("\"0\"", Some(0)),
            ("\"0s\"", Some(0)),
            ("\"1h15m30.5s\"", Some(4_530_500_000_000)),
            ("\"+5m\"", Some(300_000_000_000)),
            ("\".5s\"", Some(500_000_000)),
            ("\"5.s\"", Some(5_000_000_000)),
            ("\"1µs\"", Some(1_000)),
            ("\"-1m\"", Some(i64::MAX)),
            ("\"9223372036854775807ns\"", Some(i64::MAX)),
            ("\"9223372036854775808ns\"", None),
            ("\"-9223372036854775808ns\"", Some(i64::MAX)),
            ("\"0.6ns0.6ns\"", Some(0)),
            ("\"60\"", None),
            ("\"-1\"", None),
            ("\"soon\"", None),
            ("\"\"", None),
            ("\"-\"", None),
            ("\".s\"", None),
            ("\"1.2.3s\"", None),
            ("\"1s2\"", None),
            ("\"1 s\"", None),
            ("\"9999999h\"", None),
            ("true", None),
            ("{}", None),
            ("1e400", None),
        ] {
            assert_eq!(keep_alive_ns(Raw::of(text.as_bytes())), ns, "{text}");
        }
    }
}
