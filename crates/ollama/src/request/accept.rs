//! What a client's `accept` says of a form that it has to ask for.

/// Whether a client of Ollama's own streams asks for server-sent events, and does not like lines better.
pub(super) fn asks_for_events(accept: &str) -> bool {
    prefers(accept, "text/event-stream", "application/x-ndjson")
}

/// Whether `accept` has the type `wanted` by its name, and likes the type `other` no better.
pub fn prefers(accept: &str, wanted: &str, other: &str) -> bool {
    let wanted = quality(accept, wanted);
    wanted > 0.0 && wanted >= quality(accept, other)
}

/// The `q` with which a type is named; 0: it is not.
fn quality(accept: &str, wanted: &str) -> f32 {
    let named = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(wanted) {
            return None;
        }
        let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        quality.map_or(Some(1.0), |quality| quality.parse().ok())
    });
    named.fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_for_whoever_names_them_and_does_not_like_lines_better() {
        for (accept, expected) in [
            ("text/event-stream", true),
            ("application/json, Text/Event-Stream;q=0.9", true),
            ("application/x-ndjson, text/event-stream", true),
            ("application/x-ndjson, text/event-stream;q=0.1", false),
            ("text/event-stream;q=0", false),
            ("*/*", false),
            ("text/event-stream-x", false),
            ("", false),
        ] {
            assert_eq!(asks_for_events(accept), expected, "{accept}");
        }
    }
}
