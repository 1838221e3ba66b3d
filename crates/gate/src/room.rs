//! Room: how many may relay, altogether and at each upstream, and which upstream the next one goes to.
//!
//! # Why here
//!
//! The board says of each grant at which upstream it is, so whoever schedules knows the load of every upstream without reading
//! anything more, and no two grants take the same last place. A request that moves to another upstream before its first byte asks
//! for it, and the board says where it goes.

/// The most upstreams there can be.
pub const MAX_UPSTREAMS: usize = 8;

/// How many relay: altogether, and at each upstream. Collected from the upstreams of those who do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    all: u32,
    at: [u32; MAX_UPSTREAMS],
}

impl Load {
    /// At all upstreams, those that are not known here included.
    pub fn all(&self) -> u32 {
        self.all
    }

    /// At one upstream.
    pub fn at(&self, upstream: usize) -> u32 {
        self.at.get(upstream).copied().unwrap_or(0)
    }
}

impl FromIterator<u8> for Load {
    fn from_iter<I: IntoIterator<Item = u8>>(upstreams: I) -> Load {
        let mut load = Load::default();
        for upstream in upstreams {
            load.all = load.all.saturating_add(1);
            // A board from elsewhere may name an upstream that is not configured here: it counts for the whole alone.
            if let Some(at) = load.at.get_mut(usize::from(upstream)) {
                *at = at.saturating_add(1);
            }
        }
        load
    }
}

/// How many may relay at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Room {
    total: u32,
    /// Of each upstream; 0 for one that is not there, or not to be used now.
    limits: [u32; MAX_UPSTREAMS],
    /// How many there are, those included that are not to be used now.
    upstreams: u8,
}

impl Room {
    /// At most `total`, and at each upstream its limit. Limits beyond [`MAX_UPSTREAMS`] are left out.
    pub fn new(total: u32, limits: impl IntoIterator<Item = u32>) -> Room {
        let mut room = Room {
            total,
            limits: [0; MAX_UPSTREAMS],
            upstreams: 0,
        };
        for (own, limit) in room.limits.iter_mut().zip(limits) {
            *own = limit;
            room.upstreams += 1;
        }
        room
    }

    /// One upstream that takes them all.
    pub fn one(total: u32) -> Room {
        Room::new(total, [total])
    }

    /// How many may relay altogether, whatever the upstreams take at this moment.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// The capacity in force: the smaller of the total and what the upstreams take together.
    pub fn capacity(&self) -> u32 {
        let together = self.limits.iter().copied().fold(0, u32::saturating_add);
        self.total.min(together)
    }

    /// Whether there is one upstream alone.
    pub(crate) fn is_of_one(&self) -> bool {
        self.upstreams == 1
    }

    /// The limit of one upstream.
    pub fn limit(&self, upstream: usize) -> u32 {
        self.limits.get(upstream).copied().unwrap_or(0)
    }

    /// The same with an upstream that is not to be used.
    #[must_use]
    pub fn without(mut self, upstream: u8) -> Room {
        if let Some(limit) = self.limits.get_mut(usize::from(upstream)) {
            *limit = 0;
        }
        self
    }

    /// The upstream with the smallest share of its limit in use among those that have room, the first of equals, for one who is
    /// counted in the total already. `None`: none has room.
    pub fn least_loaded(&self, load: &Load) -> Option<u8> {
        let with_room = (0_u8..)
            .zip(self.limits.iter().zip(&load.at))
            .filter(|(_, (limit, used))| used < limit);
        let share_below = |(used, limit): (u32, u32), (other_used, other_limit): (u32, u32)| {
            u64::from(used) * u64::from(other_limit) < u64::from(other_used) * u64::from(limit)
        };
        let mut best: Option<(u8, (u32, u32))> = None;
        for (upstream, (&limit, &used)) in with_room {
            if best.is_none_or(|(_, least)| share_below((used, limit), least)) {
                best = Some((upstream, (used, limit)));
            }
        }
        best.map(|(upstream, _)| upstream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(at: &[u32]) -> Load {
        let upstreams = (0_u8..).zip(at);
        upstreams
            .flat_map(|(upstream, count)| (0..*count).map(move |_| upstream))
            .collect()
    }

    /// Calls `f` with every triple of limits and every load up to them and one beyond.
    fn for_every_state(mut f: impl FnMut(&Room, &Load)) {
        let small = || 0..=3_u32;
        for total in 1..=6 {
            for limits in small().flat_map(|a| small().map(move |b| (a, b))) {
                for third in [0, 2] {
                    let room = Room::new(total, [limits.0, limits.1, third]);
                    for used in small().flat_map(|a| small().map(move |b| (a, b))) {
                        for third in 0..=2 {
                            f(&room, &load(&[used.0, used.1, third]));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn one_is_chosen_exactly_if_an_upstream_has_room() {
        let mut chosen = 0;
        for_every_state(|room, load| {
            let free = |upstream: usize| load.at(upstream) < room.limit(upstream);
            match room.least_loaded(load) {
                None => assert!(!(0..MAX_UPSTREAMS).any(free), "{room:?} {load:?}"),
                Some(upstream) => {
                    chosen += 1;
                    assert!(free(upstream.into()), "{room:?} {load:?}");
                }
            }
        });
        assert!(chosen > 100, "{chosen}");
    }

    #[test]
    fn no_other_upstream_with_room_has_a_smaller_share_in_use() {
        for_every_state(|room, load| {
            let Some(chosen) = room.least_loaded(load) else {
                return;
            };
            let share = |upstream: usize| {
                f64::from(load.at(upstream)) / f64::from(room.limit(upstream).max(1))
            };
            let chosen = usize::from(chosen);
            for other in (0..MAX_UPSTREAMS).filter(|other| load.at(*other) < room.limit(*other)) {
                assert!(share(chosen) <= share(other), "{room:?} {load:?}");
                assert!(
                    share(chosen) < share(other) || chosen <= other,
                    "the first of equals"
                );
            }
        });
    }

    #[test]
    fn starts_one_after_another_fill_every_upstream_to_its_limit() {
        for_every_state(|room, _| {
            let mut held: Vec<u8> = Vec::new();
            while let Some(upstream) = room.least_loaded(&held.iter().copied().collect()) {
                held.push(upstream);
            }
            let limits = (0..MAX_UPSTREAMS).map(|upstream| room.limit(upstream));
            assert_eq!(held.len(), limits.sum::<u32>() as usize, "{room:?}");
        });
    }

    #[test]
    fn an_upstream_that_is_left_out_is_never_chosen_and_takes_its_places_with_it() {
        for_every_state(|room, load| {
            let rest = room.without(0);
            assert_ne!(rest.least_loaded(load), Some(0));
            assert!(rest.capacity() <= room.capacity());
        });
        assert_eq!(Room::one(4).without(0).least_loaded(&Load::default()), None);
        assert_eq!(Room::one(4).without(200), Room::one(4));
    }

    #[test]
    fn a_holder_at_an_unknown_upstream_counts_for_the_whole_alone() {
        let load: Load = [200, 201].into_iter().collect();
        assert_eq!((load.all(), load.at(0)), (2, 0));
        assert_eq!(Room::new(2, [2, 2]).least_loaded(&load), Some(0));
    }
}
