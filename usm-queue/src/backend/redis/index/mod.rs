//! The lists of jobs: sorted sets of ids by the time of creation. One of all jobs, one for each kind and state, owner and
//! tag, and one of jobs with an error. A kind is a queue and a task. Jobs that earlier versions stored are on lists by status until
//! they change.
//!
//! Records expire by themselves but their ids stay, so now and then the lists are swept: ids without a record are removed.

mod counts;
mod find;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::Pipeline;
use tokio::time::Instant;

use super::{
    connection::{Connection, Request},
    keys::{Keys, kind},
    scripts::{REINDEX, SWEEP, on_lists},
};
use crate::{
    backend::JobFilter,
    error::{Result, chain},
    job::{Job, JobState, JobStatus},
};

/// The lists are swept once for so many new ids.
const SWEEP_EVERY: usize = 64;
/// Unfinished jobs whose status is checked in one call.
const REINDEX_BATCH: usize = 500;
/// Such calls before lists by state are read.
const REINDEX_CALLS: usize = 4;
/// A kind is put on the list of kinds again after this time, in case Redis has lost it.
const TELL_KIND_EVERY: Duration = Duration::from_secs(30);
/// Kinds that one process remembers to have put there.
const KINDS_TOLD: usize = 4096;

const STATUSES: [JobStatus; 5] = [
    JobStatus::Pending,
    JobStatus::Processing,
    JobStatus::Completed,
    JobStatus::Failed,
    JobStatus::Cancelled,
];
/// States whose lists are checked for changed statuses, and where earlier versions listed them. Running ones are few, so they do
/// not wait for the others.
const UNFINISHED: [(&[JobState], JobStatus); 2] = [
    (&[JobState::Running], JobStatus::Processing),
    (&[JobState::Waiting, JobState::Scheduled, JobState::Retrying], JobStatus::Pending),
];
const ENDED: [JobState; 3] = [JobState::Completed, JobState::Failed, JobState::Cancelled];

pub(super) struct JobIndex {
    connection: Arc<Connection>,
    /// Ids added since the last sweep.
    added: AtomicUsize,
    /// Whether a sweep for [`counts`](Self::counts) is under way.
    sweeping: AtomicBool,
    /// When this process last put these kinds on the list of kinds.
    kinds_told: Mutex<HashMap<String, Instant>>,
    /// The list, and the rank in it, from which the next check for changed statuses goes on, in each of [`UNFINISHED`].
    reindex_from: [Mutex<(String, usize)>; UNFINISHED.len()],
}

/// A queue and a task, and their name.
struct Kind {
    name: String,
    queue: String,
    task: String,
}

/// What there are lists of.
struct Lists {
    kinds: Vec<Kind>,
    /// Lists of earlier versions that are not empty, and how long they are.
    by_status: Vec<(JobStatus, u64)>,
}

impl JobIndex {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            added: AtomicUsize::new(0),
            sweeping: AtomicBool::new(false),
            kinds_told: Mutex::default(),
            reindex_from: Default::default(),
        }
    }

    /// The kind of a job that is about to be stored, if it has to be put on the list of kinds; otherwise empty.
    pub(super) fn new_kind(&self, job: &Job) -> String {
        let (kind, now) = (kind(job), Instant::now());
        let mut told = self.kinds_told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(&kind).is_some_and(|told| now.duration_since(*told) < TELL_KIND_EVERY) {
            return String::new();
        }
        if told.len() >= KINDS_TOLD {
            told.clear();
        }
        told.insert(kind.clone(), now);
        kind
    }

    /// Jobs may not have been stored: their kinds are put on the list of kinds again.
    pub(super) fn forget_kinds(&self) {
        self.kinds_told.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The kinds that a filter asks for, and the lists of earlier versions that may have jobs which it asks for.
    async fn lists(&self, filter: &JobFilter) -> Result<Lists> {
        let mut read = Pipeline::with_capacity(1 + STATUSES.len());
        read.cmd("ZRANGE").arg(self.keys().kinds()).arg(0).arg(-1);
        for status in STATUSES {
            read.cmd("ZCARD").arg(self.keys().jobs_by_status(status));
        }
        type Read = (Vec<String>, u64, u64, u64, u64, u64);
        let (kinds, pending, processing, completed, failed, cancelled): Read =
            self.connection.request(&Request::Commands(read)).await?;
        let kinds = kinds.into_iter().filter_map(|name| {
            let (queue, task) = serde_json::from_str(&name).ok()?;
            Some(Kind { name, queue, task })
        });
        let is_wanted = |kind: &Kind| {
            filter.queue.as_ref().is_none_or(|queue| kind.queue == *queue)
                && filter.task.as_ref().is_none_or(|task| kind.task == *task)
        };
        let without_queue = filter.queue.as_ref().is_none_or(String::is_empty);
        let by_status = STATUSES.into_iter().zip([pending, processing, completed, failed, cancelled]);
        let wanted = |status: JobStatus| {
            without_queue
                && JobState::ALL.into_iter().any(|state| state.status() == status && filter.wants(state))
        };
        Ok(Lists {
            kinds: kinds.filter(is_wanted).collect(),
            by_status: by_status.filter(|(status, jobs)| *jobs > 0 && wanted(*status)).collect(),
        })
    }

    /// Moves jobs whose status another service changed, without our scripts, to the list of that state. Each call checks a
    /// bounded number of unfinished jobs, and the next call goes on from there.
    async fn reindex(&self, kinds: &[Kind]) -> Result<()> {
        for ((states, status), from) in UNFINISHED.into_iter().zip(&self.reindex_from) {
            let lists = kinds.iter().flat_map(|kind| {
                states.iter().map(move |state| self.keys().jobs_by_state(*state, &kind.name))
            });
            let mut lists: Vec<String> = lists.collect();
            lists.push(self.keys().jobs_by_status(status));
            let (list, mut rank) = from.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match lists.iter().position(|known| *known == list) {
                Some(place) => lists.rotate_left(place),
                None => rank = 0,
            }
            let mut done = 0;
            for _ in 0..REINDEX_CALLS {
                let call = on_lists(&REINDEX, &lists[done..], (rank, REINDEX_BATCH));
                let next: usize;
                (next, rank) = self.connection.request(&call).await?;
                done += next.saturating_sub(1);
                if done >= lists.len() {
                    (done, rank) = (0, 0);
                    break;
                }
            }
            *from.lock().unwrap_or_else(PoisonError::into_inner) = (lists.swap_remove(done), rank);
        }
        Ok(())
    }

    /// Jobs were stored, this one last: now and then sweeps the lists they are on.
    pub(super) fn added(&self, last: &Job, by: usize) {
        let added = self.added.fetch_add(by, Ordering::Relaxed) + by;
        if added < SWEEP_EVERY {
            return;
        }
        self.added.store(0, Ordering::Relaxed);
        let keys = self.keys();
        let mut lists: Vec<_> = STATUSES.into_iter().map(|status| keys.jobs_by_status(status)).collect();
        lists.extend(JobState::ALL.map(|state| keys.jobs_by_state(state, &kind(last))));
        lists.extend(keys.lists_of_new(last).skip(1));
        lists.push(keys.jobs_with_error());
        let sweep = sweep(self.connection.clone(), lists, added / SWEEP_EVERY);
        drop(tokio::spawn(sweep));
    }

    fn keys(&self) -> &Keys {
        self.connection.keys()
    }
}

/// Removes ids without a record from these lists: at most so many times, and until two sweeps in a row found none, as a single
/// one may have missed them by chance.
async fn sweep(connection: Arc<Connection>, lists: Vec<String>, times: usize) {
    let mut found_none = false;
    for _ in 0..times {
        match connection.request::<i64>(&on_lists(&SWEEP, &lists, &[] as &[usize])).await {
            Ok(0) if found_none => return,
            Ok(removed) => found_none = removed == 0,
            Err(error) => {
                tracing::debug!(
                    error = chain(&error),
                    "lists of jobs could not be swept; the next sweep tries again"
                );
                return;
            }
        }
    }
}
