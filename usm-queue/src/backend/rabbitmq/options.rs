//! How to reach a RabbitMQ broker, and how long to wait for it.

use std::{fmt, time::Duration};

use lapin::uri::AMQPUri;

use super::{
    delay_levels::{DEFAULT_LEVELS, DEFAULT_PREFIX, DelayLevels},
    endpoint::Endpoint,
};
use crate::{
    backend::{BackendInfo, url::ambiguous},
    error::{Error, Result},
};

/// How to reach a RabbitMQ broker, and how long to wait for it. Its `Debug` form shows no password.
///
/// ```
/// # use std::time::Duration;
/// # use usm_queue::RabbitMqOptions;
/// let options = RabbitMqOptions::new("amqps://shop:s%2Fcret@rabbit.example.com/shop")
///     .call_timeout(Duration::from_secs(5))
///     .connection_name("shop-api");
/// assert!(!format!("{options:?}").contains("cret"));
/// ```
#[derive(Clone)]
pub struct RabbitMqOptions {
    pub(super) url: String,
    pub(super) call_timeout: Duration,
    pub(super) blocked_wait: Duration,
    pub(super) heartbeat: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) connections: usize,
    pub(super) share_connection: bool,
    pub(super) publish_window: usize,
    pub(super) root_certificates: Option<String>,
    pub(super) connection_name: String,
    pub(super) producer: String,
    pub(super) consumer_timeout: Option<Duration>,
    name_prefix: String,
    delay_levels: u32,
}

/// RabbitMQ's default limit of a frame, in bytes. Set explicitly, because lapin allocates buffers of 32 frames: those that
/// grow when the broker announces its limit take 16 MiB of an idle process.
const FRAME_MAX: u32 = 128 * 1024;

impl RabbitMqOptions {
    /// The broker at `url`: `amqp://` or `amqps://user:password@host:port/vhost`, with special characters of user,
    /// password and virtual host URL-encoded. Without a path, or with `/` alone, the virtual host is `/`. The parameters
    /// `heartbeat` (seconds), `connection_timeout` (milliseconds), `channel_max` and `frame_max` override the settings
    /// here.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            call_timeout: Duration::from_secs(10),
            blocked_wait: Duration::from_secs(2),
            heartbeat: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(30),
            connections: 1,
            share_connection: false,
            publish_window: 1024,
            root_certificates: None,
            connection_name: "usm-queue".to_owned(),
            producer: "usm-queue".to_owned(),
            consumer_timeout: Some(Duration::from_secs(30 * 60)),
            name_prefix: DEFAULT_PREFIX.to_owned(),
            delay_levels: DEFAULT_LEVELS,
        }
    }

    /// How long the broker may take for one answer: a confirmation, a declaration, a reconnect. Default 10 s; at least
    /// 10 ms.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout.max(Duration::from_millis(10));
        self
    }

    /// How long a publish waits while the broker refuses publishes, because it is out of memory or disk, before it is
    /// [`Unavailable`](crate::ErrorKind::Unavailable). Default 2 s.
    pub fn blocked_wait(mut self, wait: Duration) -> Self {
        self.blocked_wait = wait;
        self
    }

    /// How long the first connection may take, with name lookup and TLS. Default 30 s; at least 10 ms. A reconnect may take
    /// [`call_timeout`](Self::call_timeout), if that is shorter, because callers wait for it.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.max(Duration::from_millis(10));
        self
    }

    /// How often the two sides send a heartbeat over an idle connection; after twice this time without one it counts as
    /// lost. Whole seconds, 1 s to 18 h. Default 15 s: a consumer on a half-open connection receives nothing for two
    /// heartbeats, and a heartbeat is 8 bytes. If the broker asks for a shorter interval, that is used.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// Publishes and consumes on one connection instead of two, for brokers that allow few. Default `false`.
    ///
    /// A broker that is short of memory or disk stops reading from connections that publish. On a shared
    /// connection acknowledgements then wait as well, until it reads again; nothing is lost.
    pub fn share_connection(mut self, share: bool) -> Self {
        self.share_connection = share;
        self
    }

    /// The maximum number of connections that publish. One more is opened when something is consumed, unless
    /// [`share_connection`](Self::share_connection) says otherwise. Default 1, which is enough for tens of thousands of
    /// messages a second; messages on different connections may overtake each other.
    pub fn publishing_connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// How many published messages may be unconfirmed at a time, on each connection; further ones wait. Default 1024.
    pub fn publish_window(mut self, messages: usize) -> Self {
        self.publish_window = messages.clamp(1, 1 << 20);
        self
    }

    /// Certificate authorities to trust for `amqps://`, in PEM, in addition to those of the operating system.
    pub fn root_certificates(mut self, pem: impl Into<String>) -> Self {
        self.root_certificates = Some(pem.into());
        self
    }

    /// The name of the connections on RabbitMQ's management pages. Default `usm-queue`.
    pub fn connection_name(mut self, name: impl Into<String>) -> Self {
        self.connection_name = name.into();
        self
    }

    /// The producer that messages name in `_metadata.producer` of their bodies, for other services. Default `usm-queue`.
    pub fn producer(mut self, name: impl Into<String>) -> Self {
        self.producer = name.into();
        self
    }

    /// The broker's own limit on how long a delivery may stay unsettled (`consumer_timeout` in `rabbitmq.conf`), so that a
    /// worker can warn of tasks that may take longer; `None` if it has none. This does not change the broker's setting.
    /// Default 30 minutes, like RabbitMQ's.
    pub fn consumer_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.consumer_timeout = timeout;
        self
    }

    /// The prefix of all names on the broker that belong to this library and to no topology: `usm.delay.*` and
    /// `usm.browse.*`. Default `usm`. Applications with different topologies in one virtual host can share a prefix; its
    /// own prefix keeps an application's delayed messages away from others, and suits a user whose rights are limited by
    /// name.
    pub fn name_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.name_prefix = prefix.into();
        self
    }

    /// The number of delay levels, which is the number of queues for delayed messages, 1 to 18. Together they delay a message
    /// by 250 ms · (2ⁿ − 1): 34 minutes with 13, the default, 18 hours with 18. A message with a longer delay waits in them
    /// repeatedly, moved on by a process with an open queue. A lower number than before leaves queues behind, which keep
    /// working until [`LiveTopology::apply`](crate::LiveTopology::apply) removes them.
    pub fn delay_levels(mut self, levels: u32) -> Self {
        self.delay_levels = levels;
        self
    }

    /// What is set here, for the line that a worker logs when it starts.
    pub(super) fn describe(&self) -> BackendInfo {
        let limit = self.consumer_timeout.map_or("none".to_owned(), |limit| format!("{limit:?}"));
        BackendInfo::new("rabbitmq")
            .connections(self.connections + usize::from(!self.share_connection))
            .setting("share_connection", self.share_connection)
            .setting("publish_window", self.publish_window)
            .setting("call_timeout", format_args!("{:?}", self.call_timeout))
            .setting("blocked_wait", format_args!("{:?}", self.blocked_wait))
            .setting("heartbeat", format_args!("{:?}", self.heartbeat))
            .setting("consumer_timeout", limit)
            .setting("delay_levels", self.levels())
    }

    pub(super) fn levels(&self) -> DelayLevels {
        DelayLevels::new(&self.name_prefix, self.delay_levels)
    }

    /// The parsed URL, with the settings here where it has none of its own.
    pub(super) fn uri(&self) -> Result<AMQPUri> {
        if ambiguous(&self.url) {
            return Err(Error::invalid(
                "the RabbitMQ URL cannot be read: a special character in the user, password or virtual host is not percent-encoded; write `@` as %40, `#` as %23, `/` as %2F, `?` as %3F",
            ));
        }
        let mut uri: AMQPUri = self.url.parse().map_err(|error: String| {
            // This message quotes the whole URL, with its password.
            let reason = if error.starts_with("Invalid URL") { "it names no host" } else { &error };
            Error::invalid(format!(
                "the RabbitMQ URL cannot be read: {reason}; it should look like amqp://user:password@host:5672/vhost, with special characters URL-encoded"
            ))
        })?;
        if let Some(address) = ipv6(&self.url) {
            address.clone_into(&mut uri.authority.host);
        }
        if uri.vhost.is_empty() {
            "/".clone_into(&mut uri.vhost);
        }
        let heartbeat = u16::try_from(self.heartbeat.as_secs()).unwrap_or(u16::MAX).max(1);
        uri.query.heartbeat.get_or_insert(heartbeat);
        uri.query.frame_max.get_or_insert(FRAME_MAX);
        Ok(uri)
    }
}

/// The address between brackets, which lapin's URL parser drops.
fn ipv6(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split(['/', '?']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.strip_prefix('[')?.split_once(']').map(|(address, _)| address)
}

impl From<String> for RabbitMqOptions {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<&String> for RabbitMqOptions {
    fn from(url: &String) -> Self {
        Self::new(url)
    }
}

impl From<&str> for RabbitMqOptions {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl fmt::Debug for RabbitMqOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.uri().map(|uri| Endpoint::new(&uri).to_string());
        f.debug_struct("RabbitMqOptions")
            .field("endpoint", &endpoint.unwrap_or_else(|_| "unreadable URL".to_owned()))
            .field("call_timeout", &self.call_timeout)
            .field("blocked_wait", &self.blocked_wait)
            .field("heartbeat", &self.heartbeat)
            .field("connect_timeout", &self.connect_timeout)
            .field("share_connection", &self.share_connection)
            .field("publishing_connections", &self.connections)
            .field("publish_window", &self.publish_window)
            .field("root_certificates", &self.root_certificates.is_some())
            .field("connection_name", &self.connection_name)
            .field("consumer_timeout", &self.consumer_timeout)
            .field("name_prefix", &self.name_prefix)
            .field("delay_levels", &self.delay_levels)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn a_password_is_decoded_and_never_shown() {
        let options = RabbitMqOptions::new("amqps://us%40er:p%2Fa%3Ass@host.example/v%2Fh?heartbeat=7");

        let uri = options.uri().unwrap();

        assert_eq!(uri.authority.userinfo.password, "p/a:ss");
        assert_eq!((uri.vhost.as_str(), uri.query.heartbeat, uri.authority.port), ("v/h", Some(7), 5671));
        let shown = format!("{options:?} {}", Endpoint::new(&uri));
        assert!(!shown.contains("ss") || !shown.contains("p/a"), "{shown}");
        assert!(!shown.contains("p%2Fa"), "{shown}");
        assert!(shown.contains("us@er") && shown.contains("host.example"), "{shown}");
    }

    #[test]
    fn an_unreadable_url_is_refused_without_quoting_it() {
        for url in [
            "user:secret@host",
            "http://user:secret@host",
            "amqp://user:secret@host:port/",
            "amqp://user:se/secret@host/v",
            "amqp://user:12/secret@host/v",
            "amqp://user:12#secret@host/v",
            "amqp://user:12?secret@host/v",
            "amqp://user:p@secret/x@host/v",
            "",
        ] {
            let error = RabbitMqOptions::new(url).uri().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
            assert!(!format!("{:?}", RabbitMqOptions::new(url)).contains("secret"));
        }
    }

    #[test]
    fn no_virtual_host_is_the_default_one() {
        for url in ["amqp://h", "amqp://h/", "amqp://h/%2f"] {
            assert_eq!(RabbitMqOptions::new(url).uri().unwrap().vhost, "/", "{url}");
        }
        assert_eq!(RabbitMqOptions::new("amqp://h").uri().unwrap().query.heartbeat, Some(15));
    }

    #[test]
    fn the_largest_frame_is_named_unless_the_url_names_it() {
        let frame_max = |url| RabbitMqOptions::new(url).uri().unwrap().query.frame_max;

        assert_eq!(
            (frame_max("amqp://h"), frame_max("amqp://h?frame_max=4096")),
            (Some(131_072), Some(4096))
        );
    }

    #[test]
    fn an_ipv6_address_is_a_host() {
        let uri = RabbitMqOptions::new("amqp://u:p@[::1]:5673/v").uri().unwrap();

        assert_eq!((uri.authority.host.as_str(), uri.authority.port), ("::1", 5673));
    }
}
