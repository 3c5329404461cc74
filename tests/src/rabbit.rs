//! A RabbitMQ of a test's own: its own node, port, data and cookie.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::server::{Server, free_port, local, program, there};

/// Where Debian keeps the scripts that do not insist on a user.
const FOLDERS: [&str; 1] = ["/usr/lib/rabbitmq/bin"];

/// The ack timeout of a broker nobody configured.
pub const CONSUMER_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A RabbitMQ node. Stopped when dropped.
#[derive(Debug)]
pub struct Rabbit {
    server: Server,
    node: String,
    port: u16,
    distribution_port: u16,
}

impl Rabbit {
    /// Whether one can be started here. In CI one must.
    pub fn there() -> bool {
        there("rabbitmq-server", program("rabbitmq-server", &FOLDERS).is_some())
    }

    /// Starts one; takes 5 to 10 seconds.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let node = format!("usm-{}-{}@localhost", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut rabbit =
            Self { server: Server::new(), node, port: free_port(), distribution_port: free_port() };
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\nlog.console = false\nlog.file = broker.log\n\
             # A test's own disk alarm is not this machine's.\ndisk_free_limit.absolute = 1MB\n",
            rabbit.port
        );
        fs::write(rabbit.server.file("rabbitmq.conf"), config).unwrap();
        // How soon what a full queue refused after its delay is tried again: three minutes otherwise.
        let advanced = "[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 10000}]}].\n";
        fs::write(rabbit.server.file("advanced.config"), advanced).unwrap();
        fs::write(rabbit.server.file("enabled_plugins"), "[].\n").unwrap();
        rabbit.launch();
        rabbit
    }

    /// Starts it again, on the same port, with what it has on disk.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn launch(&mut self) {
        let mut command = self.command("rabbitmq-server");
        // Otherwise a shell stands between it and our signals.
        command.env("RUNNING_UNDER_SYSTEMD", "true");
        self.server.launch(&mut command);
        let address = self.address();
        self.server.wait_until("RabbitMQ answers", || greets(address));
    }

    /// Stops it in order.
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

    /// Its URL for this virtual host.
    pub fn url(&self, vhost: &str) -> String {
        url(self.address(), vhost)
    }

    /// `rabbitmqctl` against this node; returns what it prints.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn control(&self, arguments: &[&str]) -> String {
        let mut command = self.command("rabbitmqctl");
        let output = command.args(["--silent", "--node", &self.node]).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "rabbitmqctl {arguments:?}: {text} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    /// A new virtual host, so that tests on one broker do not meet.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub fn new_vhost(&self) -> String {
        let name = format!("test-{:08x}", fastrand::u32(..));
        // One call: each start of rabbitmqctl costs more than what it does.
        let program = format!(
            r#"rabbit_vhost:add(<<"{name}">>, <<"test">>),
               rabbit_auth_backend_internal:set_permissions(
                   <<"guest">>, <<"{name}">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>)."#
        );
        self.control(&["eval", &program]);
        name
    }

    /// Puts the whole broker under the memory alarm, or ends it.
    pub fn memory_alarm(&self, on: bool) {
        self.control(&["set_vm_memory_high_watermark", if on { "0.0000001" } else { "0.4" }]);
    }

    /// How long channels opened from now on may leave a delivery unsettled; looked at every second.
    pub fn consumer_timeout(&self, time: Duration) {
        let program = format!(
            "application:set_env(rabbit, consumer_timeout, {}), application:set_env(rabbit, channel_tick_interval, 1000).",
            time.as_millis()
        );
        self.control(&["eval", &program]);
    }

    /// Closes every connection, as an operator does.
    pub fn close_connections(&self) {
        self.control(&["close_all_connections", "--global", "test"]);
    }

    /// Queues of a virtual host, each with these columns, tab-separated.
    pub fn queues(&self, vhost: &str, columns: &[&str]) -> Vec<Vec<String>> {
        let printed = self.control(&[&["--no-table-headers", "-p", vhost, "list_queues"], columns].concat());
        printed.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    /// The end of its log, for a failed assertion.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.server.file("log").join("broker.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    fn command(&self, name: &str) -> Command {
        let program = program(name, &FOLDERS).expect("RabbitMQ is installed");
        let file = |name: &str| -> PathBuf { self.server.file(name) };
        let mut command = Command::new(program);
        command
            .current_dir(self.server.path())
            // The cookie is kept there.
            .env("HOME", self.server.path())
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", file("advanced.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", file("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", file("mnesia"))
            .env("RABBITMQ_LOG_BASE", file("log"))
            .env("RABBITMQ_NODENAME", &self.node)
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("RABBITMQ_NODE_PORT");
        command
    }
}

/// The URL of this virtual host of a broker, or of a proxy before one.
pub fn url(address: SocketAddr, vhost: &str) -> String {
    format!("amqp://guest:guest@{address}/{}", vhost.replace('/', "%2f"))
}

/// Whether somebody there speaks AMQP.
fn greets(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut first = [0];
    // The first frame of a greeting is a method frame.
    stream.write_all(b"AMQP\x00\x00\x09\x01").and_then(|()| stream.read_exact(&mut first)).is_ok()
        && first == [1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_keeps_is_there_when_it_starts_again_after_a_kill() {
        if !Rabbit::there() {
            return;
        }
        let mut rabbit = Rabbit::start();
        let vhost = rabbit.new_vhost();

        rabbit.kill();
        assert!(!greets(rabbit.address()));
        rabbit.launch();

        assert!(rabbit.control(&["list_vhosts"]).lines().any(|line| line == vhost), "{}", rabbit.log());
        rabbit.memory_alarm(true);
        assert!(rabbit.control(&["eval", "rabbit_alarm:get_alarms()."]).contains("memory"));
        rabbit.memory_alarm(false);
        rabbit.stop();
        assert!(!greets(rabbit.address()));
    }
}
