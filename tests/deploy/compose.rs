//! The compose file and its profiles: the mission's names and numbers, and the gate no wider than Ollama.

use serde_json::{Value, json};

use crate::read::{self, at};

const COMPOSE: &str = "deploy/compose/compose.yaml";
const SLUICE: &str = "/services/sluice/environment/SPIN_VARIABLE_";

/// The compose file with a profile laid over it, as `-f … -f …` does: members one by one, lists one after the other.
fn with(profile: &str) -> Value {
    let mut base = read::one(COMPOSE);
    lay(
        &mut base,
        read::one(&format!("deploy/compose/{profile}.yaml")),
    );
    base
}

fn lay(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                lay(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(base), Value::Array(over)) => base.extend(over),
        (base, over) => *base = over,
    }
}

#[test]
fn the_missions_commands_find_their_container_and_port() {
    let compose = read::one(COMPOSE);
    assert_eq!(
        at(&compose, "/services/sluice/container_name"),
        "chat-backend"
    );
    assert_eq!(compose["services"]["sluice"]["ports"], json!(["8080:8080"]));
    let containerfile = read::text("deploy/Containerfile");
    assert!(containerfile.contains("ENV SPIN_HTTP_LISTEN_ADDR=0.0.0.0:8080"));
}

/// Compose takes the image from its registry, and builds it where that has none.
#[test]
fn an_image_of_a_registry_is_taken_before_one_is_built() {
    let compose = read::one(COMPOSE);
    assert_eq!(
        at(&compose, "/services/sluice/image"),
        "${SLUICE_IMAGE:-localhost/sluice}",
        "the name without a registry would be somebody else's"
    );
    assert_eq!(
        at(&compose, "/services/sluice/build/dockerfile"),
        "deploy/Containerfile"
    );
    let order: Vec<_> = compose["services"]["sluice"]
        .as_object()
        .expect("a service")
        .keys()
        .collect();
    let place = |name: &str| order.iter().position(|key| *key == name);
    assert!(place("image") < place("build"));
}

#[test]
fn the_missions_resource_limits_hold() {
    let compose = read::one(COMPOSE);
    let resources = json!({
        "limits": { "cpus": "2.0", "memory": "2G" },
        "reservations": { "cpus": "0.5", "memory": "512M" },
    });
    assert_eq!(
        compose["services"]["sluice"]["deploy"]["resources"],
        resources
    );
}

#[test]
fn every_variable_that_is_set_exists() {
    let known = read::variables();
    for file in [
        "compose/compose",
        "compose/high",
        "compose/low",
        "compose/gpu",
        "setups/open-webui/compose",
        "setups/three-boxes/host",
    ] {
        let compose = read::one(&format!("deploy/{file}.yaml"));
        let environment = compose["services"]["sluice"]["environment"].as_object();
        for name in environment.expect("an environment").keys() {
            let variable = name.strip_prefix("SPIN_VARIABLE_").expect("Spin's prefix");
            assert!(known.contains(&variable.to_lowercase()), "{file}: {name}");
        }
    }
}

#[test]
fn without_a_profile_the_numbers_are_those_of_the_manifest() {
    let compose = read::one(COMPOSE);
    for name in ["max_concurrent", "num_parallel"] {
        let set = at(&compose, &format!("{SLUICE}{}", name.to_uppercase()));
        assert_eq!(set, read::default_of(name));
    }
    let model = at(&compose, &format!("{SLUICE}OLLAMA_MODEL"));
    assert_eq!(
        model,
        format!("${{OLLAMA_MODEL:-{}}}", read::default_of("ollama_model"))
    );
    let shipped = read::toml("runtime-config.toml");
    let (_, connections) = read::runtime_config("deploy/compose/runtime-config.toml");
    assert_eq!(
        shipped["outbound_http"]["max_connections"].as_integer(),
        Some(connections)
    );
}

#[test]
fn the_profiles_have_the_missions_numbers() {
    for (profile, at_once, connections, cpus, memory) in [
        ("high", "8", 100, "4.0", "4G"),
        ("low", "2", 25, "1.0", "1G"),
    ] {
        let compose = with(profile);
        assert_eq!(at(&compose, &format!("{SLUICE}MAX_CONCURRENT")), at_once);
        let limits = &compose["services"]["sluice"]["deploy"]["resources"]["limits"];
        assert_eq!(
            limits,
            &json!({ "cpus": cpus, "memory": memory }),
            "{profile}"
        );
        let config = format!("deploy/compose/runtime-config.{profile}.toml");
        assert_eq!(read::runtime_config(&config).1, connections, "{profile}");
        let mount = format!("./runtime-config.{profile}.toml:/app/runtime-config.toml:ro");
        let volumes = compose["services"]["sluice"]["volumes"]
            .as_array()
            .expect("volumes");
        assert_eq!(volumes.last(), Some(&json!(mount)), "the last one wins");
    }
}

#[test]
fn ollama_answers_as_many_at_once_as_the_gate_admits() {
    for compose in [read::one(COMPOSE), with("high"), with("low"), with("gpu")] {
        let admitted = at(&compose, &format!("{SLUICE}MAX_CONCURRENT"));
        assert_eq!(
            at(&compose, "/services/ollama/environment/OLLAMA_NUM_PARALLEL"),
            admitted
        );
        assert_eq!(at(&compose, &format!("{SLUICE}NUM_PARALLEL")), admitted);
    }
}

#[test]
fn with_a_gpu_ollama_decides_how_many_layers_go_there() {
    assert_eq!(at(&with("gpu"), &format!("{SLUICE}NUM_GPU")), "");
}

#[test]
fn the_store_is_the_redis_beside_it_and_loses_no_write_alone() {
    let compose = read::one(COMPOSE);
    for profile in ["", ".high", ".low"] {
        let (host, connections) =
            read::runtime_config(&format!("deploy/compose/runtime-config{profile}.toml"));
        assert!(compose["services"].get(&host).is_some(), "{host}");
        assert!(connections >= 8, "fewer than max_concurrent would throttle");
    }
    keeps_all_or_nothing(&compose["services"]["redis"]["command"]);
}

/// Fails unless a Redis is started without persistence (or with all of it) and never evicts.
pub fn keeps_all_or_nothing(command: &Value) {
    let words: Vec<&str> = command
        .as_array()
        .expect("words")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let follows = |flag: &str| {
        words
            .iter()
            .position(|word| *word == flag)
            .map(|at| words[at + 1])
    };
    assert_eq!(follows("--maxmemory-policy"), Some("noeviction"));
    match follows("--appendonly") {
        Some("no") => assert_eq!(follows("--save"), Some(""), "a snapshot is a way back"),
        other => assert_eq!(
            (other, follows("--appendfsync")),
            (Some("yes"), Some("always"))
        ),
    }
}
