//! The set-ups of `docs/operating.md`, from their own files: what each file sets is given to hosts that run as processes, before
//! simulators in place of the Ollamas. Without a Redis on the machine they are skipped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::join_all;
use ollama_sim::{Options, Sim};
use serde_json::{Value, json};

use crate::common::{
    Answer, Client, HostProcess, Keeping, RedisServer, eventually, queue_status, run, seed,
    settles, within,
};

const COMPOSE: &str = "deploy/compose/compose.yaml";
const OPEN_WEBUI: &str = "deploy/setups/open-webui/compose.yaml";
const HOST: &str = "deploy/setups/three-boxes/host.yaml";
const BOX: &str = "deploy/setups/three-boxes/box.yaml";

/// What a compose file sets for a service, each `${NAME:-default}` as it is without that name in the environment, each
/// `${NAME:?why}` as it is given here.
fn environment(file: &str, service: &str, given: &[(&str, &str)]) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(path(file)).expect(file);
    let compose: Value = serde_yaml_ng::from_str(&text).expect(file);
    let set = compose["services"][service]["environment"].as_object();
    let resolved = |(name, value): (&String, &Value)| {
        let text = value.as_str().expect("a text");
        let text = match text
            .strip_prefix("${")
            .and_then(|text| text.strip_suffix('}'))
        {
            None => text.to_owned(),
            Some(text) => match text.split_once(":-") {
                Some((_, default)) => default.to_owned(),
                None => {
                    let (wanted, _) = text.split_once(":?").expect("a name that must be given");
                    let given = given.iter().find(|(name, _)| *name == wanted);
                    given.unwrap_or_else(|| panic!("{wanted}")).1.to_owned()
                }
            },
        };
        (name.clone(), text)
    };
    set.expect("an environment").iter().map(resolved).collect()
}

/// The settings of Sluice in a compose file, with those of this machine in place of the names in its network.
fn settings(file: &str, given: &[(&str, &str)], here: &[(&str, &str)]) -> Vec<(String, String)> {
    let set = environment(file, "sluice", given).into_iter();
    let setting = |(name, value): (String, String)| {
        let name = name.strip_prefix("SPIN_VARIABLE_").expect("a setting");
        let name = name.to_lowercase();
        let here = here.iter().find(|(other, _)| *other == name);
        let value = here.map_or(value, |(_, value)| (*value).to_owned());
        (name, value)
    };
    set.map(setting).collect()
}

fn at_once(file: &str) -> String {
    let set = environment(file, "ollama", &[]);
    let found = set
        .into_iter()
        .find(|(name, _)| name == "OLLAMA_NUM_PARALLEL");
    found.expect("OLLAMA_NUM_PARALLEL").1
}

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// A runtime configuration of a set-up, with this Redis in place of its own.
fn runtime_config(file: &str, folder: &Path, redis: &RedisServer) -> PathBuf {
    let text = std::fs::read_to_string(path(file)).expect(file);
    let own = text.split('"').find(|word| word.starts_with("redis://"));
    let text = text.replace(own.expect("a Redis"), &redis.url());
    let path = folder.join("runtime-config.toml");
    std::fs::write(&path, text).expect("a file in a folder of our own");
    path
}

struct Stage {
    redis: RedisServer,
    hosts: Vec<HostProcess>,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// So many hosts with these settings and this runtime configuration, on a Redis in which requests have been served before.
    async fn start(hosts: usize, config: &str, settings: &[(String, String)]) -> Option<Stage> {
        let redis = RedisServer::start(Keeping::Nothing).await?;
        seed(&redis.store()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let config = runtime_config(config, folder.path(), &redis);
        let settings: Vec<(&str, &str)> = settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let mut running = Vec::new();
        for number in 0..hosts {
            let state = folder.path().join(number.to_string());
            running.push(HostProcess::start(&state, Some(&config), &settings).await);
        }
        Some(Stage {
            redis,
            hosts: running,
            _folder: folder,
        })
    }

    async fn chat(&self, host: usize, headers: &[(&'static str, &str)], prompt: &str) -> Answer {
        let mut client = Client::connect(self.hosts[host].addr()).await;
        let body = json!({ "prompt": prompt });
        client.post_with(headers, "/api/chat", &body).await
    }
}

async fn simulator() -> Arc<Sim> {
    let options = Options {
        script: "tokens=10 pace=20ms".parse().expect("a script"),
        ..Options::default()
    };
    Arc::new(Sim::start(options).await.expect("a simulator"))
}

const ENDLESS: &str = "on [[sim tokens=10000 pace=20ms]]";

#[test]
fn one_box_serves_as_many_at_once_as_its_ollama_and_the_others_wait() {
    run(async {
        let sim = simulator().await;
        let set = settings(COMPOSE, &[], &[("ollama_host", sim.url())]);
        let config = "deploy/compose/runtime-config.toml";
        let Some(stage) = Stage::start(1, config, &set).await else {
            return;
        };
        let prompts: Vec<String> = (0..12).map(|n| format!("client {n}")).collect();
        let chats = prompts.iter().map(async |prompt| {
            let answer = stage.chat(0, &[], prompt).await;
            answer.whole().await.assert_complete();
        });
        within("all are served", join_all(chats)).await;
        let streams = sim.counts().streams;
        assert_eq!(streams.peak.to_string(), at_once(COMPOSE));
        assert_eq!(streams.finished, 12);
        settles(&stage.redis.store()).await;
    });
}

#[test]
fn behind_open_webui_each_of_its_users_has_a_share() {
    run(async {
        let sim = simulator().await;
        // This machine plays the container whose address the file trusts.
        let here = [("ollama_host", sim.url()), ("trusted_proxies", "127.0.0.1")];
        let set = settings(OPEN_WEBUI, &[], &here);
        let value = |name: &str| {
            let found = set.iter().find(|(setting, _)| setting == name);
            found.unwrap_or_else(|| panic!("{name}")).1.clone()
        };
        assert_eq!(value("client_header"), HEADER);
        assert_eq!(value("max_concurrent"), at_once(OPEN_WEBUI));
        let places: usize = value("places_per_client").parse().expect("a number");
        let config = "deploy/compose/runtime-config.toml";
        let Some(stage) = Stage::start(1, config, &set).await else {
            return;
        };
        let ask = async |user: &str, prompt: &str| stage.chat(0, &[(HEADER, user)], prompt).await;
        // Ada takes all slots and all her places.
        let mut ada = Vec::new();
        for _ in 0..places {
            let mut answer = ask("ada", ENDLESS).await;
            answer.line().await.expect("a line");
            ada.push(answer);
        }
        let refused = ask("ada", "one more").await.whole().await;
        assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
        // Bob and Carl stand before her next ones.
        let mut others = Vec::new();
        for (place, user) in [(2, "bob"), (3, "carl")] {
            let mut answer = ask(user, "Hello").await;
            let line = answer.line().await.expect("a heartbeat");
            let position = &line.queue().expect("a place")["position"];
            assert!(position.as_u64() <= Some(place), "{user}: {line:?}");
            others.push(answer);
        }
        drop(ada);
        for answer in others {
            let whole = within("it is served", answer.whole()).await;
            whole.assert_complete();
        }
        settles(&stage.redis.store()).await;
    });
}

#[test]
fn three_boxes_behind_two_hosts_are_one_line() {
    run(async {
        let boxes = [simulator().await, simulator().await, simulator().await];
        let here = [
            ("ollama_host", boxes[0].url()),
            ("ollama_host2", boxes[1].url()),
            ("ollama_host3", boxes[2].url()),
        ];
        let given = [
            ("API_KEYS", "ops:operator:key-ops,team:interactive:key-team"),
            ("PROXY", "10.0.0.5"),
        ];
        let mut set = settings(HOST, &given, &here);
        // A test's clients are one.
        set.extend(
            [("places_per_client", "64"), ("rate_limit", "0")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let config = "deploy/setups/three-boxes/runtime-config.toml";
        let Some(stage) = Stage::start(2, config, &set).await else {
            return;
        };
        let key = [("x-api-key", "key-team")];
        let mut held = Vec::new();
        for n in 0..12 {
            let mut answer = stage.chat(n % 2, &key, ENDLESS).await;
            answer.token().await;
            held.push(answer);
        }
        for sim in &boxes {
            assert_eq!(sim.counts().streams.now.to_string(), at_once(BOX));
        }
        let waiting = stage.chat(1, &key, "Hello").await;
        for host in &stage.hosts {
            eventually("both tell of one line", || async {
                queue_status(&mut Client::connect(host.addr()).await).await == [12, 1, 12]
            })
            .await;
        }
        drop(held);
        let whole = within("it is served", waiting.whole()).await;
        whole.assert_complete();
        settles(&stage.redis.store()).await;
    });
}

#[test]
fn the_proxy_of_the_three_boxes_is_the_one_that_is_tried_with_one_host() {
    let read = |file: &str| std::fs::read_to_string(path(file)).expect(file);
    let server = |text: &str| {
        let (_, server) = text.split_once("\nserver {").expect("a server");
        let lines = server.lines().map(str::trim);
        let lines = lines.filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (mut before_three, before_one) = (
        server(&read("deploy/setups/three-boxes/nginx.conf")),
        server(&read("deploy/proxies/nginx.conf")),
    );
    let is_tls = |line: &String| line.starts_with("ssl_certificate");
    assert_eq!(before_three.extract_if(.., |line| is_tls(line)).count(), 2);
    let listens = before_three
        .iter_mut()
        .find(|line| *line == "listen 443 ssl;");
    *listens.expect("it ends TLS") = "listen 80;".to_owned();
    assert_eq!(before_three, before_one);
}

const HEADER: &str = "x-openwebui-user-id";
