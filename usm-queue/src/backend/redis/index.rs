//! Lists of jobs: sorted sets of ids by the time of creation, of all, of each state, of each task and of each owner.
//!
//! Records expire by themselves and their ids stay, so ids are looked at again now and then and those without a record go.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::time::Instant;

use super::{
    connection::{Ask, Link},
    keys::Names,
    scripts::{LIST, REGROUP, SWEEP, TASKS, on_lists},
};
use crate::{
    backend::JobFilter,
    error::{Error, ErrorKind, Result, chain},
    job::{Job, JobStatus},
};

/// Records read at a time.
const PAGE: usize = 100;
/// Ids looked at at a time: about a millisecond of Redis.
const LOOK: usize = 1000;
/// New ids for which the lists are swept once.
const SWEEP_EVERY: usize = 64;
/// A list may take so many response time-outs: it asks many times where a filter matches little.
const LIST_TIMEOUTS: u32 = 5;
/// Jobs that have not ended whose state is looked at at a time, and how often before a list by state is read.
const REGROUP_LOOK: usize = 500;
const REGROUPS: usize = 4;

pub(super) struct Lists {
    link: Arc<Link>,
    /// Ids added since the last sweep.
    grown: AtomicUsize,
    /// Where looking for jobs that another service moved goes on, in each of [`UNFINISHED`].
    regrouped: [AtomicUsize; UNFINISHED.len()],
    tasks_listed: AtomicBool,
}

impl Lists {
    pub(super) fn new(link: Arc<Link>) -> Arc<Self> {
        let lists = Arc::new(Self {
            link,
            grown: AtomicUsize::new(0),
            regrouped: Default::default(),
            tasks_listed: AtomicBool::new(false),
        });
        drop(tokio::spawn(lists.clone().list_tasks()));
        lists
    }

    /// Matching records, newest first.
    pub(super) async fn read(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        if filter.status.is_some() {
            self.regroup().await?;
        }
        let lists = of_filter(self.link.names(), filter, self.are_tasks_listed().await?);
        let (mut found, mut skipped, mut seen) = (Vec::new(), 0, HashSet::new());
        let deadline = Instant::now() + self.link.response_timeout() * LIST_TIMEOUTS;
        let (mut list, mut last, mut rank, mut looked) = (0, String::new(), 0, 0);
        while found.len() < filter.limit {
            if Instant::now() > deadline {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!(
                        "listing jobs from Redis at {} takes too long: {looked} were looked at; ask for fewer, or for an owner",
                        self.link.place()
                    ),
                ));
            }
            let missing = (filter.skip - skipped).saturating_add(filter.limit - found.len());
            let args = (list, last, rank, LOOK, missing.min(PAGE));
            let read: usize;
            let (ids, texts): (Vec<String>, Vec<Vec<u8>>);
            (list, read, last, rank, ids, texts) = self.link.ask(&on_lists(&LIST, &lists, args)).await?;
            if read == 0 {
                break;
            }
            looked += read;
            let texts = ids.into_iter().zip(texts).filter_map(|(id, text)| Some((id.parse().ok()?, text)));
            for record in self.link.with_partials(texts.collect()).await? {
                // Jobs enqueued meanwhile move the others to later ranks.
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

    /// Another service may have written a new state without our scripts: looks at a bounded number of those that have not
    /// ended, further ones each time, and puts them on the list they belong to.
    async fn regroup(&self) -> Result<()> {
        for (status, next) in UNFINISHED.into_iter().zip(&self.regrouped) {
            let list = [self.link.names().of_status(status)];
            let mut rank = next.load(Ordering::Relaxed);
            let mut ends = usize::from(rank == 0);
            for _ in 0..REGROUPS {
                let args = (status.as_str(), rank, rank + REGROUP_LOOK - 1);
                let (ids, moved): (usize, usize) = self.link.ask(&on_lists(&REGROUP, &list, args)).await?;
                // Those that were moved make room.
                rank += REGROUP_LOOK - moved.min(REGROUP_LOOK);
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
            exists.arg(self.link.names().tasks_listed());
            self.tasks_listed.store(self.link.ask(&Ask::Command(exists)).await?, Ordering::Relaxed);
        }
        Ok(self.tasks_listed.load(Ordering::Relaxed))
    }

    /// Puts the jobs of earlier versions on the lists of their tasks; once for each database.
    async fn list_tasks(self: Arc<Self>) {
        let lists = [self.link.names().all(), self.link.names().tasks_listed()];
        let mut rank = 0;
        loop {
            match self.link.ask::<usize>(&on_lists(&TASKS, &lists, (rank, rank + PAGE - 1))).await {
                Ok(0) => return self.tasks_listed.store(true, Ordering::Relaxed),
                Ok(_) => rank += PAGE,
                Err(error) => {
                    tracing::debug!(
                        error = chain(&error),
                        "jobs of an earlier version are not listed by task; tried again with the next start"
                    );
                    return;
                }
            }
        }
    }

    /// Jobs were stored, this one last.
    pub(super) fn grew(&self, last: &Job, by: usize) {
        let grown = self.grown.fetch_add(by, Ordering::Relaxed) + by;
        if grown < SWEEP_EVERY {
            return;
        }
        self.grown.store(0, Ordering::Relaxed);
        let mut lists: Vec<_> =
            STATUSES.into_iter().map(|status| self.link.names().of_status(status)).collect();
        lists.extend(of_new(self.link.names(), last).skip(1));
        self.sweep(lists, grown / SWEEP_EVERY);
    }

    /// Takes ids without a record out of these lists, beside what the caller does: so many times, while there are any. One
    /// look that finds none may have met others by chance.
    fn sweep(&self, lists: Vec<String>, times: usize) {
        let link = self.link.clone();
        drop(tokio::spawn(async move {
            let mut found_none = false;
            for _ in 0..times {
                match link.ask::<i64>(&on_lists(&SWEEP, &lists, &[] as &[usize])).await {
                    Ok(0) if found_none => return,
                    Ok(gone) => found_none = gone == 0,
                    Err(error) => {
                        tracing::debug!(error = chain(&error), "lists are not swept; the next time");
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

/// The lists that a new job goes on: of its state, of all, then those that go after their records.
pub(super) fn of_new<'a>(names: &'a Names, job: &'a Job) -> impl Iterator<Item = String> + 'a {
    let owned = job.owner.as_ref().map(|owner| names.of_owner(owner));
    [names.of_status(job.status), names.all(), names.of_task(&job.task)].into_iter().chain(owned)
}

/// The lists that a matching job is on, all of them.
fn of_filter(names: &Names, filter: &JobFilter, by_task: bool) -> Vec<String> {
    let mut lists: Vec<_> = filter.owner.as_ref().map(|owner| names.of_owner(owner)).into_iter().collect();
    lists.extend(filter.status.map(|status| names.of_status(status)));
    lists.extend(filter.task.as_deref().filter(|_| by_task).map(|task| names.of_task(task)));
    if lists.is_empty() {
        lists.push(names.all());
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
        let (names, mut filter) = (Names::new(""), JobFilter::default());
        assert_eq!(of_filter(&names, &filter, true), ["usm:jobs"]);
        filter.task = Some("map".to_owned());
        assert_eq!(of_filter(&names, &filter, true), ["usm:jobs:task:map"]);
        assert_eq!(of_filter(&names, &filter, false), ["usm:jobs"]);
        filter.status = Some(JobStatus::Failed);
        filter.owner = Some(Owner::Id(7));
        assert_eq!(
            of_filter(&names, &filter, true),
            ["usm:jobs:owner:7", "usm:jobs:status:failed", "usm:jobs:task:map"]
        );
    }
}
