//! A moment as RFC 3339 writes it, in milliseconds since 1970. Pure.

/// The moment; `None`: it is none, or before 1970.
pub fn millis(text: &str) -> Option<u64> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at_checked(zone_at)?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = whole.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute, second) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let is_plausible = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !is_plausible {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    let seconds = seconds - offset_s(zone)?;
    let digits = fraction.get(..fraction.len().min(3))?;
    let scale = 10_i64.pow(3_u32.saturating_sub(u32::try_from(digits.len()).ok()?));
    let fraction_ms = match digits {
        "" => 0,
        digits => digits.parse::<i64>().ok()? * scale,
    };
    u64::try_from(seconds * 1_000 + fraction_ms).ok()
}

/// How far a zone is ahead, in seconds.
fn offset_s(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, offset) = zone.split_at_checked(1)?;
    let (hours, minutes) = offset.split_once(':')?;
    let seconds =
        hours.parse::<u8>().ok()? as i64 * 3_600 + minutes.parse::<u8>().ok()? as i64 * 60;
    Some(if sign == "-" { -seconds } else { seconds })
}

/// Days since 1970, by the usual shift of the year to March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_with_its_fraction_and_its_zone() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-28T14:12:52.743563181Z", 1_795_875_172_743),
            ("2026-11-28T15:12:52.7+01:00", 1_795_875_172_700),
            ("2026-11-28T09:42:52-04:30", 1_795_875_172_000),
            ("2024-02-29T23:59:59.05Z", 1_709_251_199_050),
            ("2318-11-07T15:52:33Z", 11_008_626_753_000),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "x",
            "2026-11-28",
            "2026-13-01T00:00:00Z",
            "2026-11-28T14:12Z",
            "1969-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
