//! What the gate and the queue before the store need of the world around them: a store, two clocks, chance and tasks.
//!
//! The component has one ([`crate::store::Component`]), the simulation another, on a clock of its own and with a store that fails as
//! it is told. The gate and the queue are generic over it, so that what is simulated is what runs.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use sluice_gate::Now;

/// The world as one instance sees it.
pub trait World: Clone + Unpin + 'static {
    /// The two clocks, read now.
    fn now(&self) -> Now;

    /// The monotonic clock in microseconds, for measuring.
    fn now_us(&self) -> u64;

    /// A random number.
    fn random(&self) -> u64;

    /// Waits for so long.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static;

    /// Starts a task that goes on whatever becomes of its starter.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);

    /// The value of a key.
    fn get(&self, key: String) -> impl Future<Output = Outcome<Option<Vec<u8>>>> + 'static;

    /// Whether several keys are to be read by one operation.
    fn reads_many(&self) -> bool;

    /// The values of these keys, each another, in their order, by one operation.
    fn get_many(
        &self,
        keys: Vec<String>,
    ) -> impl Future<Output = Outcome<Vec<Option<Vec<u8>>>>> + 'static;

    /// Writes a whole key. It takes effect at most once.
    fn set(&self, key: String, value: Vec<u8>) -> impl Future<Output = Outcome<()>> + 'static;

    /// Removes a key; that it is not there is no error.
    fn delete(&self, key: String) -> impl Future<Output = Outcome<()>> + 'static;

    /// Adds to a counter and answers the sum. It takes effect at most once.
    fn increment(&self, key: String, by: u64) -> impl Future<Output = Outcome<u64>> + 'static;

    /// All keys.
    fn keys(&self) -> impl Future<Output = Outcome<Vec<String>>> + 'static;

    /// An operation took so long.
    fn took(&self, us: u64);

    /// Something went wrong that is nobody's answer.
    fn fault(&self, error: &dyn fmt::Display);
}

/// What an operation of the store comes to.
pub type Outcome<T> = Result<T, StoreError>;

/// Why an operation on the store came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// It was given up before it was begun: it was not done and never will be.
    NotDone,
    /// It failed: done or not done, nobody knows.
    Failed(String),
    /// It was not answered in time: done, or done later, or never.
    Late(Duration),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key-value store: ")?;
        match self {
            StoreError::NotDone => f.write_str("given up before its turn"),
            StoreError::Failed(why) => f.write_str(why),
            StoreError::Late(patience) => write!(f, "no answer within {patience:?}"),
        }
    }
}

impl std::error::Error for StoreError {}
