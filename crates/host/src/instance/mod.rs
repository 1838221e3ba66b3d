//! The components: compiled once at start, instantiated as requests come, and shared by requests as on Spin.
//!
//! # Reuse
//! [`Reuse`] says how many requests an instance takes and how long it is kept. The machinery is Spin's (`ProxyHandler`), and
//! tests run with Spin's numbers: what a component may rely on there it may rely on here.
//!
//! # Memory
//! is bounded for each instance and for all of them together (`limits.rs`). An instance that would go beyond is ended; a request
//! that would need another instance where there is no room for one is refused, and so is one whose body would not fit.
//!
//! # A trap
//! ends the instance and with it every request in it. A [`Placement`] tells the bodies of those requests, so that each client
//! sees its answer break off instead of taking it for a whole one.
//!
//! # The end
//! An instance without requests ends when the host begins to; the others have until [`Ending::now`].

mod engine;
mod lanes;
mod limits;
mod load;
mod relief;
mod reuse;
mod turns;
mod worker;

use std::{collections::BTreeMap, sync::Arc};

use self::limits::MemoryLimit;
pub use self::reuse::Reuse;
#[cfg(test)]
pub(crate) use self::worker::Fate;
pub(crate) use self::{
    engine::Engine,
    lanes::Lanes,
    limits::{Announced, MemoryBudget},
    relief::Relief,
    worker::{Handler, Handlers, Handover, Placement},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{DirPerms, FilePerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    WasiHttpCtx,
    p3::{WasiHttpCtxView, WasiHttpView},
};

use crate::{
    clock::WallClock, files::Mounts, logs::LineLog, options::ComponentOutput, outbound::Outbound,
    store::Store, variables::ComponentVariables,
};

/// What the instances of one component have in common.
pub(crate) struct Component {
    pub(crate) id: Arc<str>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) mounts: Mounts,
    pub(crate) output: ComponentOutput,
    pub(crate) stores: BTreeMap<String, Arc<dyn Store>>,
    pub(crate) variables: ComponentVariables,
    pub(crate) outbound: Outbound,
    /// Bytes for one instance.
    pub(crate) max_memory: usize,
    /// The bytes of all instances, those of other components included.
    pub(crate) budget: Arc<MemoryBudget>,
    pub(crate) reuse: Reuse,
    pub(crate) wall_clock_offset_s: i64,
}

/// How the instances of a host learn that it ends.
#[derive(Clone, Default)]
pub(crate) struct Ending {
    /// No more requests will come.
    pub(crate) draining: CancellationToken,
    /// Whatever is still under way ends.
    pub(crate) now: CancellationToken,
    /// Those that run.
    pub(crate) instances: TaskTracker,
}

/// What one instance has for itself.
pub(crate) struct InstanceState {
    pub(crate) component: Arc<Component>,
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    memory: MemoryLimit,
}

impl InstanceState {
    fn new(component: &Arc<Component>) -> wasmtime::Result<Self> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let mut wasi = WasiCtx::builder();
        wasi.envs(&component.environment);
        // The files are a few small ones that the system has in memory: a call takes less time than a thread switch.
        wasi.allow_blocking_current_thread(true);
        wasi.wall_clock(WallClock::off_by(component.wall_clock_offset_s));
        if component.output == ComponentOutput::Stderr {
            wasi.stdout(LineLog::new(component.id.clone()));
            wasi.stderr(LineLog::new(component.id.clone()));
        }
        for (folder, destination) in &component.mounts.folders {
            wasi.preopened_dir(folder, destination, DirPerms::READ, FilePerms::READ)?;
        }
        Ok(Self {
            table,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outbound: component.outbound.clone(),
            memory: MemoryLimit::new(
                component.id.clone(),
                component.max_memory,
                component.budget.clone(),
            ),
            component: component.clone(),
        })
    }

    pub(crate) fn variables(&mut self) -> &ComponentVariables {
        &self.component.variables
    }
}

impl WasiView for InstanceState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for InstanceState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.outbound,
        }
    }
}

/// Handles that one instance may hold: some dozens for each of its open requests, and a leak comes to an end.
const MAX_RESOURCES: usize = 16 << 10;
