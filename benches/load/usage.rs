//! What a program uses of the machine, its children included, as Linux tells it.

use std::{fs, time::Duration};

use tokio::time::Instant;

/// What a program has used so far.
#[derive(Clone, Copy)]
pub struct Usage {
    at: Instant,
    cpu: Duration,
    /// Memory that is its own, with its share of what several of its processes have in common, in KiB.
    pub memory_kib: u64,
}

impl Usage {
    /// Of the process `root` and all that came from it and still run.
    pub fn of(root: u32) -> Self {
        let (mut cpu, mut memory_kib) = (Duration::ZERO, 0);
        for process in family(root) {
            // One that has ended meanwhile uses nothing more.
            cpu += process.cpu;
            memory_kib += memory(process.id).unwrap_or(0);
        }
        let at = Instant::now();
        Self {
            at,
            cpu,
            memory_kib,
        }
    }

    /// Per cent of one core since `before`.
    pub fn cpu_since(&self, before: &Self) -> f64 {
        100.0 * self.time_since(before).as_secs_f64() / (self.at - before.at).as_secs_f64()
    }

    /// CPU time since `before`.
    pub fn time_since(&self, before: &Self) -> Duration {
        self.cpu.saturating_sub(before.cpu)
    }
}

/// `root` and all that came from it and still run, by their numbers.
#[allow(
    dead_code,
    reason = "one of the two programs that share this file needs it"
)]
pub fn members(root: u32) -> Vec<u32> {
    family(root).iter().map(|process| process.id).collect()
}

/// One process.
struct Process {
    id: u32,
    parent: u32,
    cpu: Duration,
}

/// `root` and its children, and theirs.
fn family(root: u32) -> Vec<Process> {
    let mut all: Vec<_> = fs::read_dir("/proc")
        .expect("Linux has it")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(process)
        .collect();
    let mut members = vec![root];
    let mut family = Vec::new();
    while let Some(member) = members.pop() {
        members.extend(
            all.iter()
                .filter(|one| one.parent == member)
                .map(|one| one.id),
        );
        if let Some(at) = all.iter().position(|one| one.id == member) {
            family.push(all.swap_remove(at));
        }
    }
    family
}

fn process(id: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, may have spaces in it; the parent is the second word after it, user and system time are
    // the 12th and 13th.
    let words: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| words.get(at)?.parse::<u64>().ok();
    Some(Process {
        id,
        parent: words.get(1)?.parse().ok()?,
        cpu: Duration::from_millis((ticks(11)? + ticks(12)?) * MS_PER_TICK),
    })
}

fn memory(id: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
    let share = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    share.split_whitespace().next()?.parse().ok()
}

/// Linux counts in hundredths of a second for whoever asks.
const MS_PER_TICK: u64 = 10;
