//! Child processes: started, listened to, signalled, and never left behind.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// How long anything may take on a busy machine before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// A running child. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    out: Arc<Heard>,
    err: Arc<Heard>,
    listeners: Vec<thread::JoinHandle<()>>,
}

/// The lines a process wrote so far.
#[derive(Debug, Default)]
struct Heard {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Process {
    /// Starts it with both outputs listened to.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let (out, out_listener) = hear(child.stdout.take().unwrap());
        let (err, err_listener) = hear(child.stderr.take().unwrap());
        Self { child, out, err, listeners: vec![out_listener, err_listener] }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the first line of its output that `wanted` takes gives, waiting for it.
    pub fn says<T>(&self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        self.out.wait(wanted).unwrap_or_else(|| {
            panic!("process {} did not say {what}; it said {:?}", self.id(), (self.lines(), self.errors()))
        })
    }

    /// Waits for a line that begins so, and returns the rest of it.
    pub fn line(&self, beginning: &str) -> String {
        self.says(beginning, |line| line.strip_prefix(beginning).map(|rest| rest.trim().to_owned()))
    }

    /// Waits for a line of its standard error that contains this.
    pub fn complains(&self, about: &str) -> String {
        let found = self.err.wait(|line| line.contains(about).then(|| line.to_owned()));
        found.unwrap_or_else(|| {
            panic!("process {} did not complain about {about}: {:?}", self.id(), self.errors())
        })
    }

    /// Waits until so many lines of its standard error contain this.
    pub fn complains_times(&self, about: &str, times: usize) {
        let counted = std::cell::Cell::new(0);
        let found = self.err.wait(|line| {
            counted.set(counted.get() + usize::from(line.contains(about)));
            (counted.get() >= times).then_some(())
        });
        assert!(
            found.is_some(),
            "process {} complained about {about} {} of {times} times: {:?}",
            self.id(),
            counted.get(),
            self.errors()
        );
    }

    /// Its output so far.
    pub fn lines(&self) -> Vec<String> {
        self.out.lines.lock().unwrap().clone()
    }

    /// Its standard error so far.
    pub fn errors(&self) -> Vec<String> {
        self.err.lines.lock().unwrap().clone()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap_or_else(|error| panic!("{signal:?} to {pid:?}: {error}"));
    }

    /// Sends a signal after a while. The process must not be waited for until that is done.
    pub fn later(&self, time: Duration, signal: Signal) -> tokio::task::JoinHandle<()> {
        let pid = Pid::from_child(&self.child);
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            kill_process(pid, signal).unwrap_or_else(|error| panic!("{signal:?} to {pid:?}: {error}"));
        })
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Kills it if it still runs, and returns all it ever said.
    pub fn last_words(mut self) -> Vec<String> {
        self.hear_out();
        self.lines()
    }

    /// As [`last_words`](Self::last_words), of its standard error.
    pub fn last_complaints(mut self) -> Vec<String> {
        self.hear_out();
        self.errors()
    }

    fn hear_out(&mut self) {
        self.kill();
        for listener in self.listeners.drain(..) {
            listener.join().unwrap();
        }
    }

    /// Waits until it is frozen by [`Signal::STOP`], every thread of it.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        let threads = format!("/proc/{}/task", self.id());
        until(PATIENCE, "the process freezes", || {
            let mut states = std::fs::read_dir(&threads).unwrap().map(|thread| {
                let stat = std::fs::read_to_string(thread.unwrap().path().join("stat")).unwrap_or_default();
                stat.rsplit_once(')').is_none_or(|(_, fields)| fields.trim_start().starts_with('T'))
            });
            states.all(|frozen| frozen).then_some(())
        });
    }

    /// Waits until it ends by itself.
    pub fn end(&mut self) -> ExitStatus {
        self.end_within(PATIENCE)
    }

    /// As [`end`](Self::end), with a deadline.
    pub fn end_within(&mut self, time: Duration) -> ExitStatus {
        until(time, "the process ends", || self.child.try_wait().unwrap())
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// A field of `/proc/PID/status` that counts kibibytes, for example `VmRSS`.
    pub fn memory_kib(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
        value.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Files and sockets it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    /// Processor time it has used, its threads included.
    pub fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        // The name, in parentheses, may contain anything; user and system time are fields 14 and 15.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        let per_second = rustix::param::clock_ticks_per_second();
        Duration::from_millis(ticks * 1000 / per_second)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let errors = self.errors();
            eprintln!("process {} complained: {:#?}", self.id(), &errors[errors.len().saturating_sub(20)..]);
        }
    }
}

fn hear(stream: impl Read + Send + 'static) -> (Arc<Heard>, thread::JoinHandle<()>) {
    let heard = Arc::new(Heard::default());
    let listener = heard.clone();
    let listening = thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        // Without a line end it is the torn last line of a killed process, which nobody may take for a whole one.
        while stream.read_until(b'\n', &mut line).is_ok_and(|_| line.ends_with(b"\n")) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            listener.lines.lock().unwrap().push(text);
            listener.more.notify_all();
        }
    });
    (heard, listening)
}

impl Heard {
    fn wait<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.lines.lock().unwrap();
        let mut read = 0;
        loop {
            if let Some(found) = lines[read..].iter().find_map(|line| wanted(line)) {
                return Some(found);
            }
            read = lines.len();
            let left = deadline.checked_duration_since(Instant::now())?;
            lines = self.more.wait_timeout(lines, left).unwrap().0;
        }
    }
}

/// What `look` returns as soon as it is `Some`.
#[expect(clippy::disallowed_methods, reason = "there is no event to wait for; the thread is the test's own")]
pub fn until<T>(time: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + time;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "within {time:?} it did not happen that {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The `queue-worker` of another commit, to be run beside that of this one; named by `USM_TEST_OLD_WORKER`.
///
/// ```text
/// git worktree add --detach ../old COMMIT
/// (cd ../old && cargo build -p usm-tests --bin queue-worker)
/// USM_TEST_OLD_WORKER=$PWD/../old/target/debug/queue-worker cargo test -p usm-tests old
/// ```
pub fn old_worker() -> Option<std::path::PathBuf> {
    let Some(program) = std::env::var_os("USM_TEST_OLD_WORKER") else {
        eprintln!("USM_TEST_OLD_WORKER names no queue-worker of another commit: THIS TEST IS LEFT OUT");
        return None;
    };
    Some(
        std::path::PathBuf::from(&program)
            .canonicalize()
            .unwrap_or_else(|error| panic!("{program:?}: {error}")),
    )
}

/// Lets one of the heavy tests run at a time: they are about timing, and the machine has few cores.
pub async fn alone() -> tokio::sync::MutexGuard<'static, ()> {
    static HEAVY: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    HEAVY.lock().await
}

/// The seed of this run's random faults, printed so that it can be repeated.
pub fn seed() -> u64 {
    let seed = match std::env::var("USM_CHAOS_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("USM_CHAOS_SEED={text} is no number")),
        Err(_) => fastrand::u64(..),
    };
    println!("repeat with USM_CHAOS_SEED={seed}");
    seed
}

/// How long the long random runs on a file last.
pub fn chaos_time() -> Duration {
    seconds("USM_CHAOS_SECONDS")
}

/// How long the soak of servers lasts.
pub fn soak_time() -> Duration {
    seconds("USM_SOAK_SECONDS")
}

fn seconds(variable: &str) -> Duration {
    let seconds = match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => 20,
    };
    Duration::from_secs(seconds)
}
