//! A way through the model, told in words: who does what, by its ticket.

use stateright::Path;

use super::world::{Action, World};
use crate::turn::Effect;
use crate::{Key, Op, Value};

/// The actions of a path, in words.
pub(super) fn words(path: Path<World, Action>) -> String {
    let steps = path.into_vec().into_iter();
    let told = steps.filter_map(|(world, action)| Some(step(&world, &action?)));
    told.collect::<Vec<_>>().join("; ")
}

fn step(world: &World, action: &Action) -> String {
    let of = |index: usize, what: &str| format!("{} {what}", who(world, index));
    match *action {
        Action::Go(index) => of(index, &doing(world, index)),
        Action::Serve(index) => of(index, "is served"),
        Action::Leave(index) => of(index, "hangs up"),
        Action::Crash(index) => of(index, "dies"),
        Action::Freeze(index) => of(index, "stands still, its clocks too"),
        Action::StallBefore(index) => {
            of(index, &format!("stalls before it {}", doing(world, index)))
        }
        Action::StallAfter(index) => of(index, &format!("{} and stalls", doing(world, index))),
        Action::Wake(index) => of(index, "wakes"),
        Action::FailDone(index) => of(index, &format!("{}, unheard", doing(world, index))),
        Action::FailUndone(index) => of(index, &format!("{}, in vain", doing(world, index))),
        Action::FailLate(index) => of(index, &format!("{}, to arrive later", doing(world, index))),
        Action::Land(_) => "a late write arrives".to_owned(),
        Action::Empty => "the store is emptied".to_owned(),
        Action::BeginSweep => "a sweep begins".to_owned(),
        Action::Sweep => "the sweep goes on".to_owned(),
        Action::Tick => "time passes".to_owned(),
    }
}

fn who(world: &World, index: usize) -> String {
    match world.processes[index].turn.ticket() {
        Some((_, ticket)) => format!("#{ticket}"),
        None => "a newcomer".to_owned(),
    }
}

fn doing(world: &World, index: usize) -> String {
    match &world.processes[index].next {
        Effect::Rest { .. } => "rests no longer".to_owned(),
        Effect::Over => "is over".to_owned(),
        Effect::Store(op) => match op {
            Op::Draw(_) => "draws".to_owned(),
            Op::Peek(_) => "peeks".to_owned(),
            Op::Get(key) => format!("reads {}", name(key)),
            Op::Delete(key) => format!("deletes {}", name(key)),
            Op::Put(key, Value::Record(record)) => {
                format!("writes {} {:?}", name(key), record.standing).to_lowercase()
            }
            Op::Put(key, _) => format!("writes {}", name(key)),
        },
    }
}

fn name(key: &Key) -> String {
    match key {
        Key::Epoch => "the epoch".to_owned(),
        Key::Counter(_) => "the counter".to_owned(),
        Key::Settled(_) => "the settled mark".to_owned(),
        Key::Record(_, ticket) => format!("#{ticket}"),
        Key::Gone(_, ticket) => format!("the verdict on #{ticket}"),
        Key::Cancel(_, ticket) => format!("the request to stop #{ticket}"),
    }
}
