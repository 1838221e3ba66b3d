//! The bound on an instance's linear memory.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

/// Ends an instance that grows its memory beyond the limit, with an error that says so: a refused `memory.grow` would end
/// it as well, but as an unexplained abort.
pub(crate) struct MemoryLimit {
    component: Arc<str>,
    max_bytes: usize,
}

impl MemoryLimit {
    pub(crate) fn new(component: Arc<str>, max_bytes: usize) -> Self {
        Self {
            component,
            max_bytes,
        }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.max_bytes {
            let (component, max) = (&self.component, self.max_bytes);
            wasmtime::bail!(
                "an instance of `{component}` wants {desired} bytes of memory; --max-memory allows {max}"
            );
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}

/// Function tables have some thousands of elements; this is what Spin allows.
const MAX_TABLE_ELEMENTS: usize = 100_000;
