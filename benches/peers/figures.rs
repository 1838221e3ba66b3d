//! What was measured, kept in `docs/benchmarks/figures.json` so that one measurement can be done again without the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::kind::Kind;

/// All figures there are.
#[derive(Default, Serialize, Deserialize)]
pub struct Figures {
    /// When and where each metric was measured.
    pub made: BTreeMap<String, Made>,
    /// By metric and peer, one value for each round.
    values: BTreeMap<String, BTreeMap<String, Vec<f64>>>,
    /// By metric and peer, how it grows.
    points: BTreeMap<String, BTreeMap<String, Vec<(f64, f64)>>>,
    #[serde(skip)]
    stamp: Option<Made>,
    /// What was measured in this run: metric and peer.
    #[serde(skip)]
    fresh: BTreeSet<(String, Kind)>,
}

/// When and where something was measured.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub date: String,
    pub machine: String,
    pub commit: String,
}

impl Figures {
    /// Those that stand in the file; none if there is no such file.
    pub fn load(path: &Path) -> Self {
        match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).expect("this program wrote it"),
            Err(_) => Self::default(),
        }
    }

    pub fn save(&self, path: &Path) {
        let text = serde_json::to_string_pretty(&self.rounded()).expect("numbers and text");
        fs::write(path, compact(&text)).expect("the folder is there");
    }

    /// What is measured from now on was made then and there.
    pub fn stamp(&mut self, made: Made) {
        self.stamp = Some(made);
    }

    /// One more value.
    pub fn note(&mut self, metric: &str, kind: Kind, value: f64) {
        println!("  {metric:<32} {:<16} {value:>12.3}", kind.name());
        self.renew(metric, kind);
        let peers = self.values.entry(metric.to_owned()).or_default();
        peers.entry(kind.key().to_owned()).or_default().push(value);
    }

    /// One more point of a curve.
    pub fn point(&mut self, metric: &str, kind: Kind, x: f64, y: f64) {
        println!("  {metric:<32} {:<16} {y:>12.3}  at {x}", kind.name());
        self.renew(metric, kind);
        let peers = self.points.entry(metric.to_owned()).or_default();
        peers.entry(kind.key().to_owned()).or_default().push((x, y));
    }

    /// Whether nothing was noted in this run.
    pub fn is_empty(&self, metric: &str, kind: Kind) -> bool {
        !self.fresh.contains(&(metric.to_owned(), kind))
    }

    /// The middle one of the values.
    pub fn median(&self, metric: &str, kind: Kind) -> Option<f64> {
        middle(self.values.get(metric)?.get(kind.key())?.clone())
    }

    /// How it grows: for each x the middle one of the values.
    pub fn curve(&self, metric: &str, kind: Kind) -> Vec<(f64, f64)> {
        let points = self
            .points
            .get(metric)
            .and_then(|peers| peers.get(kind.key()));
        let mut at = BTreeMap::<u64, Vec<f64>>::new();
        for (x, y) in points.into_iter().flatten() {
            at.entry(*x as u64).or_default().push(*y);
        }
        at.into_iter()
            .filter_map(|(x, values)| Some((x as f64, middle(values)?)))
            .collect()
    }

    /// The value of a curve at `x`.
    pub fn at(&self, metric: &str, kind: Kind, x: f64) -> Option<f64> {
        let curve = self.curve(metric, kind);
        curve.iter().find(|point| point.0 == x).map(|point| point.1)
    }

    /// Forgets what an earlier run noted of a metric and a peer, once.
    fn renew(&mut self, metric: &str, kind: Kind) {
        let Some(stamp) = &self.stamp else { return };
        if self.fresh.insert((metric.to_owned(), kind)) {
            self.made.insert(metric.to_owned(), stamp.clone());
            _ = self
                .values
                .get_mut(metric)
                .map(|peers| peers.remove(kind.key()));
            _ = self
                .points
                .get_mut(metric)
                .map(|peers| peers.remove(kind.key()));
        }
    }

    /// With as many digits as mean something.
    fn rounded(&self) -> serde_json::Value {
        fn round(value: &mut serde_json::Value) {
            match value {
                serde_json::Value::Array(all) => all.iter_mut().for_each(round),
                serde_json::Value::Object(all) => all.values_mut().for_each(round),
                serde_json::Value::Number(number) => {
                    let rounded = number.as_f64().map(|number| (number * 1e3).round() / 1e3);
                    if let Some(rounded) = rounded {
                        *value = serde_json::json!(rounded);
                    }
                }
                _ => {}
            }
        }
        let mut document = serde_json::to_value(self).expect("numbers and text");
        round(&mut document);
        document
    }
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Arrays of numbers on one line.
fn compact(pretty: &str) -> String {
    let mut text = String::new();
    let mut depth = 0_usize;
    for line in pretty.lines() {
        let word = line.trim();
        let opens = word.ends_with('[');
        let was_inside = depth > 0;
        depth += usize::from(opens);
        if word.starts_with(']') {
            depth -= 1;
        }
        if was_inside {
            text += word;
            if word.ends_with(',') {
                text.push(' ');
            }
        } else {
            text += line;
        }
        if depth == 0 {
            text.push('\n');
        }
    }
    text
}
