//! A proxy that asks for its users: each of them is a client, and only the proxy is believed who it is.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};

use crate::common::{Answer, App, HostProcess, Setup, prompt, run, settles, within};

const KEYS: &str = "webui:proxy:key-webui,lab:interactive:key-lab,ops:operator:key-ops";
const HEADER: &str = "x-openwebui-user-id";
const LONG: &str = "on [[sim tokens=10000 pace=20ms]]";

async fn app(more: &[(&str, &str)]) -> App {
    let setup = Setup::answering("tokens=1 pace=0ms")
        .with("api_keys", KEYS)
        .with("client_header", HEADER)
        .with("max_concurrent", "1");
    let setup = more
        .iter()
        .fold(setup, |setup, (name, value)| setup.with(name, value));
    setup.start().await
}

fn headers(key: &str, user: &str) -> HeaderMap {
    HeaderMap::from_iter([
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (
            header::AUTHORIZATION,
            HeaderValue::try_from(format!("Bearer {key}")).expect("a header"),
        ),
        (
            HeaderName::from_static(HEADER),
            HeaderValue::try_from(user).expect("a header"),
        ),
    ])
}

async fn ask(app: &App, key: &str, user: &str, prompt: &str) -> Answer {
    let body = json!({ "prompt": prompt }).to_string();
    let mut client = app.client().await;
    let sent = client.send(Method::POST, "/api/chat", headers(key, user), body);
    sent.await.expect("the head of an answer")
}

/// A chat that waits, with its place as the first heartbeat tells it.
async fn wait_in_line(app: &App, key: &str, user: &str, prompt: &str) -> (Answer, Value) {
    let mut answer = ask(app, key, user, prompt).await;
    let line = answer.line().await.expect("a heartbeat");
    let place = line.queue().unwrap_or_else(|| panic!("a place: {line:?}"));
    (answer, place["position"].clone())
}

#[test]
fn each_user_of_a_proxy_has_places_and_turns_of_its_own() {
    run(async {
        let app = app(&[("places_per_client", "2")]).await;
        let held = ask(&app, "key-lab", "", LONG).await;
        let streams = app.sim.wait_until(|counts| counts.streams.now == 1);
        within("it streams", streams).await;

        let (first, position) = wait_in_line(&app, "key-webui", "ada", "ada 1").await;
        assert_eq!(position, 1);
        let (second, position) = wait_in_line(&app, "key-webui", "ada", "ada 2").await;
        assert_eq!(position, 2);
        let refused = ask(&app, "key-webui", "ada", "ada 3").await.whole().await;
        assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
        let (third, position) = wait_in_line(&app, "key-webui", "bob", "bob 1").await;
        assert_eq!(position, 2, "before a second one of somebody else's");
        // A key of people says nothing by that header: it is one client, whoever it claims to be.
        let (fourth, _) = wait_in_line(&app, "key-lab", "carl", "lab 2").await;
        let refused = ask(&app, "key-lab", "dora", "lab 3").await.whole().await;
        assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));

        let mut client = app.client().await;
        let looked = client.send(Method::GET, "/api/operator", headers("key-ops", ""), "");
        let looked = looked.await.expect("an answer").whole().await.json();
        assert_eq!(looked["running"][0]["client"], "key:lab", "{looked}");
        let waiting = looked["waiting"].as_array().expect("a list");
        let clients: Vec<&Value> = waiting.iter().map(|one| &one["client"]).collect();
        assert_eq!(clients.len(), 4);
        assert_ne!(clients[0], clients[1], "two users: {looked}");
        assert!(!looked.to_string().contains("ada"), "{looked}");

        drop(held);
        for answer in [first, second, third, fourth] {
            let whole = within("it is served", answer.whole()).await;
            whole.assert_complete();
        }
        let requests = app.sim.requests();
        let said: Vec<&str> = requests.iter().skip(1).map(prompt).collect();
        assert_eq!(said[..2], ["ada 1", "bob 1"], "{said:?}");
        settles(&*app.store()).await;
    });
}

#[test]
fn each_user_of_a_proxy_has_a_rate_of_its_own() {
    run(async {
        let app = app(&[("rate_limit", "1"), ("rate_limit_burst", "2")]).await;
        for n in 0..2 {
            let answer = ask(&app, "key-webui", "ada", &format!("ada {n}")).await;
            answer.whole().await.assert_complete();
        }
        let refused = ask(&app, "key-webui", "ada", "ada 2").await.whole().await;
        assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
        assert_eq!(
            refused.header("ratelimit-policy"),
            Some("\"user\";q=2;w=120")
        );
        let answer = ask(&app, "key-webui", "bob", "bob 0").await;
        answer.whole().await.assert_complete();
    });
}

#[test]
fn the_log_tells_users_apart_without_their_names() {
    run(async {
        let sim = ollama_sim::Sim::start(ollama_sim::Options::default())
            .await
            .expect("a simulator");
        let variables = [("api_keys", KEYS), ("client_header", HEADER)];
        let (_state, mut host) = HostProcess::start_logging(&sim, &variables).await;
        let mut logged = Vec::new();
        for user in ["ada@example.org", "bob@example.org", "ada@example.org"] {
            let body = json!({ "prompt": "Hello" }).to_string();
            let mut client = crate::common::Client::connect(host.addr()).await;
            let sent = client.send(Method::POST, "/api/chat", headers("key-webui", user), body);
            let answer = sent.await.expect("an answer").whole().await;
            answer.assert_complete();
            logged.push(client_of_a_chat(&mut host).await);
        }
        assert_eq!(logged[0], logged[2]);
        assert_ne!(logged[0], logged[1]);
        for (client, id) in &logged {
            assert_eq!(*client, format!("key:webui/{id}"));
        }
        host.kill().await;
    });
}

/// Who asked, by the next line about a chat, and its number. No line has a name in it, and each has its ticket.
async fn client_of_a_chat(host: &mut HostProcess) -> (String, String) {
    let reading = async {
        loop {
            let line = host.log_line().await.expect("a line");
            assert!(!line.contains("example.org"), "{line}");
            let json = line.strip_prefix("[sluice] ").unwrap_or(&line);
            let line: Value = serde_json::from_str(json).unwrap_or_default();
            if line["outcome"] == "complete" {
                assert!(!line["ticket"].is_null(), "{line}");
                let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
                return (text("client"), text("client_id"));
            }
        }
    };
    within("a line about a chat", reading).await
}
