//! A Redis server of a test's own.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use redis::{FromRedisValue, aio::MultiplexedConnection};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp},
    sync::{OnceCell, watch},
};
use usm_queue::{RedisOptions, backend::JobStore, testing};

/// A server on a free port that keeps nothing on disk; stopped when dropped.
pub(crate) struct Server {
    port: u16,
    arguments: Vec<String>,
    child: Option<Child>,
    dir: TempDir,
}

impl Server {
    /// `None` where no `redis-server` is installed and this is not CI.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(arguments: &[&str]) -> Option<Self> {
        Self::start_on(free_port(), arguments).await
    }

    pub(crate) async fn start_on(port: u16, arguments: &[&str]) -> Option<Self> {
        if !installed() {
            return None;
        }
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut server = Self { port, arguments, child: None, dir: TempDir::new().unwrap() };
        server.start_again().await;
        Some(server)
    }

    /// After [`stop`](Self::stop): empty, on the same port.
    pub(crate) async fn start_again(&mut self) {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &self.port.to_string(), "--dir", self.dir.path().to_str().unwrap()])
            .args(&self.arguments)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        listens(self.port).await;
    }

    /// Ends the server at once, as a crash does; nothing is kept.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Options that do not make a test wait.
    pub(crate) fn options(&self) -> RedisOptions {
        RedisOptions::new(self.url()).check_interval(Duration::from_millis(200))
    }

    /// How often the server was given this command; all commands for ``.
    pub(crate) async fn calls(&self, command: &str) -> u64 {
        let stats: String = self.raw().await.run("INFO commandstats").await;
        let of = |line: &str| {
            let (name, counts) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            // What asking takes, and what scripts do.
            let asked = !["info", "client|setinfo", "select", "hello"].contains(&name);
            let wanted = if command.is_empty() { asked } else { name == command };
            wanted.then(|| counts.split(',').next()?.parse::<u64>().ok()).flatten()
        };
        stats.lines().filter_map(of).sum()
    }

    pub(crate) async fn store(&self) -> Arc<dyn JobStore> {
        testing::redis_store(self.options()).await.unwrap()
    }

    pub(crate) async fn raw(&self) -> Raw {
        Raw::connect(&self.url()).await
    }
}

fn installed() -> bool {
    let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found && std::env::var_os("CI").is_none() {
        eprintln!("SKIPPED, no redis-server in the path");
        return false;
    }
    true
}

async fn listens(port: u16) {
    testing::eventually("the server listens", async || TcpStream::connect(("127.0.0.1", port)).await.ok())
        .await;
}

/// The address of a server for all tests of this process that leave it in peace; it ends when the process does, however
/// that is. `None` where none is installed and this is not CI.
pub(super) async fn of_this_process() -> Option<String> {
    /// Its input ends with the process that holds the other side.
    const KEEPER: &str = r#"redis-server "$@" </dev/null >/dev/null & cat >/dev/null; kill -9 $!"#;
    static PORT: OnceCell<Option<(u16, Child)>> = OnceCell::const_new();
    let started = PORT.get_or_init(async || {
        let port = free_port();
        let keeper = installed().then(|| {
            Command::new("sh")
                .args([
                    "-c",
                    KEEPER,
                    "redis-server",
                    "--bind",
                    "127.0.0.1",
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                ])
                .args(["--port", &port.to_string(), "--dir", std::env::temp_dir().to_str().unwrap()])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap()
        })?;
        listens(port).await;
        Some((port, keeper))
    });
    started.await.as_ref().map(|(port, _)| format!("redis://127.0.0.1:{port}"))
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A connection for commands as another program would send them.
pub(crate) struct Raw(MultiplexedConnection);

impl Raw {
    pub(crate) async fn connect(url: &str) -> Self {
        let client = redis::Client::open(url).unwrap();
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(testing::PATIENCE));
        Self(client.get_multiplexed_async_connection_with_config(&config).await.unwrap())
    }

    /// Words apart by spaces.
    pub(crate) async fn run<T: FromRedisValue>(&mut self, command: &str) -> T {
        self.run_args(&command.split(' ').collect::<Vec<_>>()).await
    }

    pub(crate) async fn run_bytes(&mut self, words: Vec<Vec<u8>>) {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.exec_async(&mut self.0).await.unwrap();
    }

    pub(crate) async fn run_args<T: FromRedisValue>(&mut self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut self.0).await.unwrap()
    }
}

/// A way to a server on which answers get lost.
pub(crate) struct Front {
    address: String,
    muted: watch::Sender<bool>,
}

impl Front {
    pub(crate) async fn before(server: &Server) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (muted, is_muted) = watch::channel(false);
        let back = server.address();
        drop(tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(redis) = TcpStream::connect(&back).await else { continue };
                let ((from_client, to_client), (from_redis, to_redis)) =
                    (client.into_split(), redis.into_split());
                drop(tokio::spawn(pass(from_client, to_redis, None)));
                drop(tokio::spawn(pass(from_redis, to_client, Some(is_muted.clone()))));
            }
        }));
        Self { address, muted }
    }

    pub(crate) fn options(&self) -> RedisOptions {
        RedisOptions::new(format!("redis://{}", self.address))
    }

    /// Redis receives everything and its answers go nowhere; connections that lost one stay so.
    pub(crate) fn mute(&self, muted: bool) {
        self.muted.send_replace(muted);
    }
}

async fn pass(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    muted: Option<watch::Receiver<bool>>,
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut dead = false;
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        dead |= muted.as_ref().is_some_and(|muted| *muted.borrow());
        if !dead && to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
