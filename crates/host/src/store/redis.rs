//! A store in a Redis database. Keys stand there as they are, without a prefix: the database is the store, so it should be
//! Sluice's own. One multiplexed connection serves all instances; commands that are awaited together go out together.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use redis::{
    AsyncCommands, Client, ConnectionInfo, IntoConnectionInfo, RedisError, ScanOptions,
    aio::{ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};

use super::{MAX_KEYS_BYTES, Store, StoreError};

/// A Redis database as a store.
pub struct RedisStore {
    connection: ConnectionManager,
}

impl RedisStore {
    /// A store in the database of `url` (`redis://[user:password@]host[:port][/database]`). It is connected to when it is
    /// first used, and again whenever the connection is lost. Must be called within a Tokio runtime.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let info: ConnectionInfo = url.into_connection_info()?;
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_number_of_retries(CONNECT_RETRIES)
            .set_max_delay(MAX_RETRY_DELAY);
        let connection = ConnectionManager::new_lazy_with_config(Client::open(info)?, config)?;
        Ok(Self { connection })
    }

    /// Runs a command as a task of its own.
    ///
    /// While an instance is in a synchronous call (`increment`), nothing else of it is polled. A command of such an
    /// instance would go on holding its place in the connection's queue, and with enough of them the call would wait for
    /// a place that none of them gives up.
    async fn command<T: Send + 'static>(
        &self,
        command: impl Future<Output = Result<T, RedisError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        match tokio::spawn(command).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(StoreError::Ending),
        }
    }

    /// Reads once more when the connection turned out to be lost: Redis may have been restarted since it was last used. A
    /// write is not repeated, since the first attempt may have reached the database. Nor is a read that has waited for a
    /// new connection in vain: whoever comes after it would wait for a second one too.
    async fn read<T: Send + 'static, F>(
        &self,
        read: impl Fn(ConnectionManager) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, RedisError>> + Send + 'static,
    {
        let begun = Instant::now();
        match self.command(read(self.connection.clone())).await {
            Err(StoreError::Redis(error))
                if error.is_connection_dropped()
                    && !(error.is_connection_refusal() && begun.elapsed() > STALE) =>
            {
                self.command(read(self.connection.clone())).await
            }
            result => result,
        }
    }
}

#[async_trait::async_trait]
impl Store for RedisStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let get = |mut connection: ConnectionManager| {
            let key = key.to_owned();
            async move { connection.get(key).await }
        };
        self.read(get).await
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        let (mut connection, key) = (self.connection.clone(), key.to_owned());
        self.command(async move { connection.set(key, value).await })
            .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let (mut connection, key) = (self.connection.clone(), key.to_owned());
        self.command(async move { connection.del(key).await }).await
    }

    async fn keys(&self) -> Result<Vec<String>, StoreError> {
        let listed = self.read(list).await?;
        listed.ok_or(StoreError::TooManyKeys)
    }

    /// A counter is Redis' own, a number as text.
    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        let (mut connection, key) = (self.connection.clone(), key.to_owned());
        self.command(async move { connection.incr(key, delta).await })
            .await
    }
}

/// All keys by SCAN, where a key may come twice, hence the set; None when there are too many.
async fn list(mut connection: ConnectionManager) -> Result<Option<Vec<String>>, RedisError> {
    let options = ScanOptions::default().with_count(SCAN_COUNT);
    let mut scan = connection.scan_options::<String>(options).await?;
    let mut keys = BTreeSet::new();
    let mut bytes = 0;
    while let Some(key) = scan.next_item().await {
        let key = key?;
        bytes += key.len();
        if bytes > MAX_KEYS_BYTES {
            return Ok(None);
        }
        keys.insert(key);
    }
    Ok(Some(keys.into_iter().collect()))
}

/// Redis is near, so an attempt that takes longer than this has failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A command that is not answered by then counts as failed: a request must not hang on a store that hangs.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Attempts within one command; the next command tries anew.
const CONNECT_RETRIES: usize = 2;

const MAX_RETRY_DELAY: Duration = Duration::from_millis(500);

/// A refusal that comes sooner is of an attempt made before the command: the connection manager keeps the outcome of the
/// last one, and the attempts of one command with the rests between them take longer.
const STALE: Duration = Duration::from_millis(50);

/// Keys that Redis looks at per round trip.
const SCAN_COUNT: usize = 1000;
