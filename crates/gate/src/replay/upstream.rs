//! An upstream of a day: what Ollama does with what it is sent.

/// An upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    /// How many Sluice relays there at once.
    pub max_concurrent: u32,
    /// How many of one model it runs at once.
    pub parallel: usize,
    /// How many models it holds at once.
    pub fits: usize,
    /// How long a load takes, in milliseconds.
    pub load_ms: u64,
    /// How long it works on what takes an ordinary one a hundred, in per cent.
    pub slowness: u64,
    /// How often it has loaded a model.
    pub loads: u64,
    /// What is in memory.
    loaded: Vec<u64>,
    /// What is being loaded, and until when.
    loading: Option<(u64, u64)>,
    /// What waits for memory, the first first.
    wanted: Vec<u64>,
    /// What was sent and is not worked on.
    waiting: Vec<Sent>,
    /// What is worked on.
    running: Vec<Running>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sent {
    k: usize,
    model: u64,
    busy_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Running {
    sent: Sent,
    until_ms: u64,
}

impl Upstream {
    /// One that relays `max_concurrent`, runs all of them at once, and holds `fits` models that take `load_ms` to load.
    pub fn new(max_concurrent: u32, fits: usize, load_ms: u64) -> Upstream {
        Upstream {
            max_concurrent,
            parallel: usize::try_from(max_concurrent).unwrap_or(usize::MAX),
            fits,
            load_ms,
            slowness: 100,
            ..Upstream::default()
        }
    }

    /// Whether a model is in memory.
    pub fn has_loaded(&self, model: u64) -> bool {
        self.loaded.contains(&model)
    }

    /// Takes a request in.
    pub(super) fn take(&mut self, k: usize, model: u64, busy_ms: u64, now_ms: u64) {
        let busy_ms = busy_ms.saturating_mul(self.slowness) / 100;
        self.waiting.push(Sent { k, model, busy_ms });
        self.want(model, now_ms);
    }

    /// A model is wanted: by a request, or by a load request.
    pub(super) fn want(&mut self, model: u64, now_ms: u64) {
        let is_coming = self.loading.is_some_and(|(other, _)| other == model);
        if !is_coming && !self.has_loaded(model) && !self.wanted.contains(&model) {
            self.wanted.push(model);
        }
        self.go_on(now_ms);
    }

    /// When something happens here next by itself.
    pub(super) fn next_event_ms(&self) -> Option<u64> {
        let ends = self.running.iter().map(|running| running.until_ms);
        ends.chain(self.loading.map(|(_, until_ms)| until_ms)).min()
    }

    /// What has ended by now, and for how long it was worked on.
    pub(super) fn go_to(&mut self, now_ms: u64) -> Vec<(usize, u64)> {
        if let Some((model, _)) = self.loading.filter(|(_, until_ms)| *until_ms <= now_ms) {
            self.loading = None;
            self.loaded.push(model);
        }
        let is_over = |running: &Running| running.until_ms <= now_ms;
        let ended: Vec<Running> = self.running.iter().copied().filter(is_over).collect();
        self.running.retain(|running| !is_over(running));
        self.go_on(now_ms);
        ended
            .iter()
            .map(|running| (running.sent.k, running.sent.busy_ms))
            .collect()
    }

    fn go_on(&mut self, now_ms: u64) {
        // Requests for what is loaded pass those that wait for memory.
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain(|sent| {
            let runs = self
                .running
                .iter()
                .filter(|running| running.sent.model == sent.model);
            let starts = self.loaded.contains(&sent.model) && runs.count() < self.parallel;
            if starts {
                self.running.push(Running {
                    sent: *sent,
                    until_ms: now_ms + sent.busy_ms,
                });
            }
            !starts
        });
        self.waiting = waiting;
        let Some(model) = self
            .wanted
            .first()
            .copied()
            .filter(|_| self.loading.is_none())
        else {
            return;
        };
        if self.loaded.len() >= self.fits {
            let is_idle = |model: &u64| {
                self.running
                    .iter()
                    .all(|running| running.sent.model != *model)
            };
            let Some(idle) = self.loaded.iter().position(is_idle) else {
                return;
            };
            self.loaded.remove(idle);
        }
        self.wanted.remove(0);
        self.loads += 1;
        self.loading = Some((model, now_ms + self.load_ms));
    }
}
