//! Rules of a reading.

use super::*;

const EPOCH: Epoch = Epoch(7);

/// Reads a line of tickets up to `counter` of which those up to `front` have started, the last of them still active and
/// those before it deleted. Answers it and how many operations it took.
fn read(floor: Ticket, front: Ticket, counter: Ticket) -> (Line, u32) {
    let mut census = Census::new((floor > 0).then_some((EPOCH, floor)));
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
fn a_long_line_is_not_walked_where_its_front_is_known() {
    let (line, ops) = read(40, 41, 1_041);
    assert_eq!((line.exact, line.queued, line.front), (false, 1_000, 41));
    assert!(ops <= 24, "{ops}");
    let (line, ops) = read(0, 41, 1_041);
    assert_eq!((line.exact, line.queued, line.front), (false, 1_000, 41));
    assert!(ops > 256, "nothing was known: {ops}");
}
