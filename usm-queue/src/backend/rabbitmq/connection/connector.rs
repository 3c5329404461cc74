//! Makes connections, and says what has to be fixed when the broker refuses one.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use lapin::{
    ConnectionProperties,
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
    tcp::OwnedTLSConfig,
    uri::AMQPUri,
};

use super::{
    errors::{failed, is_limit, protocol_error, timed_out},
    open::Held,
};
use crate::{
    backend::rabbitmq::{endpoint::Place, frames, options::RabbitMqOptions},
    error::{Error, ErrorKind, Result, chain},
};

/// Makes connections.
pub(crate) struct Connector {
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
pub(crate) enum Role {
    Publish,
    Consume,
    Both,
}

impl Connector {
    pub(crate) fn new(options: &RabbitMqOptions) -> Result<Self> {
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

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// A new connection, on the caller's runtime: another one may have ended.
    pub(crate) async fn connect(&self, role: Role) -> Result<Held> {
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
    pub(crate) fn may_not_bind(&self, doing: &str, error: &lapin::Error) {
        if !self.told_of_bindings.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                place = %self.place,
                error = chain(error),
                "the user may not {doing}; bindings are taken for granted, for they cannot be looked at"
            );
        }
    }

    pub(crate) fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    /// A broker call with its time-out; `what` completes "the broker did not …".
    pub(crate) async fn call<T>(
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
