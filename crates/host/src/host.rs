//! A running host: everything read and checked, then listening.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::oneshot,
    time::timeout,
};
use tokio_util::{sync::DropGuard, task::AbortOnDropHandle};
use wasmtime::CacheConfig;

use crate::{
    ComponentOutput, Error, Options,
    descriptors::{self, Shares},
    files::Mounts,
    instance::{Component, Ending, Engine, Handlers, Lanes, MemoryBudget, Relief},
    manifest::{self, Manifest},
    outbound::{AllowedHosts, Client, Outbound},
    routes::Routes,
    runtime_config::RuntimeConfig,
    server::{Limits, Server, Service},
    stderr::report_dropped_lines,
    store::Stores,
    variables::Variables,
};

/// An application that is being served. Dropping it ends everything at once; [`Host::shutdown`] lets streams end first.
pub struct Host {
    addr: SocketAddr,
    stop: oneshot::Sender<Duration>,
    server: AbortOnDropHandle<()>,
    ending: Ending,
    /// Ends the instances, whatever they are doing.
    _end_instances: DropGuard,
    _reporter: Option<AbortOnDropHandle<()>>,
    /// The threads of instances, until those have ended.
    _relief: Arc<Relief>,
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
            budget: Arc::new(MemoryBudget::new(options.max_total_memory)),
            ending: Ending::default(),
            relief: Arc::new(Relief::new(options.spread)),
            root: &manifest.root,
            variables: &variables,
            options: &options,
        };
        parts.stores.seed(&options.seed).await?;
        let (ending, relief) = (parts.ending.clone(), parts.relief.clone());
        let end_instances = ending.now.clone().drop_guard();
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
        let listener = listen(options.listen).map_err(listen_error)?;
        let addr = listener.local_addr().map_err(listen_error)?;
        let limits = limits(options.max_connections);
        let server = Server::new(listener, Service::new(routes), limits);
        let (stop, stopped) = oneshot::channel();
        let server = AbortOnDropHandle::new(tokio::spawn(server.run(stopped)));
        let reporter = (options.component_output == ComponentOutput::Stderr)
            .then(|| AbortOnDropHandle::new(tokio::spawn(report_dropped_lines())));
        Ok(Self {
            addr,
            stop,
            server,
            ending,
            _end_instances: end_instances,
            _reporter: reporter,
            _relief: relief,
        })
    }

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Instances of all components that run now.
    pub fn instances(&self) -> usize {
        self.ending.instances.len()
    }

    /// Accepts no more, and gives the open connections `grace` to end; those that take longer are cut. The instances then
    /// have a moment more: their next write tells them that a client has gone, and what they have in the store is put right.
    pub async fn shutdown(self, grace: Duration) {
        // The server lives as long as this value does, so it takes the message.
        _ = self.stop.send(grace);
        _ = self.server.await;
        self.ending.draining.cancel();
        self.ending.instances.close();
        if timeout(LAST_WRITES, self.ending.instances.wait())
            .await
            .is_err()
        {
            tracing::warn!("instances that had not ended after {LAST_WRITES:?} were cut");
        }
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
    budget: Arc<MemoryBudget>,
    ending: Ending,
    relief: Arc<Relief>,
}

impl Parts<'_> {
    fn handler(&self, id: &str, component: &manifest::Component) -> Result<Lanes, Error> {
        let shared = Arc::new(self.component(id, component)?);
        let path = self.root.join(&component.source);
        let binary = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
        let code = self.engine.compile(&binary);
        let code = code.map_err(|source| Error::Code {
            component: id.into(),
            source,
        })?;
        Ok(Lanes::new(self.relief.clone(), || {
            Handlers::new(shared.clone(), code.clone(), self.ending.clone())
        }))
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
            budget: self.budget.clone(),
            reuse: self.options.reuse,
            wall_clock_offset_s: self.options.wall_clock_offset_s,
            id,
        })
    }
}

/// What clients may take: as many connections as were asked for, if there are descriptors for them.
fn limits(max_connections: usize) -> Limits {
    let descriptors = descriptors::raise_limit();
    let shares = Shares::of(descriptors, max_connections);
    if shares.connections < max_connections {
        tracing::warn!(
            "{} client connections at a time rather than {max_connections}: this process may have {} file descriptors (ulimit -n)",
            shares.connections,
            descriptors.unwrap_or_default(),
        );
    }
    Limits::new(shares)
}

/// Listens as the runtime would, with room for more connections that come at once: those that find none wait a second or three
/// for their next try, or are reset.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A host that is started again must not wait for its last connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn state_dir(options: &Options, config: &RuntimeConfig, manifest: &Manifest) -> PathBuf {
    let given = options.state_dir.as_ref().or(config.state_dir.as_ref());
    given
        .cloned()
        .unwrap_or_else(|| manifest.root.join(".spin"))
}

/// As many as Linux allows by default (`net.core.somaxconn`).
const BACKLOG: u32 = 4_096;

/// An instance learns with the next token that its client has gone, and ends what it has in the store within a second.
const LAST_WRITES: Duration = Duration::from_millis(1500);
