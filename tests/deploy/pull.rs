//! On Kubernetes each replica of Ollama pulls the model before anybody is sent to it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::read::{self, at};

/// The pod of an Ollama.
fn pod() -> Value {
    let objects = read::yaml("deploy/kubernetes/ollama.yaml");
    objects[0]["spec"]["template"]["spec"].clone()
}

/// The model that Sluice asks for where a client names none.
fn model() -> String {
    let app = read::one("deploy/kubernetes/sluice.yaml");
    let mut variables = app["spec"]["variables"].as_array().expect("a list").iter();
    let model = variables.find(|variable| variable["name"] == "ollama_model");
    at(model.expect("ollama_model"), "/value").to_owned()
}

/// Runs the command of the container that pulls, with an `ollama` that says yes or no to each word as the test has it.
/// Answers whether it ended well, and what it asked for.
fn pull(name: &str, answers: &str) -> (bool, Vec<String>) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pull-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let ollama = folder.join("ollama");
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> '{}/asked'\n{answers}\n",
        folder.display()
    );
    fs::write(&ollama, script).expect("a file");
    fs::set_permissions(&ollama, fs::Permissions::from_mode(0o755)).expect("a program");
    let pod = pod();
    let command = pod["initContainers"][0]["command"]
        .as_array()
        .expect("words");
    let words: Vec<&str> = command
        .iter()
        .map(|word| word.as_str().expect("a word"))
        .collect();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(words[0])
        .args(&words[1..])
        .env("PATH", format!("{}:{path}", folder.display()))
        .output()
        .expect("a shell");
    let asked = fs::read_to_string(folder.join("asked")).expect("what was asked for");
    let asked = asked
        .lines()
        .filter(|line| !["serve", "list"].contains(line));
    (output.status.success(), asked.map(str::to_owned).collect())
}

#[test]
fn a_replica_pulls_the_model_that_sluice_asks_for() {
    let model = model();
    let (show, pulled) = (format!("show {model}"), format!("pull {model}"));
    let asked = pull("fresh", "test \"$1\" != show");
    assert_eq!(asked, (true, vec![show.clone(), pulled.clone()]));
    let asked = pull("there", "true");
    assert_eq!(
        asked,
        (true, vec![show.clone()]),
        "it is on the volume already"
    );
    let asked = pull("no-network", "test \"$1\" = serve || test \"$1\" = list");
    assert_eq!(asked, (false, vec![show, pulled]));
    let asked = pull("no-server", "false");
    assert_eq!(asked, (false, vec![]));
}

#[test]
fn it_is_asked_nothing_before_it_has_the_model() {
    let (pod, model) = (pod(), model());
    let (pulling, serving) = (&pod["initContainers"][0], &pod["containers"][0]);
    let probe = &serving["readinessProbe"]["exec"]["command"];
    assert_eq!(probe, &json!(["ollama", "show", model]));
    // What the one has pulled, the other has.
    assert_eq!(pulling["image"], serving["image"]);
    assert_eq!(pulling["volumeMounts"], serving["volumeMounts"]);
    let environment = serving["env"].as_array().expect("a list");
    assert!(environment.contains(&pulling["env"][0]));
}
