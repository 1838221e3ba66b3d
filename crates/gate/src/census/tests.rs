//! Rules of a reading.

use super::*;
use crate::{Now, Sightings};

const EPOCH: Epoch = Epoch(7);

/// Reads a line of tickets up to `counter` of which those up to `front` have started, the last of them still active and
/// those before it deleted. Answers it and how many operations it took.
fn read(floor: Ticket, front: Ticket, counter: Ticket) -> (Line, u32) {
    read_on(floor, front, counter, 0)
}

fn read_on(floor: Ticket, front: Ticket, counter: Ticket, watched_to: Ticket) -> (Line, u32) {
    let floor = (floor > 0).then_some((EPOCH, floor));
    let mut census = Census::new(floor).watching_from(watched_to);
    let mut op = census.begin();
    let mut ops = 0;
    loop {
        ops += 1;
        let event = match op {
            Op::Get(Key::Epoch) => Event::Got(Some(Value::Epoch(EPOCH))),
            Op::Peek(_) => Event::Drawn(counter),
            Op::Get(Key::Record(_, ticket)) if ticket < front => Event::Got(None),
            Op::Get(Key::Record(_, ticket)) => {
                let standing = if ticket == front {
                    Standing::Active
                } else {
                    Standing::Waiting
                };
                Event::Got(Some(Value::Record(Record {
                    standing,
                    ..Record::unreadable(b"")
                })))
            }
            other => panic!("{other:?}"),
        };
        match census.step(event) {
            CensusStep::Store(next) => op = next,
            CensusStep::Done(line) => return (line, ops),
            CensusStep::Unavailable => panic!("unavailable"),
        }
    }
}

#[test]
fn a_line_is_counted_whatever_was_known_of_its_front() {
    for (floor, front, counter) in [(0, 40, 60), (39, 40, 60), (40, 40, 40), (1, 900, 950)] {
        let (line, _) = read(floor, front, counter);
        let told = (
            line.exact,
            u64::from(line.queued),
            line.front,
            line.active.len(),
        );
        assert_eq!(
            told,
            (true, counter - front, front, 1),
            "{floor} {front} {counter}"
        );
        assert_eq!(line.ahead_of(counter + 1), line.queued);
    }
}

#[test]
fn the_dead_of_a_long_line_are_seen_to_lapse_together() {
    let at = |mono_ms| Now {
        mono_ms,
        wall_ms: 0,
    };
    let mut sightings = Sightings::default();
    let mut watched_to = 0;
    for reading in 0..1_000 / WATCH_MAX + 2 {
        let (mut line, _) = read_on(40, 41, 1_041, watched_to);
        watched_to = line.watched_to;
        line.drop_lapsed(&mut sightings, at(reading));
    }
    let ttl_ms = u64::from(Record::unreadable(b"").ttl_ms);
    for ticket in [42, 300, 1_041] {
        let record = Record::unreadable(b"");
        assert!(
            sightings.lapsed(ticket, &record, at(100 + ttl_ms)),
            "{ticket}"
        );
    }
}

#[test]
fn a_long_line_is_not_walked_where_its_front_is_known() {
    let (line, ops) = read(40, 41, 1_041);
    assert_eq!((line.exact, line.queued, line.front), (false, 1_000, 41));
    let watched = line.watched.iter().map(|(ticket, _)| *ticket);
    assert!(
        watched.eq(42..42 + WATCH_MAX),
        "some are looked at in passing"
    );
    assert_eq!(
        line.watched_to,
        41 + WATCH_MAX,
        "and the next time those after them"
    );
    assert!(ops <= 24 + u32::try_from(WATCH_MAX).unwrap(), "{ops}");
    let (line, ops) = read(0, 41, 1_041);
    assert_eq!((line.exact, line.queued, line.front), (false, 1_000, 41));
    assert!(ops > 256, "nothing was known: {ops}");
}
