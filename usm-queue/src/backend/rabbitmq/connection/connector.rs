//! Makes connections, and says what has to be fixed when the broker refuses one.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
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
    open_connection::OpenConnection,
};
use crate::{
    backend::rabbitmq::{endpoint::Endpoint, frames, options::RabbitMqOptions},
    error::{Error, ErrorKind, Result, chain},
};

/// Makes connections.
pub(crate) struct Connector {
    uri: AMQPUri,
    endpoint: Endpoint,
    roots: Option<String>,
    name: String,
    call_timeout: Duration,
    connect_timeout: Duration,
    /// Whether there was a connection before: callers wait for the next one.
    connected: AtomicBool,
    /// The broker's version, once there was a connection.
    version: Arc<OnceLock<String>>,
    /// Whether a warning that the user may not bind was logged.
    warned_of_bindings: AtomicBool,
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
        let from_url = uri.query.connection_timeout.map(Duration::from_millis);
        Ok(Self {
            endpoint: Endpoint::new(&uri),
            uri,
            roots: options.root_certificates.clone(),
            name: options.connection_name.clone(),
            call_timeout: options.call_timeout,
            connect_timeout: from_url.unwrap_or(options.connect_timeout),
            connected: AtomicBool::new(false),
            version: Arc::default(),
            warned_of_bindings: AtomicBool::new(false),
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn version(&self) -> Option<String> {
        self.version.get().cloned()
    }

    /// A new connection, on the caller's runtime: the runtime of the last one may have ended.
    pub(crate) async fn connect(&self, role: Role) -> Result<OpenConnection> {
        let reconnect = self.connected.load(Ordering::Relaxed);
        let timeout =
            if reconnect { self.connect_timeout.min(self.call_timeout) } else { self.connect_timeout };
        let tls = OwnedTLSConfig { identity: None, cert_chain: self.roots.clone() };
        let connecting =
            frames::connect(self.uri.clone(), properties(&self.name, role), tls, self.version.clone());
        let connected = tokio::time::timeout(timeout, connecting).await.map_err(|_| {
            let text = format!("no answer from {} within {timeout:?}", self.endpoint);
            Error::new(ErrorKind::Unavailable, text)
        })?;
        let connection = connected.map_err(|error| self.refused(error))?;
        self.connected.store(true, Ordering::Relaxed);
        Ok(OpenConnection::new(connection, self.endpoint.clone()))
    }

    /// Says what has to be fixed.
    fn refused(&self, error: lapin::Error) -> Error {
        let endpoint = &self.endpoint;
        let (kind, text) = match protocol_error(&error) {
            Some((AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED), _)) => (
                ErrorKind::Backend,
                format!(
                    "{endpoint} refuses the user or the password, or the user may not use the virtual host"
                ),
            ),
            // It may be accepted later, when others have closed theirs.
            Some((_, why)) if is_limit(&why) => (
                ErrorKind::Unavailable,
                format!(
                    "{endpoint} accepts no more connections: {why}; close others, raise the limit, or let each process share one connection"
                ),
            ),
            Some((AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED), why)) => (
                ErrorKind::Backend,
                format!("{endpoint} refuses the connection ({why}); create the virtual host or fix the URL"),
            ),
            _ => (
                ErrorKind::Unavailable,
                format!(
                    "cannot connect to {endpoint}; check that RabbitMQ runs there, and that amqps:// is used for a TLS port only"
                ),
            ),
        };
        Error::new(kind, text).with_source(error)
    }

    /// Warns once that bindings are assumed to exist.
    pub(crate) fn may_not_bind(&self, doing: &str, error: &lapin::Error) {
        if !self.warned_of_bindings.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                server = %self.endpoint,
                error = chain(error),
                "the user may not {doing}; bindings are assumed to exist, because AMQP cannot query them"
            );
        }
    }

    pub(crate) fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    /// A call to the broker with its timeout; `what` completes "the broker did not …".
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
        f.debug_struct("Connector").field("endpoint", &self.endpoint.to_string()).finish_non_exhaustive()
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
