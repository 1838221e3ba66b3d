//! Reads the body of a gated request, settles it with what is the operator's, and refuses models that are not for this client.
//!
//! # Large bodies
//! An instance has one thread, and a body of eight mebibytes may take a tenth of a second of it. So large ones are read one at a
//! time, in pieces between which all others have their turn: streams their tokens, sessions their renewals.

use std::rc::Rc;

use http::header;
use sluice_ollama::request::{Checked, Checking, Code, Progress};
use sluice_ollama::{Asker, Endpoint, Invalid, Prepared, prepare_checked};

use super::client::Client;
use crate::budget::Share;
use crate::config::Config;
use crate::http::body::Body;
use crate::http::head::Head;
use crate::http::refuse::Refusal;
use crate::permits::{Permit, Permits};
use crate::tasks::pause;
use crate::upstreams::catalog;

/// So many bytes are read at a stretch: some milliseconds, whatever they are.
const PIECE: usize = 256 * 1024;

/// How many large bodies may wait to be read: as many requests as an instance has.
const WAITING: usize = 128;

/// Reads and settles a body; its share of the memory for bodies goes on with it.
///
/// # Errors
/// It is no request that Ollama would understand, or asks for what is not offered here.
pub async fn read(
    endpoint: Endpoint,
    body: Body,
    head: &Head,
    client: &Client,
    config: &Config,
) -> Result<(Prepared, Share), Refusal> {
    // Only other names for models have to give way to real ones.
    let names = match config.policy.aliases.is_empty() {
        true => Vec::new(),
        false => catalog::names(config).await,
    };
    let asker = Asker {
        accept: head.text(&header::ACCEPT),
        is_operator: client.is_operator(),
        names: &names,
        has_choice: config.upstreams.len() > 1,
    };
    let (bytes, share) = body.into_parts();
    let large = LARGE.with(Clone::clone);
    let turn = turn(&large, bytes.len()).await?;
    let prepared = match check(bytes).await {
        Ok(checked) => prepare_checked(endpoint, checked, &asker, &config.policy),
        Err(invalid) => Err(invalid),
    };
    drop(turn);
    let prepared = prepared.map_err(|invalid| {
        if invalid.code == Code::InvalidJson && !head.claims_json() {
            Refusal::UnsupportedMediaType
        } else {
            invalid.into()
        }
    })?;
    may_run(&prepared, config)?;
    Ok((prepared, share))
}

/// The turn of a body of so many bytes; a small one needs none.
async fn turn(large: &Rc<Permits>, bytes: usize) -> Result<Option<Permit>, Refusal> {
    if bytes <= PIECE {
        return Ok(None);
    }
    let turn = large.acquire().await;
    turn.map(Some).ok_or(Refusal::Overloaded)
}

/// Checks a body piece by piece.
async fn check(bytes: Vec<u8>) -> Result<Checked, Invalid> {
    let mut checking = Checking::new(bytes);
    loop {
        match checking.go_on(PIECE)? {
            Progress::Whole(checked) => return Ok(checked),
            Progress::Partly(rest) => checking = rest,
        }
        pause().await;
    }
}

thread_local! {
    static LARGE: Rc<Permits> = Rc::new(Permits::new(1, WAITING));
}

/// Whether the operator lets anybody have this model, and run it where it runs.
fn may_run(prepared: &Prepared, config: &Config) -> Result<(), Refusal> {
    if !prepared.model.is_empty() {
        may_be_asked(config, &prepared.model)?;
    }
    if prepared.searches_web && !config.allow_cloud {
        return Err(Refusal::CloudNotAllowed {
            what: "a search of the web".to_owned(),
        });
    }
    Ok(())
}

/// Whether the operator lets anybody have this model, or ask about it: whatever names a model of the cloud, Ollama sends on with its
/// operator's account.
///
/// # Errors
/// It is not offered here, or runs in the cloud.
pub fn may_be_asked(config: &Config, model: &str) -> Result<(), Refusal> {
    if !config.allows_model(model) {
        return Err(Refusal::ModelNotAllowed {
            model: model.to_owned(),
        });
    }
    if !config.allows_place_of(model) {
        return Err(Refusal::CloudNotAllowed {
            what: format!("the model {model:?}"),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::FutureExt as _;
    use futures::executor::block_on;
    use futures::future::join;

    use super::*;

    #[test]
    fn others_have_a_turn_between_two_pieces_of_a_large_body() {
        let body = format!("[{}]", vec!["[0]"; 4 * PIECE].join(","));
        let pieces = body.len() / PIECE;
        let is_read = Cell::new(false);
        let reading = async {
            check(body.into_bytes()).await.unwrap();
            is_read.set(true);
        };
        let others = async {
            let mut turns = 0;
            while !is_read.get() {
                turns += 1;
                pause().await;
            }
            turns
        };
        let ((), turns) = block_on(join(reading, others));
        assert!(turns + 1 >= pieces, "{turns} turns, {pieces} pieces");
    }

    #[test]
    fn of_large_bodies_one_is_read_at_a_time_and_small_ones_wait_for_none() {
        let large = Rc::new(Permits::new(1, 1));
        let first = block_on(turn(&large, PIECE + 1)).unwrap();
        assert!(first.is_some());
        let mut second = Box::pin(turn(&large, PIECE + 1));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(block_on(turn(&large, PIECE)).unwrap().is_none());
        assert!(matches!(
            block_on(turn(&large, PIECE + 1)),
            Err(Refusal::Overloaded)
        ));
        drop(first);
        assert!(block_on(second).unwrap().is_some());
    }
}
