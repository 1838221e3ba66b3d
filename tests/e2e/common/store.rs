//! The store, seen from outside: what the gate has left there.

use std::{path::Path, sync::Arc};

use futures::future::join_all;
use sluice_gate::board::Board;
use sluice_gate::reader::{Reader, Step};
use sluice_gate::store::{Epoch, Found, Key};
use sluice_host::store::{DEFAULT_DATABASE, SqliteStore, SqliteSync, Store};

use super::LOOK;

/// The store in a host's state folder, opened beside the host.
pub fn sqlite(state: &Path) -> Arc<dyn Store> {
    let path = state.join(DEFAULT_DATABASE);
    Arc::new(SqliteStore::open(&path, "default", SqliteSync::Off).expect("a database"))
}

/// Makes a store one in which requests have been served before: the first of a new epoch would wait one time to live.
pub async fn seed(store: &dyn Store) {
    let epoch = Epoch(0x5eed);
    let board = Board {
        open: true,
        idle: true,
        oldest: 1,
        ..Board::default()
    };
    let board = board.encode().expect("a small board");
    let term = Key::Term(epoch).to_string();
    let base = i64::try_from(epoch.base()).expect("below 2^62");
    for (key, value) in [(Key::Board(epoch, 1), board), (Key::Epoch, epoch.encode())] {
        store.set(&key.to_string(), value).await.expect("a write");
    }
    store.increment(&term, base + 1).await.expect("a counter");
}

/// Waits until the store is as it must be at rest: nobody relays or waits on the newest board, and of the boards before it few are
/// left. They are deleted while somebody schedules, and the last one to do so rests when nobody is left to be served.
pub async fn settles(store: &dyn Store) {
    let mut left = is_settled(store).await;
    for _ in 0..LOOKS {
        if left.is_ok() {
            return;
        }
        tokio::time::sleep(LOOK).await;
        left = is_settled(store).await;
    }
    panic!("not at rest after {LOOKS} looks: {left:?}");
}

/// Whether the store is as it must be at rest; if not, why.
async fn is_settled(store: &dyn Store) -> Result<(), String> {
    let board = board(store).await;
    if !(board.grants.is_empty() && board.line.is_empty()) {
        return Err(format!("{board:?}"));
    }
    let names = store.keys().await.expect("a listing");
    let epoch = store.get(&Key::Epoch.to_string()).await.expect("a read");
    let epoch = epoch.and_then(|word| Epoch::decode(&word));
    let is_board =
        |name: &&String| matches!(Key::parse(name), Some(Key::Board(of, _)) if Some(of) == epoch);
    let is_stray = |name: &&String| {
        let is_beside = BESIDE.iter().any(|own| name.starts_with(own));
        Key::parse(name).is_none() && !is_beside
    };
    if names.iter().filter(is_board).count() > BOARDS_LEFT
        || names.iter().any(|name| is_stray(&name))
    {
        return Err(format!("{names:?}"));
    }
    Ok(())
}

/// The newest board; an empty one where there is none.
async fn board(store: &dyn Store) -> Board {
    let (mut reader, mut step) = Reader::begin();
    loop {
        step = match step {
            Step::Read { keys, .. } => {
                let found = join_all(keys.iter().map(|key| find(store, key))).await;
                reader.step(&found)
            }
            Step::Done(board) => return *board,
            other => panic!("{other:?}"),
        };
    }
}

async fn find(store: &dyn Store, key: &Key) -> Found {
    match store.get(&key.to_string()).await.expect("a read") {
        None => Found::Absent,
        Some(bytes) if key.is_counter() => {
            let value = sluice::store::number(&bytes).expect("a counter");
            key.count(value).map_or(Found::Absent, Found::Number)
        }
        Some(bytes) => Found::Bytes(bytes),
    }
}

/// How many boards may be left at rest: a scheduler looks for older ones so far back.
const BOARDS_LEFT: usize = 65;

/// What the keys begin with that are none of the gate's: of requests per client, of breakers, of totals, what an operator orders, and of
/// places that were lost.
const BESIDE: [&str; 5] = [
    "sluice/rate/",
    "sluice/breaker/",
    "sluice/total/",
    "sluice/orders",
    "sluice/lost/",
];

/// Ten seconds or more, since leavers are noticed by the next heartbeat and a dead holder after the time to live that tests set (4 s at
/// most); and less than that of those that set none (15 s). Looks are counted and no time, for they take longer on a machine that is
/// slow.
const LOOKS: u32 = 900;
