//! The routes beside the generating ones, and how the server is reached.

mod support;

use std::sync::Arc;

use ollama_sim::{Identity, Options, Outcome};
use serde_json::json;
use support::{chat, send, send_over, start, start_with};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject},
    },
};

#[tokio::test]
async fn the_catalog_is_ollamas() {
    let sim = start("pace=0ms tokens=1").await;
    let version = send(sim.addr(), "GET", "/api/version", "").await.unwrap();
    assert_eq!(
        version.json().await,
        json!({"version": "0.32.15", "simulator": true})
    );
    let tags = send(sim.addr(), "GET", "/api/tags", "")
        .await
        .unwrap()
        .json()
        .await;
    assert_eq!(tags["models"][0]["name"], "qwen3:1.7b");
    let show = send(sim.addr(), "POST", "/api/show", r#"{"model":"llama3.2"}"#)
        .await
        .unwrap()
        .json()
        .await;
    assert_eq!(show["capabilities"][0], "completion");
    let models = send(sim.addr(), "GET", "/v1/models", "")
        .await
        .unwrap()
        .json()
        .await;
    assert_eq!(models["data"][0]["id"], "qwen3:1.7b");
    assert_eq!(
        send(sim.addr(), "GET", "/v1/models/qwen3:1.7b", "")
            .await
            .unwrap()
            .head
            .status,
        200
    );
    assert_eq!(
        send(sim.addr(), "GET", "/v1/models/none", "")
            .await
            .unwrap()
            .head
            .status,
        404
    );
    assert_eq!(
        send(sim.addr(), "GET", "/api/ps", "")
            .await
            .unwrap()
            .json()
            .await,
        json!({"models": []})
    );
    chat(&sim, "x").await.unwrap().lines().await;
    let loaded = send(sim.addr(), "GET", "/api/ps", "")
        .await
        .unwrap()
        .json()
        .await;
    assert_eq!(loaded["models"][0]["name"], "qwen3:1.7b");
    assert_eq!(sim.counts().streams.started, 1);
}

#[tokio::test]
async fn an_unknown_model_is_a_404_in_the_words_of_its_api() {
    let sim = start("").await;
    let answer = send(sim.addr(), "POST", "/api/chat", r#"{"model":"none"}"#)
        .await
        .unwrap();
    assert_eq!(answer.head.status, 404);
    assert_eq!(
        answer.json().await,
        json!({"error": "model 'none' not found"})
    );
    let answer = send(
        sim.addr(),
        "POST",
        "/v1/chat/completions",
        r#"{"model":"none","messages":[{"role":"user","content":"x"}]}"#,
    )
    .await
    .unwrap();
    assert_eq!(answer.head.status, 404);
    assert_eq!(answer.json().await["error"]["type"], "not_found_error");
}

#[tokio::test]
async fn an_option_of_a_wrong_type_is_a_500() {
    let sim = start("").await;
    let body = json!({"model": "qwen3:1.7b", "prompt": "x", "options": {"temperature": "hot"}});
    let answer = send(sim.addr(), "POST", "/api/generate", body.to_string())
        .await
        .unwrap();
    assert_eq!(answer.head.status, 500);
    assert_eq!(
        answer.json().await["error"],
        "option \"temperature\" must be of type float32"
    );
}

#[tokio::test]
async fn a_body_that_is_no_json_is_a_400() {
    let sim = start("").await;
    for (body, expected) in [("", "missing request body"), ("{", "unexpected EOF")] {
        let answer = send(sim.addr(), "POST", "/api/chat", body).await.unwrap();
        assert_eq!(answer.head.status, 400);
        assert_eq!(answer.json().await["error"], expected);
    }
}

#[tokio::test]
async fn a_request_without_messages_loads_the_model() {
    let sim = start("").await;
    let lines = send(sim.addr(), "POST", "/api/chat", r#"{"model":"qwen3:1.7b"}"#)
        .await
        .unwrap()
        .lines()
        .await;
    assert_eq!((lines.len(), &lines[0]["done_reason"]), (1, &json!("load")));
}

#[tokio::test]
async fn operator_routes_change_nothing_and_are_recorded() {
    let sim = start("").await;
    let routes = [
        ("POST", "/api/pull", 200),
        ("DELETE", "/api/delete", 200),
        ("POST", "/api/create", 400),
        ("POST", "/api/blobs/x", 400),
    ];
    for (method, path, status) in routes {
        let answer = send(sim.addr(), method, path, r#"{"model":"llama3.2"}"#)
            .await
            .unwrap();
        assert_eq!(answer.head.status, status, "{path}");
    }
    let tags = send(sim.addr(), "GET", "/api/tags", "").await.unwrap();
    assert_eq!(tags.json().await["models"][1]["name"], "llama3.2:latest");
    assert_eq!(
        sim.requests()
            .iter()
            .map(|request| request.path.as_str())
            .take(4)
            .collect::<Vec<_>>(),
        routes.map(|(_, path, _)| path)
    );
    assert_eq!(
        send(sim.addr(), "GET", "/api/none", "")
            .await
            .unwrap()
            .head
            .status,
        404
    );
    assert_eq!(sim.requests()[4].outcome, Some(Outcome::Refused));
}

#[tokio::test]
async fn embeddings_are_vectors_of_the_words() {
    let sim = start("").await;
    let body = r#"{"model":"nomic-embed-text","input":["a","b"],"prompt":"a"}"#;
    let two = send(sim.addr(), "POST", "/api/embed", body)
        .await
        .unwrap()
        .json()
        .await;
    assert_eq!(two["embeddings"].as_array().unwrap().len(), 2);
    let openai = send(sim.addr(), "POST", "/v1/embeddings", body)
        .await
        .unwrap()
        .json()
        .await;
    assert_eq!(openai["data"][1]["embedding"], two["embeddings"][1]);
    let one = send(sim.addr(), "POST", "/api/embeddings", body)
        .await
        .unwrap()
        .json()
        .await;
    assert_eq!(one["embedding"], two["embeddings"][0]);
    assert_eq!(sim.counts().streams.finished, 3);
}

#[tokio::test]
async fn scripts_counts_and_records_are_reached_over_http() {
    let sim = start("pace=0ms").await;
    send(sim.addr(), "POST", "/sim/script", "tokens=1\ntokens=2")
        .await
        .unwrap();
    send(sim.addr(), "POST", "/sim/default", "tokens=3")
        .await
        .unwrap();
    for tokens in 1..=3 {
        assert_eq!(
            chat(&sim, "x").await.unwrap().lines().await.len(),
            tokens + 1
        );
    }
    let bad = send(sim.addr(), "POST", "/sim/script", "tokens=1\nnonsense")
        .await
        .unwrap();
    assert_eq!(bad.head.status, 400);
    let counts = send(sim.addr(), "GET", "/sim/counts", "")
        .await
        .unwrap()
        .json()
        .await;
    assert_eq!(
        (&counts["requests"], &counts["streams"]["finished"]),
        (&json!(3), &json!(3))
    );
    let requests = send(sim.addr(), "GET", "/sim/requests", "")
        .await
        .unwrap()
        .json()
        .await;
    assert_eq!(
        (&requests[2]["tokens"], &requests[2]["outcome"]),
        (&json!(3), &json!("finished"))
    );
    send(sim.addr(), "POST", "/sim/reset", "").await.unwrap();
    assert_eq!((sim.counts().requests, sim.requests().len()), (0, 0));
}

#[tokio::test]
async fn https_with_a_base_path_is_served() {
    let identity = Identity::generate(["localhost"]).unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(identity.ca_pem().as_bytes()).unwrap())
        .unwrap();
    let trust = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let sim = start_with(Options {
        tls: Some(identity),
        base_path: "/ollama/".into(),
        ..Options::default()
    })
    .await;
    assert_eq!(sim.url(), format!("https://{}/ollama", sim.addr()));
    for (path, status) in [("/ollama/api/version", 200), ("/api/version", 404)] {
        let stream = tokio::net::TcpStream::connect(sim.addr()).await.unwrap();
        let connector = TlsConnector::from(Arc::new(trust.clone()));
        let stream = connector
            .connect("localhost".try_into().unwrap(), stream)
            .await
            .unwrap();
        assert_eq!(
            send_over(stream, "GET", path, "")
                .await
                .unwrap()
                .head
                .status,
            status,
            "{path}"
        );
    }
    assert_eq!(sim.requests().len(), 1);
    assert_eq!(sim.requests()[0].path, "/api/version");
}
