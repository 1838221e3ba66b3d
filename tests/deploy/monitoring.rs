//! What Prometheus and Grafana are given. That each metric in it is told is a test of the running component
//! (`tests/e2e/metrics.rs`).

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use crate::read;

#[test]
fn prometheus_is_sent_where_the_numbers_are() {
    let config = read::one("deploy/monitoring/prometheus.yml");
    let scrape = &config["scrape_configs"][0];
    assert_eq!(scrape["metrics_path"], "/metrics");
    let alerts = read::text("deploy/monitoring/alerts.yml");
    let job = read::at(scrape, "/job_name");
    assert!(alerts.contains(&format!("up{{job=\"{job}\"}}")), "{job}");
    let manifest = read::toml("spin.toml");
    let routes = manifest["trigger"]["http"].as_array().expect("routes");
    let is_served = |route: &toml::Value| route["route"].as_str() == Some("/metrics");
    assert!(routes.iter().any(is_served));
    // The port that the compose file publishes.
    assert_eq!(scrape["static_configs"][0]["targets"][0], "127.0.0.1:8080");
    for file in config["rule_files"].as_array().expect("a list") {
        let file = file.as_str().expect("a name");
        read::one(&format!("deploy/monitoring/{file}"));
    }
}

#[test]
fn each_alert_says_how_bad_it_is_and_what_to_do() {
    let alerts = read::one("deploy/monitoring/alerts.yml");
    let rules = alerts["groups"][0]["rules"].as_array().expect("rules");
    let mut names = BTreeSet::new();
    for rule in rules {
        let name = read::at(rule, "/alert");
        assert!(names.insert(name), "{name} twice");
        let severity = read::at(rule, "/labels/severity");
        assert!(["critical", "warning"].contains(&severity), "{name}");
        for text in ["/annotations/summary", "/annotations/description", "/expr"] {
            assert!(!read::at(rule, text).trim().is_empty(), "{name}: {text}");
        }
    }
    let tests = read::text("deploy/monitoring/alerts.test.yml");
    for name in names {
        let fires = format!(r#"alertname="{name}",alertstate="firing""#);
        assert!(tests.contains(&fires), "{name} is not seen to fire");
    }
}

#[test]
fn promtool_finds_no_fault_and_the_alerts_come_when_they_should() {
    for arguments in [
        ["check", "config", "deploy/monitoring/prometheus.yml"],
        ["test", "rules", "deploy/monitoring/alerts.test.yml"],
    ] {
        let mut promtool = Command::new("promtool");
        promtool.args(arguments).current_dir(read::path("."));
        match promtool.output() {
            Ok(output) => assert!(
                output.status.success(),
                "{arguments:?}: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
            Err(error) => eprintln!("skipped: promtool: {error}"),
        }
    }
}

#[test]
fn the_dashboard_can_be_imported_and_its_panels_do_not_lie_on_each_other() {
    let dashboard: Value =
        serde_json::from_str(&read::text("deploy/monitoring/grafana-dashboard.json"))
            .expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        let title = read::at(panel, "/title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}");
        let of = |name: &str| panel["gridPos"][name].as_u64().expect("a place");
        assert!(of("x") + of("w") <= 24, "{title}");
        for x in of("x")..of("x") + of("w") {
            for y in of("y")..of("y") + of("h") {
                assert!(taken.insert((x, y)), "{title} lies on another");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(!read::at(panel, "/description").is_empty(), "{title}");
        assert_eq!(
            read::at(panel, "/datasource/uid"),
            "${datasource}",
            "{title}"
        );
        for target in panel["targets"].as_array().expect("targets") {
            assert!(
                read::at(target, "/expr").contains(r#"job=~"$job""#),
                "{title}"
            );
        }
    }
    let variables = dashboard["templating"]["list"]
        .as_array()
        .expect("variables");
    let names: Vec<&str> = variables.iter().map(|it| read::at(it, "/name")).collect();
    assert_eq!(names, ["datasource", "job"]);
}
