//! Lists of jobs: sorted sets of ids by the time of creation, of all, of each state and of each owner.
//!
//! Records expire by themselves and their ids stay, so ids are looked at again now and then and those without a record go.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::time::Instant;

use super::{
    link::Link,
    record::{parse, to_json},
    script::{LIST, SWEEP, on_lists},
};
use crate::{
    error::{Error, ErrorKind, Result},
    job::{Job, JobStatus, Owner},
    store::JobFilter,
};

const ALL: &str = "usm:jobs";
/// Records read at a time.
const PAGE: usize = 100;
/// New ids for which the lists are swept once.
const SWEEP_EVERY: usize = 64;
/// A list may take so many response time-outs: it asks many times where a filter matches little.
const LIST_TIMEOUTS: u32 = 5;

pub(super) struct Lists {
    link: Arc<Link>,
    /// Ids added since the last sweep.
    grown: AtomicUsize,
}

impl Lists {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { link, grown: AtomicUsize::new(0) }
    }

    /// Matching records, newest first.
    pub(super) async fn read(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        let (mut found, mut skipped, mut seen) = (Vec::new(), 0, HashSet::new());
        let mut gone = Vec::new();
        let list = narrowest(filter);
        let deadline = Instant::now() + self.link.response_timeout() * LIST_TIMEOUTS;
        let mut rank = 0;
        while found.len() < filter.limit {
            if Instant::now() > deadline {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!(
                        "listing jobs from Redis at {} takes too long; ask for an owner or a status",
                        self.link.place()
                    ),
                ));
            }
            let page = on_lists(&LIST, std::slice::from_ref(&list), &[rank, rank + PAGE - 1]);
            let (ids, texts): (Vec<String>, Vec<Option<Vec<u8>>>) = self.link.ask(&page).await?;
            if ids.is_empty() {
                break;
            }
            rank += ids.len();
            for (name, text) in ids.into_iter().zip(texts) {
                let record = name.parse().ok().zip(text).and_then(|(id, text)| parse(id, &text));
                match record {
                    // Jobs enqueued meanwhile move the others to later ranks.
                    Some(record)
                        if found.len() < filter.limit
                            && matches(filter, &record)
                            && seen.insert(record.id) =>
                    {
                        if skipped < filter.skip {
                            skipped += 1;
                        } else {
                            found.push(record);
                        }
                    }
                    Some(_) => {}
                    None => gone.push(name),
                }
            }
        }
        if !gone.is_empty() {
            self.sweep(vec![list], 1);
        }
        Ok(found)
    }

    /// Jobs were stored, the last one of this owner.
    pub(super) fn grew(&self, owner: Option<&Owner>, by: usize) {
        let grown = self.grown.fetch_add(by, Ordering::Relaxed) + by;
        if grown < SWEEP_EVERY {
            return;
        }
        self.grown.store(0, Ordering::Relaxed);
        let mut lists = vec![ALL.to_owned()];
        lists.extend(STATUSES.into_iter().map(of_status));
        lists.extend(owner.map(of_owner));
        self.sweep(lists, grown / SWEEP_EVERY);
    }

    /// Takes ids without a record out of these lists, beside what the caller does: so many times, while there are any.
    fn sweep(&self, lists: Vec<String>, times: usize) {
        let link = self.link.clone();
        drop(tokio::spawn(async move {
            for _ in 0..times {
                match link.ask::<i64>(&on_lists(&SWEEP, &lists, &[])).await {
                    Ok(0) => return,
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(
                            error = crate::error::chain(&error),
                            "lists are not swept; the next time"
                        );
                        return;
                    }
                }
            }
        }));
    }
}

const STATUSES: [JobStatus; 5] = [
    JobStatus::Pending,
    JobStatus::Processing,
    JobStatus::Completed,
    JobStatus::Failed,
    JobStatus::Cancelled,
];

/// The lists that a new job goes on, that of its owner last.
pub(super) fn of_new(job: &Job) -> impl Iterator<Item = String> {
    let owned = job.owner.as_ref().map(of_owner);
    [of_status(job.status), ALL.to_owned()].into_iter().chain(owned)
}

fn of_status(status: JobStatus) -> String {
    format!("{ALL}:status:{status}")
}

/// Owners are told apart by their JSON: 42 is not "42".
fn of_owner(owner: &Owner) -> String {
    format!("{ALL}:owner:{}", to_json(owner))
}

/// The list that holds all matching jobs and likely the fewest others.
fn narrowest(filter: &JobFilter) -> String {
    match (&filter.owner, filter.status) {
        (Some(owner), _) => of_owner(owner),
        (None, Some(status)) => of_status(status),
        (None, None) => ALL.to_owned(),
    }
}

fn matches(filter: &JobFilter, job: &Job) -> bool {
    filter.owner.as_ref().is_none_or(|owner| job.owner.as_ref() == Some(owner))
        && filter.status.is_none_or(|status| job.status == status)
        && filter.task.as_ref().is_none_or(|task| job.task == *task)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_have_the_names_the_scripts_use() {
        let scripts = include_str!("record.lua");
        assert!(scripts.contains(&format!("'{ALL}'")));
        assert!(scripts.contains(&format!("'{ALL}:status:' .. ")));
        assert!(scripts.contains(&format!("'{ALL}:owner:' .. ")));
        assert_ne!(of_owner(&Owner::Id(42)), of_owner(&Owner::Name("42".into())));
    }

    #[test]
    fn a_filter_reads_the_narrowest_list() {
        let mut filter = JobFilter::default();
        assert_eq!(narrowest(&filter), "usm:jobs");
        filter.status = Some(JobStatus::Failed);
        assert_eq!(narrowest(&filter), "usm:jobs:status:failed");
        filter.owner = Some(Owner::Id(7));
        assert_eq!(narrowest(&filter), "usm:jobs:owner:7");
    }
}
