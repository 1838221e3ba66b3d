//! The settings, as one table.
//!
//! # How one is added
//! By a row: its name and type, how it is read (`form.rs`) with its bounds, its default, since when it is there, and what it sets.
//! `config.NAME` is its value from then on, and `cargo test --release --workspace --lib config` writes it into `spin.toml` and
//! `docs/operating.md`. A row that is renamed says its old name with `was "…"`, which is read for one release more.

use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;
use serde_json::Value;
use sluice_ollama::options::Sampling;
use sluice_ollama::{Alias, ModelName, Policy};

use crate::budget::PARTS;
use crate::http::hosts::Hosts;
use crate::http::origins::Origins;

use super::MAX_UPSTREAMS;
use super::form::{self, Form};
use super::models::{self, ModelLimit, ModelOptions};
use super::page::PageHistory;
use super::reader::{Fault, Reader, Row, name_of};
use super::secret::{self, ApiKey, Secret};
use super::upstream::{self, Origin, Upstream};

/// Above this a wait is a mistake in the unit.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// The most answers at once; beyond it the board, which names each of them, grows too large.
const MAX_CONCURRENT: u32 = 256;

/// The longest line: each waiting request is an open connection of 25 to 220 KiB.
const MAX_QUEUE: u32 = 100_000;

/// The most that bodies of one instance may hold together: an instance has 4 GiB of addresses, and a body exists twice while it
/// is rewritten.
const MAX_BODIES: usize = 1024 * 1024 * 1024;

/// As many models as have their turn at one Ollama at once.
const MAX_MODELS_AT_ONCE: u32 = sluice_gate::policy::TURNS_MAX as u32;

/// Above this a rate or a burst is no limit.
const MAX_RATE: u32 = 1_000_000;

/// What a setting belongs to; its headline in the files that are written from the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Upstreams,
    Models,
    Options,
    Gate,
    Sending,
    Clients,
}

/// One setting with what its form says of it.
#[derive(Clone, Debug)]
#[cfg_attr(not(test), allow(dead_code, reason = "some is for the files alone"))]
pub(super) struct Setting {
    pub(super) group: Group,
    pub(super) row: Row,
    pub(super) expected: String,
    pub(super) is_secret: bool,
    /// Whether each upstream has it.
    pub(super) is_of_each_upstream: bool,
}

impl Setting {
    fn new<T>(group: Group, row: Row, form: &Form<T>) -> Setting {
        Setting {
            group,
            row,
            expected: form.expected.clone(),
            is_secret: form.is_secret,
            is_of_each_upstream: false,
        }
    }
}

/// A struct with a field for each row, and what is told of the rows.
macro_rules! settings {
    (
        $(#[$about:meta])*
        $vis:vis struct $struct:ident { $($(#[$doc:meta])* $field:ident: $field_type:ty,)* }
        $($group:ident {
            $($name:ident: $type:ty = $form:expr, $default:literal, since $since:literal,
                $(was $was:literal,)? $what:literal;)*
        })*
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug)]
        $vis struct $struct {
            $($(#[$doc])* $vis $field: $field_type,)*
            $($(#[doc = $what] $vis $name: $type,)*)*
        }

        impl $struct {
            /// Reads every row; those of an upstream have its number, counted from 1.
            pub(super) fn read(reader: &mut Reader<'_>, number: usize) -> $struct {
                $struct {
                    $($field: Default::default(),)*
                    $($($name: reader.take(&Self::row(stringify!($name)), number, &$form),)*)*
                }
            }

            pub(super) fn rows() -> Vec<Setting> {
                vec![$($(Setting::new(Group::$group, Self::row(stringify!($name)), &$form),)*)*]
            }

            fn row(name: &'static str) -> Row {
                match name {
                    $($(stringify!($name) => Row {
                        name,
                        was: None$(.or(Some($was)))?,
                        default: $default,
                        since: $since,
                        what: $what,
                    },)*)*
                    _ => Row { name, was: None, default: "", since: "", what: "" },
                }
            }
        }
    };
}

settings! {
    /// What each upstream has; the settings of the second to the last end in their number.
    pub(super) struct UpstreamRows {}

    Upstreams {
        ollama_host: Option<Origin> = upstream::origin(), "http://127.0.0.1:11434", since "0.1.0",
            "the origin of Ollama";
        ollama_base_path: String = upstream::base_path(), "", since "0.1.0",
            "the path before /api there";
        ollama_max_concurrent: Option<u32> = form::optional(form::count(1, MAX_CONCURRENT)), "", since "0.1.0",
            "answers at once from this one; empty: max_concurrent";
        ollama_models_at_once: Option<u32> = form::optional(form::count(1, MAX_MODELS_AT_ONCE)), "", since "0.2.0",
            "how many models this one holds in memory at once, its OLLAMA_MAX_LOADED_MODELS; empty: learned";
        ollama_api_key: Option<Secret> = secret::bearer(), "", since "0.1.0",
            "what this one is shown as authorization: Bearer";
    }
}

settings! {
    #[allow(rustdoc::bare_urls, reason = "the sentences are for spin.toml too")]
    /// All settings.
    pub struct Config {
        /// Where Ollama is, at least one and at most [`super::MAX_UPSTREAMS`].
        upstreams: Vec<Upstream>,
        /// What is added to requests: the model, the options, the cap.
        policy: Policy,
        /// The keys; empty: nobody needs one.
        keys: Vec<ApiKey>,
        /// What an operator should know of the settings although they can be used.
        warnings: Vec<Fault>,
    }

    Upstreams {
        upstream_note: String = form::text(), "", since "0.1.0",
            "a sentence that /api/health shows";
    }

    Models {
        ollama_model: String = form::model(), "qwen3:1.7b", since "0.1.0",
            "the model of a request that names none";
        allowed_models: Vec<ModelName> = form::models(), "", since "0.1.0",
            "the models that may be asked for, by their names as Ollama resolves them; empty: all";
        allow_cloud: bool = form::flag(), "false", since "0.2.0",
            "whether models of Ollama's cloud, and its search of the web, may be asked for: they use its own account";
        keep_alive: Option<Value> = form::optional(form::keep_alive()), "", since "0.1.0",
            "how long Ollama keeps a model that a request loads; -1: for ever";
        shift: Option<bool> = form::optional(form::flag()), "", since "0.2.0",
            "whether a full context drops its oldest messages, the operator's alone; empty: as the model has it";
        sampling: Sampling = form::sampling(), "operator", since "0.2.0",
            "whose temperature, top_p and repeat_penalty hold where a client sets none; model: none is sent";
        num_predict_cap: Option<u32> = form::optional(form::count(1, u32::MAX)), "", since "0.1.0",
            "the most tokens of an answer; empty: no cap";
        model_options: Vec<ModelOptions> = models::options(timeout), "", since "0.2.0",
            "options of single models over the defaults, by name or pattern; the first that matches holds, and null is not sent";
        model_aliases: Vec<Alias> = models::aliases(), "", since "0.2.0",
            "other names for models; a real model of that name wins, and allowed_models is asked about the model";
        batch_models: Vec<ModelName> = form::models(), "", since "0.2.0",
            "models, and other names for models, whose requests stand in line as batch";
        warm_models: Vec<ModelName> = form::models(), "", since "0.2.0",
            "models that are loaded ahead, where they are, and again when an idle upstream has let them go";
    }

    Gate {
        max_concurrent: u32 = form::count(1, MAX_CONCURRENT), "4", since "0.1.0",
            "answers at once, over all instances and hosts";
        max_queue: u32 = form::count(0, MAX_QUEUE), "64", since "0.1.0",
            "how many may wait; 0: start now or be refused";
        queue_timeout: Duration = timeout(), "600s", since "0.1.0",
            "how long one may wait";
        batch_queue_timeout: Option<Duration> = form::optional(timeout()), "", since "0.2.0",
            "how long a batch request may wait; empty: as any other";
        // Below a second a slow commit would condemn a holder; above thirty a dead one would hold up the line.
        record_ttl: Duration = form::duration(SECOND, Duration::from_secs(30)), "15s", since "0.1.0",
            "after so long a silent holder's slot is free";
        places_per_client: u32 = form::count(1, MAX_QUEUE), "8", since "0.1.0",
            "how many requests of one key of api_keys, or of one user by client_header, may wait or be answered at once";
        batch_wait_max: Duration = form::duration(Duration::ZERO, LONGEST), "60s", since "0.1.0",
            "how long a batch request waits before it stands in order with the others";
        auxiliary_is_batch: bool = form::flag(), "false", since "0.2.0",
            "whether a request that calls itself auxiliary (x-claude-code-request-class) stands in line as batch";
        model_limits: Vec<ModelLimit> = models::limits(), "", since "0.2.0",
            "answers at once of a model at one Ollama; the first that matches holds; empty: as measured";
        model_turn: Duration = form::duration(SECOND, LONGEST), "60s", since "0.2.0",
            "how long a model that others wait for keeps an Ollama at least, where they do not fit together";
        swap_share: u32 = form::count(1, 90), "25", since "0.2.0",
            "the most of an Ollama's time that changing models may take, in percent";
    }

    Sending {
        request_timeout: Duration = timeout(), "300s", since "0.1.0",
            "the whole answer, waiting not counted";
        batch_request_timeout: Option<Duration> = form::optional(timeout()), "", since "0.2.0",
            "the whole answer to a batch request, waiting not counted; empty: as to any other";
        connect_timeout: Duration = form::duration(MILLISECOND, LONGEST), "60s", since "0.1.0",
            "a connection to Ollama";
        between_bytes_timeout: Duration = form::duration(SECOND, LONGEST), "120s", since "0.1.0",
            "silence in the midst of an answer";
        retry_attempts: u32 = form::count(0, 10), "2", since "0.1.0",
            "tries again before the first byte";
        retry_delay: Duration = form::duration(MILLISECOND, Duration::from_secs(60)), "1s", since "0.1.0",
            "the pause before each of them";
        breaker_pause: Duration = form::duration(MILLISECOND, LONGEST), "30s", since "0.1.0",
            "how long an Ollama that failed five times in a row is left alone";
    }

    Clients {
        api_key: Option<Secret> = secret::bearer(), "", since "0.1.0",
            "one key for everybody, by which nobody is told apart; empty, and no api_keys: none is needed";
        api_keys: Vec<ApiKey> = secret::named_keys(), "", since "0.1.0",
            "more keys, name:class:secret; the class is interactive, batch, operator or proxy";
        max_body: usize = form::size(MAX_BODIES / PARTS), "8MiB", since "0.1.0",
            "the largest request, at most a quarter of bodies_in_flight";
        bodies_in_flight: usize = form::size(MAX_BODIES), "192MiB", since "0.2.0",
            "bytes of requests that an instance holds at once, those of waiting requests included; a client with a key of its own holds a quarter at most";
        body_timeout: Duration = form::duration(SECOND, LONGEST), "120s", since "0.2.0",
            "a request's body, from its beginning to its end";
        rate_limit: u32 = form::count(0, MAX_RATE), "600", since "0.1.0",
            "requests of one key a minute; 0: no limit";
        rate_limit_burst: u32 = form::count(1, MAX_RATE), "60", since "0.1.0",
            "requests of one key at once";
        rate_limit_address: u32 = form::count(0, MAX_RATE), "6000", since "0.1.0",
            "requests of one address a minute, of clients without a key; 0: no limit";
        rate_limit_address_burst: u32 = form::count(1, MAX_RATE), "2000", since "0.1.0",
            "requests of one address at once";
        trusted_proxies: Vec<IpNet> = form::networks(), "", since "0.1.0",
            "whose x-forwarded-for, x-forwarded-host and client_header are believed";
        client_header: Option<HeaderName> = form::optional(form::header()), "", since "0.2.0",
            "the header in which a proxy names its user, such as x-openwebui-user-id: believed with a key of class proxy and from trusted_proxies, and each user is a client then";
        log_clients: bool = form::flag(), "false", since "0.2.0",
            "whether the log has the names in client_header as they are; false: as numbers that stand for them";
        allowed_hosts: Hosts = form::hosts(), "", since "0.2.0",
            "names that this server answers to besides local ones: chat.school.example, *.school.example, or * for all; empty: with a key set all, without one local names alone";
        cors_origins: Origins = form::origins(), "", since "0.1.0",
            "foreign origins whose pages may ask: https://example.org, http://localhost:*, app://obsidian.md, or * for all";
        page_history: PageHistory = form::page_history(), "device", since "0.2.0",
            "where the page keeps conversations: on the device, for the session (in the tab, which a browser can reopen once it is closed), or not at all (off: for computers that many share)";
    }
}

/// Ollama's options, which are settings of the same name; an empty one is not sent. Those that make Ollama load the model anew
/// are the operator's alone ([`sluice_ollama::options::PINNED`]), the others hold where a client sets none.
pub(super) const OPTIONS: [Row; 12] = [
    option("num_ctx", "4096", "tokens of context, the operator's alone"),
    option("num_thread", "4", "threads of a CPU, the operator's alone"),
    option(
        "num_gpu",
        "1",
        "layers on the GPU, the operator's alone; empty on a machine with a GPU",
    ),
    option(
        "num_parallel",
        "4",
        "ignored in a request: set OLLAMA_NUM_PARALLEL of the server, and max_concurrent here",
    ),
    option("num_batch", "", "tokens read at once, the operator's alone"),
    option("main_gpu", "", "which GPU, the operator's alone"),
    option(
        "use_mmap",
        "",
        "whether the model is mapped into memory, the operator's alone",
    ),
    option(
        "draft_num_predict",
        "",
        "tokens drafted ahead, the operator's alone",
    ),
    option("temperature", "0.7", "where the client sets none"),
    option("top_p", "0.9", "where the client sets none"),
    option("repeat_penalty", "1.1", "where the client sets none"),
    option("seed", "-1", "where the client sets none"),
];

/// How long a wait, or an answer, may take.
fn timeout() -> Form<Duration> {
    form::duration(SECOND, LONGEST)
}

const fn option(name: &'static str, default: &'static str, what: &'static str) -> Row {
    Row {
        name,
        was: None,
        default,
        since: "0.1.0",
        what,
    }
}

/// The whole table, group by group; what each upstream has stands there once.
pub(super) fn all() -> Vec<Setting> {
    let options = OPTIONS.map(|row| Setting::new(Group::Options, row, &form::option(row.name)));
    let of_upstreams = UpstreamRows::rows().into_iter().map(|setting| Setting {
        is_of_each_upstream: true,
        ..setting
    });
    let mut all: Vec<Setting> = of_upstreams.chain(Config::rows()).chain(options).collect();
    // It is stable: within a group the order of the rows stays.
    all.sort_by_key(|setting| setting.group);
    all
}

/// A setting as often as there are upstreams, if each of them has it; with its name and default there.
pub(super) fn each(setting: &Setting) -> Vec<(String, &'static str)> {
    let row = setting.row;
    let last = if setting.is_of_each_upstream {
        MAX_UPSTREAMS
    } else {
        1
    };
    let default = |number| if number == 1 { row.default } else { "" };
    (1..=last)
        .map(|number| (name_of(row.name, number), default(number)))
        .collect()
}

/// The names of all variables, old ones with them.
pub(super) fn names() -> Vec<String> {
    let of = |setting: &Setting| {
        let old = setting.row.was.map(str::to_owned);
        each(setting).into_iter().map(|(name, _)| name).chain(old)
    };
    all().iter().flat_map(of).collect()
}
