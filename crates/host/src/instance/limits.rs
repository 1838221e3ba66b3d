//! The bounds on linear memory: of one instance, and of all instances together.
//!
//! # Why both
//! A bound for each instance alone bounds nothing while a burst may start any number of them. Memory is given back only with
//! the instance that has it, so the last eighth of the budget is kept for those that run: no instance begins with less left,
//! and its request is answered 503.
//!
//! # Bodies
//! What an instance holds of requests is most of what it grows by. So a body that is no small one is announced before it is
//! handed over, and refused where it would not fit into three quarters of the budget beside what is held and what else is
//! announced. Bodies alone end no instance then, and what is small is served beside them, in a new instance if need be.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use wasmtime::ResourceLimiter;

/// What all instances of a host may have together.
pub(crate) struct MemoryBudget {
    max_bytes: usize,
    used_bytes: AtomicUsize,
    /// Of bodies that are on their way to instances.
    announced_bytes: AtomicUsize,
}

impl MemoryBudget {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            used_bytes: AtomicUsize::new(0),
            announced_bytes: AtomicUsize::new(0),
        }
    }

    /// Room for a body of so many bytes, or of a length that is not told; `None`: there is none.
    pub(crate) fn announce(self: &Arc<Self>, length: Option<usize>) -> Option<Announced> {
        let bytes = length.unwrap_or(UNTOLD);
        let left = if bytes <= SMALL { 0 } else { bytes };
        let bound = self.max_bytes / 4 * 3;
        let used = self.used_bytes.load(Ordering::Relaxed);
        let announced = |announced: usize| {
            let more = announced.checked_add(left)?;
            (left == 0 || used.saturating_add(more) <= bound).then_some(more)
        };
        self.announced_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, announced)
            .ok()?;
        Some(Announced {
            left,
            budget: self.clone(),
        })
    }

    /// Whether another instance may begin.
    pub(crate) fn has_room(&self) -> bool {
        self.used_bytes.load(Ordering::Relaxed) < self.max_bytes - self.max_bytes / RESERVE
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = |used: usize| {
            used.checked_add(bytes)
                .filter(|used| *used <= self.max_bytes)
        };
        self.used_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken)
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The bytes of a body that are still to come, for which there is room.
pub(crate) struct Announced {
    left: usize,
    budget: Arc<MemoryBudget>,
}

impl Announced {
    /// So many have come: they are in the instance's memory now.
    pub(crate) fn arrived(&mut self, bytes: usize) {
        let bytes = bytes.min(self.left);
        self.left -= bytes;
        self.budget
            .announced_bytes
            .fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.arrived(self.left);
    }
}

/// The linear memory of one instance. Ends an instance that grows beyond a bound, with an error that says so: a refused
/// `memory.grow` would end it as well, but as an unexplained abort. Dropped with the instance, it gives the memory back.
pub(crate) struct MemoryLimit {
    component: Arc<str>,
    max_bytes: usize,
    held_bytes: Arc<AtomicUsize>,
    budget: Arc<MemoryBudget>,
}

impl MemoryLimit {
    pub(crate) fn new(component: Arc<str>, max_bytes: usize, budget: Arc<MemoryBudget>) -> Self {
        Self {
            component,
            max_bytes,
            held_bytes: Arc::default(),
            budget,
        }
    }

    /// The instance's memory in bytes, as it changes.
    pub(crate) fn held_bytes(&self) -> Arc<AtomicUsize> {
        self.held_bytes.clone()
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let held = self.held_bytes.load(Ordering::Relaxed).saturating_add(more);
        let component = &self.component;
        if held > self.max_bytes {
            let max = self.max_bytes;
            wasmtime::bail!(
                "an instance of `{component}` wants {held} bytes of memory; --max-memory allows {max}"
            );
        }
        if !self.budget.take(more) {
            let max = self.budget.max_bytes;
            wasmtime::bail!(
                "an instance of `{component}` wants {more} more bytes of memory; --max-total-memory allows all of them {max}"
            );
        }
        self.held_bytes.store(held, Ordering::Relaxed);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        self.budget
            .give_back(self.held_bytes.load(Ordering::Relaxed));
    }
}

/// This part of the budget is for instances that run already.
const RESERVE: usize = 8;

/// A body of at most so many bytes needs no announcement: all that may be open together are little.
const SMALL: usize = 64 << 10;

/// What a body may have whose length is not told: `max_body` as it is by default.
const UNTOLD: usize = 8 << 20;

/// Function tables have some thousands of elements; this is what Spin allows.
const MAX_TABLE_ELEMENTS: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(budget: &Arc<MemoryBudget>) -> MemoryLimit {
        MemoryLimit::new("c".into(), 600, budget.clone())
    }

    fn refusal(limit: &mut MemoryLimit, current: usize, desired: usize) -> String {
        let refused = limit.memory_growing(current, desired, None);
        refused.expect_err("it was allowed").to_string()
    }

    #[test]
    fn an_instance_has_its_bound_over_all_its_memories() {
        let budget = Arc::new(MemoryBudget::new(10_000));
        let mut limit = limit(&budget);
        assert!(limit.memory_growing(0, 500, None).unwrap());
        assert!(limit.memory_growing(0, 100, None).unwrap());
        assert!(refusal(&mut limit, 100, 101).contains("--max-memory"));
        assert_eq!(limit.held_bytes().load(Ordering::Relaxed), 600);
    }

    #[test]
    fn all_instances_have_one_budget_and_give_back_what_they_had() {
        let budget = Arc::new(MemoryBudget::new(1_000));
        let (mut first, mut second) = (limit(&budget), limit(&budget));
        assert!(first.memory_growing(0, 600, None).unwrap());
        assert!(second.memory_growing(0, 400, None).unwrap());
        assert!(refusal(&mut second, 400, 401).contains("--max-total-memory"));
        drop(first);
        assert!(second.memory_growing(400, 600, None).unwrap());
        drop(second);
        assert_eq!(budget.used_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_last_of_the_budget_is_for_those_that_run() {
        let budget = Arc::new(MemoryBudget::new(800));
        let mut running = MemoryLimit::new("c".into(), 800, budget.clone());
        assert!(running.memory_growing(0, 699, None).unwrap());
        assert!(budget.has_room());
        assert!(running.memory_growing(699, 700, None).unwrap());
        assert!(!budget.has_room());
        assert!(running.memory_growing(700, 800, None).unwrap());
    }

    #[test]
    fn bodies_are_let_in_as_far_as_they_fit_beside_what_is_held_and_on_its_way() {
        let budget = Arc::new(MemoryBudget::new(100 << 20));
        let mut running = MemoryLimit::new("c".into(), 100 << 20, budget.clone());
        assert!(running.memory_growing(0, 55 << 20, None).unwrap());
        let mut first = budget.announce(Some(10 << 20)).unwrap();
        let second = budget.announce(None).unwrap();
        assert!(budget.announce(Some(3 << 20)).is_none());
        // What has come is held instead; what was told and did not come is free again.
        first.arrived(10 << 20);
        assert!(running.memory_growing(55 << 20, 65 << 20, None).unwrap());
        assert!(budget.announce(Some(3 << 20)).is_none());
        drop(second);
        let third = budget.announce(Some(10 << 20)).unwrap();
        assert!(budget.announce(Some(1 << 20)).is_none());
        // What is small is always let in.
        assert!(budget.announce(Some(SMALL)).is_some());
        drop((first, third));
        assert_eq!(budget.announced_bytes.load(Ordering::Relaxed), 0);
    }
}
