//! Connections: made at most once at a time, watched for what the broker says about them, never with a password in a log.

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use lapin::{
    Connection, ConnectionProperties, Event,
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
    tcp::OwnedTLSConfig,
    uri::AMQPUri,
};
use tokio::{sync::watch, task::AbortHandle};

use super::{
    frames,
    options::{Place, RabbitMqOptions},
};
use crate::error::{Error, ErrorKind, Result, chain};

/// Makes connections.
pub(super) struct Connector {
    uri: AMQPUri,
    place: Place,
    roots: Option<String>,
    name: String,
    call_timeout: Duration,
    connect_timeout: Duration,
    /// Whether there was a connection: callers wait for the next one.
    connected: AtomicBool,
    /// Whether it was said that the user may not bind.
    told_of_bindings: AtomicBool,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    Publish,
    Consume,
    Both,
}

impl Connector {
    pub(super) fn new(options: &RabbitMqOptions) -> Result<Self> {
        let uri = options.uri()?;
        let told = uri.query.connection_timeout.map(Duration::from_millis);
        Ok(Self {
            place: Place::new(&uri),
            uri,
            roots: options.root_certificates.clone(),
            name: options.connection_name.clone(),
            call_timeout: options.call_timeout,
            connect_timeout: told.unwrap_or(options.connect_timeout),
            connected: AtomicBool::new(false),
            told_of_bindings: AtomicBool::new(false),
        })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// A new connection, on the caller's runtime: another one may have ended.
    pub(super) async fn connect(&self, role: Role) -> Result<Held> {
        let again = self.connected.load(Ordering::Relaxed);
        let patience = if again { self.connect_timeout.min(self.call_timeout) } else { self.connect_timeout };
        let tls = OwnedTLSConfig { identity: None, cert_chain: self.roots.clone() };
        let connecting = frames::connect(self.uri.clone(), properties(&self.name, role), tls);
        let connected = tokio::time::timeout(patience, connecting).await.map_err(|_| {
            let text = format!("no answer from {} within {patience:?}", self.place);
            Error::new(ErrorKind::Unavailable, text)
        })?;
        let connection = connected.map_err(|error| self.refused(error))?;
        self.connected.store(true, Ordering::Relaxed);
        Ok(Held::new(connection, self.place.clone()))
    }

    /// Says what a person has to mend.
    fn refused(&self, error: lapin::Error) -> Error {
        let place = &self.place;
        let (kind, text) = match protocol_error(&error) {
            Some((AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED), _)) => (
                ErrorKind::Backend,
                format!("{place} refuses the user or the password, or the user may not use the virtual host"),
            ),
            // It may be taken later, when others have closed theirs.
            Some((_, why)) if is_limit(&why) => (
                ErrorKind::Unavailable,
                format!(
                    "{place} takes no more connections: {why}; close others, raise the limit, or let each process share one connection"
                ),
            ),
            Some((AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED), why)) => (
                ErrorKind::Backend,
                format!("{place} does not let us in ({why}); create the virtual host or mend the URL"),
            ),
            _ => (
                ErrorKind::Unavailable,
                format!(
                    "cannot connect to {place}; check that RabbitMQ runs there, and that amqps:// is used for a TLS port only"
                ),
            ),
        };
        Error::new(kind, text).with_source(error)
    }

    /// Says once that bindings are taken for granted.
    pub(super) fn may_not_bind(&self, doing: &str, error: &lapin::Error) {
        if !self.told_of_bindings.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                place = %self.place,
                error = chain(error),
                "the user may not {doing}; bindings are taken for granted, for they cannot be looked at"
            );
        }
    }

    pub(super) fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    /// A broker call with its time-out; `what` completes "the broker did not …".
    pub(super) async fn call<T>(
        &self,
        what: &str,
        call: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T> {
        match tokio::time::timeout(self.call_timeout, call).await {
            Ok(answer) => answer.map_err(|error| failed(what, error)),
            Err(_) => Err(timed_out(what, self.call_timeout)),
        }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("place", &self.place.to_string()).finish_non_exhaustive()
    }
}

fn properties(name: &str, role: Role) -> ConnectionProperties {
    let name = match role {
        Role::Publish => format!("{name} publish"),
        Role::Consume => format!("{name} consume"),
        Role::Both => name.to_owned(),
    };
    ConnectionProperties::default().with_connection_name(name.into())
}

/// An open connection, with what the broker says about it. Closed when dropped.
pub(super) struct Held {
    connection: Connection,
    /// Why the broker takes no publishes at present.
    blocked: watch::Receiver<Option<String>>,
    events: AbortHandle,
}

impl Held {
    fn new(connection: Connection, place: Place) -> Self {
        let (tell, blocked) =
            watch::channel(connection.status().blocked().then(|| "no reason was told".to_owned()));
        // The only listener: a second one would take events away from this.
        let events = connection.events_listener();
        let events = tokio::spawn(async move {
            let mut events = std::pin::pin!(events);
            while let Some(event) = events.next().await {
                match event {
                    Event::ConnectionBlocked(reason) => {
                        tracing::warn!(%place, reason, "the broker refuses publishes");
                        tell.send_replace(Some(reason));
                    }
                    Event::ConnectionUnblocked => {
                        tracing::info!(%place, "the broker takes publishes again");
                        tell.send_replace(None);
                    }
                    Event::Error(error) => {
                        tracing::debug!(%place, error = chain(&error), "the connection or a channel of it ended");
                    }
                    _ => {}
                }
            }
        });
        Self { connection, blocked, events: events.abort_handle() }
    }

    /// Whether it can be used. Not once the runtime has ended that it was made on: that moved its frames, and has ended the
    /// task that hears its events.
    pub(super) fn is_alive(&self) -> bool {
        self.status().connected() && self.blocked.has_changed().is_ok()
    }

    pub(super) fn blocked(&self) -> watch::Receiver<Option<String>> {
        self.blocked.clone()
    }

    /// Tells the broker that it is over.
    pub(super) async fn close(&self, patience: Duration) {
        let closing = Connection::close(self, 200, "closed by the application".into());
        if let Ok(Err(error)) = tokio::time::timeout(patience, closing).await {
            tracing::debug!(error = chain(&error), "the connection was lost before it was closed");
        }
    }
}

impl Deref for Held {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.events.abort();
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("alive", &self.is_alive()).finish_non_exhaustive()
    }
}

/// Something that lives until it breaks and is then made anew: by one caller, the others wait for it.
#[derive(Debug)]
pub(super) struct Slot<T> {
    live: RwLock<Option<Arc<T>>>,
    making: tokio::sync::Mutex<Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    in_a_row: u32,
    last: Option<(Instant, Duration, Error)>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { live: RwLock::new(None), making: tokio::sync::Mutex::default() }
    }
}

impl<T> Slot<T> {
    pub(super) fn current(&self) -> Option<Arc<T>> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets it; returns what it was.
    pub(super) fn take(&self) -> Option<Arc<T>> {
        self.live.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The one that lives, or a new one. Attempts in vain are spread ever further; a caller in between gets the last
    /// one's error.
    pub(super) async fn get(
        &self,
        alive: impl Fn(&T) -> bool,
        make: impl Future<Output = Result<T>>,
    ) -> Result<Arc<T>> {
        if let Some(live) = self.current().filter(|live| alive(live)) {
            return Ok(live);
        }
        let asked = Instant::now();
        let mut failures = self.making.lock().await;
        if let Some(live) = self.current().filter(|live| alive(live)) {
            return Ok(live);
        }
        if let Some((at, pause, error)) = &failures.last
            && (*at >= asked || at.elapsed() < *pause)
        {
            return Err(error.clone());
        }
        // What broke may count against a limit until it is dropped.
        drop(self.take());
        match make.await {
            Ok(made) => {
                let made = Arc::new(made);
                *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
                *failures = Failures::default();
                Ok(made)
            }
            Err(error) => {
                failures.in_a_row += 1;
                failures.last = Some((Instant::now(), pause(failures.in_a_row), error.clone()));
                Err(error)
            }
        }
    }
}

/// 25 ms, doubling up to 3 s, spread by half.
fn pause(failures: u32) -> Duration {
    let base = Duration::from_millis(25).saturating_mul(1 << failures.min(8)).min(Duration::from_secs(3));
    base.mul_f64(0.75 + fastrand::f64() / 2.0)
}

/// What the broker said, where it said anything.
pub(super) fn protocol_error(error: &lapin::Error) -> Option<(AMQPErrorKind, String)> {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(error) => {
            Some((error.kind().clone(), error.get_message().to_string()))
        }
        _ => None,
    }
}

/// Whether something does not exist.
pub(super) fn is_not_found(error: &lapin::Error) -> bool {
    matches!(protocol_error(error), Some((AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND), _)))
}

/// Whether the user lacks a right.
pub(super) fn is_denied(error: &lapin::Error) -> bool {
    matches!(protocol_error(error), Some((AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED), _)))
}

/// Whether the broker's words name a limit: `connection limit (5) is reached`, `queue limit in vhost 'v' (20) is reached`.
fn is_limit(text: &str) -> bool {
    text.contains(" limit ") && text.contains("reached")
}

/// An error of the client library, sorted by what the caller does next.
pub(super) fn failed(what: &str, error: lapin::Error) -> Error {
    if matches!(error.kind(), lapin::ErrorKind::ChannelsLimitReached) {
        let text = format!(
            "the broker did not {what}: all channels that a connection may have (channel_max) are in use; raise that limit"
        );
        return Error::new(ErrorKind::Unavailable, text).with_source(error);
    }
    let said = protocol_error(&error).map(|(_, text)| text);
    if let Some(text) = said.filter(|text| is_denied(&error) || is_limit(text)) {
        let remedy = if is_denied(&error) { "grant the user that right" } else { "raise that limit" };
        return Error::new(ErrorKind::Backend, format!("the broker did not {what}: {text}; {remedy}"))
            .with_source(error);
    }
    let kind = match protocol_error(&error) {
        Some((AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND), _)) => ErrorKind::NotFound,
        Some((AMQPErrorKind::Soft(AMQPSoftError::RESOURCELOCKED), _)) => ErrorKind::Unavailable,
        Some((AMQPErrorKind::Soft(_) | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED), _)) => {
            ErrorKind::Backend
        }
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("the broker did not {what}")).with_source(error)
}

pub(super) fn timed_out(what: &str, after: Duration) -> Error {
    Error::new(ErrorKind::Unavailable, format!("the broker did not {what} within {after:?}"))
}
