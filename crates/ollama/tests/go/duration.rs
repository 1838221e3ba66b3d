//! A duration as Go reads it: `1h15m`, `-1ns`, `.5s`.

/// In nanoseconds; `None`: Go refuses it.
pub fn nanoseconds(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Some(0);
    }
    let mut rest = unsigned;
    let mut sum = 0_u128;
    loop {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let is_number = |c: char| c == '.' || c.is_ascii_digit();
        let (unit, after) = after.split_at(after.find(is_number).unwrap_or(after.len()));
        let unit = match unit {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000_u64,
            _ => return None,
        };
        let whole = whole.trim_start_matches('0');
        let whole: u128 = match whole.len() {
            0 => 0,
            1..=19 => whole.parse().ok()?,
            _ => return None,
        };
        sum += whole * u128::from(unit) + u128::from(part(fraction, unit));
        if sum > MOST {
            return None;
        }
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    match text.starts_with('-') {
        true => i64::try_from(-i128::try_from(sum).ok()?).ok(),
        false => i64::try_from(sum).ok(),
    }
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// The part of a unit that a fraction is, in doubles as Go has it. Digits beyond 2^63 are dropped.
fn part(fraction: &str, unit: u64) -> u64 {
    let mut number = 0_u128;
    let mut scale = 1_f64;
    for digit in fraction.bytes().map(|byte| u128::from(byte - b'0')) {
        number = match number * 10 + digit {
            more if number * 10 < MOST && more <= MOST => more,
            _ => break,
        };
        scale *= 10.0;
    }
    (number as f64 * (unit as f64 / scale)) as u64
}

/// 2^63: of a negative one it may be as many.
const MOST: u128 = 1 << 63;
