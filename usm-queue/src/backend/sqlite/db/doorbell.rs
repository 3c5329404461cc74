//! Tells other processes on the same file that something was committed: a small file beside it is written, and the
//! operating system's file notifications wake them. Nobody polls.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, Instant},
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::connection::backend;
use crate::error::Result;

/// Rings are this far apart, so that ringing costs little under load; the last one is never left out.
const APART: Duration = Duration::from_millis(2);
/// The file is a row of counters, one for each handle, so that a handle tells its own rings from others'. Two handles
/// that happen to share a counter hear each other late, through the reader's look every half second.
const COUNTERS: usize = 64;
const BYTES: usize = 8;

/// The ringing side, owned by the writer.
pub(super) struct Doorbell {
    file: File,
    counter: usize,
    rings: u64,
    wanted: bool,
    last: Option<Instant>,
}

/// The listening side; listens while it lives.
pub(super) struct Listener {
    _watcher: Option<RecommendedWatcher>,
}

impl Doorbell {
    /// Opens the file `{path}-bell` and calls `rung` whenever another handle rings.
    pub(super) fn open(path: &Path, rung: impl Fn() + Send + 'static) -> Result<(Self, Listener)> {
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
        let listener = Listener { _watcher: listen(bell, open()?, counter, rung) };
        Ok((Self { file: open()?, counter, rings: fastrand::u64(..), wanted: false, last: None }, listener))
    }

    /// Something was committed that others may wait for.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// Rings if wanted, unless it just rang. Tells how long to wait until it may ring for what is still wanted.
    pub(super) fn ring(&mut self) -> Option<Duration> {
        if !self.wanted {
            return None;
        }
        let soon = self.last.and_then(|last| APART.checked_sub(last.elapsed()));
        if soon.is_none() {
            self.ring_now();
        }
        soon
    }

    /// Rings if wanted.
    pub(super) fn ring_now(&mut self) {
        if !std::mem::take(&mut self.wanted) {
            return;
        }
        self.last = Some(Instant::now());
        self.rings = self.rings.wrapping_add(1);
        let place = SeekFrom::Start((self.counter * BYTES) as u64);
        if let Err(error) = self.file.seek(place).and_then(|_| self.file.write_all(&self.rings.to_le_bytes()))
        {
            tracing::debug!(%error, "the doorbell does not ring; other processes look by themselves, but later");
        }
    }
}

fn listen(
    bell: &Path,
    mut file: File,
    own: usize,
    rung: impl Fn() + Send + 'static,
) -> Option<RecommendedWatcher> {
    let mut seen = counters(&mut file, own);
    let handler = move |_event: notify::Result<notify::Event>| {
        let now = counters(&mut file, own);
        if now != seen {
            seen = now;
            rung();
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
        tracing::debug!(%error, "the doorbell cannot be read");
    }
    if let Some(own) = counters.get_mut(own * BYTES..(own + 1) * BYTES) {
        own.fill(0);
    }
    counters
}
