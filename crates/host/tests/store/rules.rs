//! What one user of a store may rely on.

use std::collections::BTreeSet;

use super::Subject;

pub(crate) async fn an_absent_key_is_none_and_not_an_error(Subject { store, .. }: Subject) {
    assert_eq!(store.get("absent").await.unwrap(), None);
    store.delete("absent").await.unwrap();
    assert_eq!(store.keys().await.unwrap(), Vec::<String>::new());
}

pub(crate) async fn what_was_written_is_read_and_the_last_write_stands(
    Subject { store, .. }: Subject,
) {
    store.set("key", b"one".into()).await.unwrap();
    store.set("key", b"two".into()).await.unwrap();
    assert_eq!(
        store.get("key").await.unwrap().as_deref(),
        Some(&b"two"[..])
    );
}

pub(crate) async fn an_empty_value_is_there(Subject { store, .. }: Subject) {
    store.set("key", Vec::new()).await.unwrap();
    assert_eq!(store.get("key").await.unwrap(), Some(Vec::new()));
}

pub(crate) async fn several_keys_are_read_in_their_order(Subject { store, .. }: Subject) {
    store.set("b", b"two".into()).await.unwrap();
    store.set("a", b"one".into()).await.unwrap();
    let keys = ["b", "absent", "a", "b"].map(str::to_owned);
    let values = store.get_many(&keys).await.unwrap();
    let (one, two) = (b"one".to_vec(), b"two".to_vec());
    assert_eq!(values, [Some(two.clone()), None, Some(one), Some(two)]);
    assert_eq!(store.get_many(&[]).await.unwrap(), [None; 0]);
}

pub(crate) async fn values_and_keys_may_be_any_bytes_and_any_text(Subject { store, .. }: Subject) {
    let value: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for key in ["", "a b", "ü:/?*", "'; DROP TABLE spin_key_value; --"] {
        store.set(key, value.clone()).await.unwrap();
        assert_eq!(
            store.get(key).await.unwrap().as_ref(),
            Some(&value),
            "{key:?}"
        );
    }
}

pub(crate) async fn a_deleted_key_is_absent(Subject { store, .. }: Subject) {
    store.set("key", b"value".into()).await.unwrap();
    store.delete("key").await.unwrap();
    assert_eq!(store.get("key").await.unwrap(), None);
    assert_eq!(store.keys().await.unwrap(), Vec::<String>::new());
}

pub(crate) async fn every_key_is_listed_once(Subject { store, .. }: Subject) {
    let keys: BTreeSet<String> = (0..2500).map(|n| format!("key/{n}")).collect();
    for key in &keys {
        store.set(key, b"value".into()).await.unwrap();
    }
    let listed = store.keys().await.unwrap();
    assert_eq!(listed.len(), keys.len());
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), keys);
}

pub(crate) async fn a_counter_begins_at_zero_and_adds_up(Subject { store, .. }: Subject) {
    assert_eq!(store.increment("counter", 0).await.unwrap(), 0);
    assert_eq!(store.increment("counter", 5).await.unwrap(), 5);
    assert_eq!(store.increment("counter", -7).await.unwrap(), -2);
    assert_eq!(store.increment("counter", 0).await.unwrap(), -2);
    assert_eq!(store.keys().await.unwrap(), ["counter"]);
}

/// Sluice polls its counters by `get`, which waits for nobody: as 8 bytes, little endian (SQLite, as Spin has it), or as decimal
/// digits (Redis).
pub(crate) async fn a_counter_is_read_without_adding_to_it(Subject { store, other }: Subject) {
    for (delta, sum) in [
        (1, 1),
        (12_345_677, 12_345_678),
        (1 << 40, (1 << 40) + 12_345_678),
    ] {
        assert_eq!(store.increment("counter", delta).await.unwrap(), sum);
        let value = other.get("counter").await.unwrap().expect("it is there");
        let bytes = sum.to_le_bytes();
        assert!(
            value == bytes || value == sum.to_string().as_bytes(),
            "{sum}: {value:?}"
        );
    }
}

pub(crate) async fn a_counter_that_cannot_be_added_to_stays_as_it_is(
    Subject { store, .. }: Subject,
) {
    store.set("text", b"no number".into()).await.unwrap();
    store.increment("text", 1).await.unwrap_err();
    assert_eq!(
        store.get("text").await.unwrap().as_deref(),
        Some(&b"no number"[..])
    );
    store.increment("full", i64::MAX).await.unwrap();
    store.increment("full", 1).await.unwrap_err();
    assert_eq!(store.increment("full", 0).await.unwrap(), i64::MAX);
}
