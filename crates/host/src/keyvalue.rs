//! `spin:key-value@3.0.0` and `wasi:keyvalue@0.2.0-draft2` over the stores of [`crate::store`].
//!
//! The operations of `spin:key-value` are asynchronous: while one waits for the store, other requests of the instance go
//! on. Those of `wasi:keyvalue` are not, by their definition: the whole instance waits. So a component has only those of
//! them that `spin:key-value` lacks, `increment` and `get-many`.
//!
//! A listing is complete before its stream begins, so that it holds nothing while it waits for its reader.

use std::sync::Arc;

use wasmtime::{
    Result,
    component::{Accessor, FutureReader, HasData, Resource, ResourceTable, StreamReader},
};

use crate::{
    bindings::{
        spin::key_value::key_value as spin,
        wasi::keyvalue::{atomics, batch, store as wasi},
    },
    instance::{Component, InstanceState},
    store::{Store, StoreError},
};

/// The resource behind an open store of either interface.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it as public"
)]
pub struct OpenStore(Arc<dyn Store>);

/// Names the part of the instance that these interfaces work on.
pub(crate) struct KeyValue;

/// That part.
pub(crate) struct KeyValueView<'a> {
    table: &'a mut ResourceTable,
    component: &'a Component,
}

impl HasData for KeyValue {
    type Data<'a> = KeyValueView<'a>;
}

impl InstanceState {
    pub(crate) fn key_value(&mut self) -> KeyValueView<'_> {
        KeyValueView {
            table: &mut self.table,
            component: &self.component,
        }
    }
}

impl KeyValueView<'_> {
    fn open(&mut self, label: &str) -> Result<Option<Resource<OpenStore>>> {
        match self.component.stores.get(label) {
            Some(store) => Ok(Some(self.table.push(OpenStore(store.clone()))?)),
            None => Ok(None),
        }
    }

    /// A clone, so that the instance is not borrowed while the store is waited for.
    fn store(&self, resource: &Resource<OpenStore>) -> Result<Arc<dyn Store>> {
        Ok(self.table.get(resource)?.0.clone())
    }

    fn close(&mut self, resource: Resource<OpenStore>) -> Result<()> {
        self.table.delete(resource)?;
        Ok(())
    }
}

fn store<T>(
    accessor: &Accessor<T, KeyValue>,
    resource: &Resource<OpenStore>,
) -> Result<Arc<dyn Store>> {
    accessor.with(|mut access| access.get().store(resource))
}

impl spin::Host for KeyValueView<'_> {}

impl spin::HostStore for KeyValueView<'_> {
    async fn drop(&mut self, resource: Resource<OpenStore>) -> Result<()> {
        self.close(resource)
    }
}

impl<T: Send> spin::HostStoreWithStore<T> for KeyValue {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> Result<Result<Resource<OpenStore>, spin::Error>> {
        let opened = accessor.with(|mut access| access.get().open(&label))?;
        Ok(opened.ok_or(spin::Error::AccessDenied))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        resource: Resource<OpenStore>,
        key: String,
    ) -> Result<Result<Option<Vec<u8>>, spin::Error>> {
        Ok(store(accessor, &resource)?
            .get(&key)
            .await
            .map_err(spin_error))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        resource: Resource<OpenStore>,
        key: String,
        value: Vec<u8>,
    ) -> Result<Result<(), spin::Error>> {
        Ok(store(accessor, &resource)?
            .set(&key, value)
            .await
            .map_err(spin_error))
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        resource: Resource<OpenStore>,
        key: String,
    ) -> Result<Result<(), spin::Error>> {
        Ok(store(accessor, &resource)?
            .delete(&key)
            .await
            .map_err(spin_error))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        resource: Resource<OpenStore>,
    ) -> Result<(StreamReader<String>, FutureReader<Result<(), spin::Error>>)> {
        let listed = store(accessor, &resource)?.keys().await.map_err(spin_error);
        let (keys, outcome) = match listed {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let outcome = FutureReader::new(&mut access, async { wasmtime::error::Ok(outcome) })?;
            Ok((keys, outcome))
        })
    }
}

impl wasi::Host for KeyValueView<'_> {
    async fn open(&mut self, label: String) -> Result<Result<Resource<OpenStore>, wasi::Error>> {
        Ok(KeyValueView::open(self, &label)?.ok_or(wasi::Error::AccessDenied))
    }
}

impl wasi::HostBucket for KeyValueView<'_> {
    async fn drop(&mut self, resource: Resource<OpenStore>) -> Result<()> {
        self.close(resource)
    }
}

impl atomics::Host for KeyValueView<'_> {
    async fn increment(
        &mut self,
        resource: Resource<OpenStore>,
        key: String,
        delta: i64,
    ) -> Result<Result<i64, wasi::Error>> {
        Ok(self
            .store(&resource)?
            .increment(&key, delta)
            .await
            .map_err(wasi_error))
    }
}

impl batch::Host for KeyValueView<'_> {
    async fn get_many(
        &mut self,
        resource: Resource<OpenStore>,
        keys: Vec<String>,
    ) -> Result<Result<Vec<(String, Option<Vec<u8>>)>, wasi::Error>> {
        let values = self.store(&resource)?.get_many(&keys).await;
        let pairs = values.map(|values| keys.into_iter().zip(values).collect());
        Ok(pairs.map_err(wasi_error))
    }
}

fn spin_error(error: StoreError) -> spin::Error {
    spin::Error::Other(logged(error))
}

fn wasi_error(error: StoreError) -> wasi::Error {
    wasi::Error::Other(logged(error))
}

fn logged(error: StoreError) -> String {
    tracing::warn!(%error, "a key-value operation failed");
    error.to_string()
}
