//! The harness: a simulator, the host with the real components, a client, and the store looked at from outside.
//!
//! Nothing is built here and nothing is written into the repository. Every port is a free one, every wait has an end.

mod answer;
mod app;
mod client;
mod files;
mod process;
mod random;
mod redis;
mod store;
mod stranger;

use std::{future::Future, time::Duration};

pub use self::{
    answer::{Answer, End, Line, Whole},
    app::{
        App, Setup, assert_started_in_order, chats, fill, nothing_happened, prompt, queue_status,
        send,
    },
    client::Client,
    files::{Wasm, fixture, read_manifest, trap_manifest, write_manifest},
    process::HostProcess,
    random::Random,
    redis::{Keeping, RedisServer, free_port},
    store::{seed, settles, sqlite},
    stranger::{Behind, Stranger},
};

/// Runs a test's body on a runtime of its own, and fails it after [`HANGS`]: a test that hangs says so.
pub fn run<T>(body: impl Future<Output = T>) -> T {
    run_within(HANGS, body)
}

/// The same for a long test, with a limit of its own.
pub fn run_within<T>(limit: Duration, body: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let outcome = runtime.block_on(at_most(limit, "the whole test", body));
    // Instances that compute must not hold up the end.
    runtime.shutdown_background();
    outcome
}

/// Waits for what is seen to come, at most [`PATIENCE`]: how fast it comes is no rule of a test's.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    at_most(PATIENCE, what, future).await
}

/// The same with a limit of its own: where something else would bring it about later.
pub async fn at_most<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {limit:?}: {what}"),
    }
}

/// Looks every few milliseconds until `holds`, at most [`PATIENCE`]. For what has no way to tell by itself.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    within(what, async {
        while !holds().await {
            tokio::time::sleep(LOOK).await;
        }
    })
    .await;
}

/// Whether the long configurations are wanted (`cargo xtask test --long`).
pub fn is_long() -> bool {
    std::env::var_os("SLUICE_LONG").is_some()
}

pub const SECOND: Duration = Duration::from_secs(1);

/// No test takes so long, be the machine ever so busy.
const HANGS: Duration = SECOND.saturating_mul(600);

/// Costs nothing where all is well. Longer than the longest rest between two additions to a counter, which is 30 s where the store is
/// slow.
const PATIENCE: Duration = SECOND.saturating_mul(60);

const LOOK: Duration = Duration::from_millis(10);
