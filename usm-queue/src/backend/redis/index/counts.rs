//! How many jobs there are: the lengths of their lists.

use std::{collections::BTreeMap, sync::Arc, sync::atomic::Ordering};

use chrono::{DateTime, Utc};

use super::{ENDED, JobIndex, Kind, sweep};
use crate::{
    backend::{
        JobFilter, OpenTask, QueueCounts,
        redis::{
            connection::Request,
            scripts::{COUNT, on_lists},
        },
    },
    error::Result,
    job::{JobState, JobStatus},
};

/// Kinds that are counted in one call.
const KINDS: usize = 100;
/// Jobs that fell due which are moved in one call, and such calls before they are counted as what they were.
const MOVE: usize = 500;
const MOVES: usize = 20;
/// Sweeps that follow a count.
const SWEEPS: usize = 16;

impl JobIndex {
    pub(in crate::backend::redis) async fn counts(self: &Arc<Self>) -> Result<Vec<QueueCounts>> {
        let lists = self.lists(&JobFilter::default()).await?;
        self.reindex(&lists.kinds).await?;
        let mut queues: BTreeMap<&str, QueueCounts> = BTreeMap::new();
        let mut to_sweep = Vec::new();
        for (kind, counted) in lists.kinds.iter().zip(self.count(&lists.kinds).await?) {
            let counts = queues
                .entry(&kind.queue)
                .or_insert_with(|| QueueCounts::new((!kind.queue.is_empty()).then(|| kind.queue.clone())));
            for (state, jobs) in JobState::ALL.into_iter().zip(counted.by_state) {
                if jobs > 0 && ENDED.contains(&state) {
                    to_sweep.push(self.keys().jobs_by_state(state, &kind.name));
                }
            }
            counted.add_to(counts);
        }
        for (status, jobs) in lists.by_status {
            let counts = queues.entry("").or_insert_with(|| QueueCounts::new(None));
            *counts.of_mut(state_of_old(status)) += jobs;
            if status == JobStatus::Pending {
                self.oldest_of_old().await?.into_iter().for_each(|oldest| counts.waits_since(oldest));
            }
            to_sweep.push(self.keys().jobs_by_status(status));
        }
        let counts = queues.into_values().collect();
        self.sweep_counted(to_sweep);
        Ok(counts)
    }

    /// Of one queue, without looking for what other services changed, and without the jobs of earlier versions.
    pub(in crate::backend::redis) async fn counts_of(&self, queue: &str) -> Result<QueueCounts> {
        let lists = self.lists(&JobFilter::new().queue(queue)).await?;
        let mut counts = QueueCounts::new(Some(queue.to_owned()));
        for counted in self.count(&lists.kinds).await? {
            counted.add_to(&mut counts);
        }
        Ok(counts)
    }

    pub(in crate::backend::redis) async fn open_tasks(&self) -> Result<Vec<OpenTask>> {
        let kinds = self.lists(&JobFilter::default()).await?.kinds;
        let counted = self.count(&kinds).await?;
        let open = kinds.into_iter().zip(counted).filter_map(|(kind, counted)| {
            let jobs = counted.by_state[..4].iter().sum();
            let queue = Some(kind.queue).filter(|queue| !queue.is_empty());
            (jobs > 0).then(|| OpenTask::new(queue, kind.task, jobs))
        });
        Ok(open.collect())
    }

    /// Counts the jobs of each kind, in the order given.
    pub(super) async fn count(&self, kinds: &[Kind]) -> Result<Vec<Counted>> {
        let mut counted = Vec::with_capacity(kinds.len());
        for kinds in kinds.chunks(KINDS) {
            let lists: Vec<_> = kinds.iter().map(|kind| self.keys().jobs_by_due_time(&kind.name)).collect();
            let mut answer: Vec<String> = Vec::new();
            for _ in 0..MOVES {
                answer = self.connection.request(&on_lists(&COUNT, &lists, MOVE)).await?;
                if answer.first().is_some_and(|left| left != "0") {
                    break;
                }
            }
            let rows = answer.get(1..).unwrap_or_default().chunks_exact(JobState::ALL.len() + 1);
            counted.extend(rows.map(Counted::read));
        }
        Ok(counted)
    }

    async fn oldest_of_old(&self) -> Result<Option<DateTime<Utc>>> {
        let mut read = redis::cmd("ZRANGE");
        read.arg(self.keys().jobs_by_status(JobStatus::Pending)).arg(0).arg(0).arg("WITHSCORES");
        let read: Vec<String> = self.connection.request(&Request::Command(read)).await?;
        Ok(read.get(1).and_then(|score| moment(score)))
    }

    /// Removes ids of expired records from lists that were counted, in the background, so that the next count is nearer.
    fn sweep_counted(self: &Arc<Self>, lists: Vec<String>) {
        if lists.is_empty() || self.sweeping.swap(true, Ordering::Relaxed) {
            return;
        }
        let index = self.clone();
        drop(tokio::spawn(async move {
            sweep(index.connection.clone(), lists, SWEEPS).await;
            index.sweeping.store(false, Ordering::Relaxed);
        }));
    }
}

/// The jobs of one kind.
pub(super) struct Counted {
    by_state: [u64; JobState::ALL.len()],
    oldest_waiting: Option<DateTime<Utc>>,
}

impl Counted {
    fn read(row: &[String]) -> Self {
        let mut by_state = [0; JobState::ALL.len()];
        by_state.iter_mut().zip(row).for_each(|(count, text)| *count = text.parse().unwrap_or_default());
        Self { by_state, oldest_waiting: row.last().and_then(|score| moment(score)) }
    }

    fn add_to(&self, counts: &mut QueueCounts) {
        for (state, jobs) in JobState::ALL.into_iter().zip(self.by_state) {
            *counts.of_mut(state) += jobs;
        }
        self.oldest_waiting.into_iter().for_each(|oldest| counts.waits_since(oldest));
    }
}

/// The state of jobs with this status on a list of an earlier version, which did not tell those apart that are due later.
fn state_of_old(status: JobStatus) -> JobState {
    JobState::of(status, false, 0)
}

fn moment(score: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(score.parse().ok()?)
}
