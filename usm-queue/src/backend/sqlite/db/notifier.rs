//! Tells other processes on the same file that something was committed: a small file beside it is written, and the
//! operating system's file notifications wake them. Nobody polls.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, Instant},
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::error::backend;
use crate::error::Result;

/// Notifications are this far apart, so that they cost little under load; the last one is never left out.
const APART: Duration = Duration::from_millis(2);
/// The file is a row of counters, one for each handle, so that a handle tells its own notifications from others'. Two handles
/// that happen to share a counter hear each other late, through the reader's look every half second.
const COUNTERS: usize = 64;
const BYTES: usize = 8;

/// The side that tells, owned by the writer.
pub(super) struct Notifier {
    file: File,
    counter: usize,
    count: u64,
    wanted: bool,
    last: Option<Instant>,
}

/// The listening side; listens while it lives.
pub(super) struct Listener {
    _watcher: Option<RecommendedWatcher>,
}

impl Notifier {
    /// Opens the file `{path}-bell` and calls `notified` whenever another handle notifies.
    pub(super) fn open(path: &Path, notified: impl Fn() + Send + 'static) -> Result<(Self, Listener)> {
        let mut name = path.as_os_str().to_owned();
        name.push("-bell");
        let bell = Path::new(&name);
        let what = |error| {
            backend(
                format!(
                    "the file {} cannot be written; check owner and rights of its folder",
                    bell.display()
                ),
                error,
            )
        };
        let open = || {
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(bell).map_err(what)
        };
        let counter = fastrand::usize(..COUNTERS);
        let listener = Listener { _watcher: listen(bell, open()?, counter, notified) };
        Ok((Self { file: open()?, counter, count: fastrand::u64(..), wanted: false, last: None }, listener))
    }

    /// Something was committed that others may wait for.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// Notifies if wanted, unless it just did. Returns how long to wait until it may notify of what is still wanted.
    pub(super) fn notify(&mut self) -> Option<Duration> {
        if !self.wanted {
            return None;
        }
        let soon = self.last.and_then(|last| APART.checked_sub(last.elapsed()));
        if soon.is_none() {
            self.notify_now();
        }
        soon
    }

    /// Notifies if wanted.
    pub(super) fn notify_now(&mut self) {
        if !std::mem::take(&mut self.wanted) {
            return;
        }
        self.last = Some(Instant::now());
        self.count = self.count.wrapping_add(1);
        let place = SeekFrom::Start((self.counter * BYTES) as u64);
        if let Err(error) = self.file.seek(place).and_then(|_| self.file.write_all(&self.count.to_le_bytes()))
        {
            tracing::debug!(%error, "other processes are not notified; they look by themselves, but later");
        }
    }
}

fn listen(
    bell: &Path,
    mut file: File,
    own: usize,
    notified: impl Fn() + Send + 'static,
) -> Option<RecommendedWatcher> {
    let mut seen = counters(&mut file, own);
    let handler = move |_event: notify::Result<notify::Event>| {
        let now = counters(&mut file, own);
        if now != seen {
            seen = now;
            notified();
        }
    };
    let watcher = notify::recommended_watcher(handler).and_then(|mut watcher| {
        watcher.watch(bell, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    watcher
        .inspect_err(|error| tracing::warn!(%error, file = %bell.display(), "no file notifications here; other processes' jobs are noticed half a second later"))
        .ok()
}

/// The others' counters.
fn counters(file: &mut File, own: usize) -> Vec<u8> {
    let mut counters = Vec::with_capacity(COUNTERS * BYTES);
    // Whatever else somebody wrote there is not read.
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.take((COUNTERS * BYTES) as u64).read_to_end(&mut counters));
    if let Err(error) = read {
        tracing::debug!(%error, "notifications of other processes cannot be read");
    }
    if let Some(own) = counters.get_mut(own * BYTES..(own + 1) * BYTES) {
        own.fill(0);
    }
    counters
}
