//! What several users of a store, in one host or in two, may rely on.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::timeout;

use super::Subject;

pub(crate) async fn no_increment_is_lost_or_seen_twice(Subject { store, other }: Subject) {
    const TASKS: i64 = 8;
    const EACH: i64 = 50;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let store = if task % 2 == 0 { &store } else { &other }.clone();
        tasks.spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..EACH {
                seen.push(store.increment("counter", 1).await.unwrap());
            }
            seen
        });
    }
    let seen: BTreeSet<i64> = tasks.join_all().await.concat().into_iter().collect();
    assert_eq!(seen, (1..=TASKS * EACH).collect());
}

/// An instance in a synchronous call polls nothing else, however many operations it has begun.
pub(crate) async fn an_operation_does_not_wait_for_those_that_nobody_polls(
    Subject { store, .. }: Subject,
) {
    let mut begun: Vec<_> = (0..500).map(|_| store.get("key")).collect();
    for operation in &mut begun {
        _ = futures::poll!(operation);
    }
    let counted = timeout(Duration::from_secs(60), store.increment("counter", 1)).await;
    assert_eq!(counted.expect("it waits").unwrap(), 1);
}

pub(crate) async fn what_one_host_wrote_or_deleted_the_other_sees_at_once(
    Subject { store, other }: Subject,
) {
    for round in 0..100_u32 {
        let value = round.to_le_bytes();
        store.set("key", value.into()).await.unwrap();
        assert_eq!(other.get("key").await.unwrap().as_deref(), Some(&value[..]));
        other.delete("key").await.unwrap();
        assert_eq!(store.get("key").await.unwrap(), None);
        let sum = i64::from(round) * 2;
        assert_eq!(store.increment("counter", 1).await.unwrap(), sum + 1);
        assert_eq!(other.increment("counter", 1).await.unwrap(), sum + 2);
    }
}

/// Each writer writes its own byte, so a value with two different ones would be a mixture; they go on until enough was read.
pub(crate) async fn of_two_writers_one_wins_and_no_reader_sees_a_mixture(
    Subject { store, other }: Subject,
) {
    let enough = Arc::new(AtomicBool::new(false));
    let mut writers = tokio::task::JoinSet::new();
    for (store, byte) in [(store.clone(), b'a'), (other.clone(), b'b')] {
        let enough = enough.clone();
        writers.spawn(async move {
            for round in (1..=60).cycle() {
                store.set("key", vec![byte; round * 100]).await.unwrap();
                if enough.load(Ordering::Relaxed) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    let reading = async {
        let mut seen = 0;
        while seen < 100 {
            let value = other.get("key").await.unwrap().unwrap_or_default();
            let mixed = value.iter().any(|byte| byte != &value[0]);
            assert!(!mixed && value.len().is_multiple_of(100), "{value:?}");
            seen += usize::from(!value.is_empty());
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), reading).await.unwrap();
    enough.store(true, Ordering::Relaxed);
    writers.join_all().await;
    let last = store.get("key").await.unwrap().unwrap();
    assert_eq!(other.get("key").await.unwrap().unwrap(), last);
}

pub(crate) async fn writers_of_different_keys_do_not_disturb_one_another(
    Subject { store, other }: Subject,
) {
    const EACH: u32 = 50;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..6 {
        let store = if writer % 2 == 0 { &store } else { &other }.clone();
        writers.spawn(async move {
            let key = format!("key/{writer}");
            for round in 0..EACH {
                store.set(&key, round.to_le_bytes().into()).await.unwrap();
                let read = store.get(&key).await.unwrap();
                assert_eq!(read.as_deref(), Some(&round.to_le_bytes()[..]), "{key}");
            }
            if writer >= 4 {
                store.delete(&key).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let keys: BTreeSet<_> = store.keys().await.unwrap().into_iter().collect();
    assert_eq!(keys, (0..4).map(|writer| format!("key/{writer}")).collect());
}

/// More keys than one page of a listing, some of which come and go meanwhile.
pub(crate) async fn a_key_that_is_there_throughout_is_listed_once_whatever_comes_and_goes(
    Subject { store, other }: Subject,
) {
    let lasting: BTreeSet<String> = (0..1500).map(|n| format!("lasting/{n}")).collect();
    for key in &lasting {
        store.set(key, b"value".into()).await.unwrap();
    }
    let fleeting = tokio::spawn(async move {
        for n in 0..300 {
            let key = format!("fleeting/{n}");
            other.set(&key, b"value".into()).await.unwrap();
            other.delete(&key).await.unwrap();
        }
    });
    let mut listings = 0;
    while !fleeting.is_finished() || listings == 0 {
        let listed = store.keys().await.unwrap();
        let distinct: BTreeSet<_> = listed.iter().cloned().collect();
        assert_eq!(distinct.len(), listed.len(), "a key was listed twice");
        assert!(lasting.is_subset(&distinct), "a key was not listed");
        listings += 1;
    }
    fleeting.await.unwrap();
}
