//! What every backend must do, as tests, and helpers for waiting without sleeping. Feature `testing`.
//!
//! A backend proves itself by running [`broker_contract!`] and [`store_contract!`] in its own test binary. Each
//! contract is one test whose name is a sentence, speaks only through [`Broker`](crate::backend::Broker) or
//! [`JobStore`](crate::backend::JobStore), and uses names of its own, so that all may share one server.
//!
//! ```
//! mod memory {
//!     use std::sync::Arc;
//!     use usm_queue::{
//!         SqliteOptions,
//!         backend::{Broker, JobStore},
//!         testing,
//!     };
//!
//!     async fn broker() -> Option<Arc<dyn Broker>> {
//!         Some(testing::sqlite_pair(None, SqliteOptions::default()).await.ok()?.0)
//!     }
//!     testing::broker_contract!(broker);
//!
//!     async fn store() -> Option<Arc<dyn JobStore>> {
//!         Some(testing::sqlite_pair(None, SqliteOptions::default()).await.ok()?.1)
//!     }
//!     testing::store_contract!(store);
//! }
//! # fn main() {}
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a contract is a test: it panics when it is broken"
)]

use std::{
    future::Future,
    time::{Duration, Instant},
};

use uuid::Uuid;

pub mod broker;
mod handler;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
pub mod store;
mod values;

pub use self::handler::TestJob;
#[cfg(feature = "rabbitmq")]
pub use self::rabbitmq::RabbitMq;
#[doc(inline)]
pub use crate::{broker_contract, store_contract};

/// How long [`soon`] and [`eventually`] wait before they give up: long enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How long nothing must happen before a contract believes that nothing will.
pub const QUIET: Duration = Duration::from_millis(300);

/// What `future` returns.
///
/// # Panics
///
/// After [`PATIENCE`], naming `what` did not happen.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("within {PATIENCE:?} it did not happen that {what}"),
    }
}

/// What `look` returns as soon as it is `Some`; asked again and again, ever more slowly.
///
/// ```
/// # use usm_queue::testing::eventually;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut asked = 0;
/// let third = eventually("it was asked three times", async || {
///     asked += 1;
///     (asked == 3).then_some(asked)
/// });
/// assert_eq!(third.await, 3);
/// # }
/// ```
///
/// # Panics
///
/// After [`PATIENCE`], naming `what` did not happen.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(value) = look().await {
            return value;
        }
        assert!(Instant::now() < deadline, "within {PATIENCE:?} it did not happen that {what}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Seed of random values; it is printed, and `USM_CONTRACT_SEED` repeats it.
fn seed() -> u64 {
    let seed = std::env::var("USM_CONTRACT_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("USM_CONTRACT_SEED={seed}");
    seed
}

/// A name no other test uses.
pub fn unique(what: &str) -> String {
    format!("{what}-{}", Uuid::now_v7().simple())
}

/// The broker and the job store on one SQLite file, or in memory without a path: what
/// [`TaskQueue::open`](crate::TaskQueue::open) uses, for wrapping them in something that fails, and for opening the same
/// file twice as two processes would.
///
/// # Errors
///
/// As [`TaskQueue::open`](crate::TaskQueue::open).
#[cfg(feature = "sqlite")]
pub async fn sqlite_pair(
    path: Option<&std::path::Path>,
    options: crate::SqliteOptions,
) -> crate::Result<(std::sync::Arc<dyn crate::backend::Broker>, std::sync::Arc<dyn crate::backend::JobStore>)>
{
    match path {
        Some(path) => crate::backend::sqlite::open(path, options).await,
        None => crate::backend::sqlite::in_memory(options).await,
    }
}

/// The job store on a Redis server: what [`TaskQueue::connect`](crate::TaskQueue) uses, for wrapping it in something that
/// fails, and for opening it twice as two processes would.
///
/// # Errors
///
/// `InvalidInput` for a URL that cannot be read, `Unavailable` when the server cannot be reached.
#[cfg(feature = "redis")]
pub async fn redis_store(
    options: impl Into<crate::RedisOptions>,
) -> crate::Result<std::sync::Arc<dyn crate::backend::JobStore>> {
    let options: crate::RedisOptions = options.into();
    options.connect().await
}
