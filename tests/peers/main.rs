//! What `cargo xtask bench` is made of, as far as it can be told without measuring: the peers take the configuration that
//! they are given. One that is not installed is passed over, and that is said.

#[path = "../../benches/peers/chart.rs"]
mod chart;
#[allow(
    dead_code,
    reason = "only what is written into files is looked at here"
)]
#[path = "../../benches/peers/config.rs"]
mod config;
#[allow(dead_code, reason = "only where the programs lie is asked here")]
#[path = "../../benches/peers/kind.rs"]
mod kind;

use std::{net::SocketAddr, path::Path, process::Command};

use self::{
    chart::{Bar, Bars, Curve, Curves, Panel},
    config::Bounds,
    kind::Kind,
};

#[test]
fn nginx_takes_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let text = config::nginx(
        folder.path(),
        4599,
        upstream(),
        BOUNDS,
        &root().join("static"),
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    passes(Kind::Nginx, |command| {
        let log = folder.path().join("error.log");
        command
            .args(["-t", "-p"])
            .arg(folder.path())
            .arg("-e")
            .arg(log)
            .arg("-c")
            .arg(&file);
    });
}

#[test]
fn haproxy_takes_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("haproxy.cfg");
    std::fs::write(&file, config::haproxy(4599, upstream(), BOUNDS)).unwrap();
    passes(Kind::Haproxy, |command| {
        command.arg("-c").arg("-f").arg(&file);
    });
}

#[test]
fn node_can_read_the_queue() {
    passes(Kind::Node, |command| {
        command
            .arg("--check")
            .arg(root().join("benches/peers/peer/queue.mjs"));
    });
}

#[test]
fn every_peer_is_found_by_its_key() {
    for kind in Kind::ALL {
        assert_eq!(kind.key().parse(), Ok(kind));
    }
    assert!("apache".parse::<Kind>().is_err());
}

#[test]
fn numbers_have_three_digits_and_groups() {
    let cases = [
        (0.123, "0.12"),
        (12.34, "12.3"),
        (1234.5, "1,234"),
        (-0.5, "−0.50"),
    ];
    for (value, text) in cases {
        assert_eq!(chart::number(value), text);
    }
}

#[test]
fn a_chart_has_a_bar_and_a_curve_for_each() {
    let bar = |value| Bar {
        label: "a < b".to_owned(),
        value,
        colour: "#000",
    };
    let bars = Bars {
        title: "bars".to_owned(),
        bars: vec![bar(1.0), bar(2.0), bar(100.0)],
    };
    let curve = Curve {
        label: "curve".to_owned(),
        points: vec![(1.0, 0.0), (8.0, 2.0)],
        colour: "#000",
    };
    let curves = Curves {
        title: "curves".to_owned(),
        x: "x".to_owned(),
        curves: vec![curve],
    };
    let svg = chart::draw(&[Panel::Bars(bars), Panel::Curves(curves)], "here & now");
    assert_eq!(svg.matches("a &lt; b").count(), 3);
    assert_eq!(svg.matches("<polyline").count(), 1);
    assert!(svg.contains("≫") && svg.contains("here &amp; now"), "{svg}");
}

/// Runs the peer's own check, if it is there.
fn passes(kind: Kind, arguments: impl FnOnce(&mut Command)) {
    let program = match kind.program() {
        Ok(program) => program,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    let mut command = Command::new(program);
    arguments(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn upstream() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 11434))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const BOUNDS: Bounds = Bounds {
    slots: 4,
    queue: 64,
};
