//! Settings of the job store on Redis.

use std::{fmt, time::Duration};

use redis::{
    ConnectionInfo, IntoConnectionInfo,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};

use crate::{
    backend::url::ambiguous,
    error::{Error, Result},
};

/// Settings of the job store on Redis 6.2 or later: one server, or one with replicas behind one address; no cluster.
///
/// ```
/// # use std::time::Duration;
/// use usm_queue::RedisOptions;
///
/// let options = RedisOptions::new("redis://127.0.0.1:6379/0").keep_ended(Duration::from_secs(24 * 3600));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisOptions {
    url: String,
    /// What every key and channel begins with, so that two applications may share one database: `shop:` makes
    /// `shop:job:{id}`. Services that read `job:{id}` as in the guide need it empty, which is the default.
    pub key_prefix: String,
    /// How long the record of an ended job is kept. Default 1 hour, as in the guide.
    pub keep_ended: Duration,
    /// How long the record of a job that has not ended is kept after its last change, and at least until `keep_ended`
    /// after its next attempt is due. Default 7 days: an accepted job stays visible while its message waits.
    pub keep_unfinished: Duration,
    /// How long any call waits for Redis before it fails as `Unavailable`, 1 hour at most. Default 2 s.
    pub response_timeout: Duration,
    /// How long one attempt to connect takes at most, 1 hour at most. Default 2 s.
    pub connect_timeout: Duration,
    /// How often records of watched jobs are read that another service may change without publishing it: those that no
    /// worker of this library holds. One command reads 500 of them; there is none while nobody watches. Every fifteenth time
    /// all watched records are read, to notice those that are gone. Default 1 s, 1 day at most.
    pub check_interval: Duration,
    /// How often the subscription connection is pinged while nobody watches a job, in addition to TCP's own keep-alive. An
    /// idle process sends nothing else but a heartbeat a minute for each worker. Default 5 minutes, which is 288 commands a day; 1 day at most.
    pub ping_interval: Duration,
}

impl RedisOptions {
    /// The server at `redis://[user:password@]host[:port][/database]`, or `rediss://…` for TLS with the system's roots.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            key_prefix: String::new(),
            keep_ended: Duration::from_secs(3600),
            keep_unfinished: Duration::from_secs(7 * 24 * 3600),
            response_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(2),
            check_interval: Duration::from_secs(1),
            ping_interval: Duration::from_secs(300),
        }
    }

    /// Sets what every key and channel begins with.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// Sets how long the record of an ended job is kept; 1 s at least.
    pub fn keep_ended(mut self, keep: Duration) -> Self {
        self.keep_ended = keep.max(Duration::from_secs(1));
        self
    }

    /// Sets how long the record of a job that has not ended is kept after its last change; 1 s at least. It must be longer
    /// than a message may wait in its queue.
    pub fn keep_unfinished(mut self, keep: Duration) -> Self {
        self.keep_unfinished = keep.max(Duration::from_secs(1));
        self
    }

    /// Sets how long any call waits for Redis; 10 ms at least.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout.max(Duration::from_millis(10));
        self
    }

    /// Sets how long one attempt to connect takes at most; 10 ms at least.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.max(Duration::from_millis(10));
        self
    }

    /// Sets how often records of watched jobs are read that another service may change; 50 ms at least.
    pub fn check_interval(mut self, interval: Duration) -> Self {
        self.check_interval = interval.max(Duration::from_millis(50));
        self
    }

    /// Sets how often an idle subscription connection is pinged; 50 ms at least.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = interval.max(Duration::from_millis(50));
        self
    }

    /// The user that the URL names.
    pub(super) fn user(&self) -> String {
        let user =
            self.server().ok().and_then(|server| server.redis_settings().username().map(str::to_owned));
        user.filter(|user| !user.is_empty()).unwrap_or_else(|| "default".to_owned())
    }

    /// The same options, with intervals and timeouts within their limits.
    pub(super) fn within_bounds(self) -> Self {
        let (short, hour, day) =
            (Duration::from_millis(10), Duration::from_secs(3600), Duration::from_secs(24 * 3600));
        Self {
            response_timeout: self.response_timeout.clamp(short, hour),
            connect_timeout: self.connect_timeout.clamp(short, hour),
            check_interval: self.check_interval.clamp(5 * short, day),
            ping_interval: self.ping_interval.clamp(5 * short, day),
            ..self
        }
    }

    /// Where and how to connect.
    pub(super) fn server(&self) -> Result<ConnectionInfo> {
        // The source is dropped: it may quote the URL, which may hold a password.
        let info = self.url.as_str().into_connection_info().ok().filter(|_| !ambiguous(&self.url));
        let info = info.ok_or_else(|| {
            Error::invalid(
                "the Redis URL cannot be read; write it as redis://[user:password@]host[:port][/database], or rediss:// for TLS, with special characters of user and password percent-encoded: @ as %40, # as %23, / as %2F, ? as %3F, : as %3A",
            )
        })?;
        // So that a connection whose other end is gone is noticed without sending commands.
        let keep_alive =
            TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
        Ok(info.set_tcp_settings(TcpSettings::default().set_nodelay(true).set_keepalive(keep_alive)))
    }
}

impl From<String> for RedisOptions {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<&String> for RedisOptions {
    fn from(url: &String) -> Self {
        Self::new(url)
    }
}

impl From<&str> for RedisOptions {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.server().map(|server| server.addr().to_string());
        f.debug_struct("RedisOptions")
            .field("server", &server.as_deref().unwrap_or("unreadable URL"))
            .field("key_prefix", &self.key_prefix)
            .field("keep_ended", &self.keep_ended)
            .field("keep_unfinished", &self.keep_unfinished)
            .field("response_timeout", &self.response_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("check_interval", &self.check_interval)
            .field("ping_interval", &self.ping_interval)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::error::chain;

    #[test]
    fn a_password_is_shown_nowhere() {
        let good = RedisOptions::new("redis://user:hunter2@localhost:6380/3");
        assert_eq!(good.server().unwrap().addr().to_string(), "localhost:6380");
        assert!(format!("{good:?}").contains("localhost:6380"));
        for url in [
            "redis://user:hunter2@local host:6380",
            "hunter2",
            "redis://:hunter2@host:port",
            "redis://hunter2:12#34@host",
            "redis://:12/hunter2@host",
            "redis://u:12?hunter2@host/0",
        ] {
            let options = RedisOptions::new(url);
            assert!(!chain(&options.server().unwrap_err()).contains("hunter2"), "{url}");
            assert!(!format!("{options:?}").contains("hunter2"), "{url}");
        }
    }

    /// Not even a part of it, when it holds characters that end a part of a URL.
    #[test]
    fn a_password_that_is_not_percent_encoded_is_not_shown_in_part() {
        for cut in ["#", "/", "?", "/#", "@/", "#@", ":#"] {
            for url in
                [format!("redis://user:hun{cut}ter@host:6380/1"), format!("redis://hun{cut}ter@host:6380")]
            {
                let options = RedisOptions::new(&url);
                let error = chain(&options.server().unwrap_err());
                assert!(error.contains("percent-encoded"), "{error}");
                for shown in [error, format!("{options:?}")] {
                    assert!(!shown.contains("hun") && !shown.contains("ter@"), "{url}: {shown}");
                }
            }
        }
        // A URL that is still unambiguous is accepted.
        let options = RedisOptions::new("redis://user:hun@ter@host:6380");
        let server = options.server().unwrap();
        assert_eq!(server.redis_settings().password(), Some("hun@ter"));
        assert!(!format!("{options:?}").contains("hun"));
    }

    #[test]
    fn an_idle_process_needs_few_commands() {
        let day = Duration::from_secs(24 * 3600);
        let pings = day.as_secs() / RedisOptions::new("redis://localhost").ping_interval.as_secs();
        assert!(pings <= 300, "{pings}, of 2,000 for everything");
    }
}
