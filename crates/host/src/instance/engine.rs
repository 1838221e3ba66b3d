//! The engine, and the linker with everything that a component can import.

use wasmtime::{
    Config, Result,
    component::{self, Linker},
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::InstanceState;
use crate::{
    bindings::{spin, wasi},
    keyvalue::KeyValue,
    variables::HasVariables,
};

/// Compiles components.
pub(crate) struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<InstanceState>,
}

impl Engine {
    pub(crate) fn new() -> Result<Self> {
        let engine = wasmtime::Engine::new(&config())?;
        let mut linker = Linker::new(&engine);
        // WASI 0.2 is what the standard library of wasm32-wasip2 imports, 0.3 what the Spin SDK does.
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        spin::key_value::key_value::add_to_linker::<_, KeyValue>(
            &mut linker,
            InstanceState::key_value,
        )?;
        wasi::keyvalue::store::add_to_linker::<_, KeyValue>(&mut linker, InstanceState::key_value)?;
        wasi::keyvalue::atomics::add_to_linker::<_, KeyValue>(
            &mut linker,
            InstanceState::key_value,
        )?;
        spin::variables::variables::add_to_linker::<_, HasVariables>(
            &mut linker,
            InstanceState::variables,
        )?;
        Ok(Self { engine, linker })
    }

    /// Compiles `binary` and links it. An import that this host does not have is an error that names it.
    pub(crate) fn compile(&self, binary: &[u8]) -> Result<ServicePre<InstanceState>> {
        let component = component::Component::new(&self.engine, binary)?;
        ServicePre::new(self.linker.instantiate_pre(&component)?)
    }
}

/// Instances are allocated on demand. A pool, as Spin has it, made neither a first request nor a burst of 600 faster here,
/// and kept twice the memory.
fn config() -> Config {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    // The components are stripped, so a trap has no names to show; a panic's message is in the component's stderr.
    config.wasm_backtrace_max_frames(None);
    config
}
