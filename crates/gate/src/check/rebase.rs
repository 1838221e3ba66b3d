//! Time made finite: only ages count, and ages above a horizon are all alike.

use crate::turn::{Effect, Event, Turn};
use crate::{Lane, Now, Room, Settings};

/// The present, in the model's units, at every moment of an exploration.
pub(crate) const HORIZON: u64 = 4;

/// The present as the model knows it.
pub(crate) const NOW: Now = Now {
    mono_ms: HORIZON,
    wall_ms: HORIZON,
};

/// Settings in the model's unit of time.
pub(crate) fn settings(room: Room) -> Settings {
    Settings {
        room,
        lane: Lane::Main,
        ttl_ms: 3,
        grace_ms: 2,
        margin_ms: 1,
        renew_ms: 1,
        cancel_ms: 1_000,
        look_ms: 1,
        pause_ms: 1,
        broken: None,
    }
}

/// Moves the present of `turn` one unit on, by moving everything it remembers one unit back.
pub(crate) fn age(turn: &mut Turn) {
    turn.rebase(NOW.mono_ms + 1, HORIZON);
}

/// The same for an effect that waits.
pub(crate) fn age_effect(effect: &mut Effect) {
    if let Effect::Rest { until_ms } = effect {
        *until_ms = until_ms.saturating_sub(1);
    }
}

/// Whether the event that an effect waits for is due.
pub(crate) fn due(effect: &Effect) -> Option<Event> {
    match effect {
        Effect::Rest { until_ms } if *until_ms <= NOW.mono_ms => Some(Event::Due),
        _ => None,
    }
}
