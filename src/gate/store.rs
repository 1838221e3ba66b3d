//! The gate's operations as calls to the store.

use sluice_gate::{Event, Key, Op, Value};

use super::timing;
use crate::clock::now_ns;
use crate::store::{Connection, StoreError, in_turn, patiently, to_its_end};

/// How many reads follow one another before another turn gets at the store: some milliseconds at most.
const BURST: u32 = 16;

/// Does one operation. A failure is an event too: [`Event::Failed`]; its cause goes to the log.
pub async fn perform(op: Op) -> Event {
    within_patience(op).await.unwrap_or(Event::Failed)
}

/// Does one read after another, as `then` says, with the store to itself for up to [`BURST`] of them; answers the one that
/// is still to be done. Many turns may be waiting for the store, and each of a hundred reads would wait for all of them.
pub async fn perform_in_turn(first: Op, mut then: impl FnMut(Event) -> Option<Op>) -> Option<Op> {
    let burst = in_turn(async |connection| {
        let mut next = Some(first);
        for _ in 0..BURST {
            let Some(op) = next else { break };
            next = then(perform_on(connection, op).await?);
        }
        Ok(next)
    });
    patiently(burst).await.unwrap_or_default()
}

/// Whether the store can be read.
///
/// # Errors
/// It cannot.
pub async fn probe() -> Result<(), StoreError> {
    within_patience(Op::Get(Key::Epoch)).await.map(|_| ())
}

async fn within_patience(op: Op) -> Result<Event, StoreError> {
    let is_read = matches!(op, Op::Get(_) | Op::Peek(_));
    let doing = in_turn(async move |connection| perform_on(connection, op).await);
    if is_read {
        patiently(doing).await
    } else {
        patiently(to_its_end(doing)).await
    }
}

async fn perform_on(connection: &Connection, op: Op) -> Result<Event, StoreError> {
    let begun = now_ns();
    let done = perform_untimed(connection, op).await;
    timing::note(begun);
    done
}

async fn perform_untimed(connection: &Connection, op: Op) -> Result<Event, StoreError> {
    Ok(match op {
        Op::Draw(key) => Event::Drawn(connection.add(&key.name(), 1)?),
        Op::Peek(key) => Event::Drawn(connection.add(&key.name(), 0)?),
        Op::Get(key) => {
            let bytes = connection.get(key.name()).await?;
            Event::Got(bytes.and_then(|bytes| Value::decode(&key, &bytes)))
        }
        Op::Put(key, value) => {
            connection.set(key.name(), value.encode()).await?;
            Event::Done
        }
        Op::Delete(key) => {
            connection.delete(key.name()).await?;
            Event::Done
        }
    })
}
