//! Where a configuration begins.

use std::collections::BTreeMap;

use super::config::{Config, Stands};
use super::world::{Doing, ORIGIN, Process, Value, World, Write};
use crate::board::{Board, Grant, Waiting};
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
        for stands in &config.stand {
            self.put_on(&mut board, *stands);
        }
        for member in &mut board.members {
            (member.name, member.seen, member.last) = (1, 1, 1);
        }
        if config.is_overtaken {
            self.overtake(epoch, &mut board);
        }
        if config.has_lead || !config.stand.is_empty() {
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

    /// Process 0 goes on scheduling, and one more stands on its board.
    fn put_on(&mut self, board: &mut Board, stands: Stands) {
        board.idle = false;
        let (Stands::Relays(at) | Stands::Granted(at) | Stands::Waits(at)) = stands;
        let process = &mut self.processes[at];
        process.to_come -= 1;
        let now = process.clocks();
        let (ask, said) = match stands {
            Stands::Relays(_) => process.instance.hold(now),
            Stands::Granted(_) | Stands::Waits(_) => process.instance.wait(now),
        };
        match stands {
            Stands::Waits(_) => board.line.push(Waiting {
                ask,
                ..Waiting::default()
            }),
            Stands::Relays(_) | Stands::Granted(_) => board.grants.push(Grant {
                ask,
                provisional: matches!(stands, Stands::Granted(_)),
                ..Grant::default()
            }),
        }
        let key = Key::Member(Epoch(1), ask.session);
        if let Some(Value::Outbox(outbox)) = self.store.get_mut(&key) {
            outbox.asks.push(said);
        }
    }

    /// What process 1 says is its second outbox, and its first is still on its way.
    fn overtake(&mut self, epoch: Epoch, board: &mut Board) {
        let Some((session, beats)) = self.processes[1].instance.beats_mut() else {
            return;
        };
        beats.into_iter().for_each(|beat| *beat += 1);
        let key = Key::Member(epoch, session);
        if let Some(value) = self.store.get_mut(&key) {
            self.late.push(Write::Put(key, value.clone()));
            if let Value::Outbox(outbox) = value {
                outbox.beat += 1;
            }
        }
        if let Some(member) = board.member_mut(session) {
            (member.seen, member.last) = (2, 2);
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
