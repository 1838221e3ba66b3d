//! Rules of the bucket, alone and shared.

use std::collections::HashMap;

use super::*;

/// A key's default: one a second, twenty at once.
const SIXTY: Allowance = Allowance {
    per_minute: 60,
    burst: 20,
};

/// So many milliseconds into a window.
fn at(ms: u64) -> Now {
    Now {
        mono_ms: ms,
        wall_ms: 1_000 * WINDOW_MS + ms,
    }
}

fn is_yes(taken: Taken) -> bool {
    matches!(taken, Taken::Yes { .. })
}

#[test]
fn a_burst_is_let_in_and_then_one_for_each_that_has_come_back() {
    let mut bucket = Bucket::full(SIXTY, at(0));
    for left in (0..20).rev() {
        let full_after = Duration::from_secs(20 - u64::from(left));
        assert_eq!(bucket.take(SIXTY, at(0)), Taken::Yes { left, full_after });
    }
    let refused = |ms| Taken::No {
        retry_after: Duration::from_millis(ms),
    };
    assert_eq!(bucket.take(SIXTY, at(0)), refused(1_000));
    assert_eq!(bucket.take(SIXTY, at(400)), refused(600));
    assert!(is_yes(bucket.take(SIXTY, at(1_000))));
    assert_eq!(bucket.take(SIXTY, at(1_000)), refused(1_000));
    // It never holds more than a burst.
    let later = at(3_600_000);
    assert_eq!(
        (0..100)
            .filter(|_| is_yes(bucket.take(SIXTY, later)))
            .count(),
        20
    );
}

#[test]
fn a_clock_that_goes_back_gives_nothing_and_takes_nothing() {
    let mut bucket = Bucket::full(SIXTY, at(50_000));
    while is_yes(bucket.take(SIXTY, at(50_000))) {}
    assert!(!is_yes(bucket.take(SIXTY, at(10_000))));
    assert!(!is_yes(bucket.take(SIXTY, at(50_999))));
    assert!(is_yes(bucket.take(SIXTY, at(51_000))));
}

#[test]
fn what_comes_back_is_exact_whatever_the_rate() {
    let slow = Allowance::new(1, 1).unwrap();
    let mut bucket = Bucket::full(slow, at(0));
    assert!(is_yes(bucket.take(slow, at(0))));
    assert!(!is_yes(bucket.take(slow, at(59_999))));
    assert!(is_yes(bucket.take(slow, at(60_000))));
    let fast = Allowance::new(1_000_000, 1_000_000).unwrap();
    let mut bucket = Bucket::full(fast, at(0));
    assert!(is_yes(bucket.take(fast, at(u64::MAX / 2))));
    assert_eq!(Allowance::new(0, 5), None);
}

#[test]
fn only_a_part_of_a_burst_is_worth_telling() {
    let large = Allowance::new(600, 200).unwrap();
    let mut bucket = Bucket::full(large, at(0));
    let due = (1..=200).find(|_| {
        bucket.take(large, at(0));
        bucket.is_due(large)
    });
    assert_eq!(due, Some(12));
    let told = bucket.tell();
    assert_eq!((told.taken, told.asks_before), (12, true));
    assert!(!bucket.is_due(large));
    bucket.take_back(told);
    assert!(bucket.is_due(large));
    // A small burst is told at once.
    let mut bucket = Bucket::full(SIXTY, at(0));
    bucket.take(SIXTY, at(0));
    assert!(bucket.is_due(SIXTY));
}

/// Instances that share counters, each telling what it took at once.
#[derive(Default)]
struct Store(HashMap<u64, u64>);

impl Store {
    fn settle(&mut self, bucket: &mut Bucket, now: Now) {
        let telling = bucket.tell();
        let total = self.0.entry(telling.window).or_default();
        *total += u64::from(telling.taken);
        let learned = Learned {
            window: telling.window,
            total: *total,
            before: telling
                .asks_before
                .then(|| self.0.get(&(telling.window - 1)).copied().unwrap_or(0)),
        };
        bucket.learn(SIXTY, now, learned);
    }

    /// Ten minutes of a client that asks each of `instances` ten times a second; answers how many are let in.
    fn flood(&mut self, instances: usize, mut is_new: impl FnMut(u64) -> bool) -> u64 {
        let mut buckets = vec![Bucket::full(SIXTY, at(0)); instances];
        let mut let_in = 0;
        for ms in (0..10 * WINDOW_MS).step_by(100) {
            for bucket in &mut buckets {
                if is_new(ms) {
                    *bucket = Bucket::full(SIXTY, at(ms));
                }
                if is_yes(bucket.take(SIXTY, at(ms))) {
                    let_in += 1;
                    self.settle(bucket, at(ms));
                }
            }
        }
        let_in
    }
}

#[test]
fn over_several_instances_the_rate_holds_as_over_one() {
    // One lets in a burst and sixty a minute: 620 in ten minutes. Each of several may be wrong by one now and then.
    let alone = Store::default().flood(1, |_| false);
    assert_eq!(alone, 619);
    for instances in [2, 5, 20] {
        let let_in = Store::default().flood(instances, |_| false);
        let at_most = alone + 20 + 2 * instances as u64;
        assert!((alone..=at_most).contains(&let_in), "{instances}: {let_in}");
    }
}

#[test]
fn an_instance_that_is_new_learns_what_the_others_let_in() {
    // A new one each five seconds, whose bucket is full: it lets one in, and learns.
    let let_in = Store::default().flood(1, |ms| ms % 5_000 == 0);
    let renewals = 10 * 60 / 5;
    assert!(let_in <= 620 + renewals, "{let_in}");
}

#[test]
fn who_stays_below_the_limit_is_never_refused_for_what_is_counted() {
    // One request a second over four instances, over many windows.
    let mut store = Store::default();
    let mut buckets = [Bucket::full(SIXTY, at(0)); 4];
    for second in 0..600_usize {
        let now = at(second as u64 * 1_000);
        let bucket = &mut buckets[second % 4];
        assert!(is_yes(bucket.take(SIXTY, now)), "second {second}");
        store.settle(bucket, now);
    }
}
