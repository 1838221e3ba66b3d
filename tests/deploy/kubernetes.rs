//! The manifests for SpinKube and KEDA: fields that the schemas have, names that refer to something, numbers that agree.

use serde_json::{Value, json};

use crate::compose::keeps_all_or_nothing;
use crate::read::{self, at};

/// The fields of a `SpinApp`'s `spec` (`core.spinkube.dev/v1alpha1`) and of a probe.
const SPIN_APP: &[&str] = &[
    "executor",
    "image",
    "imagePullSecrets",
    "checks",
    "replicas",
    "enableAutoscaling",
    "runtimeConfig",
    "volumes",
    "volumeMounts",
    "variables",
    "serviceAnnotations",
    "deploymentAnnotations",
    "podAnnotations",
    "podLabels",
    "resources",
    "components",
];
const PROBE: &[&str] = &[
    "httpGet",
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
];

/// The fields of a `ScaledObject`'s `spec` (`keda.sh/v1alpha1`), of a trigger, and what a metrics-api trigger is told.
const SCALED_OBJECT: &[&str] = &[
    "scaleTargetRef",
    "pollingInterval",
    "initialCooldownPeriod",
    "cooldownPeriod",
    "idleReplicaCount",
    "minReplicaCount",
    "maxReplicaCount",
    "advanced",
    "triggers",
    "fallback",
];
const TRIGGER: &[&str] = &[
    "type",
    "name",
    "useCachedMetrics",
    "metadata",
    "authenticationRef",
    "metricType",
];
const METRICS_API: &[&str] = &[
    "url",
    "format",
    "valueLocation",
    "targetValue",
    "activationTargetValue",
    "unsafeSsl",
    "authMode",
    "method",
    "keyParamName",
];

/// All objects, with an overlay's patches applied where one is named.
fn objects(overlay: Option<&str>) -> Vec<Value> {
    let base = read::one("deploy/kubernetes/kustomization.yaml");
    let files = base["resources"].as_array().expect("files").iter();
    let mut objects: Vec<Value> = files
        .flat_map(|file| {
            read::yaml(&format!(
                "deploy/kubernetes/{}",
                file.as_str().expect("a file")
            ))
        })
        .collect();
    let Some(overlay) = overlay else {
        return objects;
    };
    let overlay = read::one(&format!(
        "deploy/kubernetes/overlays/{overlay}/kustomization.yaml"
    ));
    for patch in overlay["patches"].as_array().expect("patches") {
        let (kind, name) = (at(patch, "/target/kind"), at(patch, "/target/name"));
        let operations = read::documents(at(patch, "/patch")).expect("YAML");
        let object = find_mut(&mut objects, kind, name);
        for operation in operations[0].as_array().expect("operations") {
            apply(object, operation);
        }
    }
    objects
}

fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = objects.iter().find(|object| is(object, kind, name));
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

fn find_mut<'a>(objects: &'a mut [Value], kind: &str, name: &str) -> &'a mut Value {
    let found = objects.iter_mut().find(|object| is(object, kind, name));
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

fn is(object: &Value, kind: &str, name: &str) -> bool {
    object["kind"] == kind && object["metadata"]["name"] == name
}

/// One operation of a JSON patch (RFC 6902), as far as they are used here.
fn apply(object: &mut Value, operation: &Value) {
    let path = at(operation, "/path");
    let value = operation["value"].clone();
    match at(operation, "/op") {
        "test" => assert_eq!(object.pointer(path), Some(&value), "{path}"),
        "replace" => *object.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = value,
        "add" => {
            let (parent, member) = path.rsplit_once('/').expect("a path");
            match object
                .pointer_mut(parent)
                .unwrap_or_else(|| panic!("{path}"))
            {
                Value::Array(items) => items.push(value),
                parent => parent[member.replace("~1", "/")] = value,
            }
        }
        other => panic!("{other}"),
    }
}

/// The value of an application variable in a `SpinApp`.
fn variable<'a>(app: &'a Value, name: &str) -> Option<&'a str> {
    let variables = app["spec"]["variables"].as_array().expect("variables");
    variables.iter().find(|variable| variable["name"] == name)?["value"].as_str()
}

#[track_caller]
fn assert_fields(value: &Value, known: &[&str]) {
    for name in value.as_object().expect("fields").keys() {
        assert!(known.contains(&name.as_str()), "there is no field {name}");
    }
}

#[test]
fn the_schemas_have_every_field() {
    let objects = objects(None);
    let app = &find(&objects, "SpinApp", "sluice")["spec"];
    assert_fields(app, SPIN_APP);
    assert_fields(&app["checks"], &["liveness", "readiness"]);
    for probe in ["liveness", "readiness"] {
        assert_fields(&app["checks"][probe], PROBE);
    }
    assert_fields(&app["resources"], &["limits", "requests"]);
    for variable in app["variables"].as_array().expect("variables") {
        assert_fields(variable, &["name", "value", "valueFrom"]);
    }
    let scaled = &find(&objects, "ScaledObject", "ollama")["spec"];
    assert_fields(scaled, SCALED_OBJECT);
    for trigger in scaled["triggers"].as_array().expect("triggers") {
        assert_fields(trigger, TRIGGER);
        assert_eq!(trigger["type"], "metrics-api");
        assert_fields(&trigger["metadata"], METRICS_API);
        let texts = trigger["metadata"].as_object().expect("fields").values();
        assert!(
            texts.into_iter().all(Value::is_string),
            "numbers stand in quotes there"
        );
    }
}

#[test]
fn every_variable_that_is_set_exists() {
    let known = read::variables();
    for overlay in [None, Some("high"), Some("low"), Some("gpu")] {
        let objects = objects(overlay);
        let app = find(&objects, "SpinApp", "sluice");
        for variable in app["spec"]["variables"].as_array().expect("variables") {
            assert!(known.contains(at(variable, "/name")), "{variable}");
        }
    }
}

#[test]
fn the_probes_ask_for_what_the_component_answers() {
    let manifest = read::toml("spin.toml");
    let routes: Vec<_> = manifest["trigger"]["http"]
        .as_array()
        .expect("routes")
        .iter()
        .filter(|trigger| trigger["component"].as_str() == Some("sluice"))
        .filter_map(|trigger| trigger["route"].as_str())
        .collect();
    let objects = objects(None);
    let checks = &find(&objects, "SpinApp", "sluice")["spec"]["checks"];
    for (probe, path) in [("liveness", "/livez"), ("readiness", "/readyz")] {
        assert_eq!(at(&checks[probe], "/httpGet/path"), path);
        assert!(routes.contains(&path), "{path}");
    }
}

#[test]
fn every_name_refers_to_something() {
    let kustomization = read::one("deploy/kubernetes/kustomization.yaml");
    let objects = objects(None);
    let app = find(&objects, "SpinApp", "sluice");
    let secret = at(app, "/spec/runtimeConfig/loadFromSecret");
    assert_eq!(at(&kustomization, "/secretGenerator/0/name"), secret);
    assert_eq!(
        kustomization["secretGenerator"][0]["files"],
        json!(["runtime-config.toml"])
    );
    assert_eq!(
        kustomization["generatorOptions"]["disableNameSuffixHash"],
        true
    );
    for file in [
        "runtime-config.toml",
        "overlays/high/runtime-config.toml",
        "overlays/low/runtime-config.toml",
    ] {
        let (redis, _) = read::runtime_config(&format!("deploy/kubernetes/{file}"));
        find(&objects, "Service", &redis);
    }
    let (host, port) = variable(app, "ollama_host")
        .and_then(|origin| origin.strip_prefix("http://"))
        .and_then(|rest| rest.split_once(':'))
        .expect("an origin");
    let service = find(&objects, "Service", host);
    assert_eq!(service["spec"]["ports"][0]["port"].to_string(), port);
    let scaled = find(&objects, "ScaledObject", "ollama");
    find(
        &objects,
        "Deployment",
        at(scaled, "/spec/scaleTargetRef/name"),
    );
    for trigger in scaled["spec"]["triggers"].as_array().expect("triggers") {
        // The operator makes a service of the application's name.
        assert_eq!(at(trigger, "/metadata/url"), "http://sluice/api/queue");
        let authentication = find(
            &objects,
            "TriggerAuthentication",
            at(trigger, "/authenticationRef/name"),
        );
        assert_eq!(
            at(authentication, "/spec/secretTargetRef/0/parameter"),
            "apiKey"
        );
    }
}

#[test]
fn ollamas_replicas_together_answer_as_many_as_the_gate_admits() {
    for (overlay, at_once, connections, limits) in [
        (None, 4, 50, json!({ "cpu": "2", "memory": "2Gi" })),
        (Some("high"), 8, 100, json!({ "cpu": "4", "memory": "4Gi" })),
        (Some("low"), 2, 25, json!({ "cpu": "1", "memory": "1Gi" })),
    ] {
        let objects = objects(overlay);
        let app = find(&objects, "SpinApp", "sluice");
        assert_eq!(
            variable(app, "max_concurrent"),
            Some(at_once.to_string().as_str())
        );
        assert_eq!(app["spec"]["resources"]["limits"], limits);
        let ollama = find(&objects, "Deployment", "ollama");
        let environment = &ollama["spec"]["template"]["spec"]["containers"][0]["env"];
        assert_eq!(at(environment, "/0/name"), "OLLAMA_NUM_PARALLEL");
        let each: u64 = at(environment, "/0/value").parse().expect("a number");
        let scaled = find(&objects, "ScaledObject", "ollama");
        let replicas = scaled["spec"]["maxReplicaCount"]
            .as_u64()
            .expect("a number");
        assert_eq!(replicas * each, at_once, "{overlay:?}");
        let config = overlay.map_or("runtime-config.toml".to_owned(), |name| {
            format!("overlays/{name}/runtime-config.toml")
        });
        assert_eq!(
            read::runtime_config(&format!("deploy/kubernetes/{config}")).1,
            connections
        );
    }
}

#[test]
fn with_a_gpu_ollama_decides_how_many_layers_go_there() {
    let objects = objects(Some("gpu"));
    assert_eq!(
        variable(find(&objects, "SpinApp", "sluice"), "num_gpu"),
        Some("")
    );
    let limits = "/spec/template/spec/containers/0/resources/limits";
    let ollama = find(&objects, "Deployment", "ollama");
    assert_eq!(
        ollama
            .pointer(limits)
            .map(|limits| &limits["nvidia.com/gpu"]),
        Some(&json!(1))
    );
}

#[test]
fn nobody_but_sluice_reaches_the_store_and_ollama() {
    let all = objects(None);
    let app = find(&all, "SpinApp", "sluice");
    for name in ["sluice-redis", "ollama"] {
        let policy = &find(&all, "NetworkPolicy", name)["spec"];
        let pods = &find(&all, "Deployment", name)["spec"]["template"];
        assert_eq!(
            policy["podSelector"]["matchLabels"], pods["metadata"]["labels"],
            "{name}"
        );
        assert_eq!(policy["policyTypes"], json!(["Ingress"]), "{name}");
        let port = &pods["spec"]["containers"][0]["ports"][0]["containerPort"];
        let allowed = json!([{
            "from": [{ "podSelector": { "matchLabels": app["spec"]["podLabels"] } }],
            "ports": [{ "port": port }],
        }]);
        assert_eq!(policy["ingress"], allowed, "{name}");
    }
}

#[test]
fn the_store_loses_no_write_alone() {
    let objects = objects(None);
    let redis = &find(&objects, "Deployment", "sluice-redis")["spec"];
    assert_eq!(
        (&redis["replicas"], &redis["strategy"]["type"]),
        (&json!(1), &json!("Recreate"))
    );
    keeps_all_or_nothing(&redis["template"]["spec"]["containers"][0]["args"]);
}
