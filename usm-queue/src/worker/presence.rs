//! Tells others that a worker lives and what it does, and hears what operators want.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior};
use uuid::Uuid;

use super::{shared::Shared, steering::Steering};
use crate::{
    backend::WorkerInfo,
    clock,
    error::{Error, ErrorKind, Result, chain},
};

/// Between two heartbeats of a worker that runs jobs, at most and at least; a third of its lease in between.
const BEAT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// Of one that has none: hosted stores count commands.
const IDLE_BEAT: Duration = Duration::from_secs(60);
/// A worker counts as gone after so many that did not come.
const MISSED: u32 = 3;
/// Running jobs that are named.
const MOST_NAMED: usize = 100;
/// How long a worker that has ended tries to say so.
const GOODBYE: Duration = Duration::from_millis(500);

/// What a worker tells of itself that does not change.
pub(super) fn introduce(
    name: &str,
    version: Option<String>,
    tasks: Vec<String>,
    steering: &Steering,
) -> WorkerInfo {
    let now = clock::now();
    WorkerInfo {
        id: Uuid::now_v7().to_string(),
        name: name.to_owned(),
        host: host(),
        process_id: std::process::id(),
        version,
        library_version: env!("CARGO_PKG_VERSION").to_owned(),
        tasks,
        queues: steering.queues(),
        running: Vec::new(),
        running_count: 0,
        started_at: now,
        heartbeat_at: now,
    }
}

fn host() -> Option<String> {
    let by_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = by_kernel
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

impl<S> Shared<S> {
    /// Returns only when that cannot work any more, with the reason.
    pub(super) async fn keep_presence(self: Arc<Self>, mut info: WorkerInfo) -> Error {
        let beat = (self.lease / 3).clamp(BEAT.0, BEAT.1);
        let mut hints = self.queue.store().control_changes();
        let mut tick = tokio::time::interval(beat);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last: Option<Instant> = None;
        let mut failing = false;
        loop {
            let hinted = tokio::select! {
                _ = tick.tick() => false,
                changed = hints.changed() => match changed {
                    Ok(()) => true,
                    // The store is closing; the next call tells.
                    Err(_) => { tick.tick().await; true }
                },
            };
            let was_idle = info.running_count == 0;
            self.note_running(&mut info);
            let is_idle = was_idle && info.running_count == 0;
            if is_idle && !hinted && last.is_some_and(|last| last.elapsed() < IDLE_BEAT) {
                continue;
            }
            let lifetime = MISSED * if info.running_count == 0 { IDLE_BEAT } else { beat };
            match self.beat(&info, lifetime).await {
                Ok(()) => {
                    (last, failing) = (Some(Instant::now()), false);
                    if info.queues != self.steering.queues() {
                        // Others see what it has just heard.
                        hints.mark_changed();
                    }
                }
                Err(error) if error.kind() == ErrorKind::Closed => return error,
                Err(error) => {
                    self.say_unsteered(&error);
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(
                            error = chain(&error),
                            "the worker cannot give a sign of life; trying again until it works"
                        );
                    }
                    last = None;
                }
            }
        }
    }

    async fn beat(&self, info: &WorkerInfo, lifetime: Duration) -> Result<()> {
        let controls = self.queue.store().heartbeat(info, lifetime).await?;
        self.steering.apply(&controls);
        Ok(())
    }

    fn note_running(&self, info: &mut WorkerInfo) {
        let mut running: Vec<_> = self.running().keys().map(|lease| lease.id).collect();
        info.running_count = running.len();
        running.sort_unstable();
        running.truncate(MOST_NAMED);
        info.running = running;
        info.queues = self.steering.queues();
        info.heartbeat_at = clock::now();
    }

    /// Nothing is taken before it is known what operators want.
    fn say_unsteered(&self, error: &Error) {
        if !self.steering.is_known() {
            let why = format!("the job store does not tell what operators want: {}", chain(error));
            self.steering.names().for_each(|queue| self.health.lost(queue, &why));
        }
    }

    /// Takes the worker off the list.
    pub(super) async fn leave(&self, id: &str) {
        let left = tokio::time::timeout(GOODBYE, self.queue.store().retire(id)).await;
        if !matches!(left, Ok(Ok(()))) {
            tracing::debug!("the worker stays on the list until it counts as gone");
        }
    }
}
