//! The search: every state by breadth, a fingerprint for each, a trace for what breaks, and a reverse search for liveness.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::canonical::fingerprint;
use super::config::Config;
use super::step::Step;
use super::world::{Action, World};

/// What a search found.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing broke; all states were seen, or so many that the search was stopped.
    Holds { states: usize, is_complete: bool },
    /// Something that must not happen, with the steps that lead to it.
    Breaks {
        what: String,
        steps: usize,
        states: usize,
        trace: String,
    },
    /// So many of these states have no way to an end.
    Stuck {
        stuck: usize,
        states: usize,
        trace: String,
    },
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Holds {
                states,
                is_complete: true,
            } => write!(f, "holds, {states} states"),
            Outcome::Holds {
                states,
                is_complete: false,
            } => write!(f, "not finished, {states} states"),
            Outcome::Breaks {
                what,
                steps,
                states,
                trace,
            } => {
                write!(f, "breaks: {what}, {steps} steps, {states} states\n{trace}")
            }
            Outcome::Stuck {
                stuck,
                states,
                trace,
            } => {
                write!(f, "{stuck} of {states} states are stuck\n{trace}")
            }
        }
    }
}

/// How far a search goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub states: usize,
    /// Whether liveness is asked for, too.
    pub ends: bool,
    /// Whether it is asked for within the bounds of numbers: what lies beyond them is no end.
    pub is_within: bool,
}

pub(super) fn search(config: &Config, limits: Limits) -> Outcome {
    let mut start = World::start(config);
    start.canonical(config.is_prompt);
    let mut seen: HashMap<u64, u32> = HashMap::from([(fingerprint(&start), 0)]);
    let mut from: Vec<(u32, u16)> = vec![(0, 0)];
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut ends: Vec<u32> = Vec::new();
    let mut layer = vec![(0_u32, start)];
    while !layer.is_empty() {
        let mut next_layer = Vec::new();
        for (at, world) in layer {
            if let Some(what) = broken(config, &world) {
                return breaks(config, &from, at, None, what);
            }
            if world.is_at_rest() {
                ends.push(at);
            }
            for (index, action) in (0..).zip(world.actions(config)) {
                let next = match world.act(config, action) {
                    Step::To(next) => next,
                    Step::Bound => {
                        // What is not explored is not held against a state.
                        if !limits.is_within {
                            ends.push(at);
                        }
                        continue;
                    }
                    Step::Broken(what) => {
                        return breaks(config, &from, at, Some(action), what.to_owned());
                    }
                };
                let fresh = u32::try_from(from.len()).unwrap_or(u32::MAX);
                let to = *seen.entry(fingerprint(&next)).or_insert(fresh);
                if to == fresh {
                    from.push((at, index));
                    next_layer.push((to, next));
                }
                if limits.ends && !action.is_fault() {
                    edges.push((to, at));
                }
            }
            if from.len() > limits.states {
                return Outcome::Holds {
                    states: from.len(),
                    is_complete: false,
                };
            }
        }
        layer = next_layer;
    }
    let states = from.len();
    if limits.ends {
        drop(seen);
        if let Some((stuck, first)) = dead_ends(states, edges, ends) {
            let trace = trace(config, &from, first, None);
            return Outcome::Stuck {
                stuck,
                states,
                trace,
            };
        }
    }
    Outcome::Holds {
        states,
        is_complete: true,
    }
}

fn broken(config: &Config, world: &World) -> Option<String> {
    let relaying = world.relaying();
    if relaying > config.capacity {
        return Some(format!("{relaying} relay, capacity {}", config.capacity));
    }
    if let Some(ask) = world.leaked_ask().filter(|_| config.forbids_leaks) {
        return Some(format!("an ask that nobody has: {ask:?}"));
    }
    let unsound = world.unsound_board();
    unsound.map(|board| format!("a board that no scheduler would put: {board:?}"))
}

/// How many states have no way to an end, and the first of them. Edges lead backwards.
fn dead_ends(states: usize, mut edges: Vec<(u32, u32)>, ends: Vec<u32>) -> Option<(usize, u32)> {
    edges.sort_unstable();
    let mut reaches = vec![false; states];
    let mut open = ends;
    while let Some(at) = open.pop() {
        if std::mem::replace(&mut reaches[at as usize], true) {
            continue;
        }
        let first = edges.partition_point(|(to, _)| *to < at);
        let before = edges[first..].iter().take_while(|(to, _)| *to == at);
        open.extend(before.map(|(_, from)| *from));
    }
    let stuck = reaches.iter().filter(|reaches| !**reaches).count();
    let first = reaches.iter().position(|reaches| !reaches)?;
    Some((stuck, u32::try_from(first).unwrap_or(0)))
}

fn breaks(
    config: &Config,
    from: &[(u32, u16)],
    at: u32,
    last: Option<Action>,
    what: String,
) -> Outcome {
    let trace = trace(config, from, at, last);
    Outcome::Breaks {
        what,
        steps: trace.lines().count(),
        states: from.len(),
        trace,
    }
}

/// The steps to a state, one a line.
fn trace(config: &Config, from: &[(u32, u16)], at: u32, last: Option<Action>) -> String {
    let mut path = Vec::new();
    let mut at = at;
    while at != 0 {
        let (before, index) = from[at as usize];
        path.push(index);
        at = before;
    }
    let mut world = World::start(config);
    world.canonical(config.is_prompt);
    let mut text = String::new();
    let mut tell = |world: &World, action: Action| {
        let doing = match action {
            Action::Perform(at)
            | Action::FailUndone(at)
            | Action::FailDone(at)
            | Action::FailLate(at) => {
                format!("{:?}", world.processes[at].doing)
            }
            Action::Land(at) => format!("{:?}", world.late[at]),
            _ => String::new(),
        };
        _ = writeln!(text, "{action:?} {doing}");
    };
    for index in path.into_iter().rev() {
        let action = world.actions(config)[usize::from(index)];
        tell(&world, action);
        if let Step::To(next) = world.act(config, action) {
            world = next;
        }
    }
    if let Some(action) = last {
        tell(&world, action);
    }
    text
}
