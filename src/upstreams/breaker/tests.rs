//! The breaker against a plain model of it, over every sequence of events up to a length.

use super::*;

const PAUSE: Duration = Duration::from_millis(30_000);

#[derive(Clone, Copy, Debug)]
enum Event {
    Fails,
    Answers,
    /// A third of the pause goes by.
    Waits,
}

const EVENTS: [Event; 3] = [Event::Fails, Event::Answers, Event::Waits];

fn at(ms: u64) -> Now {
    Now {
        mono_ms: ms,
        wall_ms: 1_000_000 + ms,
    }
}

/// What the breaker must be, told without its terms: the failures since the last answer, and the thirds of a pause that
/// have gone by since it opened.
#[derive(Default)]
struct Expected {
    in_a_row: u32,
    open_for: Option<u32>,
}

impl Expected {
    fn state(&self) -> State {
        match self.open_for {
            None => State::Closed,
            Some(thirds) if thirds < 3 => State::Open,
            Some(_) => State::HalfOpen,
        }
    }

    fn after(&mut self, event: Event) {
        match (event, self.state()) {
            (Event::Waits, _) => self.open_for = self.open_for.map(|thirds| thirds + 1),
            (_, State::Open) => {}
            (Event::Answers, _) => (self.in_a_row, self.open_for) = (0, None),
            (Event::Fails, state) => {
                self.in_a_row += 1;
                if state == State::HalfOpen || self.in_a_row >= 5 {
                    self.open_for = Some(0);
                }
            }
        }
    }
}

/// Lets one instance live through `events`, and another one that reads what the first has written before each of them.
fn live_through(events: &[Event]) -> State {
    let (mut own, mut other) = (Sight::default(), Sight::default());
    let mut expected = Expected::default();
    let mut ms = 0;
    for event in events {
        let now = at(ms);
        other.learn(own.breaker, now);
        let written = match event {
            Event::Fails => own.failed(now, PAUSE, Cause::Broken),
            Event::Answers => own.answered(now, PAUSE),
            Event::Waits => {
                ms += 10_000;
                None
            }
        };
        if let Some(breaker) = written {
            assert_ne!(breaker, own.breaker, "nothing is written that is there");
            own.learn(breaker, now);
        }
        expected.after(*event);
        let now = at(ms);
        assert_eq!(own.state(now, PAUSE), expected.state(), "{events:?}");
        other.learn(own.breaker, now);
        assert_eq!(other.state(now, PAUSE), expected.state(), "{events:?}");
    }
    own.state(at(ms), PAUSE)
}

#[test]
fn after_every_sequence_of_events_it_is_what_it_must_be() {
    let mut ends = [0; 3];
    for length in 0..=10 {
        for mut number in 0..3_usize.pow(length) {
            let mut events = Vec::new();
            for _ in 0..length {
                events.push(EVENTS[number % 3]);
                number /= 3;
            }
            ends[live_through(&events) as usize] += 1;
        }
    }
    assert!(
        ends.iter().all(|count| *count > 100),
        "each state is reached: {ends:?}"
    );
}

#[test]
fn five_failures_in_a_row_open_it_for_the_pause_and_then_one_may_try() {
    use Event::{Answers, Fails, Waits};
    assert_eq!(live_through(&[Fails; 4]), State::Closed);
    assert_eq!(live_through(&[Fails; 5]), State::Open);
    let with_an_answer = [Fails, Fails, Fails, Fails, Answers, Fails];
    assert_eq!(live_through(&with_an_answer), State::Closed);
    let opened = [Fails; 5].into_iter().chain([Waits; 3]);
    let half_open: Vec<Event> = opened.collect();
    assert_eq!(live_through(&half_open), State::HalfOpen);
    let then = |event| live_through(&[&half_open[..], &[event]].concat());
    assert_eq!(then(Fails), State::Open, "one failure is enough");
    assert_eq!(then(Answers), State::Closed);
}

fn opened_ahead_by(ms: u64) -> Breaker {
    Breaker {
        failures: 5,
        opened_ms: Some(at(0).wall_ms + ms),
        cause: None,
    }
}

#[test]
fn a_clock_that_is_wrong_cannot_hold_it_open_for_more_than_the_pause() {
    let mut sight = Sight::default();
    let opened = opened_ahead_by(10_000);
    sight.learn(opened, at(0));
    assert_eq!(sight.state(at(29_999), PAUSE), State::Open);
    sight.learn(opened, at(29_999));
    assert_eq!(sight.state(at(30_000), PAUSE), State::HalfOpen);
}

#[test]
fn a_clock_that_was_set_back_holds_it_for_nobody_who_sees_it_for_the_first_time() {
    let mut sight = Sight::default();
    sight.learn(opened_ahead_by(3_600_000), at(0));
    assert_eq!(sight.state(at(0), PAUSE), State::HalfOpen);
}

#[test]
fn what_is_not_there_yet_or_cannot_be_read_in_part_is_closed() {
    let read: Breaker = serde_json::from_str("{\"failures\":2}").unwrap();
    assert_eq!((read.failures, read.opened_ms), (2, None));
    assert_eq!(Sight::default().state(at(0), PAUSE), State::Closed);
    assert_eq!(Sight::default().answered(at(0), PAUSE), None);
}
