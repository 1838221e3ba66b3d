//! The engine, and the linker with everything that a component can import.

use wasmtime::{
    Cache, CacheConfig, Config, Result,
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
    /// What `cache` says is kept there, so that it is compiled once.
    pub(crate) fn new(cache: Option<CacheConfig>) -> Result<Self> {
        let mut config = config();
        config.cache(cache.and_then(open));
        let engine = wasmtime::Engine::new(&config)?;
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
        wasi::keyvalue::batch::add_to_linker::<_, KeyValue>(&mut linker, InstanceState::key_value)?;
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

/// A host without its cache is slow to start, and no worse otherwise.
fn open(cache: CacheConfig) -> Option<Cache> {
    Cache::new(cache)
        .inspect_err(|error| tracing::warn!(%error, "compiled components are not kept"))
        .ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kept_in(folder: &std::path::Path) -> CacheConfig {
        let mut cache = CacheConfig::new();
        cache.with_directory(folder);
        cache
    }

    #[test]
    fn a_cache_that_cannot_be_kept_costs_nothing_but_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(open(kept_in(&file.path().join("below a file"))).is_none());
        assert!(Engine::new(Some(kept_in(&file.path().join("below a file")))).is_ok());
    }

    #[test]
    fn what_one_engine_has_compiled_another_finds() {
        const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";
        let folder = tempfile::tempdir().unwrap();
        for hits in [0, 1] {
            let cache = open(kept_in(folder.path())).unwrap();
            let mut config = config();
            config.cache(Some(cache.clone()));
            let engine = wasmtime::Engine::new(&config).unwrap();
            component::Component::new(&engine, EMPTY).unwrap();
            assert_eq!(cache.cache_hits(), hits);
        }
    }
}
