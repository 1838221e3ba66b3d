//! An offline checker: whether what happened was lawful, by the record of it alone.
//!
//! # Why
//!
//! It knows nothing of the protocol: it reads when each request came, started and ended, from a simulated history or from the
//! logs of a real run, and says whether more than the capacity ran at once, for how long, and who was served before somebody
//! of its like who had come earlier.
//!
//! # What it does not do
//!
//! Compare clocks: all times are of one clock, such as the upstream's own record or one simulation's.

/// One request as it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Which line it stood in: requests of different lines have no order among each other.
    pub line: u64,
    /// When it came, in microseconds.
    pub arrived_us: u64,
    /// When its upstream began to work for it; `None` if it never did.
    pub started_us: Option<u64>,
    /// When its upstream stopped; `None` if it still works.
    pub ended_us: Option<u64>,
}

/// What is lawful.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Law {
    /// How many may run at once.
    pub capacity: usize,
    /// For how long one more may run: the time an upstream takes to notice that it was left.
    pub overlap_us: u64,
    /// How much later somebody may have come who is served before: arrivals in different instances are ordered to one round.
    pub slack_us: u64,
}

/// What was not, and the figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The most that ran at once, however short.
    pub peak: usize,
    /// Times in which more than the capacity ran for longer than allowed: from, to, how many at most.
    pub overlaps: Vec<(u64, u64, usize)>,
    /// Pairs of indices: the first was served although the second had come earlier and was served later.
    pub passed: Vec<(usize, usize)>,
    /// How long each who started had waited, in microseconds, in the order of the spans.
    pub waits_us: Vec<u64>,
    /// The sum of the times in which a slot was free while somebody waited, in microseconds of slots.
    pub idle_us: u64,
}

impl Findings {
    /// Whether nothing was unlawful.
    pub fn is_lawful(&self) -> bool {
        self.overlaps.is_empty() && self.passed.is_empty()
    }
}

/// Checks a history. Spans may come in any order.
pub fn check(spans: &[Span], law: &Law) -> Findings {
    let mut findings = Findings {
        waits_us: spans.iter().filter_map(Span::waited_us).collect(),
        passed: passed(spans, law.slack_us),
        ..Findings::default()
    };
    let mut beyond: Option<(u64, usize)> = None;
    let mut before = (0, 0, 0);
    for (at, running, waiting) in changes(spans) {
        let (since, was_running, was_waiting) = before;
        let free = law.capacity.saturating_sub(was_running).min(was_waiting);
        let free = u64::try_from(free).unwrap_or(u64::MAX);
        let idle_us = free.saturating_mul(at.saturating_sub(since));
        findings.idle_us = findings.idle_us.saturating_add(idle_us);
        before = (at, running, waiting);
        findings.peak = findings.peak.max(running);
        beyond = match (beyond, running > law.capacity) {
            (None, true) => Some((at, running)),
            (Some((from, most)), true) => Some((from, most.max(running))),
            (Some((from, most)), false) => {
                if at.saturating_sub(from) > law.overlap_us {
                    findings.overlaps.push((from, at, most));
                }
                None
            }
            (None, false) => None,
        };
    }
    findings
        .overlaps
        .extend(beyond.map(|(from, most)| (from, u64::MAX, most)));
    findings
}

impl Span {
    fn waited_us(&self) -> Option<u64> {
        Some(self.started_us?.saturating_sub(self.arrived_us))
    }
}

/// How many run and wait from each moment on. What ends at a moment has ended before what starts then.
fn changes(spans: &[Span]) -> Vec<(u64, usize, usize)> {
    let mut steps: Vec<(u64, i64, i64)> = Vec::new();
    for span in spans {
        let Some(started) = span.started_us else {
            continue;
        };
        steps.push((span.arrived_us, 0, 1));
        steps.push((started, 1, -1));
        steps.extend(span.ended_us.map(|ended| (ended, -1, 0)));
    }
    steps.sort_unstable();
    let (mut running, mut waiting) = (0_i64, 0_i64);
    let counted = steps.into_iter().map(|(at, started, came)| {
        (running, waiting) = (running + started, waiting + came);
        let count = |number: i64| usize::try_from(number).unwrap_or(0);
        (at, count(running), count(waiting))
    });
    counted.collect()
}

fn passed(spans: &[Span], slack_us: u64) -> Vec<(usize, usize)> {
    let mut started: Vec<(u64, usize)> = spans
        .iter()
        .enumerate()
        .filter_map(|(at, span)| Some((span.started_us?, at)))
        .collect();
    started.sort_unstable();
    let mut passed = Vec::new();
    for (place, (started_us, at)) in started.iter().enumerate() {
        let Some(span) = spans.get(*at) else { continue };
        let later = started.iter().skip(place + 1);
        let first_passed =
            later
                .filter(|(other_us, _)| other_us > started_us)
                .find(|(_, other)| {
                    spans.get(*other).is_some_and(|other| {
                        let earlier = other.arrived_us.saturating_add(slack_us) < span.arrived_us;
                        other.line == span.line && earlier
                    })
                });
        passed.extend(first_passed.map(|(_, other)| (*at, *other)));
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAW: Law = Law {
        capacity: 1,
        overlap_us: 50,
        slack_us: 5,
    };

    fn span(arrived_us: u64, started_us: u64, ended_us: u64) -> Span {
        Span {
            line: 0,
            arrived_us,
            started_us: Some(started_us),
            ended_us: Some(ended_us),
        }
    }

    #[test]
    fn one_after_another_is_lawful_and_the_time_between_is_idle() {
        let findings = check(&[span(10, 110, 200), span(0, 0, 100)], &LAW);
        assert!(findings.is_lawful());
        assert_eq!((findings.peak, findings.idle_us), (1, 10));
        assert_eq!(findings.waits_us, [100, 0]);
    }

    #[test]
    fn a_short_overlap_is_a_peak_and_a_long_one_is_unlawful() {
        let short = check(&[span(0, 0, 100), span(0, 50, 200)], &LAW);
        assert!(short.is_lawful());
        assert_eq!(short.peak, 2);
        let long = check(&[span(0, 0, 101), span(0, 50, 200)], &LAW);
        assert_eq!(long.overlaps, [(50, 101, 2)]);
        let unended = Span {
            ended_us: None,
            ..span(0, 0, 0)
        };
        assert_eq!(
            check(&[unended, unended], &LAW).overlaps,
            [(0, u64::MAX, 2)]
        );
    }

    #[test]
    fn to_be_passed_by_one_who_came_later_is_unlawful_in_one_line() {
        let spans = [span(0, 0, 1), span(20, 30, 40), span(10, 50, 60)];
        assert_eq!(check(&spans, &LAW).passed, [(1, 2)]);
        let mut other = spans;
        other[1].line = 1;
        assert!(check(&other, &LAW).is_lawful());
        let at_once = [span(0, 0, 1), span(14, 30, 40), span(10, 50, 60)];
        assert!(check(&at_once, &LAW).is_lawful(), "to one round");
    }
}
