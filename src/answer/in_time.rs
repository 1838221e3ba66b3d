//! Who says how long it waits at most is refused at once where it would wait longer, as it looks now.
//!
//! # When
//! Before it takes a place, by what would be told to one who came now; and once more when it stands in line, since others may
//! have come in the same moment. After that it waits no longer than it said, as with `queue_timeout`.
//!
//! # What it does not do
//! It refuses nobody while too little was measured for an estimate, but for those who would not wait at all.

use std::time::Duration;

use sluice_gate::board::Board;
use sluice_gate::policy::{Figure, Joined, Newcomer, Service};

use super::SHED_MS;
use super::job::Job;
use crate::config::Config;
use crate::gate;
use crate::http::refuse::Refusal;
use crate::upstreams::breakers;

/// Of a wait nothing is known but that there is one.
const SOME: Duration = Duration::from_secs(1);

/// Refuses one who would come now and wait for longer than `most`.
///
/// # Errors
/// It would, as it looks now.
pub async fn check(config: &Config, most: Option<Duration>, one: Joined) -> Result<(), Refusal> {
    let Some(most) = most else { return Ok(()) };
    // A store that cannot be read is told of where the request comes to it.
    let Ok(board) = gate::board(config, SHED_MS).await else {
        return Ok(());
    };
    let upper_ms = match gate::foresee_newcomer(config, &board, one) {
        // Who is refused for another reason is told that one.
        Newcomer::Starts | Newcomer::Refused(_) => return Ok(()),
        Newcomer::Waits(start) => {
            let plain_ms = || plain_ms(config, &board);
            start.map(|range| range.high_ms).or_else(plain_ms)
        }
    };
    refuse(most, upper_ms).map_or(Ok(()), Err)
}

/// The same for one who stands in line.
pub async fn refusal(job: &Job) -> Option<Refusal> {
    let most = job.wait_at_most()?;
    let board = gate::board(&job.config, SHED_MS).await.ok()?;
    let start = job.place()?.foreseen(&board)?.start;
    refuse(most, start.map(|range| range.high_ms))
}

/// What departures per second say, of a line that is too long to be run through.
fn plain_ms(config: &Config, board: &Board) -> Option<u64> {
    let service = Service::of(board);
    let is_known = usize::try_from(service.measured).is_ok_and(|known| known > Figure::TOO_FEW);
    let count = board.count();
    let capacity = breakers::room(config).capacity();
    let wait_ms = service.wait_ms(count.queued, count.active, capacity);
    wait_ms.filter(|_| is_known)
}

fn refuse(most: Duration, upper_ms: Option<u64>) -> Option<Refusal> {
    let upper = match upper_ms {
        Some(ms) => Duration::from_millis(ms),
        // Any wait at all is longer than none.
        None if most.is_zero() => SOME,
        None => return None,
    };
    (upper > most).then(|| Refusal::WaitTooLong {
        retry_after: upper - most,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_would_wait_longer_than_it_said_is_told_when_the_wait_may_be_short_enough() {
        let most = Duration::from_secs(30);
        assert_eq!(refuse(most, None), None, "nothing was measured");
        assert_eq!(refuse(most, Some(30_000)), None);
        let retry_after = Duration::from_secs(12);
        assert_eq!(
            refuse(most, Some(42_000)),
            Some(Refusal::WaitTooLong { retry_after })
        );
        assert!(
            refuse(Duration::ZERO, None).is_some(),
            "it waits not at all"
        );
    }
}
