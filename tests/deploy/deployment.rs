//! The plain Deployment: the container as it is built, the settings that there are, and what the SpinApp beside it says.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::read::{self, at};

const FILE: &str = "deploy/kubernetes/deployment.yaml";

fn objects() -> Vec<Value> {
    read::yaml(FILE)
}

fn find(kind: &str) -> Value {
    let found = objects().into_iter().find(|object| object["kind"] == kind);
    found.unwrap_or_else(|| panic!("there is no {kind}"))
}

fn container() -> Value {
    find("Deployment")["spec"]["template"]["spec"]["containers"][0].clone()
}

/// The settings, by their names in the table, each with its value or where that comes from.
fn settings(entries: &Value, prefix: &str) -> BTreeMap<String, Value> {
    let entries = entries.as_array().expect("a list");
    let setting = |entry: &Value| {
        let name = at(entry, "/name").strip_prefix(prefix).expect("a setting");
        let mut value = entry.clone();
        value.as_object_mut().expect("an entry").remove("name");
        (name.to_lowercase(), value)
    };
    entries.iter().map(setting).collect()
}

#[test]
fn every_variable_that_is_set_exists_and_is_set_as_in_the_spin_app() {
    let set = settings(&container()["env"], "SPIN_VARIABLE_");
    let known = read::variables();
    for name in set.keys() {
        assert!(known.contains(name), "{name}");
    }
    let app = read::one("deploy/kubernetes/sluice.yaml");
    assert_eq!(set, settings(&app["spec"]["variables"], ""));
    assert_eq!(
        app["spec"]["replicas"],
        find("Deployment")["spec"]["replicas"]
    );
    assert_eq!(app["spec"]["resources"], container()["resources"]);
}

#[test]
fn the_probes_are_those_of_the_spin_app_at_the_containers_port() {
    let (container, app) = (container(), read::one("deploy/kubernetes/sluice.yaml"));
    for (own, other) in [
        ("livenessProbe", "liveness"),
        ("readinessProbe", "readiness"),
    ] {
        let mut probe = container[own].clone();
        let get = probe["httpGet"].as_object_mut().expect("a request");
        assert_eq!(get.remove("port"), Some(Value::from(8080)));
        assert_eq!(probe, app["spec"]["checks"][other], "{own}");
    }
    assert_eq!(container["ports"][0]["containerPort"], 8080);
    assert_eq!(find("Service")["spec"]["ports"][0]["targetPort"], 8080);
}

#[test]
fn it_fits_the_image_that_is_built() {
    let (image, container) = (read::text("deploy/Containerfile"), container());
    assert!(image.contains("ENV SPIN_HTTP_LISTEN_ADDR=0.0.0.0:8080"));
    let user = &container["securityContext"]["runAsUser"];
    assert!(image.contains(&format!("USER {user}")));
    let folder = at(&container, "/volumeMounts/1/mountPath");
    assert!(image.contains(&format!("\"--state-dir\", \"{folder}\"")));
    assert_eq!(
        at(&container, "/volumeMounts/0/mountPath"),
        "/app/runtime-config.toml"
    );
}

#[test]
fn the_store_and_ollama_are_those_of_the_files_beside_it() {
    let config = find("ConfigMap");
    let told = at(&config, "/data/runtime-config.toml");
    assert_eq!(told, read::text("deploy/kubernetes/runtime-config.toml"));
    let deployment = find("Deployment");
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&deployment["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(&find("Service")["spec"]["selector"], labels);
    // By which the policies let it in.
    let app = read::one("deploy/kubernetes/sluice.yaml");
    assert_eq!(&app["spec"]["podLabels"], labels);
    for file in read::text(FILE)
        .split_whitespace()
        .filter(|word| word.ends_with(".yaml"))
    {
        assert!(!read::text(file).is_empty(), "{file}");
    }
}
