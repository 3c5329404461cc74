//! A server of a test's own: a free port, a folder of its own, and nothing left behind however the test ends.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::processes::until;

/// How long a server may take to start or to stop on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Waits for the end of its input, which comes when the test process ends in any way, SIGKILL included; then kills the
/// server that works in this folder and removes the folder. Process ids come around again, so it looks whose it is.
const KEEPER: &str = r#"
    trap '' INT TERM HUP
    while read -r line; do pid=$line; done
    if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$0" ]; then kill -9 "$pid"; fi
    rm -rf "$0"
"#;

/// The process of a server, and the folder it works in.
#[derive(Debug)]
pub struct Server {
    dir: TempDir,
    child: Option<Child>,
    keeper: Child,
    keepers_input: Option<ChildStdin>,
}

impl Server {
    /// A folder, and nobody in it yet.
    ///
    /// # Panics
    ///
    /// When there is no folder or shell to be had.
    #[expect(clippy::new_without_default, reason = "it starts a process")]
    pub fn new() -> Self {
        let dir = TempDir::with_prefix("usm-server-").unwrap();
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER])
            .arg(dir.path().canonicalize().unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let keepers_input = keeper.stdin.take();
        Self { dir, child: None, keeper, keepers_input }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Starts it in the folder, its output in `output`.
    ///
    /// # Panics
    ///
    /// When it cannot be started, or runs already.
    pub fn launch(&mut self, command: &mut Command) {
        assert!(!self.runs(), "it runs already");
        let output = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.file("output"))
            .expect("its output can be written");
        let child = command
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            // Ctrl-C is for the tests alone; the keeper sees to the rest.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let told = self.keepers_input.as_mut().map(|input| writeln!(input, "{}", child.id()));
        assert!(told.is_some_and(|told| told.is_ok()), "the keeper listens");
        self.child = Some(child);
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
            until(PATIENCE, "the server stops", || child.try_wait().unwrap());
        }
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Freezes it (SIGSTOP), or lets it go on.
    ///
    /// # Panics
    ///
    /// When it does not run.
    pub fn freeze(&self, frozen: bool) {
        let child = self.child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), if frozen { Signal::STOP } else { Signal::CONT }).unwrap();
    }

    /// What it wrote so far, for a failed assertion.
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.file("output")).unwrap_or_default()
    }

    /// Waits until `ready` says so.
    ///
    /// # Panics
    ///
    /// When it ends instead, or takes too long.
    pub fn wait_until(&mut self, what: &str, mut ready: impl FnMut() -> bool) {
        until(PATIENCE, what, || {
            assert!(self.runs(), "it ended before {what}: {}", self.output());
            ready().then_some(())
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        drop(self.keepers_input.take());
        let _ = self.keeper.wait();
    }
}

/// A port of this machine that nobody listens on now.
///
/// # Panics
///
/// When there is none.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// This port of this machine.
pub fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Whether the tests that need `what` can run. In CI nothing is left out.
///
/// # Panics
///
/// In CI, when it is not there.
pub fn there(what: &str, found: bool) -> bool {
    if !found {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "{what} is not installed; in CI nothing is left out");
        eprintln!("{what} is not installed: THIS TEST IS LEFT OUT");
    }
    found
}

/// Where a program is, looked for in these folders and in the search path.
pub fn program(name: &str, folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = folders.iter().map(PathBuf::from).chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> (Server, Pid) {
        let mut server = Server::new();
        server.launch(Command::new("sleep").arg("600"));
        let pid = Pid::from_child(server.child.as_ref().unwrap());
        (server, pid)
    }

    fn gone(pid: Pid) -> bool {
        // A zombie's command line is empty; it is somebody else's to wait for.
        std::fs::read_to_string(format!("/proc/{}/cmdline", pid.as_raw_nonzero()))
            .unwrap_or_default()
            .is_empty()
    }

    #[test]
    fn a_dropped_server_is_gone_and_so_is_its_folder() {
        let (server, pid) = sleeper();
        let folder = server.path().to_owned();

        drop(server);

        assert!(gone(pid) && !folder.exists());
    }

    #[test]
    fn a_server_whose_test_is_killed_is_gone_and_so_is_its_folder() {
        let (mut server, pid) = sleeper();
        let folder = server.path().to_owned();

        // What the system does with the open files of a killed process.
        drop(server.keepers_input.take());

        until(PATIENCE, "it is gone", || (gone(pid) && !folder.exists()).then_some(()));
    }
}
