//! A Redis of a test's own.
#![expect(clippy::expect_used, reason = "a test may panic")]

use std::{fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use redis::{Client, Connection};

use crate::server::{PATIENCE, Server, free_port, local, program, there};

/// Where it keeps what it is told.
const ON_DISK: &str = "appendonlydir";
const ASIDE: &str = "aside";

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

    /// Puts aside what it has on disk now, for [`set_back`](Self::set_back).
    pub fn snapshot(&self) {
        copy(&self.server.file(ON_DISK), &self.server.file(ASIDE));
    }

    /// `kill -9`, and starts it with what was put aside last: it is older than it was.
    pub fn set_back(&mut self) {
        self.kill();
        copy(&self.server.file(ASIDE), &self.server.file(ON_DISK));
        self.launch();
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

/// Makes the folder `to` a copy of `from`.
fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).expect("it can be removed");
    }
    fs::create_dir(to).expect("it can be made");
    for file in fs::read_dir(from).expect("it can be read") {
        let file = file.expect("it can be read");
        fs::copy(file.path(), to.join(file.file_name())).expect("it can be copied");
    }
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

    #[test]
    fn what_it_was_told_after_a_snapshot_is_gone_when_it_is_set_back() {
        if !Redis::there() {
            return;
        }
        let mut redis = Redis::start(&["--appendfsync", "always"]);
        redis.connect().set::<_, _, ()>("key", "before").expect("it takes it");
        redis.snapshot();
        redis.connect().set::<_, _, ()>("key", "after").expect("it takes it");

        redis.set_back();

        assert_eq!(redis.connect().get::<_, String>("key").expect("it has it"), "before");
    }
}
