//! Charts as SVG: bars beside one another, and curves over a growing load. Readable on light and dark pages alike.

use std::fmt::Write as _;

/// One panel.
pub enum Panel {
    Bars(Bars),
    Curves(Curves),
}

/// A value for each of several.
pub struct Bars {
    pub title: String,
    pub bars: Vec<Bar>,
}

pub struct Bar {
    pub label: String,
    pub value: f64,
    pub colour: &'static str,
}

/// How something grows for each of several.
pub struct Curves {
    pub title: String,
    pub x: String,
    pub curves: Vec<Curve>,
}

pub struct Curve {
    pub label: String,
    pub points: Vec<(f64, f64)>,
    pub colour: &'static str,
}

/// Panels in two columns, under a line that says where they come from.
pub fn draw(panels: &[Panel], note: &str) -> String {
    let mut body = String::new();
    let mut y = TOP;
    for row in panels.chunks(COLUMNS) {
        let mut tallest = 0.0_f64;
        for (column, panel) in row.iter().enumerate() {
            let x = MARGIN + column as f64 * (WIDTH + MARGIN);
            let (text, height) = match panel {
                Panel::Bars(bars) => draw_bars(bars),
                Panel::Curves(curves) => draw_curves(curves),
            };
            let _ = writeln!(
                body,
                "<g transform=\"translate({x:.0} {y:.0})\">\n{text}</g>"
            );
            tallest = tallest.max(height);
        }
        y += tallest + MARGIN;
    }
    let width = MARGIN + COLUMNS as f64 * (WIDTH + MARGIN);
    let height = y + TOP / 2.0;
    let note = escape(note);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#444\">
<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#fff\"/>
{body}<text x=\"{MARGIN:.0}\" y=\"{:.0}\" font-size=\"10\" fill=\"#777\">{note}</text>
</svg>
",
        height - 8.0
    )
}

fn draw_bars(bars: &Bars) -> (String, f64) {
    let mut text = title(&bars.title);
    let scale = scale(bars.bars.iter().map(|bar| bar.value));
    for (row, bar) in bars.bars.iter().enumerate() {
        let y = 14.0 + row as f64 * ROW;
        let full = WIDTH - LABEL - 46.0;
        let length = (bar.value / scale).clamp(0.0, 1.0) * full;
        let (label, colour) = (escape(&bar.label), bar.colour);
        let beyond = if bar.value > scale { " ≫" } else { "" };
        let value = number(bar.value);
        let _ = writeln!(
            text,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\
             <rect x=\"{LABEL:.0}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{:.1}\" rx=\"2\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{value}{beyond}</text>",
            LABEL - 6.0,
            y + 11.0,
            ROW - 5.0,
            LABEL + length + 5.0,
            y + 11.0,
        );
    }
    (text, 14.0 + bars.bars.len() as f64 * ROW)
}

fn draw_curves(curves: &Curves) -> (String, f64) {
    let mut text = title(&curves.title);
    let all = || curves.curves.iter().flat_map(|curve| &curve.points);
    let most = all().map(|point| point.1).fold(f64::MIN_POSITIVE, f64::max);
    let last = all().map(|point| point.0).fold(1.0, f64::max);
    let x = |value: f64| AXIS + (value.max(1.0).ln() / last.max(2.0).ln()) * (WIDTH - AXIS - 10.0);
    let y = |value: f64| 20.0 + (1.0 - value / most) * PLOT;
    for part in 0..=4 {
        let value = most * f64::from(part) / 4.0;
        let at = y(value);
        let _ = writeln!(
            text,
            "<line x1=\"{AXIS:.0}\" x2=\"{WIDTH:.0}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"10\">{}</text>",
            AXIS - 4.0,
            at + 3.0,
            number(value),
        );
    }
    let mut ticks: Vec<f64> = all().map(|point| point.0).collect();
    ticks.sort_unstable_by(f64::total_cmp);
    ticks.dedup();
    for tick in ticks {
        let (at, low) = (x(tick), 20.0 + PLOT + 14.0);
        let _ = writeln!(
            text,
            "<text x=\"{at:.1}\" y=\"{low:.1}\" text-anchor=\"middle\" font-size=\"10\">{tick:.0}</text>"
        );
    }
    let under = 20.0 + PLOT + 28.0;
    let axis = escape(&curves.x);
    let _ = writeln!(
        text,
        "<text x=\"{:.0}\" y=\"{under:.0}\" text-anchor=\"middle\" font-size=\"10\">{axis}</text>",
        f64::midpoint(AXIS, WIDTH)
    );
    for (row, curve) in curves.curves.iter().enumerate() {
        let place = |point: &(f64, f64)| format!("{:.1},{:.1}", x(point.0), y(point.1));
        let path: Vec<_> = curve.points.iter().map(place).collect();
        let (path, colour, label) = (path.join(" "), curve.colour, escape(&curve.label));
        let (column, line) = ((row % 3) as f64, (row / 3) as f64);
        let (left, low) = (AXIS + column * 112.0, under + 16.0 + line * 15.0);
        let _ = writeln!(
            text,
            "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <rect x=\"{left:.0}\" y=\"{:.0}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\
             <text x=\"{:.0}\" y=\"{low:.0}\" font-size=\"11\">{label}</text>",
            low - 9.0,
            left + 14.0,
        );
    }
    (
        text,
        under + 20.0 + curves.curves.len().div_ceil(3) as f64 * 15.0,
    )
}

fn title(text: &str) -> String {
    let text = escape(text);
    format!("<text x=\"0\" y=\"4\" font-weight=\"600\" fill=\"#111\">{text}</text>\n")
}

/// The value that fills a panel: one that is far beyond the others does not press them flat.
fn scale(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    match values[..] {
        [.., second, most] if second > 0.0 && most > 3.0 * second => second * 1.5,
        [.., most] if most > 0.0 => most,
        _ => 1.0,
    }
}

/// Three digits that mean something, and no more.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, whole) = match whole.strip_prefix('-') {
        Some(whole) => ("−", whole),
        None => ("", whole),
    };
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{fraction}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

const COLUMNS: usize = 2;
const WIDTH: f64 = 380.0;
const MARGIN: f64 = 28.0;
const TOP: f64 = 32.0;
const ROW: f64 = 19.0;

/// Where bars begin, and the plot of curves.
const LABEL: f64 = 104.0;
const AXIS: f64 = 44.0;
const PLOT: f64 = 150.0;
