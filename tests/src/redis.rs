//! A Redis of a test's own.
#![expect(clippy::expect_used, reason = "a test may panic")]

use std::{net::SocketAddr, process::Command, time::Duration};

use redis::{Client, Connection};

use crate::server::{PATIENCE, Server, free_port, local, program, there};

/// A redis-server that keeps what it is told on disk. Stopped when dropped.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    port: u16,
    options: Vec<String>,
}

impl Redis {
    /// Whether one can be started here. In CI one must.
    pub fn there() -> bool {
        there("redis-server", program("redis-server", &[]).is_some())
    }

    /// Starts one, with these options besides (`["--maxmemory", "10mb"]`).
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start(options: &[&str]) -> Self {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut redis = Self { server: Server::new(), port: free_port(), options };
        redis.launch();
        redis
    }

    /// Starts it again, on the same port, with what it has on disk.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn launch(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "yes", "--appendfsync", "everysec"]);
        self.server.launch(command.args(&self.options));
        let url = self.url();
        self.server.wait_until("Redis answers", || {
            let answer = connect(&url).and_then(|mut redis| redis::cmd("PING").query::<String>(&mut redis));
            answer.is_ok()
        });
    }

    /// Stops it in order: what it was told is on disk.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Freezes it, or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        self.server.freeze(frozen);
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        local(self.port)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        url(self.address())
    }

    /// A connection for the test's own commands.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    pub fn connect(&self) -> Connection {
        connect(&self.url()).expect("Redis answers")
    }
}

/// The URL of a Redis, or of a proxy before one.
pub fn url(address: SocketAddr) -> String {
    format!("redis://{address}/0")
}

fn connect(url: &str) -> redis::RedisResult<Connection> {
    let connection = Client::open(url)?.get_connection_with_timeout(Duration::from_secs(5))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use redis::Commands;

    use super::*;

    #[test]
    fn what_it_was_told_is_there_when_it_starts_again() {
        if !Redis::there() {
            return;
        }
        let mut redis = Redis::start(&[]);
        redis.connect().set::<_, _, ()>("key", "value").expect("it takes it");

        redis.stop();
        assert!(connect(&redis.url()).is_err());
        redis.launch();

        assert_eq!(redis.connect().get::<_, String>("key").expect("it has it"), "value");
    }
}
