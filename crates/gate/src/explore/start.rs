//! Where a configuration begins.

use std::collections::BTreeMap;

use super::config::Config;
use super::world::{Doing, ORIGIN, Process, Value, World};
use crate::board::{Board, Grant};
use crate::instance::Instance;
use crate::session::outbox::Outbox;
use crate::store::{Epoch, Key};

impl World {
    pub fn start(config: &Config) -> World {
        let process = |requests: &u8| Process {
            instance: Instance::new(config.times, config.rules()),
            doing: Doing::Quiet,
            now: ORIGIN,
            is_woken: false,
            to_come: *requests,
            is_stalled: false,
            has_ticked: false,
            is_frozen: false,
            is_exempt: false,
            renews: false,
            had_fault: false,
            had_session: false,
            leads_for: 0,
        };
        let mut world = World {
            store: BTreeMap::new(),
            processes: config.requests.iter().map(process).collect(),
            late: Vec::new(),
            left: config.faults,
            may_cut: false,
        };
        if config.is_cold {
            if config.is_marked {
                world.store.insert(Key::New, Value::Mark);
                // Who founds at the same moment as another may cut a stream that has begun without the wait.
                world.may_cut = true;
            }
            world.arrive_all(config, 0);
            return world;
        }
        world.stand_on_an_idle_board(config);
        if config.is_now {
            world.arrive_all(config, usize::from(config.has_lead));
        }
        world
    }

    /// All processes but one that joins have a session and stand on the idle, open board of term 1.
    fn stand_on_an_idle_board(&mut self, config: &Config) {
        let epoch = Epoch(1);
        let members = self.processes.len() - usize::from(config.joins);
        let mut board = Board {
            put: 1,
            open: true,
            idle: true,
            oldest: 1,
            capacity: config.capacity,
            ..Board::default()
        };
        board.list_up_to(members as u64);
        for (session, process) in (1..).zip(self.processes.iter_mut().take(members)) {
            process.had_session = true;
            let now = process.clocks();
            process.instance.stand_in(epoch, session, now);
            let mut outbox = Outbox {
                name: 1,
                beat: 1,
                ..Outbox::default()
            };
            if session == 1 && config.has_holder {
                process.to_come -= 1;
                let (ask, said) = process.instance.hold(now);
                outbox.asks.push(said);
                board.grants.push(Grant {
                    ask,
                    ..Grant::default()
                });
            }
            self.store
                .insert(Key::Member(epoch, session), Value::Outbox(outbox));
        }
        for member in &mut board.members {
            (member.name, member.seen, member.last) = (1, 1, 1);
        }
        if config.has_lead {
            let process = &mut self.processes[0];
            let now = process.clocks();
            process.instance.lead(1, board.clone(), now);
        }
        self.store.insert(Key::Epoch, Value::Word(epoch));
        self.store.insert(Key::Term(epoch), Value::Number(1));
        self.store
            .insert(Key::Members(epoch), Value::Number(members as u64));
        self.store.insert(Key::Board(epoch, 1), Value::Board(board));
        for process in self.processes.iter_mut().take(members) {
            process.is_woken = true;
            process.doing = Doing::Rest(ORIGIN);
        }
    }

    fn arrive_all(&mut self, config: &Config, from: usize) {
        let is_in = |process: &Process| process.had_session || config.is_cold;
        for process in self
            .processes
            .iter_mut()
            .skip(from)
            .filter(|process| is_in(process))
        {
            if process.to_come > 0 && !process.instance.has_requests() {
                process.arrive();
            }
        }
    }
}
