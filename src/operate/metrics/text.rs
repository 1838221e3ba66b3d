//! Prometheus' text form (version 0.0.4), as it is written.

use std::fmt::{Display, Write};

use sluice_gate::Spread;

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

    /// The samples of a histogram whose values were noted by these bounds.
    pub fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        bounds: &[u64],
        scale: Scale,
        spread: &Spread,
    ) {
        let bucket = format!("{name}_bucket");
        let mut up_to = 0;
        for (index, &bound) in bounds.iter().enumerate() {
            up_to += spread.of(index);
            let bound = scale.told(bound).to_string();
            let labels = [labels, &[("le", bound.as_str())]].concat();
            self.sample(&bucket, &labels, up_to);
        }
        let labels_of_all = [labels, &[("le", "+Inf")]].concat();
        self.sample(&bucket, &labels_of_all, spread.count());
        self.sample(&format!("{name}_sum"), labels, scale.told(spread.sum()));
        self.sample(&format!("{name}_count"), labels, spread.count());
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
    fn told(self, value: u64) -> f64 {
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
        let mut spread = Spread::default();
        for ms in [5, 10, 1_500, 9_000] {
            spread.note(&[10, 2_500], ms);
        }
        let mut text = Document::default();
        text.family("x_seconds", Kind::Histogram, "Times.");
        text.histogram(
            "x_seconds",
            &[("a", "b")],
            &[10, 2_500],
            Scale::Milliseconds,
            &spread,
        );
        let expected = "# HELP x_seconds Times.\n# TYPE x_seconds histogram\n\
            x_seconds_bucket{a=\"b\",le=\"0.01\"} 2\nx_seconds_bucket{a=\"b\",le=\"2.5\"} 3\n\
            x_seconds_bucket{a=\"b\",le=\"+Inf\"} 4\nx_seconds_sum{a=\"b\"} 10.515\nx_seconds_count{a=\"b\"} 4\n";
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn a_label_cannot_break_its_line() {
        let mut text = Document::default();
        text.sample("x", &[("l", "a\"} 1\ny\\")], 1);
        assert_eq!(text.finish(), "x{l=\"a\\\"} 1\\ny\\\\\"} 1\n");
    }
}
