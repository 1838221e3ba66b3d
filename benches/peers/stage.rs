//! The stage for one measurement: one upstream, and every peer before it.

use ollama_sim::{Options, Sim};

use crate::{config::Bounds, kind::Kind, peer::Peer};

/// What to measure, and how thoroughly.
pub struct Plan {
    pub kinds: Vec<Kind>,
    pub thoroughness: Thoroughness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thoroughness {
    /// So that the figures mean something.
    Full,
    /// To see that it works.
    Quick,
}

impl Plan {
    /// How many rounds to do; each has every peer in it, so that a change of the machine's mood meets all of them.
    pub fn rounds(&self, full: usize) -> usize {
        match self.thoroughness {
            Thoroughness::Full => full,
            Thoroughness::Quick => 1,
        }
    }

    /// How often to repeat something within a round.
    pub fn times(&self, full: usize) -> usize {
        match self.thoroughness {
            Thoroughness::Full => full,
            Thoroughness::Quick => full.div_ceil(10),
        }
    }
}

/// An upstream and the peers before it.
pub struct Stage {
    pub sim: Sim,
    pub peers: Vec<Peer>,
}

impl Stage {
    /// Starts everything there is.
    pub async fn start(plan: &Plan, bounds: Bounds) -> Self {
        Self::start_with(plan, bounds, None, |_| true).await
    }

    /// The same with those peers only that `takes_part` holds of, and with the upstream's own bound.
    pub async fn start_with(
        plan: &Plan,
        bounds: Bounds,
        parallel: Option<usize>,
        takes_part: impl Fn(Kind) -> bool,
    ) -> Self {
        let options = Options {
            clock: ollama_sim::Clock::System,
            parallel,
            ..Options::default()
        };
        let sim = Sim::start(options).await.expect("a simulator");
        let mut peers = Vec::new();
        for kind in plan.kinds.iter().copied().filter(|kind| takes_part(*kind)) {
            let peer = Peer::start(kind, sim.addr(), bounds).await;
            // What a first request costs is told elsewhere.
            for _ in 0..3 {
                peer.chat("[[sim tokens=1 pace=0ms]] first")
                    .await
                    .whole()
                    .await;
            }
            peers.push(peer);
        }
        Self { sim, peers }
    }
}
