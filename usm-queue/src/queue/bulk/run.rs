//! Carries an action on many jobs through, in one process at a time.

use std::{num::NonZeroU32, sync::Weak, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::{BulkState, apply::apply, report::Stored};
use crate::{
    backend::{Cursor, Expect, JobPage},
    backoff::Backoff,
    error::{Error, ErrorKind, Result, chain},
    queue::{Inner, TaskQueue},
};

/// How long a process may be silent before another takes its action over.
const LEASE: Duration = if cfg!(test) { Duration::from_secs(2) } else { Duration::from_secs(30) };
/// How often the lease is renewed at least.
const RENEW: Duration = if cfg!(test) { Duration::from_millis(600) } else { Duration::from_secs(10) };
/// How often actions are looked for whose process ended: hosted stores count commands.
const RESUME: Duration = if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(600) };
/// How often an action is saved, and so how soon it hears that it is aborted.
const SAVE: Duration = Duration::from_millis(500);
/// Jobs read at a time.
const PAGE: usize = 100;

/// Takes over actions whose process ended, for as long as it is polled.
pub(super) async fn resume(queue: Weak<Inner>) {
    // At first soon: who restarts goes on with what the process before it began.
    let mut pause = LEASE;
    loop {
        // Not by all processes at the same time.
        tokio::time::sleep(pause.mul_f64(1.0 + fastrand::f64() / 4.0)).await;
        pause = RESUME;
        let Some(inner) = queue.upgrade() else { return };
        match resume_once(&TaskQueue { inner, trace_of: None }).await {
            Err(error) if error.kind() == ErrorKind::Closed => return,
            Err(error) => {
                tracing::debug!(
                    error = chain(&error),
                    "actions on many jobs are not looked for; the next time"
                );
            }
            Ok(()) => {}
        }
    }
}

async fn resume_once(queue: &TaskQueue) -> Result<()> {
    for stored in Stored::all(queue.store()).await? {
        if stored.report.state == BulkState::Running
            && let Some(runner) = Runner::take(queue, stored).await?
        {
            tracing::info!(bulk.id = %runner.stored.report.id, "an action on many jobs goes on here");
            queue.spawn(runner.run());
        }
    }
    Ok(())
}

/// The right to carry one action through.
pub(super) struct Runner {
    queue: TaskQueue,
    stored: Stored,
    /// Version of the note that is the lease.
    lease: u64,
    renewed: Instant,
    saved: Instant,
}

/// Why a runner stops before the end.
enum Stopped {
    /// Another process has taken over, or somebody aborted the action, or the queue is closed.
    Over,
    Error(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        if error.kind() == ErrorKind::Closed { Self::Over } else { Self::Error(error) }
    }
}

impl Runner {
    /// `None` where another process has the right.
    pub(super) async fn take(queue: &TaskQueue, stored: Stored) -> Result<Option<Self>> {
        let key = lease_key(&stored);
        let taken = queue.store().put_note(&key, Value::Null, Expect::Absent, Some(LEASE)).await?;
        let Some(lease) = taken else { return Ok(None) };
        // What was read before may be old by now.
        let stored = Stored::get(queue.store(), stored.report.id).await?;
        let now = Instant::now();
        Ok(Some(Self { queue: queue.clone(), stored, lease, renewed: now, saved: now }))
    }

    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::of_writes();
        loop {
            match self.run_once(&mut backoff).await {
                Ok(()) | Err(Stopped::Over) => break,
                Err(Stopped::Error(error)) => {
                    tracing::warn!(bulk.id = %self.stored.report.id, error = chain(&error), "an action on many jobs cannot go on now; trying again");
                    tokio::time::sleep(backoff.pause()).await;
                }
            }
        }
        let expect = Expect::Version(self.lease);
        if let Err(error) = self.queue.store().remove_note(&lease_key(&self.stored), expect).await {
            tracing::debug!(error = chain(&error), "the lease of an action on many jobs lapses by itself");
        }
    }

    /// Goes on from the cursor to the end.
    async fn run_once(&mut self, backoff: &mut Backoff) -> Result<(), Stopped> {
        // Also one that cannot go on shows signs of life, and hears that it is aborted.
        self.save_now_and_then().await?;
        let mut tick = ticks(self.stored.report.per_second);
        while self.stored.report.state == BulkState::Running {
            let page = self.page().await?;
            for job in &page.jobs {
                self.turn(tick.as_mut()).await?;
                let acted = apply(&self.queue, self.stored.report.action, job).await;
                if let Err(error) = &acted
                    && matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Closed)
                {
                    return Err(error.clone().into());
                }
                backoff.reset();
                self.stored.report.count(job.id, acted);
                self.stored.report.cursor = Some(Cursor::of(job));
                self.save_now_and_then().await?;
            }
            match page.next {
                Some(next) => self.stored.report.cursor = Some(next),
                None => self.stored.report.state = BulkState::Done,
            }
            self.save_now_and_then().await?;
        }
        self.save().await
    }

    async fn page(&self) -> Result<JobPage> {
        let mut filter = self.stored.report.filter.clone();
        (filter.limit, filter.after) = (PAGE, self.stored.report.cursor);
        self.queue.jobs(&filter).await
    }

    /// Waits for the next job's turn, and shows signs of life meanwhile.
    async fn turn(&mut self, tick: Option<&mut Interval>) -> Result<(), Stopped> {
        let Some(tick) = tick else { return Ok(()) };
        loop {
            tokio::select! {
                biased;
                _ = tick.tick() => return Ok(()),
                () = tokio::time::sleep(SAVE) => self.save_now_and_then().await?,
            }
        }
    }

    async fn save_now_and_then(&mut self) -> Result<(), Stopped> {
        if self.saved.elapsed() >= SAVE { self.save().await } else { Ok(()) }
    }

    /// Saves how far it is, and renews the lease.
    async fn save(&mut self) -> Result<(), Stopped> {
        let store = self.queue.store();
        if self.renewed.elapsed() >= RENEW {
            let expect = Expect::Version(self.lease);
            let renewed = store.put_note(&lease_key(&self.stored), Value::Null, expect, Some(LEASE)).await?;
            self.lease = renewed.ok_or(Stopped::Over)?;
            self.renewed = Instant::now();
        }
        if !self.stored.save(store).await? {
            // Only the holder of the lease and who aborts it write it.
            let newer = Stored::get(store, self.stored.report.id).await?;
            if newer.report.state == BulkState::Running {
                return Err(Stopped::Over);
            }
            self.stored.abort_as(newer);
            self.stored.save(store).await?;
            return Err(Stopped::Over);
        }
        self.saved = Instant::now();
        Ok(())
    }
}

fn lease_key(stored: &Stored) -> String {
    format!("bulk-lease/{}", stored.report.id)
}

/// When the next job may be acted on, where that is limited.
fn ticks(per_second: Option<NonZeroU32>) -> Option<Interval> {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / per_second?.get());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Some(tick)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::{
        Job, JobFilter, JobId, JobStatus, SqliteOptions, Topology,
        queue::bulk::BulkAction,
        testing::{self, soon},
    };

    #[tokio::test]
    async fn another_process_goes_on_where_one_ended() {
        let (broker, store) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
        let topology = Topology::single("work").unwrap();
        let first = TaskQueue::new(broker.clone(), store.clone(), topology.clone()).await.unwrap();
        let jobs: Vec<Job> = (0..20).map(|_| Job::new(JobId::new(), "note", chrono::Utc::now())).collect();
        let new: Vec<_> = jobs.iter().cloned().map(Into::into).collect();
        store.insert(&new).await.unwrap();
        let slow = NonZeroU32::new(10).unwrap();
        let action = first.bulk(BulkAction::Cancel, JobFilter::new()).per_second(slow).start().await.unwrap();
        soon("it begins", first.wait(jobs[0].id)).await.unwrap();
        // As in a crash: the lease is not given back.
        first.inner.stop.cancel();

        let second = TaskQueue::new(broker, store, topology).await.unwrap();
        let report = soon("it ends", second.bulk_handle(action.id()).wait()).await.unwrap();

        assert_eq!(report.state, BulkState::Done);
        let met = report.done + report.skipped;
        assert!((1..=20).contains(&met) && report.failed == 0, "{report:?}");
        for job in jobs {
            assert_eq!(second.job(job.id).await.unwrap().status, JobStatus::Cancelled);
        }
    }
}
