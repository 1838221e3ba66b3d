//! Rules that hold for whatever operators, clients and the store say: variables, tickets and records, mutated from a corpus.
//!
//! Bodies of clients and answers of upstreams are `crates/ollama/tests/fuzz.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sluice::config::{Config, MAX_UPSTREAMS, Misconfigured};
use sluice::gate::PublicTicket;
use sluice_fuzz::{Mutator, rounds};
use sluice_gate::board::{AskId, Board, Grant, Member, Waiting};
use sluice_gate::store::Key;

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(name)
}

/// The variables and defaults of the manifest.
fn defaults() -> BTreeMap<String, String> {
    let manifest: toml::Table = include_str!("../../spin.toml").parse().expect("TOML");
    let variables = manifest["variables"].as_table().expect("a table");
    let default = |variable: &toml::Value| variable["default"].as_str().expect("text").to_owned();
    variables
        .iter()
        .map(|(name, variable)| (name.clone(), default(variable)))
        .collect()
}

/// The defaults with what an input says, `name=value` line by line; of other names nobody asks.
fn settings(defaults: &BTreeMap<String, String>, input: &str) -> BTreeMap<String, String> {
    let mut values = defaults.clone();
    for (name, value) in input.split('\n').filter_map(|line| line.split_once('=')) {
        if let Some(known) = values.get_mut(name) {
            value.clone_into(known);
        }
    }
    values
}

#[test]
fn whatever_variables_say_they_are_settings_within_bounds_or_faults_that_quote_nothing() {
    let mut mutator = Mutator::of_folder(&corpus("variables"), VARIABLE_WORDS).expect("a corpus");
    let whole = mutator.corpus().to_vec();
    let defaults = defaults();
    let (mut usable, mut faulty) = (0, 0);
    for round in 0..rounds(20_000) {
        let input = whole.get(round).cloned().unwrap_or_else(|| mutator.input());
        let values = settings(&defaults, &String::from_utf8_lossy(&input));
        match Config::parse(&|name| Ok(values.get(name).cloned())) {
            Ok(config) => {
                usable += 1;
                is_within_bounds(&config);
            }
            Err(misconfigured) => {
                faulty += 1;
                tells_names_alone(&misconfigured, &values);
            }
        }
    }
    assert!(usable > 1_000 && faulty > 1_000, "{usable}, {faulty}");
}

#[track_caller]
fn is_within_bounds(config: &Config) {
    assert!((1..=MAX_UPSTREAMS).contains(&config.upstreams.len()));
    assert!((1..=256).contains(&config.max_concurrent));
    assert!(
        (1..=30).contains(&config.record_ttl.as_secs()) && config.record_ttl.as_secs_f64() <= 30.0
    );
    assert!((1..=config.bodies_in_flight / 4).contains(&config.max_body));
    for upstream in &config.upstreams {
        assert!((1..=256).contains(&upstream.max_concurrent));
        // What is sent there is an address, and the path begins where Ollama's own do.
        let uri: http::Uri = format!("{upstream}/api/chat").parse().expect("an address");
        assert!(
            uri.path().ends_with("/api/chat") && !uri.path().contains("//"),
            "{uri}"
        );
        assert!(
            uri.query().is_none() && uri.host().is_some_and(|host| !host.is_empty()),
            "{uri}"
        );
        if let Some(key) = &upstream.api_key {
            http::HeaderValue::try_from(format!("Bearer {}", key.expose())).expect("a header");
        }
    }
    let names: BTreeSet<&str> = config.keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names.len(), config.keys.len());
    for network in &config.trusted_proxies {
        for address in ["0.0.0.0", "255.255.255.255", "::", "ffff::ffff"] {
            let address: std::net::IpAddr = address.parse().expect("an address");
            let _ = network.contains(&address);
        }
    }
    // What no list names is let in by a star alone, and that lets in everything.
    let strange = "strange.example";
    if config.cors_origins.allow("null") {
        assert!(config.cors_origins.allow(strange));
    }
    assert!(config.allowed_hosts.allows("127.0.0.1", false));
}

/// Everybody may read faults.
#[track_caller]
fn tells_names_alone(misconfigured: &Misconfigured, values: &BTreeMap<String, String>) {
    let faults = &misconfigured.faults;
    let names: BTreeSet<&str> = faults.iter().map(|fault| fault.variable.as_str()).collect();
    assert!(
        !faults.is_empty() && names.len() == faults.len(),
        "each once: {faults:?}"
    );
    for fault in faults {
        let value = values
            .get(&fault.variable)
            .expect("a variable that there is");
        let is_secret = fault.variable.contains("api_key");
        // Two keys of one name are told by that name.
        let secrets = value
            .split([',', ' '])
            .filter_map(|key| key.splitn(3, ':').nth(2));
        for secret in secrets.filter(|secret| is_secret && secret.len() > 11) {
            assert!(!fault.problem.contains(secret), "{fault:?}");
        }
        if !is_secret && value.len() > 12 {
            assert!(!fault.problem.contains(value.as_str()), "{fault:?}");
        }
    }
}

#[test]
fn whatever_a_ticket_says_it_is_one_in_one_spelling_only() {
    let mut mutator = Mutator::of_folder(&corpus("ticket"), TICKET_WORDS).expect("a corpus");
    let whole = mutator.corpus().to_vec();
    let mut tickets = 0;
    for round in 0..rounds(50_000) {
        let input = whole.get(round).cloned().unwrap_or_else(|| mutator.input());
        let text = String::from_utf8_lossy(&input);
        if let Some(ticket) = PublicTicket::parse(&text) {
            tickets += 1;
            assert_eq!(ticket.to_string(), text);
            let (numbers, secret) = text.rsplit_once('-').expect("two halves");
            assert_eq!((numbers, secret.len()), (&*ticket.number(), 32));
        }
        if let Some(key) = Key::parse(&text) {
            assert_eq!(key.to_string(), text);
        }
    }
    assert!(tickets > 500, "{tickets}");
}

/// Boards of several sizes, as they stand in the store.
fn boards() -> Vec<Vec<u8>> {
    let of = |count: u64| {
        let ask = |k| AskId {
            session: 1 + k % 7,
            k,
        };
        Board {
            capacity: 4,
            open: true,
            top: 7,
            members: (1..=count.min(7))
                .map(|session| Member {
                    session,
                    seen: 3,
                    last: 3,
                    ..Member::default()
                })
                .collect(),
            grants: (0..count.min(4))
                .map(|k| Grant {
                    ask: ask(k),
                    ..Grant::default()
                })
                .collect(),
            line: (4..count)
                .map(|k| Waiting {
                    ask: ask(k),
                    guard: k << 40,
                    ..Waiting::default()
                })
                .collect(),
            ..Board::default()
        }
    };
    let encode = |board: Board| board.encode().expect("a small board");
    [0, 1, 5, 200].map(of).map(encode).to_vec()
}

#[test]
fn whatever_the_store_says_a_board_that_is_read_is_written_back_the_same() {
    let mut mutator = Mutator::new(boards(), &[]);
    let whole = mutator.corpus().to_vec();
    let mut read = 0;
    for round in 0..rounds(20_000) {
        let input = whole.get(round).cloned().unwrap_or_else(|| mutator.input());
        let Ok(board) = Board::decode(&input) else {
            continue;
        };
        read += 1;
        let again = Board::decode(&board.encode().expect("it was read")).expect("own bytes");
        assert_eq!(again, board);
    }
    assert!(read > 500, "{read}");
}

const VARIABLE_WORDS: &[&str] = &[
    "\nmax_concurrent=",
    "\nollama_host2=",
    "\nollama_base_path=/",
    "\napi_keys=a:batch:secretsecret,",
    "\ntrusted_proxies=::/0 10.0.0.0/8",
    "\ncors_origins=*",
    "\nrecord_ttl=",
    "\nnum_ctx=",
    "\nkeep_alive=",
    "http://",
    "https://[::1]:1",
    "4294967296",
    "18446744073709551616",
    "-1",
    "0",
    "ms",
    "KiB",
    "e308",
    "/129",
    "..",
    "%2e",
    "@",
    ":",
    ",",
    "\u{0}",
    "\u{feff}",
    "é",
];

const TICKET_WORDS: &[&str] = &[
    "-",
    "+",
    "0",
    "18446744073709551615",
    "18446744073709551616",
    "ffffffffffffffffffffffffffffffff",
    "gate/",
    "/member/",
    "term",
    " ",
    "F",
];
