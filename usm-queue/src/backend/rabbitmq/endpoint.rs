//! Where a connection leads, for people: without the password.

use std::fmt;

use lapin::uri::AMQPUri;

/// Server, virtual host and user.
#[derive(Clone)]
pub(super) struct Place {
    host: String,
    port: u16,
    vhost: String,
    user: String,
}

impl Place {
    pub(super) fn new(uri: &AMQPUri) -> Self {
        Self {
            host: uri.authority.host.clone(),
            port: uri.authority.port,
            vhost: uri.vhost.clone(),
            user: uri.authority.userinfo.username.clone(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, vhost, user } = self;
        write!(f, "RabbitMQ at {host}:{port}, virtual host `{vhost}`, user `{user}`")
    }
}
