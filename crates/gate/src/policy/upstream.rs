//! Where a request goes.
//!
//! # The rule
//!
//! Only where its model may be, where the upstream and the model have a place, and where the model has its turn ([`super::turns`]).
//! Among those the one with the smallest predicted service, a load that comes first counted in; what differs by less than a quarter is
//! alike. Among those that are alike: where the conversation was, then the one with the smallest share of its places in use. Nobody
//! is sent where its model has to be loaded while a place where it is loaded comes sooner.
//!
//! # Models that complete nothing
//!
//! They have one place at an upstream while somebody waits there who wants more.

use super::{Draft, Stage};
use crate::models::Wants;
use crate::room::{Load, MAX_UPSTREAMS};

/// How long a load is taken to last that was never measured, in milliseconds.
pub(super) const LOAD_GUESS_MS: u64 = 10_000;

/// All upstreams there can be.
pub(super) fn upstreams() -> impl Iterator<Item = u8> {
    (0_u8..).take(MAX_UPSTREAMS)
}

/// The places that nobody has at this moment.
pub(super) struct Openings<'d> {
    draft: &'d Draft<'d>,
    load: Load,
    /// The upstreams for which somebody waits whose model completes, as bits.
    awaited: u8,
}

impl<'d> Openings<'d> {
    pub(super) fn of(draft: &'d Draft<'d>) -> Openings<'d> {
        let chats = draft
            .board
            .present()
            .filter(|waiting| !waiting.wants.is_auxiliary);
        Openings {
            draft,
            load: draft.board.load(),
            awaited: chats.fold(0, |bits, waiting| bits | !waiting.wants.lacks),
        }
    }

    /// Whether anybody at all may start.
    pub(super) fn any(&self) -> bool {
        let room = &self.draft.room;
        self.draft.board.open
            && self.load.all() < room.total()
            && upstreams().any(|upstream| self.has_place(upstream))
    }

    /// Where one of the model may go, without the upstreams of the set bits.
    pub(super) fn choose(&self, wants: Wants, avoid: u8) -> Option<u8> {
        let is_left_out = |upstream: u8| avoid >> upstream & 1 == 1;
        let open: Vec<u8> = upstreams()
            .filter(|upstream| !is_left_out(*upstream) && self.is_open(*upstream, wants))
            .collect();
        let alike = self.alike(&open, wants);
        if alike
            .iter()
            .all(|upstream| self.is_cold(*upstream, wants.model))
            && self.comes_sooner_where_it_is_loaded(&alike, wants, avoid)
        {
            return None;
        }
        let favourite = self.favourite(wants);
        if let Some(upstream) = favourite.filter(|upstream| alike.contains(upstream)) {
            return Some(upstream);
        }
        let others = upstreams().filter(|upstream| !alike.contains(upstream));
        let room = others.fold(self.draft.room, |room, other| room.without(other));
        room.least_loaded(&self.load)
    }

    pub(super) fn has_place(&self, upstream: u8) -> bool {
        let at = usize::from(upstream);
        self.load.at(at) < self.draft.room.limit(at)
    }

    fn is_open(&self, upstream: u8, wants: Wants) -> bool {
        self.has_place(upstream)
            && self.draft.may_go(upstream, wants)
            && self.draft.active(upstream, wants.model) < self.draft.places(upstream, wants)
            && (!wants.is_auxiliary || !self.is_awaited(upstream) || !self.has_auxiliary(upstream))
            && self.draft.has_turn(upstream, wants.model)
    }

    fn is_awaited(&self, upstream: u8) -> bool {
        self.awaited >> upstream & 1 == 1
    }

    fn has_auxiliary(&self, upstream: u8) -> bool {
        let mut grants = self.draft.board.grants.iter();
        grants.any(|grant| grant.upstream == upstream && grant.wants.is_auxiliary)
    }

    /// Those of `open` whose predicted service is the smallest, or at most a quarter longer.
    fn alike(&self, open: &[u8], wants: Wants) -> Vec<u8> {
        let means = open
            .iter()
            .map(|upstream| self.draft.mean_ms(*upstream, wants.model));
        // Where one was never measured, none is preferred for its speed.
        let means: Option<Vec<u64>> = means.collect();
        let cost_ms = |at: usize, upstream: u8| {
            let service_ms = means.as_ref().and_then(|means| means.get(at));
            let load_ms = match self.is_cold(upstream, wants.model) {
                true => self.draft.load_ms(upstream, wants.model),
                false => 0,
            };
            load_ms.saturating_add(service_ms.copied().unwrap_or(0))
        };
        let costs = open.iter().enumerate();
        let costs: Vec<(u8, u64)> = costs
            .map(|(at, upstream)| (*upstream, cost_ms(at, *upstream)))
            .collect();
        let least_ms = costs.iter().map(|(_, ms)| *ms).min().unwrap_or(0);
        let most_ms = least_ms.saturating_add(least_ms / 4);
        let alike = costs.iter().filter(|(_, ms)| *ms <= most_ms);
        alike.map(|(upstream, _)| *upstream).collect()
    }

    /// Whether the model has to be loaded there first.
    fn is_cold(&self, upstream: u8, model: u64) -> bool {
        model != 0
            && self.draft.models.is_loaded(upstream, model) == Some(false)
            && self.draft.active(upstream, model) == 0
    }

    /// Whether one who waits for a place where the model is loaded ends sooner than by loading it at one of these.
    fn comes_sooner_where_it_is_loaded(&self, cold: &[u8], wants: Wants, avoid: u8) -> bool {
        let loads = cold.iter().map(|upstream| {
            let service_ms = self.draft.mean_ms(*upstream, wants.model);
            let load_ms = self.draft.load_ms(*upstream, wants.model);
            load_ms.saturating_add(service_ms.unwrap_or(0))
        });
        let Some(by_load_ms) = loads.min() else {
            return false;
        };
        let mut warm = upstreams().filter(|upstream| {
            avoid >> upstream & 1 == 0
                && self.draft.may_go(*upstream, wants)
                && self.draft.active(*upstream, wants.model) > 0
                && self.draft.has_turn(*upstream, wants.model)
        });
        warm.any(|upstream| {
            let mean_ms = self.draft.mean_ms(upstream, wants.model);
            let slots = u64::from(self.draft.active(upstream, wants.model).max(1));
            mean_ms.is_some_and(|mean_ms| mean_ms / slots + mean_ms < by_load_ms)
        })
    }

    /// Where the conversation goes if nothing speaks against it: the same upstream each time, another one only for those of one that
    /// is not there.
    fn favourite(&self, wants: Wants) -> Option<u8> {
        if wants.hint == 0 {
            return None;
        }
        upstreams()
            .filter(|upstream| self.draft.may_have(*upstream, wants))
            .max_by_key(|upstream| weight(wants.hint, *upstream))
    }
}

impl Draft<'_> {
    /// Another upstream for one who is granted already, without those of the set bits.
    pub(super) fn another(&self, wants: Wants, avoid: u8) -> Option<u8> {
        Openings::of(self).choose(wants, avoid)
    }

    /// Whether one of this model may go there at all: the upstream is in use, may have it, and can load it.
    pub(super) fn may_go(&self, upstream: u8, wants: Wants) -> bool {
        self.may_have(upstream, wants) && !self.is_barred(upstream, wants.model)
    }

    /// Whether the upstream is in use and may have the model, whether or not it can load it.
    pub(super) fn may_have(&self, upstream: u8, wants: Wants) -> bool {
        self.room.limit(usize::from(upstream)) > 0 && wants.may_go(upstream)
    }

    pub(super) fn is_barred(&self, upstream: u8, model: u64) -> bool {
        let seen = self.models.at(upstream, model);
        seen.is_some_and(|seen| seen.barred_ms > 0)
    }

    /// How many of this model relay there.
    pub(super) fn active(&self, upstream: u8, model: u64) -> u32 {
        let is_there =
            |grant: &&crate::board::Grant| grant.upstream == upstream && grant.wants.model == model;
        let active = self.board.grants.iter().filter(is_there).count();
        u32::try_from(active).unwrap_or(u32::MAX)
    }

    /// How many of this model may relay there.
    pub(super) fn places(&self, upstream: u8, wants: Wants) -> u32 {
        let own = self.room.limit(usize::from(upstream));
        if wants.model == 0 {
            return own;
        }
        let figure = self.board.policy.figure(upstream, wants.model);
        let measured = figure.and_then(|figure| figure.parallel.limit());
        let limit = wants.places.limit(measured);
        limit.map_or(own, |limit| own.min(u32::from(limit.max(1))))
    }

    /// Whether requests for this model may be sent there now, as far as models take turns there.
    pub(super) fn has_turn(&self, upstream: u8, model: u64) -> bool {
        if model == 0 || !self.models.has_turns(upstream) {
            return true;
        }
        let hold = self.board.policy.hold(upstream);
        let turn = hold.and_then(|hold| hold.turn(model));
        turn.is_some_and(|turn| turn.stage == Stage::Running)
    }

    /// How long its answers hold a slot there, in milliseconds; `None` before enough of them were measured.
    pub(super) fn mean_ms(&self, upstream: u8, model: u64) -> Option<u64> {
        let figure = self.board.policy.figure(upstream, model)?;
        figure.mean_ms()
    }

    /// How long it takes to load it there, in milliseconds.
    pub(super) fn load_ms(&self, upstream: u8, model: u64) -> u64 {
        let measured_ms = self.models.load_ms(upstream, model);
        measured_ms.unwrap_or(LOAD_GUESS_MS)
    }
}

/// The weight of an upstream for a conversation: rendezvous hashing, by the finalizer of SplitMix64.
fn weight(hint: u16, upstream: u8) -> u64 {
    let mut word = (u64::from(hint) << 8 | u64::from(upstream)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
