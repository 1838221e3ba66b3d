//! A running host: everything read and checked, then listening.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, sync::oneshot};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::AbortOnDropHandle,
};
use wasmtime::CacheConfig;

use crate::{
    Error, Options,
    files::Mounts,
    instance::{Component, Engine, Handler, Handlers},
    manifest::{self, Manifest},
    outbound::{AllowedHosts, Client, Outbound},
    routes::Routes,
    runtime_config::RuntimeConfig,
    server::{Server, Service},
    store::Stores,
    variables::Variables,
};

/// An application that is being served. Dropping it ends everything at once; [`Host::shutdown`] lets streams end first.
pub struct Host {
    addr: SocketAddr,
    stop: oneshot::Sender<Duration>,
    server: AbortOnDropHandle<()>,
    /// Ends the instances.
    _ending: DropGuard,
}

impl Host {
    /// Reads the manifest and what it names, compiles the components, opens the stores, and listens. Must be called within
    /// a multi-threaded Tokio runtime with I/O and time.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let manifest = Manifest::load(&options.manifest)?;
        let config = match &options.runtime_config {
            Some(path) => RuntimeConfig::load(path)?,
            None => RuntimeConfig::default(),
        };
        let variables = Variables::resolve(
            &manifest.variables,
            &options.variables,
            &options.environment,
        )
        .map_err(Error::Variables)?;
        let parts = Parts {
            stores: Stores::open(
                &config,
                &state_dir(&options, &config, &manifest),
                options.sqlite_sync,
            )?,
            client: Client::new(config.outbound_http.as_ref(), options.ca_file.as_deref())?,
            max_memory: options
                .max_memory
                .min(config.max_instance_memory.unwrap_or(usize::MAX)),
            engine: Engine::new(options.cache.then(CacheConfig::new)).map_err(Error::Engine)?,
            ending: CancellationToken::new(),
            root: &manifest.root,
            variables: &variables,
            options: &options,
        };
        for (key, value) in &options.key_values {
            parts.stores.write_default(key, value).await?;
        }
        let ending = parts.ending.clone().drop_guard();
        let mut handlers = BTreeMap::new();
        for (id, component) in &manifest.components {
            handlers.insert(id.clone(), parts.handler(id, component)?);
        }
        let routes = Routes::build(&manifest.triggers, |trigger| {
            handlers[&trigger.component].clone()
        })
        .map_err(|reason| Error::File {
            path: options.manifest.clone(),
            reason,
        })?;

        let listen_error = |source| Error::Listen {
            addr: options.listen,
            source,
        };
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(listen_error)?;
        let addr = listener.local_addr().map_err(listen_error)?;
        let server = Server::new(listener, Service::new(routes), options.max_connections);
        let (stop, stopped) = oneshot::channel();
        let server = AbortOnDropHandle::new(tokio::spawn(server.run(stopped)));
        Ok(Self {
            addr,
            stop,
            server,
            _ending: ending,
        })
    }

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Accepts no more, and gives the open connections `grace` to end; those that take longer are cut.
    pub async fn shutdown(self, grace: Duration) {
        // The server lives as long as this value does, so it takes the message.
        _ = self.stop.send(grace);
        _ = self.server.await;
    }
}

/// What the components are put together from.
struct Parts<'a> {
    options: &'a Options,
    root: &'a Path,
    variables: &'a Variables,
    stores: Stores,
    client: Client,
    engine: Engine,
    max_memory: usize,
    ending: CancellationToken,
}

impl Parts<'_> {
    fn handler(&self, id: &str, component: &manifest::Component) -> Result<Handler, Error> {
        let shared = self.component(id, component)?;
        let path = self.root.join(&component.source);
        let binary = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
        let code = self.engine.compile(&binary);
        let code = code.map_err(|source| Error::Code {
            component: id.into(),
            source,
        })?;
        Ok(Handler::new(Handlers::new(
            Arc::new(shared),
            code,
            self.ending.clone(),
        )))
    }

    fn component(&self, id: &str, component: &manifest::Component) -> Result<Component, Error> {
        let wrong = |part| {
            move |reason| Error::Component {
                component: id.into(),
                part,
                reason,
            }
        };
        let allowed = AllowedHosts::parse(&component.allowed_outbound_hosts, self.variables)
            .map_err(wrong("allowed_outbound_hosts"))?;
        let variables = self.variables.for_component(&component.variables);
        let stores = self.stores.allowed(&component.key_value_stores);
        let id: Arc<str> = id.into();
        Ok(Component {
            environment: component.environment.clone().into_iter().collect(),
            mounts: Mounts::prepare(&component.files, self.root).map_err(wrong("files"))?,
            output: self.options.component_output,
            stores: stores.map_err(wrong("key_value_stores"))?,
            variables: variables.map_err(wrong("variables"))?,
            outbound: Outbound::new(id.clone(), self.client.clone(), allowed),
            max_memory: self.max_memory,
            wall_clock_offset_s: self.options.wall_clock_offset_s,
            id,
        })
    }
}

fn state_dir(options: &Options, config: &RuntimeConfig, manifest: &Manifest) -> PathBuf {
    let given = options.state_dir.as_ref().or(config.state_dir.as_ref());
    given
        .cloned()
        .unwrap_or_else(|| manifest.root.join(".spin"))
}
