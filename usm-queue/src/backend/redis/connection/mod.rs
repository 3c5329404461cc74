//! One multiplexed connection to Redis, made anew when it is lost, with a limit on the time of every call.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind as Kind, FromRedisValue, Pipeline, RedisError, RedisResult,
    Script, ServerErrorKind, Value,
    aio::{MultiplexedConnection, PubSub},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{RedisOptions, keys::Names};
use crate::error::{Error, ErrorKind, Result};

/// Commands that may wait for their turn on the connection.
const SEND_BUFFER: usize = 1024;
/// Tries of one call whose connection is lost beneath it.
const TRIES: u32 = 4;
/// Between two attempts to connect, at least.
const BETWEEN_CONNECTS: Duration = Duration::from_millis(50);

/// What one call asks of Redis.
pub(super) enum Ask {
    Command(Cmd),
    /// EVALSHA; the script is loaded when Redis does not know it.
    Script(&'static Script, Cmd),
    /// Several EVALSHA of one script in one round trip. All are repeated when one of them finds the script unknown.
    Scripts(&'static Script, Pipeline),
    /// Several commands in one round trip.
    Commands(Pipeline),
}

/// The connection and how to make it anew.
pub(super) struct Link {
    client: Client,
    names: Names,
    place: String,
    response_timeout: Duration,
    connect_timeout: Duration,
    slot: Mutex<Slot>,
    closed: AtomicBool,
    /// The largest argument Redis takes: it closes the connection on a larger one.
    largest: AtomicUsize,
}

struct Slot {
    generation: u64,
    live: Dialled,
    begun: Instant,
}

/// A connection, once it is made; closed where the runtime that made it ended before.
type Dialled = watch::Receiver<Option<RedisResult<Live>>>;

/// An established connection.
#[derive(Clone)]
struct Live {
    connection: MultiplexedConnection,
    /// Answers it gave so far: a call that times out while there are some was slow, otherwise the connection is dead.
    answers: Arc<AtomicU64>,
}

impl Link {
    /// Connects, so that a wrong address is found out at once.
    pub(super) async fn connect(options: &RedisOptions) -> Result<Self> {
        let server = options.server()?;
        let place = server.addr().to_string();
        if matches!(server.addr(), redis::ConnectionAddr::TcpTls { .. }) {
            // Fails when the program has installed one, which is then used.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let client = Client::open(server).map_err(|error| {
            Error::invalid(format!("the address of Redis at {place} cannot be used")).with_source(error)
        })?;
        let live = dial(client.clone(), options.connect_timeout, Duration::ZERO);
        let link = Self {
            client,
            names: Names::new(&options.key_prefix),
            place,
            response_timeout: options.response_timeout,
            connect_timeout: options.connect_timeout,
            slot: Mutex::new(Slot { generation: 0, live: live.clone(), begun: Instant::now() }),
            closed: AtomicBool::new(false),
            largest: AtomicUsize::new(512 << 20),
        };
        established(live).await.map_err(|error| link.failed(error))?;
        Ok(link)
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn response_timeout(&self) -> Duration {
        self.response_timeout
    }

    /// Redis said what it takes at most.
    pub(super) fn takes_at_most(&self, bytes: usize) {
        self.largest.store(bytes, Ordering::Relaxed);
    }

    /// Refuses what Redis would: `what`, of this many bytes.
    pub(super) fn takes(&self, what: impl fmt::Display, bytes: usize) -> Result<()> {
        let largest = self.largest.load(Ordering::Relaxed);
        if bytes <= largest {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "{what} has {bytes} bytes as JSON, and Redis at {} takes {largest} at most; raise its proto-max-bulk-len, or store the value elsewhere",
            self.place
        )))
    }

    /// Asks until there is an answer or the time is over. What is asked must bear being done twice: a lost answer does not
    /// tell whether it was.
    pub(super) async fn ask<T: FromRedisValue>(&self, ask: &Ask) -> Result<T> {
        let deadline = Instant::now() + self.response_timeout;
        let mut tries = 0;
        loop {
            if self.closed.load(Ordering::SeqCst) {
                return Err(Error::closed());
            }
            tries += 1;
            let (generation, live) = self.live();
            let mut dialled = None;
            let answer = timeout_at(deadline, async {
                let live = established(live).await?;
                let answers = live.answers.load(Ordering::Relaxed);
                let live = &mut dialled.insert((live, answers)).0;
                let answer = query(&mut live.connection, ask).await;
                live.answers.fetch_add(1, Ordering::Relaxed);
                answer
            });
            let error = match answer.await {
                Ok(Ok(value)) => {
                    return T::from_redis_value(value).map_err(|error| self.failed(error.into()));
                }
                Ok(Err(error)) => error,
                Err(_) => {
                    // An attempt to connect has a limit of its own.
                    if dialled.is_some_and(|(live, before)| live.answers.load(Ordering::Relaxed) == before) {
                        self.dial_anew(generation);
                    }
                    return Err(self.no_answer());
                }
            };
            if error.is_unrecoverable_error() || error.is_io_error() || moved(&error) {
                self.dial_anew(generation);
            } else if !passes(&error) {
                return Err(self.failed(error));
            }
            let pause = Duration::from_millis(20 << tries).mul_f64(0.75 + fastrand::f64() / 2.0);
            if tries == TRIES || Instant::now() + pause >= deadline {
                return Err(self.failed(error));
            }
            sleep(pause).await;
        }
    }

    /// Asks once, and tells what Redis said.
    pub(super) async fn try_ask<T: FromRedisValue>(&self, ask: &Ask) -> Result<RedisResult<T>> {
        let (_, live) = self.live();
        let answer = async {
            let mut live = established(live).await?;
            Ok(T::from_redis_value(query(&mut live.connection, ask).await?)?)
        };
        timeout(self.response_timeout, answer).await.map_err(|_| self.no_answer())
    }

    /// Subscribes for a moment.
    pub(super) async fn try_subscription(&self, channel: &str) -> RedisResult<()> {
        let subscribed = async { self.client.get_async_pubsub().await?.subscribe(channel).await };
        match timeout(self.connect_timeout, subscribed).await {
            Ok(subscribed) => subscribed,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }

    /// A connection of its own for subscriptions.
    pub(super) async fn subscriber(&self) -> Result<PubSub> {
        match timeout(self.connect_timeout, self.client.get_async_pubsub()).await {
            Ok(connected) => connected.map_err(|error| self.failed(error)),
            Err(_) => Err(self.no_answer()),
        }
    }

    /// Lets the connection go; nothing is asked from now on.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let closed = RedisError::from(std::io::Error::from(std::io::ErrorKind::NotConnected));
        self.slot().live = watch::channel(Some(Err(closed))).1;
    }

    fn live(&self) -> (u64, Dialled) {
        let slot = self.slot();
        (slot.generation, slot.live.clone())
    }

    /// Begins a new connection in place of that one, unless somebody has.
    fn dial_anew(&self, generation: u64) {
        let mut slot = self.slot();
        if slot.generation != generation || self.closed.load(Ordering::SeqCst) {
            return;
        }
        let wait = BETWEEN_CONNECTS.saturating_sub(slot.begun.elapsed());
        slot.generation += 1;
        slot.begun = Instant::now() + wait;
        slot.live = dial(self.client.clone(), self.connect_timeout, wait);
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn no_answer(&self) -> Error {
        Error::new(
            ErrorKind::Unavailable,
            format!(
                "Redis at {} did not answer within {:?}; try again later",
                self.place, self.response_timeout
            ),
        )
    }

    /// What Redis or the connection said, sorted by what the caller can do.
    pub(super) fn failed(&self, error: RedisError) -> Error {
        let place = &self.place;
        let error = first(error);
        let (kind, text) = match error.kind() {
            Kind::Io | Kind::Parse => (
                ErrorKind::Unavailable,
                format!("Redis at {place} cannot be reached; check that it runs and its address"),
            ),
            Kind::AuthenticationFailed => (
                ErrorKind::Unavailable,
                format!("Redis at {place} refuses the user name or password of its URL"),
            ),
            Kind::Server(ServerErrorKind::NoPerm) => (
                ErrorKind::Backend,
                format!(
                    "Redis at {place} refuses this user a command, key or channel of the job store; connect again to hear which rights it lacks"
                ),
            ),
            Kind::Server(ServerErrorKind::BusyLoading) => {
                (ErrorKind::Unavailable, format!("Redis at {place} is loading its data; try again later"))
            }
            Kind::Server(
                ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown | ServerErrorKind::TryAgain,
            ) => (ErrorKind::Unavailable, format!("Redis at {place} takes no writes now; try again later")),
            _ if ["max request size", "invalid bulk length"]
                .iter()
                .any(|text| error.to_string().contains(text)) =>
            {
                (
                    ErrorKind::InvalidInput,
                    format!(
                        "a value is too large for Redis at {place}; raise its limit, or store the value elsewhere"
                    ),
                )
            }
            _ if ["OOM", "MISCONF", "NOREPLICAS", "BUSY"].iter().any(|code| said(&error, code)) => (
                ErrorKind::Unavailable,
                format!("Redis at {place} takes no writes now; look at its memory, disk and replicas"),
            ),
            _ => (ErrorKind::Backend, format!("Redis at {place} refused a command of the job store")),
        };
        Error::new(kind, text).with_source(error)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

/// Begins to connect, on the caller's runtime: beside the calls that wait for it, which may give up before.
fn dial(client: Client, connect_timeout: Duration, wait: Duration) -> Dialled {
    let (dialled, live) = watch::channel(None);
    drop(tokio::spawn(async move {
        sleep(wait).await;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect_timeout))
            // Every call has a limit that begins before it is sent.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(SEND_BUFFER);
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        dialled.send_replace(Some(match timeout(connect_timeout, connecting).await {
            Ok(connected) => connected.map(|connection| Live { connection, answers: Arc::default() }),
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }));
    }));
    live
}

async fn established(mut live: Dialled) -> RedisResult<Live> {
    match live.wait_for(Option::is_some).await.map(|live| live.clone()) {
        Ok(Some(live)) => live,
        _ => Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into()),
    }
}

async fn query(connection: &mut MultiplexedConnection, ask: &Ask) -> RedisResult<Value> {
    let first = send(connection, ask).await;
    match (ask, first) {
        (Ask::Script(script, _) | Ask::Scripts(script, _), Err(error))
            if error.kind() == Kind::Server(ServerErrorKind::NoScript) =>
        {
            script.load_async(connection).await?;
            send(connection, ask).await
        }
        (_, answer) => answer,
    }
}

async fn send(connection: &mut MultiplexedConnection, ask: &Ask) -> RedisResult<Value> {
    match ask {
        Ask::Command(command) | Ask::Script(_, command) => command.query_async(connection).await,
        Ask::Scripts(_, pipeline) | Ask::Commands(pipeline) => pipeline.query_async(connection).await,
    }
}

/// The first of a pipeline's errors: the others say the same a hundred times.
fn first(error: RedisError) -> RedisError {
    match error.clone().into_server_errors().and_then(|errors| errors.first().cloned()) {
        Some((_, first)) => first.into(),
        None => error,
    }
}

/// Whether the server is no longer the one to write to.
fn moved(error: &RedisError) -> bool {
    matches!(error.kind(), Kind::Server(ServerErrorKind::ReadOnly))
}

/// Whether waiting a little may help.
fn passes(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        Kind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown | ServerErrorKind::TryAgain)
    )
}

fn said(error: &RedisError, code: &str) -> bool {
    error.code() == Some(code) || error.detail().is_some_and(|detail| detail.starts_with(code))
}
