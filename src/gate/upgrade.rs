//! The step from the chain of tickets that stood here before: its keys are in the store, and its holders may still relay.
//!
//! # Rule
//! Who finds a chain grants nothing until the chain's counter and its newest record have stood still for one time to live: a chain
//! in use renews them more often than that. Then the chain is marked as over, and its keys are removed in the background, so many at
//! a time.
//!
//! # What it does not do
//! It cannot tell a chain in use from one whose hosts stand still for a time to live. So the old hosts are stopped before the new
//! ones start, for this one step.

use std::time::Duration;

use crate::store::{PATIENCE, Store, number};
use crate::world::{Outcome, World};

/// The chain's epoch, and what stands there once the chain is over and its keys are being removed.
const EPOCH: &str = "sluice/epoch";
const OVER: &[u8] = b"over";

/// How often a chain is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// How many keys one instance removes in a row.
const KEYS_AT_ONCE: usize = 2_000;

/// One in so many instances that find a chain which is over removes keys.
const REMOVES_ONE_IN: u64 = 8;

/// What a look at the chain has found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Chain {
    /// No chain ever was, or its keys are all gone.
    Absent,
    /// It is over; some of its keys may be left.
    Over,
    /// It may be in use: its counter and newest record.
    Standing(Vec<Option<Vec<u8>>>),
}

/// Waits until no chain can be in use any more. Answers whether its keys are to be removed here: one of many instances does it.
/// `seen` is told of each look whether it succeeded.
///
/// A store that cannot be read is asked again: whoever comes meanwhile is told by its own patience.
pub(super) async fn chain_is_over<W: World>(
    world: &W,
    store: &Store<W>,
    ttl: Duration,
    seen: impl Fn(bool),
) -> bool {
    let mut last = None;
    let mut since_ms = world.now().mono_ms;
    loop {
        let chain = look(store).await;
        seen(chain.is_ok());
        match chain {
            Ok(Chain::Absent) => return false,
            Ok(Chain::Over) => return world.random().is_multiple_of(REMOVES_ONE_IN),
            Ok(Chain::Standing(seen)) => {
                let now_ms = world.now().mono_ms;
                if last.as_ref() != Some(&seen) {
                    (last, since_ms) = (Some(seen), now_ms);
                } else if Duration::from_millis(now_ms.saturating_sub(since_ms)) >= ttl {
                    let marked = store.put(EPOCH.to_owned(), OVER.to_vec(), PATIENCE).await;
                    if marked.is_ok() {
                        return true;
                    }
                }
            }
            // Nothing is known of the time between.
            Err(_) => last = None,
        }
        world.sleep(LOOK).await;
    }
}

/// Whether a chain that may be in use is in the store.
pub(super) async fn stands<W: World>(store: &Store<W>) -> Outcome<bool> {
    let epoch = store.get(EPOCH.to_owned(), PATIENCE).await?;
    Ok(epoch.is_some_and(|word| word != OVER))
}

async fn look<W: World>(store: &Store<W>) -> Outcome<Chain> {
    let epoch = match store.get(EPOCH.to_owned(), PATIENCE).await? {
        None => return Ok(Chain::Absent),
        Some(word) if word == OVER => return Ok(Chain::Over),
        Some(word) => String::from_utf8_lossy(&word).into_owned(),
    };
    let mut seen = vec![Some(epoch.clone().into_bytes())];
    // The batch line has a word of its own, made from the epoch; whoever relays has a ticket of the main line.
    let counter = store
        .get(format!("sluice/{epoch}/counter"), PATIENCE)
        .await?;
    let newest = counter.as_deref().and_then(number).unwrap_or(0);
    seen.push(counter);
    for ticket in newest.saturating_sub(HOLDERS - 1)..=newest {
        seen.push(
            store
                .get(format!("sluice/{epoch}/t/{ticket}"), PATIENCE)
                .await?,
        );
    }
    Ok(Chain::Standing(seen))
}

/// Of how many of the last tickets the records are watched: a holder renews its record, and it is among the last that were drawn.
const HOLDERS: u64 = 64;

/// Removes the keys of a chain that is over, so many of them; the last of all is its mark.
pub(super) async fn remove_chain<W: World>(store: &Store<W>) -> Outcome<()> {
    let names = store.keys(PATIENCE).await?;
    let mut keys = names.iter().filter(|name| is_of_chain(name)).peekable();
    for name in keys.by_ref().take(KEYS_AT_ONCE) {
        store.delete(name.clone(), PATIENCE).await?;
    }
    match keys.peek() {
        Some(_) => Ok(()),
        None => store.delete(EPOCH.to_owned(), PATIENCE).await,
    }
}

/// Whether this is a key of a chain, other than its epoch: `sluice/`, a word of 16 hexadecimal digits, and what it is for; or one of
/// the totals that were kept beside it.
fn is_of_chain(name: &str) -> bool {
    if name.starts_with("sluice/n/") {
        return true;
    }
    let rest = name.strip_prefix("sluice/");
    rest.and_then(|rest| rest.split_once('/'))
        .is_some_and(|(word, rest)| {
            let is_word = word.len() == 16 && word.bytes().all(|digit| digit.is_ascii_hexdigit());
            let kind = rest.split('/').next().unwrap_or_default();
            is_word && ["counter", "settled", "t", "gone", "cancel"].contains(&kind)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_a_chain_are_removed() {
        for name in [
            "sluice/000000000000feed/counter",
            "sluice/000000000000feed/t/7",
            "sluice/000000000000feed/gone/7",
            "sluice/n/refused/queue_full",
        ] {
            assert!(is_of_chain(name), "{name}");
        }
        for name in [
            "sluice/epoch",
            "sluice/breaker/0",
            "sluice/rate/1/key/00000000000000ff",
            "gate/000000000000feed/term",
            "sluice/000000000000feed/other",
        ] {
            assert!(!is_of_chain(name), "{name}");
        }
    }
}
