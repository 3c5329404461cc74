//! One multiplexed connection to Redis that reconnects after a loss. Every call has a time limit.

mod errors;
mod request;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, FromRedisValue, RedisError, RedisResult,
    aio::{MultiplexedConnection, PubSub},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout, timeout_at},
};

pub(super) use self::request::Request;
use super::{keys::Keys, options::RedisOptions};
use crate::{
    error::{Error, ErrorKind, Result},
    metrics,
};

/// Requests that may wait for their turn on the connection.
const SEND_BUFFER: usize = 1024;
/// How often one call is tried when its connection is lost.
const MAX_TRIES: u32 = 4;
/// The shortest time between two attempts to connect.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(50);
/// What Redis takes unless its `proto-max-bulk-len` says otherwise.
const DEFAULT_MAX_ARGUMENT_BYTES: usize = 512 << 20;

pub(super) struct Connection {
    client: Client,
    keys: Keys,
    address: String,
    response_timeout: Duration,
    connect_timeout: Duration,
    current: Mutex<Current>,
    closed: AtomicBool,
    version: OnceLock<String>,
    /// The largest argument that Redis takes: it closes the connection on a larger one.
    max_argument_bytes: AtomicUsize,
}

/// The connection in use, or the one being made.
struct Current {
    generation: u64,
    established: Connecting,
    started: Instant,
}

/// A connection, once it is made. The sender is dropped if the runtime that was making it ends first.
type Connecting = watch::Receiver<Option<RedisResult<Established>>>;

#[derive(Clone)]
struct Established {
    connection: MultiplexedConnection,
    /// Answers so far. If a call times out while this grows, Redis is slow; otherwise the connection is dead.
    answers: Arc<AtomicU64>,
}

impl Connection {
    /// Connects at once, so that a wrong address is reported here.
    pub(super) async fn connect(options: &RedisOptions) -> Result<Self> {
        let server = options.server()?;
        let address = server.addr().to_string();
        if matches!(server.addr(), redis::ConnectionAddr::TcpTls { .. }) {
            // Fails if the program has installed a provider of its own, which is used then.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let client = Client::open(server).map_err(|error| {
            Error::invalid(format!("the address of Redis at {address} cannot be used")).with_source(error)
        })?;
        let first = start_connecting(client.clone(), options.connect_timeout, Duration::ZERO);
        let current = Current { generation: 0, established: first.clone(), started: Instant::now() };
        let connection = Self {
            client,
            keys: Keys::new(&options.key_prefix),
            address,
            response_timeout: options.response_timeout,
            connect_timeout: options.connect_timeout,
            current: Mutex::new(current),
            closed: AtomicBool::new(false),
            version: OnceLock::new(),
            max_argument_bytes: AtomicUsize::new(DEFAULT_MAX_ARGUMENT_BYTES),
        };
        established(first).await.map_err(|error| connection.error(error))?;
        Ok(connection)
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn response_timeout(&self) -> Duration {
        self.response_timeout
    }

    /// Sends a request until there is an answer or the time is up. The request must be idempotent: when an answer is lost,
    /// nobody knows whether the request was carried out.
    pub(super) async fn request<T: FromRedisValue>(&self, request: &Request) -> Result<T> {
        let deadline = Instant::now() + self.response_timeout;
        let mut tries = 0;
        loop {
            if self.closed.load(Ordering::SeqCst) {
                return Err(Error::closed());
            }
            tries += 1;
            let (generation, connecting) = self.current_connection();
            let mut used = None;
            let answer = timeout_at(deadline, async {
                let established = established(connecting).await?;
                let answers_before = established.answers.load(Ordering::Relaxed);
                let established = &mut used.insert((established, answers_before)).0;
                let answer = request.send(&mut established.connection).await;
                established.answers.fetch_add(1, Ordering::Relaxed);
                answer
            });
            let error = match answer.await {
                Ok(Ok(value)) => {
                    return T::from_redis_value(value).map_err(|error| self.error(error.into()));
                }
                Ok(Err(error)) => error,
                Err(_) => {
                    // While it still connects nothing is to be done: connecting has a limit of its own.
                    if used.is_some_and(|(used, before)| used.answers.load(Ordering::Relaxed) == before) {
                        self.reconnect(generation, "timeout");
                    }
                    return Err(self.timed_out());
                }
            };
            if errors::needs_reconnect(&error) {
                self.reconnect(generation, "lost");
            } else if !errors::is_temporary(&error) {
                return Err(self.error(error));
            }
            let pause = Duration::from_millis(20 << tries).mul_f64(0.75 + fastrand::f64() / 2.0);
            if tries == MAX_TRIES || Instant::now() + pause >= deadline {
                return Err(self.error(error));
            }
            sleep(pause).await;
        }
    }

    /// Sends a request once and returns what Redis said, without translating its error.
    pub(super) async fn try_request<T: FromRedisValue>(&self, request: &Request) -> Result<RedisResult<T>> {
        let (_, connecting) = self.current_connection();
        let answer = async {
            let mut established = established(connecting).await?;
            Ok(T::from_redis_value(request.send(&mut established.connection).await?)?)
        };
        timeout(self.response_timeout, answer).await.map_err(|_| self.timed_out())
    }

    /// Subscribes for a moment, to see whether the user may.
    pub(super) async fn try_subscription(&self, channel: &str) -> RedisResult<()> {
        let subscribed = async { self.client.get_async_pubsub().await?.subscribe(channel).await };
        match timeout(self.connect_timeout, subscribed).await {
            Ok(subscribed) => subscribed,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }

    /// A separate connection for subscriptions.
    pub(super) async fn open_subscription(&self) -> Result<PubSub> {
        match timeout(self.connect_timeout, self.client.get_async_pubsub()).await {
            Ok(connected) => connected.map_err(|error| self.error(error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    pub(super) fn version(&self) -> Option<String> {
        self.version.get().cloned()
    }

    /// Remembers the version that Redis says it has.
    pub(super) fn set_version(&self, version: &str) {
        let _ = self.version.set(version.to_owned());
    }

    /// Remembers the largest argument that Redis takes.
    pub(super) fn set_max_argument_bytes(&self, bytes: usize) {
        self.max_argument_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Refuses a value that is too large for Redis, before it costs the connection.
    pub(super) fn check_size(&self, what: impl fmt::Display, bytes: usize) -> Result<()> {
        let max = self.max_argument_bytes.load(Ordering::Relaxed);
        if bytes <= max {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "{what} has {bytes} bytes as JSON, and Redis at {} accepts at most {max}; raise its proto-max-bulk-len or store the value elsewhere",
            self.address
        )))
    }

    /// Drops the connection; every later request fails as closed.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let closed = RedisError::from(std::io::Error::from(std::io::ErrorKind::NotConnected));
        self.current().established = watch::channel(Some(Err(closed))).1;
    }

    pub(super) fn error(&self, error: RedisError) -> Error {
        errors::translate(&self.address, error)
    }

    fn timed_out(&self) -> Error {
        Error::new(
            ErrorKind::Unavailable,
            format!(
                "Redis at {} did not answer within {:?}; try again later",
                self.address, self.response_timeout
            ),
        )
        .because("timeout")
    }

    fn current_connection(&self) -> (u64, Connecting) {
        let current = self.current();
        (current.generation, current.established.clone())
    }

    /// Replaces the connection of this generation, unless somebody else already has.
    fn reconnect(&self, generation: u64, cause: &'static str) {
        let mut current = self.current();
        if current.generation != generation || self.closed.load(Ordering::SeqCst) {
            return;
        }
        metrics::reconnected("records", cause);
        let wait = RECONNECT_INTERVAL.saturating_sub(current.started.elapsed());
        current.generation += 1;
        current.started = Instant::now() + wait;
        current.established = start_connecting(self.client.clone(), self.connect_timeout, wait);
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

/// Connects in a task of its own on the caller's runtime, so that it goes on if the calls that wait for it give up.
fn start_connecting(client: Client, connect_timeout: Duration, wait: Duration) -> Connecting {
    let (sender, connecting) = watch::channel(None);
    drop(tokio::spawn(async move {
        sleep(wait).await;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect_timeout))
            // Every call has a limit that also covers the time before it is sent.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(SEND_BUFFER);
        let connected = client.get_multiplexed_async_connection_with_config(&config);
        sender.send_replace(Some(match timeout(connect_timeout, connected).await {
            Ok(connected) => connected.map(|connection| Established { connection, answers: Arc::default() }),
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }));
    }));
    connecting
}

async fn established(mut connecting: Connecting) -> RedisResult<Established> {
    match connecting.wait_for(Option::is_some).await.map(|established| established.clone()) {
        Ok(Some(established)) => established,
        _ => Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into()),
    }
}
