//! The lists of jobs: sorted sets of ids by the time of creation, one of all jobs, and one for each status, task and owner.
//!
//! Records expire by themselves but their ids stay, so now and then the lists are swept: ids without a record are removed.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::time::Instant;

use super::{
    connection::{Connection, Request},
    keys::Keys,
    scripts::{BACKFILL_TASK_LISTS, LIST, REINDEX_STATUS, SWEEP, on_lists},
};
use crate::{
    backend::JobFilter,
    error::{Error, ErrorKind, Result, chain},
    job::{Job, JobStatus},
};

/// Records read in one call.
const PAGE: usize = 100;
/// Ids examined in one call, which takes Redis about a millisecond.
const EXAMINE: usize = 1000;
/// The lists are swept once for so many new ids.
const SWEEP_EVERY: usize = 64;
/// A list may take so many response timeouts: it needs many calls if few jobs match.
const LIST_TIMEOUTS: u32 = 5;
/// Unfinished jobs whose status is checked in one call.
const REINDEX_BATCH: usize = 500;
/// Such calls before a list by status is read.
const REINDEX_CALLS: usize = 4;

pub(super) struct JobIndex {
    connection: Arc<Connection>,
    /// Ids added since the last sweep.
    added: AtomicUsize,
    /// The rank from which the next check for changed statuses goes on, in each of [`UNFINISHED`].
    reindex_from: [AtomicUsize; UNFINISHED.len()],
    /// Whether every job is on the list of its task.
    tasks_listed: AtomicBool,
}

impl JobIndex {
    pub(super) fn new(connection: Arc<Connection>) -> Arc<Self> {
        let index = Arc::new(Self {
            connection,
            added: AtomicUsize::new(0),
            reindex_from: Default::default(),
            tasks_listed: AtomicBool::new(false),
        });
        drop(tokio::spawn(index.clone().backfill_task_lists()));
        index
    }

    /// Matching records, newest first.
    pub(super) async fn read(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        if filter.status.is_some() {
            self.reindex_statuses().await?;
        }
        let lists = lists_of_filter(self.connection.keys(), filter, self.are_tasks_listed().await?);
        let (mut found, mut skipped, mut seen) = (Vec::new(), 0, HashSet::new());
        let deadline = Instant::now() + self.connection.response_timeout() * LIST_TIMEOUTS;
        let (mut list, mut last, mut rank, mut examined) = (0, String::new(), 0, 0);
        while found.len() < filter.limit {
            if Instant::now() > deadline {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!(
                        "listing jobs from Redis at {} took too long: {examined} were examined; ask for fewer jobs or for those of one owner",
                        self.connection.address()
                    ),
                ));
            }
            let missing = (filter.skip - skipped).saturating_add(filter.limit - found.len());
            let args = (list, last, rank, EXAMINE, missing.min(PAGE));
            let read: usize;
            let (ids, texts): (Vec<String>, Vec<Vec<u8>>);
            (list, read, last, rank, ids, texts) =
                self.connection.request(&on_lists(&LIST, &lists, args)).await?;
            if read == 0 {
                break;
            }
            examined += read;
            let texts = ids.into_iter().zip(texts).filter_map(|(id, text)| Some((id.parse().ok()?, text)));
            for record in self.connection.complete(texts.collect()).await? {
                // Jobs enqueued meanwhile shift the others to later ranks, so one may be read twice.
                if !matches(filter, &record) || !seen.insert(record.id) {
                    continue;
                }
                if skipped < filter.skip {
                    skipped += 1;
                } else {
                    found.push(record);
                }
            }
        }
        Ok(found)
    }

    /// Moves jobs whose status another service changed, without our scripts, to the list of that status. Each call checks a
    /// bounded number of unfinished jobs, and the next call goes on from there.
    async fn reindex_statuses(&self) -> Result<()> {
        for (status, next) in UNFINISHED.into_iter().zip(&self.reindex_from) {
            let list = [self.connection.keys().jobs_by_status(status)];
            let mut rank = next.load(Ordering::Relaxed);
            let mut ends = usize::from(rank == 0);
            for _ in 0..REINDEX_CALLS {
                let args = (status.as_str(), rank, rank + REINDEX_BATCH - 1);
                let (ids, moved): (usize, usize) =
                    self.connection.request(&on_lists(&REINDEX_STATUS, &list, args)).await?;
                // Ids that were moved away shift the rest to earlier ranks.
                rank += REINDEX_BATCH - moved.min(REINDEX_BATCH);
                if rank >= ids {
                    (rank, ends) = (0, ends + 1);
                    if ends == 2 {
                        break;
                    }
                }
            }
            next.store(rank, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn are_tasks_listed(&self) -> Result<bool> {
        if !self.tasks_listed.load(Ordering::Relaxed) {
            let mut exists = redis::cmd("EXISTS");
            exists.arg(self.connection.keys().tasks_listed());
            let listed = self.connection.request(&Request::Command(exists)).await?;
            self.tasks_listed.store(listed, Ordering::Relaxed);
        }
        Ok(self.tasks_listed.load(Ordering::Relaxed))
    }

    /// Puts jobs that earlier versions stored on the lists of their tasks, once for each database.
    async fn backfill_task_lists(self: Arc<Self>) {
        let lists = [self.connection.keys().all_jobs(), self.connection.keys().tasks_listed()];
        let mut rank = 0;
        loop {
            let call = on_lists(&BACKFILL_TASK_LISTS, &lists, (rank, rank + PAGE - 1));
            match self.connection.request::<usize>(&call).await {
                Ok(0) => return self.tasks_listed.store(true, Ordering::Relaxed),
                Ok(_) => rank += PAGE,
                Err(error) => {
                    tracing::debug!(
                        error = chain(&error),
                        "jobs of an earlier version could not be listed by task; the next start tries again"
                    );
                    return;
                }
            }
        }
    }

    /// Jobs were stored, this one last: now and then sweeps the lists they are on.
    pub(super) fn added(&self, last: &Job, by: usize) {
        let added = self.added.fetch_add(by, Ordering::Relaxed) + by;
        if added < SWEEP_EVERY {
            return;
        }
        self.added.store(0, Ordering::Relaxed);
        let mut lists: Vec<_> =
            STATUSES.into_iter().map(|status| self.connection.keys().jobs_by_status(status)).collect();
        lists.extend(self.connection.keys().lists_of_new(last).skip(1));
        self.sweep(lists, added / SWEEP_EVERY);
    }

    /// Removes ids without a record from these lists, in the background: at most so many times, and until two sweeps in a
    /// row found none, as a single one may have missed them by chance.
    fn sweep(&self, lists: Vec<String>, times: usize) {
        let connection = self.connection.clone();
        drop(tokio::spawn(async move {
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
        }));
    }
}

const UNFINISHED: [JobStatus; 2] = [JobStatus::Pending, JobStatus::Processing];
const STATUSES: [JobStatus; 5] = [
    JobStatus::Pending,
    JobStatus::Processing,
    JobStatus::Completed,
    JobStatus::Failed,
    JobStatus::Cancelled,
];

/// The lists, all of which a matching job is on.
fn lists_of_filter(keys: &Keys, filter: &JobFilter, by_task: bool) -> Vec<String> {
    let mut lists: Vec<_> =
        filter.owner.as_ref().map(|owner| keys.jobs_by_owner(owner)).into_iter().collect();
    lists.extend(filter.status.map(|status| keys.jobs_by_status(status)));
    lists.extend(filter.task.as_deref().filter(|_| by_task).map(|task| keys.jobs_by_task(task)));
    if lists.is_empty() {
        lists.push(keys.all_jobs());
    }
    lists
}

fn matches(filter: &JobFilter, job: &Job) -> bool {
    filter.owner.as_ref().is_none_or(|owner| job.owner.as_ref() == Some(owner))
        && filter.status.is_none_or(|status| job.status == status)
        && filter.task.as_ref().is_none_or(|task| job.task == *task)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Owner;

    #[test]
    fn a_filter_reads_no_more_lists_than_it_names() {
        let (keys, mut filter) = (Keys::new(""), JobFilter::default());
        assert_eq!(lists_of_filter(&keys, &filter, true), ["usm:jobs"]);
        filter.task = Some("map".to_owned());
        assert_eq!(lists_of_filter(&keys, &filter, true), ["usm:jobs:task:map"]);
        assert_eq!(lists_of_filter(&keys, &filter, false), ["usm:jobs"]);
        filter.status = Some(JobStatus::Failed);
        filter.owner = Some(Owner::Id(7));
        assert_eq!(
            lists_of_filter(&keys, &filter, true),
            ["usm:jobs:owner:7", "usm:jobs:status:failed", "usm:jobs:task:map"]
        );
    }
}
