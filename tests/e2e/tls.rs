//! An upstream behind HTTPS and below a path.

use ollama_sim::Identity;

use crate::common::{Setup, run, settles, within};

#[test]
fn an_https_upstream_with_a_path_is_reached_through_origin_and_base_path() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let identity = Identity::generate(["localhost"]).expect("a certificate");
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, identity.ca_pem()).expect("a file in a folder of our own");
        let setup = Setup::answering("tokens=3 pace=0ms")
            .tls(identity, "/ollama")
            .ca_file(ca_file);
        let app = setup.start().await;
        app.chat("Hello").await.whole().await.assert_complete();
        let sent = app.sim.requests();
        assert_eq!(
            (sent.len(), sent[0].path.as_str()),
            (1, "/api/chat"),
            "below /ollama, which the simulator cuts off"
        );
        settles(&*app.store()).await;
    });
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_not_spoken_to() {
    run(async {
        let identity = Identity::generate(["localhost"]).expect("a certificate");
        let setup = Setup::answering("tokens=3")
            .tls(identity, "/ollama")
            .with("retry_delay", "10ms");
        let app = setup.start().await;
        let answer = within("an answer", app.chat("Hello")).await.whole().await;
        assert_eq!(answer.refusal(), (503, "upstream_down".to_owned()));
        assert_eq!(app.sim.counts().requests, 0);
    });
}
