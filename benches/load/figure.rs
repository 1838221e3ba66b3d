//! Figures as they are printed: what was measured, and whether it is what was aimed at.

use std::{fmt::Display, time::Duration};

use ollama_sim::Recorded;

/// Prints a figure that there is no aim for.
pub fn plain(what: &str, figure: impl Display) {
    println!("  {what:<58} {figure:>12}");
}

/// Prints a figure that should be at most `aim`.
pub fn at_most(what: &str, figure: f64, aim: f64, unit: &str) {
    let verdict = if figure <= aim { "" } else { "   MISSED" };
    let figure = format!("{figure:.2} {unit}");
    println!("  {what:<58} {figure:>12}   at most {aim} {unit}{verdict}");
}

/// The value below which so many per cent of the values lie. There must be some.
pub fn percentile(values: &mut [Duration], percent: usize) -> Duration {
    values.sort_unstable();
    values[(values.len() * percent / 100).min(values.len() - 1)]
}

/// A duration in milliseconds.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// From each end of an answer to the start that it made possible, as the upstream saw them, with so many slots.
pub fn handoffs(requests: &[Recorded], slots: usize) -> Vec<Duration> {
    let mut starts: Vec<_> = requests.iter().map(|request| request.at_us).collect();
    let mut ends: Vec<_> = requests
        .iter()
        .filter_map(|request| request.ended_us)
        .collect();
    starts.sort_unstable();
    ends.sort_unstable();
    // After the first ones, which fill the slots, each start is made possible by one end.
    let later = starts.get(slots..).unwrap_or_default();
    let pairs = ends.iter().zip(later);
    pairs
        .map(|(end, start)| Duration::from_micros(start.saturating_sub(*end)))
        .collect()
}
