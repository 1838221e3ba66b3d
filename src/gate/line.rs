//! How the line stands, read once for all who ask in this instance.

use std::cell::RefCell;
use std::rc::Rc;

use futures::lock::Mutex;
use sluice_gate::{Census, CensusStep, Epoch, Event, Key, Lane, Line, Now, Op, Sightings, Value};

use super::store::{perform, perform_in_turn};
use super::{bell, tidying};
use crate::clock::now;
use crate::config;
use crate::store::StoreError;

/// How old a reading may be for those who are shown it, in milliseconds.
pub const SHOWN_MS: u64 = 400;

#[derive(Default)]
struct Readings {
    last: Option<(Now, Rc<Line>)>,
    /// When a reading last failed.
    failed: Option<Now>,
    /// Since when the front of the main line has been where it is.
    still_since: Option<Now>,
    sightings: Sightings,
    behind: Sightings,
}

thread_local! {
    static READINGS: RefCell<Readings> = RefCell::default();
    static READING: Rc<Mutex<()>> = Rc::default();
}

/// The line as it stood at most `max_age_ms` before this call, or later. Whoever asks while it is being read waits for that
/// reading, and for one more where that is too old: many who ask at once share it, and its failure.
///
/// # Errors
/// The store could not be read: that is not an empty line.
pub async fn line(max_age_ms: u64) -> Result<Rc<Line>, StoreError> {
    let asked = now();
    if let Some(line) = read_since(asked, max_age_ms) {
        return Ok(line);
    }
    let reading = READING.with(Rc::clone);
    let _one_at_a_time = reading.lock().await;
    if let Some(line) = read_since(asked, max_age_ms) {
        return Ok(line);
    }
    if has_failed_since(asked) {
        return Err(StoreError::unavailable());
    }
    let begun = now();
    let mut line = match read().await {
        Ok(line) => line,
        Err(error) => {
            // Nothing is known of the time between: an outage condemns nobody.
            READINGS.with_borrow_mut(|readings| {
                readings.sightings.forget();
                readings.behind.forget();
                readings.failed = Some(now());
            });
            return Err(error);
        }
    };
    let (line, movement) = READINGS.with_borrow_mut(|readings| {
        let movement = movement(readings, begun, &line);
        if !matches!(movement, Some(Movement::NoneFor(_))) {
            readings.still_since = Some(begun);
        }
        line.drop_lapsed(&mut readings.sightings, now());
        if let Some(behind) = &mut line.behind {
            behind.drop_lapsed(&mut readings.behind, now());
        }
        let line = Rc::new(line);
        readings.last = Some((begun, line.clone()));
        (line, movement)
    });
    tell_desks(&line, begun, movement);
    for lane in Lane::ALL {
        if let Some(line) = of(&line, lane) {
            tidying::after_a_reading(line, lane);
        }
    }
    Ok(line)
}

/// Tells those who stand in line here how far from its front they are.
fn tell_desks(line: &Line, begun: Now, movement: Option<Movement>) {
    let seen = Lane::ALL.map(sightings);
    bell::each(|desk| {
        if let Ok(mut turn) = desk.turn.try_borrow_mut()
            && let Some((_, ticket)) = turn.ticket()
        {
            let lane = turn.settings().lane;
            if let Some(line) = of(line, lane) {
                turn.stand_behind(begun, line.ahead_of(ticket), &line.ledger);
            }
            match movement {
                Some(Movement::OneIn(us)) if lane == Lane::Main => turn.saw_line_move(us),
                Some(Movement::NoneFor(us)) if lane == Lane::Main => turn.saw_line_stand_still(us),
                _ => {}
            }
            let [main, behind] = &seen;
            turn.learn(match lane {
                Lane::Main => main,
                Lane::Batch => behind,
            });
        }
    });
}

/// One of the two lines of a reading; `None` for a batch line that was not read.
pub(super) fn of(line: &Line, lane: Lane) -> Option<&Line> {
    match lane {
        Lane::Main => Some(line),
        Lane::Batch => line.behind.as_deref(),
    }
}

/// The line with its whole ledger: whoever starts while it is read takes records away from under the reading, so it is read
/// again. What it tells never falls, as long as the epoch lasts.
///
/// # Errors
/// The store could not be read, or not often enough.
pub async fn whole_line() -> Result<Rc<Line>, StoreError> {
    let mut max_age_ms = SHOWN_MS;
    for _ in 0..WHOLE_TRIES {
        let line = line(max_age_ms).await?;
        if line.whole {
            return Ok(line);
        }
        max_age_ms = 0;
    }
    Err(StoreError::unavailable())
}

/// How often the line is read for its whole ledger. A reading takes a millisecond or two, a start comes every few.
const WHOLE_TRIES: u32 = 32;

/// How the main line moved since the last reading, in microseconds.
#[derive(Clone, Copy)]
enum Movement {
    /// One started in so many.
    OneIn(u64),
    /// Nobody for so many.
    NoneFor(u64),
}

/// `None` where the last reading, if there is one, was of something else.
fn movement(readings: &Readings, begun: Now, line: &Line) -> Option<Movement> {
    let (before, last) = readings.last.as_ref()?;
    let starts = line.front.checked_sub(last.front)?;
    let since_us = |then: Now| {
        let took_ms = begun.mono_ms.checked_sub(then.mono_ms)?;
        took_ms.checked_mul(1_000)
    };
    let movement = match starts {
        0 => Movement::NoneFor(since_us(readings.still_since?)?),
        starts => Movement::OneIn(since_us(*before)? / starts),
    };
    (last.epoch == line.epoch).then_some(movement)
}

/// The last reading, if it is not older than `max_age_ms`.
pub fn cached(max_age_ms: u64) -> Option<Rc<Line>> {
    read_since(now(), max_age_ms)
}

/// The last reading, if it began at most `max_age_ms` before `asked`.
fn read_since(asked: Now, max_age_ms: u64) -> Option<Rc<Line>> {
    READINGS.with_borrow(|readings| {
        let (begun, line) = readings.last.as_ref()?;
        (asked.mono_ms.saturating_sub(begun.mono_ms) <= max_age_ms).then(|| line.clone())
    })
}

/// Whether a reading has failed since `asked`.
fn has_failed_since(asked: Now) -> bool {
    READINGS.with_borrow(|readings| {
        let failed = readings.failed.as_ref();
        failed.is_some_and(|failed| failed.mono_ms >= asked.mono_ms)
    })
}

/// What this instance has seen of a line's records, for a turn that tidies.
pub(super) fn sightings(lane: Lane) -> Sightings {
    READINGS.with_borrow(|readings| match lane {
        Lane::Main => readings.sightings.clone(),
        Lane::Batch => readings.behind.clone(),
    })
}

/// The epoch in force; `None` where there is none yet.
///
/// # Errors
/// The store could not be read.
pub(super) async fn epoch() -> Result<Option<Epoch>, StoreError> {
    match perform(Op::Get(Key::Epoch)).await {
        Event::Got(Some(Value::Epoch(epoch))) => Ok(Some(epoch)),
        Event::Got(_) => Ok(None),
        _ => Err(StoreError::unavailable()),
    }
}

/// Where nobody has a key, nobody can stand in the batch line, and it is not read.
async fn read() -> Result<Line, StoreError> {
    let last = cached(u64::MAX).unwrap_or_default();
    let mut line = read_one(&last, Lane::Main).await?;
    if config::parsed().is_some_and(|config| !config.keys.is_empty()) {
        let last = last.behind.as_deref().cloned().unwrap_or_default();
        line.behind = Some(Box::new(read_one(&last, Lane::Batch).await?));
    }
    Ok(line)
}

async fn read_one(last: &Line, lane: Lane) -> Result<Line, StoreError> {
    let floor = last.epoch.map(|epoch| (epoch, last.front));
    let mut census = Census::new(floor).of(lane).watching_from(last.watched_to);
    let mut next = Some(census.begin());
    let mut outcome = Err(StoreError::unavailable());
    while let Some(op) = next {
        next = perform_in_turn(op, |event| match census.step(event) {
            CensusStep::Store(op) => Some(op),
            CensusStep::Done(line) => {
                outcome = Ok(line);
                None
            }
            CensusStep::Unavailable => None,
        })
        .await;
    }
    outcome
}
