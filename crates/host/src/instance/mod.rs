//! The components: compiled once at start, instantiated as requests come, and shared by requests as on Spin.
//!
//! # Reuse
//! An instance takes up to [`MAX_CONCURRENT`] requests whose response head is not out yet and [`MAX_REQUESTS`] in all, and
//! is dropped after [`MAX_IDLE`] without one. These are Spin's numbers, and the machinery is Spin's (`ProxyHandler`): what
//! a component may rely on there it may rely on here.
//!
//! # A trap
//! ends the instance and with it every request in it. [`Fate`] tells the bodies of those requests, so that each client sees
//! its answer break off at once instead of waiting for bytes that nobody will write.

mod engine;
mod limits;
mod worker;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(crate) use self::{
    engine::Engine,
    limits::MemoryLimit,
    worker::{Fate, FateSlot, Handler, Handlers},
};
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
    /// Bytes.
    pub(crate) max_memory: usize,
    pub(crate) wall_clock_offset_s: i64,
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
            memory: MemoryLimit::new(component.id.clone(), component.max_memory),
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

/// Requests of one instance whose response head is not out yet.
const MAX_CONCURRENT: usize = 16;

/// Requests of one instance in all.
const MAX_REQUESTS: usize = 128;

/// How long an instance without requests is kept.
const MAX_IDLE: Duration = Duration::from_secs(1);

/// Handles that one instance may hold: 128 requests with some dozens each, and a leak comes to an end.
const MAX_RESOURCES: usize = 16 << 10;
