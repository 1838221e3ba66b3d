//! `sluice-host up`: the embedded host with Spin's command line, so that the two can stand in for each other.

use std::{
    collections::BTreeMap,
    env, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use sluice_host::{
    ComponentOutput, DEFAULT_MAX_CONNECTIONS, DEFAULT_MAX_MEMORY, DEFAULT_MAX_TOTAL_MEMORY, Host,
    Options, Reuse, Spread, store::SqliteSync,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a spin.toml with no Spin installed.
#[derive(Parser)]
#[command(name = "sluice-host")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the application.
    Up(Up),
}

#[derive(Args)]
struct Up {
    /// The manifest.
    #[arg(short, long = "from", default_value = "spin.toml")]
    from: PathBuf,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Stores and limits of outbound HTTP.
    #[arg(long)]
    runtime_config_file: Option<PathBuf>,
    /// Where SQLite stores lie [default: .spin beside the manifest].
    #[arg(long)]
    state_dir: Option<PathBuf>,
    /// An application variable; may be given several times.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = name_value)]
    variables: Vec<(String, String)>,
    /// A pair for the default store, written at the start if this start makes its SQLite file; may be given several times.
    #[arg(long = "seed", value_name = "KEY=VALUE", value_parser = name_value)]
    seed: Vec<(String, String)>,
    /// Discard what the components write to stdout and stderr.
    #[arg(short, long)]
    quiet: bool,
    /// Whether a SQLite commit waits for the disk.
    #[arg(long, value_enum, default_value_t = Sync::Off)]
    sqlite_sync: Sync,
    /// More certificate authorities for upstreams (PEM).
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// Client connections at the same time, if the limit of file descriptors allows as many.
    #[arg(long, default_value_t = DEFAULT_MAX_CONNECTIONS)]
    max_connections: usize,
    /// Bytes of memory for one instance of a component.
    #[arg(long, default_value_t = DEFAULT_MAX_MEMORY)]
    max_memory: usize,
    /// Bytes of memory for all instances together; close to it no new one begins.
    #[arg(long, default_value_t = DEFAULT_MAX_TOTAL_MEMORY)]
    max_total_memory: usize,
    /// Requests that one instance takes in all.
    #[arg(long, default_value_t = Reuse::WAITING.max_requests)]
    max_instance_reuse_count: usize,
    /// Requests of one instance whose response head is not out yet.
    #[arg(long, default_value_t = Reuse::WAITING.max_concurrent)]
    max_instance_concurrent_reuse_count: usize,
    /// Requests of one instance that are not answered to their end.
    #[arg(long, default_value_t = Reuse::WAITING.max_open)]
    max_instance_open_count: usize,
    /// How long an instance without requests is kept.
    #[arg(long, default_value = "30s", value_parser = duration)]
    idle_instance_timeout: Duration,
    /// Threads that serve; files and databases that wait have others.
    #[arg(long, default_value_t = default_worker_threads(), value_parser = clap::value_parser!(u16).range(1..=1024))]
    worker_threads: u16,
    /// More threads with instances of their own, for the time in which those that serve compute without a pause
    /// [default: the other processors].
    #[arg(long, value_parser = clap::value_parser!(u16).range(..=1024))]
    relief_threads: Option<u16>,
    /// Compile the components anew rather than keep them in the user's cache folder.
    #[arg(long)]
    disable_cache: bool,
    /// For tests: seconds by which the components' wall clock is off the machine's.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        allow_negative_numbers = true,
        hide = true
    )]
    wall_clock_offset: i64,
    /// How long open connections may go on after SIGTERM or SIGINT: `10s`, `500ms`, `2m`.
    #[arg(long, default_value = "10s", value_parser = duration)]
    shutdown_grace: Duration,
}

#[derive(Clone, Copy, ValueEnum)]
enum Sync {
    Off,
    Full,
}

fn main() -> ExitCode {
    let Command::Up(up) = Cli::parse().command;
    tracing_subscriber::fmt()
        .with_writer(sluice_host::stderr)
        .with_max_level(tracing::Level::INFO)
        .with_target(false)
        .init();
    let served = serve(up);
    sluice_host::flush_stderr();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(up: Up) -> Result<(), Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(up.worker_threads.into())
        .enable_all()
        .build()?
        .block_on(up.run())
}

/// One for two processors: a second thread mostly costs wake-ups between the two, and the upstream is on the machine as well.
fn default_worker_threads() -> u16 {
    u16::try_from(processors().div_ceil(2)).unwrap_or(u16::MAX)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Up {
    async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        let mut terminated = signal(SignalKind::terminate())?;
        let grace = self.shutdown_grace;
        let host = Host::start(self.options()).await?;
        println!("Serving http://{}", host.addr());
        tokio::spawn(ask_whether_ready(host.addr()));
        tokio::select! {
            _ = terminated.recv() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
        tokio::select! {
            () = host.shutdown(grace) => {}
            // Asked twice: at once.
            _ = terminated.recv() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
        Ok(())
    }

    fn options(self) -> Options {
        let mut options = Options::new(manifest(self.from));
        options.listen = self.listen;
        options.runtime_config = self.runtime_config_file;
        options.state_dir = self.state_dir;
        options.variables = self.variables.into_iter().collect();
        options.environment = environment();
        options.seed = self.seed;
        options.ca_file = self.ca_file;
        options.max_connections = self.max_connections;
        options.max_memory = self.max_memory;
        options.max_total_memory = self.max_total_memory;
        options.reuse = Reuse {
            max_concurrent: self.max_instance_concurrent_reuse_count,
            max_open: self.max_instance_open_count,
            max_requests: self.max_instance_reuse_count,
            idle: self.idle_instance_timeout,
        };
        let others = processors().saturating_sub(self.worker_threads.into());
        options.spread = Spread::WhenBusy(self.relief_threads.map_or(others, usize::from));
        options.cache = !self.disable_cache;
        options.wall_clock_offset_s = self.wall_clock_offset;
        options.sqlite_sync = match self.sqlite_sync {
            Sync::Off => SqliteSync::Off,
            Sync::Full => SqliteSync::Full,
        };
        if self.quiet {
            options.component_output = ComponentOutput::Discard;
        }
        options
    }
}

/// Asks for `/readyz` once, as an orchestrator's probe would: what an application does at its first request begins now, and not when
/// somebody comes. What the answer is, and whether there is one, is nobody's concern.
async fn ask_whether_ready(listening: SocketAddr) -> io::Result<()> {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let mut stream = TcpStream::connect((ip, listening.port())).await?;
    let request = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await?;
    // Whoever hangs up before the end may be taken for one that has left.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

/// A folder stands for the manifest in it.
fn manifest(from: PathBuf) -> PathBuf {
    if from.is_dir() {
        from.join("spin.toml")
    } else {
        from
    }
}

/// The process's environment, as far as it is text.
fn environment() -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    env::vars_os().filter_map(text).collect()
}

fn name_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn duration(text: &str) -> Result<Duration, String> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u32 = text[..text.len() - unit.len()]
        .parse()
        .map_err(|_| "it must be a number and a unit")?;
    match unit {
        "ms" => Ok(Duration::from_millis(number.into())),
        "s" => Ok(Duration::from_secs(number.into())),
        "m" => Ok(Duration::from_secs(60 * u64::from(number))),
        _ => Err("the unit must be ms, s or m".into()),
    }
}
