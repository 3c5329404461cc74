//! A directory of its own for each test, and the real binary in it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines},
    process::{Child, Command},
    time::timeout,
};
use usm_app::{app::App, config::Config};

/// Nothing here takes that long; what does, hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const RUSSIAN: &str = include_str!("../../../examples/requirements/food-delivery.ru.md");
pub(crate) const ENGLISH: &str = include_str!("../../../examples/requirements/library.en.md");

/// A directory with the settings of one test; it is the working directory, so that no `.env` is found.
pub(crate) struct Place {
    dir: TempDir,
    settings: Vec<(String, String)>,
}

/// What a finished command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data").display().to_string();
        Self { dir, settings: vec![("USM_DATA_DIR".to_owned(), data)] }
    }

    /// With one more setting.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.into()));
        self
    }

    /// With an AI service that wants no key.
    pub(crate) fn with_ai(self, base_url: String) -> Self {
        self.with("OPENAI_BASE_URL", base_url).with("OPENAI_MODEL", "fake-model")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The same settings in this process.
    pub(crate) async fn app(&self) -> App {
        let lookup = |name: &str| {
            self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        App::open(Config::from_lookup(lookup).unwrap()).await.unwrap()
    }

    /// The command with nothing of this process's environment.
    pub(crate) fn usm(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usm"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, args: &[&str]) -> Said {
        self.run_on(args, "").await
    }

    /// With this on standard input.
    pub(crate) async fn run_on(&self, args: &[&str], input: &str) -> Said {
        let mut child = self.usm(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let write = async {
            // A command that does not read its input has closed it.
            drop(stdin.write_all(input.as_bytes()).await);
            drop(stdin);
        };
        let ended = async { tokio::join!(write, child.wait_with_output()).1.unwrap() };
        let output = timeout(PATIENCE, ended).await.expect("the command did not end");
        Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut child = self.usm(args).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Running { child, out, err }
    }
}

/// A command under way.
pub(crate) struct Running {
    child: Child,
    out: Lines<BufReader<tokio::process::ChildStdout>>,
    err: Lines<BufReader<tokio::process::ChildStderr>>,
}

impl Running {
    /// How the names of this process's workers begin.
    pub(crate) fn worker_name(&self) -> String {
        format!("{}-", self.child.id().expect("it runs"))
    }

    /// The next line of standard output that contains `part`.
    pub(crate) async fn out_line(&mut self, part: &str) -> String {
        line_with(&mut self.out, part).await
    }

    /// The next line of standard error that contains `part`.
    pub(crate) async fn err_line(&mut self, part: &str) -> String {
        line_with(&mut self.err, part).await
    }

    /// Sends a signal, such as `INT`.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([format!("-{name}"), id]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Its exit code and the rest of standard error.
    pub(crate) async fn ended(mut self) -> (Option<i32>, String) {
        let rest = async {
            let mut rest = String::new();
            while let Some(line) = self.err.next_line().await.unwrap() {
                rest += &line;
                rest.push('\n');
            }
            (self.child.wait().await.unwrap().code(), rest)
        };
        timeout(PATIENCE, rest).await.expect("the command did not end")
    }
}

async fn line_with(lines: &mut Lines<BufReader<impl AsyncRead + Unpin>>, part: &str) -> String {
    let found = async {
        let mut seen = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(part) {
                return line;
            }
            seen += &line;
            seen.push('\n');
        }
        panic!("it ended without saying `{part}`, but:\n{seen}");
    };
    timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("it never said `{part}`"))
}

/// Every line as an event.
pub(crate) fn events(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

/// Waits for something in this process; nothing here takes long.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it took too long")
}

/// The bytes of a file, if there is one.
pub(crate) fn bytes(path: &Path) -> Option<Vec<u8>> {
    std::fs::read(path).ok()
}
