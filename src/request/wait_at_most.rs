//! How long a client waits at most, where it says so: the header `x-sluice-wait-at-most`.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

use crate::config;
use crate::http::refuse::Refusal;

/// A duration such as `30s` or `1m 30s`, or whole seconds.
pub const WAIT_AT_MOST: HeaderName = HeaderName::from_static("x-sluice-wait-at-most");

/// How long its client waits at most; `None`: it does not say.
///
/// # Errors
/// It says what cannot be read, or several things.
pub fn wait_at_most(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    let mut lines = headers.get_all(WAIT_AT_MOST).iter();
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    let text = line.to_str().ok().filter(|_| lines.next().is_none());
    match text.and_then(|text| duration(text.trim())) {
        Some(duration) => Ok(Some(duration)),
        None => Err(Refusal::InvalidRequest {
            param: Some(WAIT_AT_MOST.to_string()),
            message: format!("{WAIT_AT_MOST} must be a duration such as 30s or 1m 30s, or seconds"),
        }),
    }
}

fn duration(text: &str) -> Option<Duration> {
    let seconds = text.parse::<u32>().ok();
    let seconds = seconds.map(|seconds| Duration::from_secs(seconds.into()));
    seconds.or_else(|| config::duration(text))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(lines: &[&str]) -> Option<Option<Duration>> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WAIT_AT_MOST, HeaderValue::from_str(line).unwrap());
        }
        wait_at_most(&headers).ok()
    }

    #[test]
    fn a_duration_or_seconds_are_read_and_nothing_else() {
        let seconds = |seconds| Some(Some(Duration::from_secs(seconds)));
        assert_eq!(read(&[]), Some(None));
        for (line, expected) in [("30s", 30), (" 45 ", 45), ("1m 30s", 90), ("0", 0)] {
            assert_eq!(read(&[line]), seconds(expected), "{line}");
        }
        for line in ["", "soon", "-1", "1.5", "30 s 2", "99999999999", "ü"] {
            assert_eq!(read(&[line]), None, "{line}");
        }
        let largest = format!("{}s 1000ms", u64::MAX);
        assert_eq!(read(&[&largest]), None, "{largest}");
        assert_eq!(read(&["30s", "30s"]), None);
    }
}
