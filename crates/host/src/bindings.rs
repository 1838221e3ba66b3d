//! Bindings of the interfaces that this host has besides WASI, generated from `wit/`.

wasmtime::component::bindgen!({
    path: "wit",
    world: "sluice:host/imports",
    imports: { default: async | trappable },
    with: {
        "spin:key-value/key-value.store": crate::keyvalue::OpenStore,
        "wasi:keyvalue/store.bucket": crate::keyvalue::OpenStore,
    },
});
