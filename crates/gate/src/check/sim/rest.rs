//! The end of a run: somebody looks, one more comes, a sweep passes, and what is left then is judged.

use super::world::World;
use crate::turn::Errand;
use crate::{Lane, Standing};

impl World {
    /// Every instance is asked how the line stands.
    pub(super) fn look_everywhere(&mut self) {
        self.at_us = self.at_us.max(self.out_until_us);
        for index in 0..self.instances.len() {
            if self.instances[index].is_alive {
                self.read_all(index);
            }
        }
    }

    pub(super) fn last_one_comes(&mut self) {
        self.quiet_from_us = Some(self.at_us);
        for lane in self.lanes() {
            let index = self.some_instance();
            match lane {
                Lane::Main => _ = self.enter(index, Errand::Serve, lane),
                Lane::Batch => _ = self.come_behind(index, 0),
            }
        }
    }

    pub(super) fn last_sweep(&mut self) {
        let index = self.some_instance();
        self.sweep_all(index);
    }

    /// What a store at rest must not hold.
    pub(super) fn judge_rest(&mut self) {
        for lane in Lane::ALL {
            let capacity = match lane {
                Lane::Main => self.plan.other_capacity.unwrap_or(self.plan.capacity),
                Lane::Batch => 1,
            };
            let left = self.store.left(lane);
            let allowed = capacity as usize + 3;
            let is_alive = |standing: &Option<Standing>| {
                matches!(standing, Some(Standing::Waiting | Standing::Active))
            };
            if left.iter().any(|(_, standing)| is_alive(standing)) || left.len() > allowed {
                self.fail(|| {
                    format!("at rest, {lane:?} line, with {allowed} keys allowed: {left:?}")
                });
            }
        }
    }
}
