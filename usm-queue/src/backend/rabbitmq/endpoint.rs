//! Where a connection leads, as logs and errors show it: without the password.

use std::fmt;

use lapin::uri::AMQPUri;

/// Server, virtual host and user.
#[derive(Clone)]
pub(super) struct Endpoint {
    host: String,
    port: u16,
    vhost: String,
    user: String,
}

impl Endpoint {
    pub(super) fn new(uri: &AMQPUri) -> Self {
        Self {
            host: uri.authority.host.clone(),
            port: uri.authority.port,
            vhost: uri.vhost.clone(),
            user: uri.authority.userinfo.username.clone(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, vhost, user } = self;
        write!(f, "RabbitMQ at {host}:{port}, virtual host `{vhost}`, user `{user}`")
    }
}
