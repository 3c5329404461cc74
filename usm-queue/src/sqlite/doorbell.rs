//! Tells other processes on the same file that something was committed: a small file beside it is touched, and the
//! operating system's file notifications wake them. Nobody polls.

use std::{
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, Instant},
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::connection::backend;
use crate::error::Result;

/// Under load rings are this far apart, so that ringing costs little; the last one is never left out.
const APART: Duration = Duration::from_millis(2);

/// The ringing side, owned by the writer.
pub(super) struct Doorbell {
    file: File,
    wanted: bool,
    last: Instant,
}

/// The listening side; listens while it lives.
pub(super) struct Listener {
    _watcher: Option<RecommendedWatcher>,
}

impl Doorbell {
    /// Makes the file `{path}-bell` and calls `rung` whenever any process touches it.
    pub(super) fn open(path: &Path, rung: impl Fn() + Send + 'static) -> Result<(Self, Listener)> {
        let mut name = path.as_os_str().to_owned();
        name.push("-bell");
        let bell = Path::new(&name);
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(bell).map_err(|error| {
                backend(
                    format!(
                        "the file {} cannot be written: check owner and rights of its folder",
                        bell.display()
                    ),
                    error,
                )
            })?;
        let listener = Listener { _watcher: listen(bell, rung) };
        Ok((Self { file, wanted: false, last: Instant::now() }, listener))
    }

    /// Something was committed that others may wait for.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// Rings if wanted, unless it just rang and `now` is false.
    pub(super) fn ring(&mut self, now: bool) {
        if !self.wanted || !(now || self.last.elapsed() >= APART) {
            return;
        }
        self.wanted = false;
        self.last = Instant::now();
        if let Err(error) = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(b".")) {
            tracing::debug!(%error, "the doorbell does not ring; other processes look by themselves, but later");
        }
    }
}

fn listen(bell: &Path, rung: impl Fn() + Send + 'static) -> Option<RecommendedWatcher> {
    let handler = move |event: notify::Result<notify::Event>| {
        if !matches!(event.map(|event| event.kind), Ok(notify::EventKind::Access(_))) {
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
