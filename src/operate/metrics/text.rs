//! Prometheus' text form (version 0.0.4), as it is written.

use std::fmt::{Display, Write};

use crate::counters::{Histogram, Spread};

/// A document that grows.
#[derive(Debug, Default)]
pub struct Document(String);

/// What a family of samples is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only rises.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Values by their size.
    Histogram,
    /// The sum of values and their number.
    Summary,
}

/// In what values were noted; they are told in seconds, tokens as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As they are.
    Ones,
    /// In milliseconds.
    Milliseconds,
    /// In microseconds.
    Microseconds,
}

impl Document {
    /// Begins a family; its samples follow.
    pub fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        };
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// One sample.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels = written(labels);
        self.line(format_args!("{name}{labels} {value}"));
    }

    /// The samples of a histogram.
    pub fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        of: Histogram,
        scale: Scale,
        spread: &Spread,
    ) {
        let bucket = format!("{name}_bucket");
        let mut up_to = 0;
        for (bound, count) in of.bounds().iter().zip(&spread.buckets) {
            up_to += count;
            let bound = scale.told(*bound).to_string();
            let labels = [labels, &[("le", bound.as_str())]].concat();
            self.sample(&bucket, &labels, up_to);
        }
        let labels_of_all = [labels, &[("le", "+Inf")]].concat();
        let count: u64 = spread.buckets.iter().sum();
        self.sample(&bucket, &labels_of_all, count);
        self.sample(&format!("{name}_sum"), labels, scale.told(spread.sum));
        self.sample(&format!("{name}_count"), labels, count);
    }

    /// The sum of values and their number.
    pub fn summary(&mut self, name: &str, scale: Scale, sum: u64, count: u64) {
        self.sample(&format!("{name}_sum"), &[], scale.told(sum));
        self.sample(&format!("{name}_count"), &[], count);
    }

    /// The whole.
    pub fn finish(self) -> String {
        self.0
    }

    fn line(&mut self, text: impl Display) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.0, "{text}");
    }
}

impl Scale {
    /// A value as it is told.
    pub fn told(self, value: u64) -> f64 {
        let value = value as f64;
        match self {
            Scale::Ones => value,
            Scale::Milliseconds => value / 1e3,
            Scale::Microseconds => value / 1e6,
        }
    }
}

fn written(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let each: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    format!("{{{}}}", each.join(","))
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_count_up_in_seconds_and_end_with_all() {
        let mut buckets = vec![0; Histogram::Store.bounds().len() + 1];
        (buckets[0], buckets[2], buckets[10]) = (2, 1, 1);
        let spread = Spread {
            buckets,
            sum: 2_000_100,
        };
        let mut text = Document::default();
        text.family("x_seconds", Kind::Histogram, "Times.");
        text.histogram(
            "x_seconds",
            &[("a", "b")],
            Histogram::Store,
            Scale::Microseconds,
            &spread,
        );
        let text = text.finish();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..5],
            [
                "# HELP x_seconds Times.",
                "# TYPE x_seconds histogram",
                "x_seconds_bucket{a=\"b\",le=\"0.00001\"} 2",
                "x_seconds_bucket{a=\"b\",le=\"0.00003\"} 2",
                "x_seconds_bucket{a=\"b\",le=\"0.0001\"} 3",
            ]
        );
        assert_eq!(
            lines[11..],
            [
                "x_seconds_bucket{a=\"b\",le=\"1\"} 3",
                "x_seconds_bucket{a=\"b\",le=\"+Inf\"} 4",
                "x_seconds_sum{a=\"b\"} 2.0001",
                "x_seconds_count{a=\"b\"} 4",
            ]
        );
    }

    #[test]
    fn a_label_cannot_break_its_line() {
        let mut text = Document::default();
        text.sample("x", &[("l", "a\"} 1\ny\\")], 1);
        assert_eq!(text.finish(), "x{l=\"a\\\"} 1\\ny\\\\\"} 1\n");
    }
}
