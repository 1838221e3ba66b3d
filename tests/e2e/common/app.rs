//! The application under test: a simulator, and the host with the real components in front of it.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc};

use futures::future::join_all;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ollama_sim::{Recorded, Sim};
use serde_json::{Value, json};
use sluice_gate::store::Key;
use sluice_host::{ComponentOutput, Host, Options, Reuse, Spread, store::Store};
use tempfile::TempDir;

use super::{Answer, Client, Whole, files, seed, sqlite, within};

/// What an application is started with. The default: the shipped manifest and runtime configuration but no limit per
/// address (all tests come from one), a simulator that answers at once, and a store in which the first request need not wait.
pub struct Setup {
    variables: BTreeMap<String, String>,
    sim: ollama_sim::Options,
    ca_file: Option<PathBuf>,
    manifest: Option<PathBuf>,
    runtime_config: PathBuf,
    is_seeded: bool,
    database: Option<PathBuf>,
    clock_off_s: i64,
    reuse: Reuse,
    spread: Spread,
}

/// A running application.
pub struct App {
    /// The upstream.
    pub sim: Arc<Sim>,
    /// The host.
    pub host: Host,
    state: TempDir,
}

impl Setup {
    /// The default with the words of a [`Script`](ollama_sim::Script) for every answer.
    pub fn answering(script: &str) -> Self {
        let script = script.parse().expect("a script");
        Self {
            variables: BTreeMap::from([("rate_limit_address".to_owned(), "0".to_owned())]),
            sim: ollama_sim::Options {
                script,
                ..Default::default()
            },
            ca_file: None,
            manifest: None,
            runtime_config: files::runtime_config(),
            is_seeded: true,
            database: None,
            clock_off_s: 0,
            reuse: Reuse::SPIN,
            spread: Spread::Never,
        }
    }

    /// Sets a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A simulator that speaks HTTPS as `localhost` below a path, and the two variables that lead there.
    pub fn tls(mut self, identity: ollama_sim::Identity, base_path: &str) -> Self {
        self.sim.tls = Some(identity);
        self.sim.base_path = base_path.to_owned();
        self.with("ollama_base_path", base_path)
    }

    /// Another authority for upstreams, in PEM.
    pub fn ca_file(mut self, path: PathBuf) -> Self {
        self.ca_file = Some(path);
        self
    }

    /// Other numbers for the sharing of instances than Spin's.
    pub fn reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = reuse;
        self
    }

    /// More threads with instances of their own.
    pub fn spread(mut self, spread: Spread) -> Self {
        self.spread = spread;
        self
    }

    /// Another manifest.
    pub fn manifest(mut self, path: PathBuf) -> Self {
        self.manifest = Some(path);
        self
    }

    /// Another runtime configuration, with a store that is not a file in the state folder; whoever has it seeds it.
    pub fn runtime_config(mut self, path: PathBuf) -> Self {
        self.runtime_config = path;
        self.is_seeded = false;
        self
    }

    /// A wall clock that is off by so many seconds.
    pub fn clock_off_by(mut self, seconds: i64) -> Self {
        self.clock_off_s = seconds;
        self
    }

    /// The store as a first start finds it: empty.
    pub fn with_empty_store(mut self) -> Self {
        self.is_seeded = false;
        self
    }

    /// A store that another run has left.
    pub fn with_database(mut self, path: PathBuf) -> Self {
        self.is_seeded = false;
        self.database = Some(path);
        self
    }

    /// Starts the simulator and the host.
    pub async fn start(self) -> App {
        let sim = Sim::start(self.sim.clone()).await.expect("a simulator");
        self.start_before(Arc::new(sim)).await
    }

    /// Starts the host before a simulator that runs already.
    pub async fn start_before(mut self, sim: Arc<Sim>) -> App {
        let upstream = match &self.sim.tls {
            Some(_) => format!("https://localhost:{}", sim.addr().port()),
            None => format!("http://{}", sim.addr()),
        };
        self.variables
            .entry("ollama_host".to_owned())
            .or_insert(upstream);
        let state = tempfile::tempdir().expect("a folder");
        if let Some(database) = &self.database {
            let copy = state.path().join(sluice_host::store::DEFAULT_DATABASE);
            std::fs::copy(database, copy).expect("a copy in a folder of our own");
        }
        if self.is_seeded {
            seed(&*sqlite(state.path())).await;
        }
        let mut options = Options::new(self.manifest.unwrap_or_else(files::manifest));
        options.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        options.runtime_config = Some(self.runtime_config);
        options.state_dir = Some(state.path().to_owned());
        options.variables = self.variables;
        options.ca_file = self.ca_file;
        options.reuse = self.reuse;
        options.spread = self.spread;
        options.component_output = ComponentOutput::Discard;
        options.wall_clock_offset_s = self.clock_off_s;
        let host = Host::start(options).await.expect("a host");
        App { sim, host, state }
    }
}

impl App {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.host.addr()
    }

    /// A new connection.
    pub async fn client(&self) -> Client {
        Client::connect(self.addr()).await
    }

    /// `POST` of a JSON document on a connection of its own.
    pub async fn post(&self, path: &str, document: &Value) -> Answer {
        self.client().await.post(path, document).await
    }

    /// A request without a body on a connection of its own.
    pub async fn ask(&self, method: Method, path: &str) -> Answer {
        self.client().await.ask(method, path).await
    }

    /// The JSON document at a path, read on a connection of its own.
    pub async fn read(&self, path: &str) -> Value {
        self.ask(Method::GET, path).await.whole().await.json()
    }

    /// A chat in the short form, on a connection of its own.
    pub async fn chat(&self, prompt: &str) -> Answer {
        self.post("/api/chat", &json!({ "prompt": prompt })).await
    }

    /// The mission's three numbers: active, queued, max.
    pub async fn queue_status(&self) -> [u64; 3] {
        queue_status(&mut self.client().await).await
    }

    /// The store, opened beside the host.
    pub fn store(&self) -> Arc<dyn Store> {
        sqlite(self.state.path())
    }
}

/// A request with these headers and this body, on a connection of its own, and all of its answer.
pub async fn send(
    app: &App,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Whole {
    let mut lines = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().expect("a name");
        lines.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    let mut client = app.client().await;
    let sent = client.send(method, path, lines, body.to_owned()).await;
    sent.expect("the head of an answer").whole().await
}

/// The mission's three numbers: active, queued, max.
pub async fn queue_status(client: &mut Client) -> [u64; 3] {
    let status = client
        .ask(Method::GET, "/api/queue-status")
        .await
        .whole()
        .await;
    let document = status.json();
    let members = document.as_object().map_or(0, |members| members.len());
    assert_eq!((status.status.as_u16(), members), (200, 3), "{document}");
    ["activeRequests", "queuedRequests", "maxConcurrent"].map(|name| {
        document[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {document}"))
    })
}

/// Fills `capacity` slots with chats that go on until they are dropped, and fails unless all of them come to stream: so it also
/// shows that so many slots are free.
pub async fn fill(addr: SocketAddr, sim: &Sim, capacity: u64) -> Vec<Answer> {
    let before = sim.counts().streams.started;
    let chat = async |_| {
        let document = json!({ "prompt": "on and on [[sim tokens=10000 pace=20ms]]" });
        Client::connect(addr)
            .await
            .post("/api/chat", &document)
            .await
    };
    let filling = async {
        let answers = join_all((0..capacity).map(chat)).await;
        sim.wait_until(|counts| counts.streams.started >= before + capacity)
            .await;
        answers
    };
    within("all slots are taken", filling).await
}

/// Fails unless the upstream saw the answered prompts of each session in the order of the tickets that their clients were told.
///
/// Two that start within the same millisecond may overtake one another on their way to the upstream, no more: nobody
/// arrives further than the slots from where its ticket puts it.
pub fn assert_started_in_order(sim: &Sim, answers: &[(Whole, String)], slots: usize) {
    let mut sessions: BTreeMap<u64, Vec<(u64, &str)>> = BTreeMap::new();
    for (answer, prompt) in answers {
        let (session, k) = answer.ticket_number();
        sessions.entry(session).or_default().push((k, prompt));
    }
    let requests = sim.requests();
    for by_ticket in sessions.values_mut() {
        by_ticket.sort_unstable();
        let started = requests.iter().map(prompt);
        let started = started.filter(|prompt| by_ticket.iter().any(|(_, told)| told == prompt));
        for (place, client) in started.enumerate() {
            let by_its_ticket = by_ticket.iter().position(|(_, told)| *told == client);
            let by_its_ticket = by_its_ticket.expect("everybody was told a ticket");
            assert!(
                place.abs_diff(by_its_ticket) < slots,
                "{client} came {place}th, its ticket says {by_its_ticket}"
            );
        }
    }
}

/// How many chats an upstream was asked for.
pub fn chats(sim: &Sim) -> usize {
    let requests = sim.requests();
    let chats = requests
        .iter()
        .filter(|request| request.path == "/api/chat");
    chats.count()
}

/// What the one message of a recorded chat says.
pub fn prompt(request: &Recorded) -> &str {
    request.body["messages"][0]["content"]
        .as_str()
        .unwrap_or_default()
}

/// Nothing reached the upstream, and nobody came to the gate. That something was refused may have been counted.
pub async fn nothing_happened(app: &App) {
    assert_eq!(app.sim.counts().requests, 0, "{:?}", app.sim.requests());
    let keys = app.store().keys().await.expect("a listing");
    let is_of_the_seed = |name: &str| {
        matches!(
            Key::parse(name),
            Some(Key::Epoch | Key::Term(_) | Key::Board(_, 1))
        )
    };
    let is_of_a_start =
        |name: &&String| !name.starts_with("sluice/total/") && !is_of_the_seed(name);
    let more: Vec<_> = keys.iter().filter(is_of_a_start).collect();
    assert!(more.is_empty(), "{more:?}");
}
