//! What lies in `deploy/proxies`, run before the real application: an answer passes token by token, and who leaves is noticed.
//! And the numbers that `deploy/kubernetes` scales by. A proxy that is not installed is skipped.

use std::{net::SocketAddr, path::Path, process::Stdio};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{CONTENT_TYPE, HOST, ORIGIN},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::common::{App, Client, Setup, eventually, fill, free_port, run, within};

#[test]
fn nginx_passes_each_token_on_and_tells_who_left() {
    run(async {
        let app = Setup::answering("tokens=3")
            .with("trusted_proxies", "127.0.0.0/8")
            .start()
            .await;
        let text = read("deploy/proxies/nginx.conf");
        let proxy = Proxy::start(&app, |folder, port| {
            let site = replaced(&text, "listen 80;", &format!("listen 127.0.0.1:{port};"));
            let site = replaced(&site, "127.0.0.1:8080", &app.addr().to_string());
            let of = |name: &str| folder.join(name).display().to_string();
            // One process, which ends when it is killed: a master would leave its workers. All its files are in the test's folder.
            let whole = format!(
                "daemon off; master_process off; pid {}; error_log stderr; events {{}}\nhttp {{ access_log off; {}\n{site}\n}}\n",
                of("pid"),
                ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|kind| format!("{kind}_temp_path {};", of(kind)))
                    .join(" "),
            );
            std::fs::write(folder.join("nginx.conf"), whole).expect("a file");
            let mut nginx = Command::new("nginx");
            nginx
                .args(["-e", "stderr", "-p"])
                .arg(folder)
                .arg("-c")
                .arg(folder.join("nginx.conf"));
            nginx
        });
        let Some(proxy) = proxy.await else { return };
        assert_streams(&app, proxy.addr).await;
        assert_names_are_its_own(proxy.addr).await;
    });
}

#[test]
fn caddy_passes_each_token_on_and_tells_who_left() {
    run(async {
        let app = Setup::answering("tokens=3").start().await;
        let text = read("deploy/proxies/Caddyfile");
        let proxy = Proxy::start(&app, |folder, port| {
            let site = replaced(&text, "\n:80 {", &format!("\nhttp://127.0.0.1:{port} {{"));
            let site = replaced(&site, "127.0.0.1:8080", &app.addr().to_string());
            let whole = format!("{{\n\tadmin off\n\tauto_https off\n}}\n{site}");
            std::fs::write(folder.join("Caddyfile"), whole).expect("a file");
            let mut caddy = Command::new("caddy");
            caddy
                .args(["run", "--adapter", "caddyfile", "--config"])
                .arg(folder.join("Caddyfile"));
            caddy
                .env("HOME", folder)
                .env("XDG_DATA_HOME", folder)
                .env("XDG_CONFIG_HOME", folder);
            caddy
        });
        let Some(proxy) = proxy.await else { return };
        assert_streams(&app, proxy.addr).await;
    });
}

#[test]
fn an_autoscaler_reads_how_many_run_and_how_many_wait() {
    run(async {
        let app = Setup::answering("tokens=3").start().await;
        let _running = fill(app.addr(), &app.sim, 4).await;
        let mut waiting = app.chat("me too").await;
        // The heartbeat is the proof that it waits.
        assert!(waiting.line().await.expect("a heartbeat").queue().is_some());
        eventually("the report is as it is", || async {
            let report = app.read("/api/queue").await;
            (&report["active"], &report["queued"]) == (&json!(4), &json!(1))
        })
        .await;
    });
}

/// A proxy that runs until it is dropped.
struct Proxy {
    addr: SocketAddr,
    _process: Child,
    _folder: TempDir,
}

impl Proxy {
    /// Starts what `command` makes for a folder and a port; `None`, said on standard error, where it is not installed.
    async fn start(app: &App, command: impl FnOnce(&Path, u16) -> Command) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let addr = SocketAddr::new(app.addr().ip(), free_port());
        let mut command = command(folder.path(), addr.port());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut process = match command.spawn() {
            Ok(process) => process,
            Err(error) => {
                eprintln!(
                    "skipped: {}: {error}",
                    command.as_std().get_program().display()
                );
                return None;
            }
        };
        let listens = eventually("the proxy listens", || async {
            TcpStream::connect(addr).await.is_ok()
        });
        tokio::select! {
            () = listens => {}
            ended = process.wait() => panic!("the proxy refused its configuration: {ended:?}"),
        }
        Some(Self {
            addr,
            _process: process,
            _folder: folder,
        })
    }
}

/// Fails unless a token arrives while the next is not sent yet, the answer is whole, and a client that leaves is noticed.
async fn assert_streams(app: &App, proxy: SocketAddr) {
    let chat = async |prompt: &str| {
        Client::connect(proxy)
            .await
            .post("/api/chat", &json!({ "prompt": prompt }))
            .await
    };
    chat("hello").await.whole().await.assert_complete();

    // A page that the proxy serves on a port of its own: the browser says where it comes from, with the port.
    let headers = HeaderMap::from_iter([
        (
            ORIGIN,
            HeaderValue::try_from(format!("http://{proxy}")).expect("a value"),
        ),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
    ]);
    let document = json!({ "prompt": "hello" }).to_string();
    let mut client = Client::connect(proxy).await;
    let sent = client.send(Method::POST, "/api/chat", headers, document);
    let answer = sent.await.expect("an answer").whole().await;
    answer.assert_complete();

    // After this token the upstream sends nothing more: a proxy that gathers would hold it back.
    let mut answer = chat("[[sim tokens=3 hang_at=1]] hello").await;
    let line = within("the first token comes alone", answer.token()).await;
    assert_eq!(line.json()["done"], false);
    drop(answer);

    let mut answer = chat("[[sim tokens=100000 pace=20ms]] hello").await;
    within("it streams", answer.token()).await;
    let before = app.sim.counts().streams.aborted;
    drop(answer);
    within(
        "the upstream stops",
        app.sim.wait_until(|counts| counts.streams.aborted > before),
    )
    .await;
}

/// Fails unless a page whose name is made to lead here is refused, whatever it says that it was asked by. It may say so: to its browser
/// it asks its own server.
async fn assert_names_are_its_own(proxy: SocketAddr) {
    for asked_by in [None, Some("localhost")] {
        let evil = (HOST, HeaderValue::from_static("evil.example"));
        let said = asked_by.map(|name| {
            let header = HeaderName::from_static("x-forwarded-host");
            (header, HeaderValue::from_static(name))
        });
        let headers = HeaderMap::from_iter([evil].into_iter().chain(said));
        let mut client = Client::connect(proxy).await;
        let sent = client.send(Method::GET, "/api/tags", headers, "").await;
        let refused = sent.expect("an answer").whole().await;
        let expected = (421, "host_not_allowed".to_owned());
        assert_eq!(refused.refusal(), expected, "{asked_by:?}");
    }
}

fn read(relative: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(relative);
    std::fs::read_to_string(path).expect("a file of the repository")
}

/// The text with the one place replaced where `from` stands.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from}");
    text.replace(from, to)
}
