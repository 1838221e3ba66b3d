//! The figures as a table and as charts, written into the documentation.

use std::{fmt::Write as _, fs, path::Path};

use crate::{
    chart::{self, Bar, Bars, Curve, Curves, Panel, number},
    figures::Figures,
    kind::Kind,
};

/// Writes the table into `docs/benchmarks.md`, between its marks, and the charts beside it.
pub fn write(docs: &Path, figures: &Figures) {
    let page = docs.join("benchmarks.md");
    let text = fs::read_to_string(&page).expect("the page is there");
    let (before, rest) = text.split_once(BEGIN).expect("a mark");
    let (_, after) = rest.split_once(END).expect("a mark");
    let text = format!("{before}{BEGIN}\n{}{END}{after}", table(figures));
    fs::write(page, text).expect("it can be written");
    for (name, panels) in [
        ("overview", overview(figures)),
        ("streams", streams(figures)),
        ("waiters", waiters(figures)),
    ] {
        let path = docs.join("benchmarks").join(name).with_extension("svg");
        fs::write(path, chart::draw(&panels, &origin(figures))).expect("the folder is there");
    }
}

/// One row of the table: what it says, and how it is found.
struct Row {
    title: &'static str,
    value: fn(&Figures, Kind) -> Option<f64>,
}

const ROWS: &[Row] = &[
    Row {
        title: "time to first token, added, ms",
        value: |figures, kind| {
            added(
                figures.median("first token", kind),
                figures.median("first token", Kind::Direct),
                kind,
            )
        },
    },
    Row {
        title: "the same, on a new connection, ms",
        value: |figures, kind| {
            let first = |kind| figures.median("first token, new connection", kind);
            added(first(kind), first(Kind::Direct), kind)
        },
    },
    Row {
        title: "delay of a token at 50 tokens/s, added, ms",
        value: |figures, kind| {
            let at = |kind| figures.at("token delay", kind, 1.0);
            added(at(kind), at(Kind::Direct), kind)
        },
    },
    Row {
        title: "tokens/s at full speed, as a share of direct",
        value: share,
    },
    Row {
        title: "CPU for a token at full speed, µs",
        value: |figures, kind| figures.median("CPU per token", kind),
    },
    Row {
        title: "CPU for a token, 16 streams of 50 tokens/s, µs",
        value: |figures, kind| figures.at("CPU per paced token", kind, 16.0),
    },
    Row {
        title: "handoff of a freed slot, ms",
        value: |figures, kind| figures.median("handoff", kind),
    },
    Row {
        title: "the same, 99 of 100, ms",
        value: |figures, kind| figures.median("handoff, 99 of 100", kind),
    },
    Row {
        title: "makespan of 64 clients on 4 slots / ideal",
        value: |figures, kind| figures.median("makespan", kind),
    },
    Row {
        title: "streams at once upstream, where 4 were asked for",
        value: |figures, kind| figures.median("streams at once upstream", kind),
    },
    Row {
        title: "memory for each of 100 who wait, KiB",
        value: |figures, kind| figures.at("memory for each who waits", kind, 100.0),
    },
    Row {
        title: "memory for each of 1,000 who wait, KiB",
        value: |figures, kind| figures.at("memory for each who waits", kind, 1_000.0),
    },
    Row {
        title: "CPU while 1,000 wait, % of a core",
        value: |figures, kind| figures.at("CPU with so many waiting", kind, 1_000.0),
    },
    Row {
        title: "memory with nobody waiting, MiB",
        value: |figures, kind| figures.median("memory with nobody waiting", kind),
    },
    Row {
        title: "refusals a second",
        value: |figures, kind| figures.median("refusals a second", kind),
    },
    Row {
        title: "CPU with 200 pages that ask once a second, % of a core",
        value: |figures, kind| figures.median("CPU with 200 pages", kind),
    },
    Row {
        title: "static files a second",
        value: |figures, kind| figures.median("files a second", kind),
    },
    Row {
        title: "from the start of the process to an answer, ms",
        value: |figures, kind| figures.median("cold start", kind),
    },
    Row {
        title: "a new instance of the component, ms",
        value: |figures, kind| figures.median("new instance", kind),
    },
];

fn table(figures: &Figures) -> String {
    let mut text = String::from("\n| |");
    for kind in Kind::ALL {
        let _ = write!(text, " {} |", kind.name());
    }
    text += "\n|---|";
    text += &"--:|".repeat(Kind::ALL.len());
    text.push('\n');
    for row in ROWS {
        let _ = write!(text, "| {} |", row.title);
        for kind in Kind::ALL {
            let value = (row.value)(figures, kind).map_or("–".to_owned(), number);
            let _ = write!(text, " {value} |");
        }
        text.push('\n');
    }
    let absolute = |metric: &str| figures.median(metric, Kind::Direct);
    if let (Some(first), Some(rate)) = (absolute("first token"), absolute("tokens a second")) {
        let (first, rate) = (number(first), number(rate));
        let _ = writeln!(
            text,
            "\nWith nothing between: {first} ms to the first token, {rate} tokens/s at full speed."
        );
    }
    let size = |metric| figures.median(metric, Kind::Host).map(number);
    if let (Some(chat), Some(files)) = (size("component"), size("component for files")) {
        let _ = writeln!(
            text,
            "The component for chats has {chat} KiB, the one for files {files} KiB."
        );
    }
    let _ = writeln!(text, "\nMeasured: {}.\n", origin(figures));
    text
}

/// When and where. Measurements of several days are all told.
fn origin(figures: &Figures) -> String {
    let mut all: Vec<_> = figures.made.values().collect();
    all.sort_by(|one, other| one.date.cmp(&other.date));
    let (Some(first), Some(last)) = (all.first(), all.last()) else {
        return "nothing yet".to_owned();
    };
    let machine = &last.machine;
    if first.date == last.date {
        format!("{} on {machine}", last.date)
    } else {
        format!("{} to {} on {machine}", first.date, last.date)
    }
}

fn added(value: Option<f64>, direct: Option<f64>, kind: Kind) -> Option<f64> {
    (kind != Kind::Direct).then_some(())?;
    Some(value? - direct?)
}

fn share(figures: &Figures, kind: Kind) -> Option<f64> {
    let rate = |kind| figures.median("tokens a second", kind);
    Some(rate(kind)? / rate(Kind::Direct)?)
}

fn overview(figures: &Figures) -> Vec<Panel> {
    let titles = [
        "tokens/s at full speed, as a share of direct",
        "CPU for a token at full speed, µs",
        "time to first token, added, ms",
        "delay of a token at 50 tokens/s, added, ms",
        "handoff of a freed slot, ms",
        "memory for each of 1,000 who wait, KiB",
    ];
    let rows = titles
        .iter()
        .filter_map(|title| ROWS.iter().find(|row| row.title == *title));
    rows.map(|row| {
        let bars = Kind::ALL.into_iter().filter_map(|kind| {
            Some(Bar {
                label: kind.name().to_owned(),
                value: (row.value)(figures, kind)?,
                colour: colour(kind),
            })
        });
        Panel::Bars(Bars {
            title: row.title.to_owned(),
            bars: bars.collect(),
        })
    })
    .collect()
}

fn streams(figures: &Figures) -> Vec<Panel> {
    [
        ("CPU per paced token", "CPU for a token, µs"),
        ("token delay", "delay of a token, median, ms"),
        ("token delay, 99 of 100", "delay of a token, 99 of 100, ms"),
    ]
    .map(|(metric, title)| curves(figures, metric, title, "streams of 50 tokens/s"))
    .into()
}

fn waiters(figures: &Figures) -> Vec<Panel> {
    [
        ("CPU with so many waiting", "CPU, % of a core"),
        ("memory for each who waits", "memory for each, KiB"),
    ]
    .map(|(metric, title)| curves(figures, metric, title, "clients that wait"))
    .into()
}

fn curves(figures: &Figures, metric: &str, title: &str, x: &str) -> Panel {
    // Its figures are of another size: beside them nothing could be told from the axis.
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Litellm);
    let curves = kinds.map(|kind| Curve {
        label: kind.name().to_owned(),
        points: figures.curve(metric, kind),
        colour: colour(kind),
    });
    Panel::Curves(Curves {
        title: title.to_owned(),
        x: x.to_owned(),
        curves: curves.filter(|curve| !curve.points.is_empty()).collect(),
    })
}

fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Direct => "#9ca3af",
        Kind::Nginx => "#65a30d",
        Kind::Haproxy => "#0d9488",
        Kind::Node => "#ca8a04",
        Kind::Litellm => "#a1664a",
        Kind::Host => "#2563eb",
        Kind::Spin => "#7c3aed",
    }
}

const BEGIN: &str = "<!-- figures: written by `cargo xtask bench` -->";
const END: &str = "<!-- end of figures -->";
