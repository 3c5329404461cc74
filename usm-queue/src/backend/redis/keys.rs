//! Names of keys and channels. All begin with one prefix, so that two applications may share one database.

use std::{fmt::Display, sync::Arc};

use super::encoding::to_json;
use crate::job::{Job, JobId, JobState, JobStatus, Owner};

/// The name of the list of all jobs; the names of the other lists begin with it.
const JOBS: &str = "usm:jobs";

#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: Arc<str>,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    /// A job's record, as other services read it.
    pub(super) fn record(&self, id: impl Display) -> String {
        self.prefixed(format_args!("job:{id}"))
    }

    /// The state of a job that the scripts compare and change.
    pub(super) fn state(&self, id: impl Display) -> String {
        self.prefixed(format_args!("usm:job:{id}"))
    }

    /// The list of a job's partial results.
    pub(super) fn partials(&self, id: impl Display) -> String {
        self.prefixed(format_args!("usm:partials:{id}"))
    }

    /// The id by which another service knows the job.
    pub(super) fn alias(&self, id: impl Display) -> String {
        self.prefixed(format_args!("usm:job:{id}:alias"))
    }

    /// Ids of jobs whose messages the broker has not confirmed, by the time when they were stored.
    pub(super) fn unconfirmed(&self) -> String {
        self.prefixed("usm:unconfirmed")
    }

    /// A note by its name.
    pub(super) fn note(&self, name: &str) -> String {
        self.prefixed(format_args!("usm:note:{name}"))
    }

    /// The names of all notes.
    pub(super) fn notes(&self) -> String {
        self.prefixed("usm:notes")
    }

    pub(super) fn all_jobs(&self) -> String {
        self.prefixed(JOBS)
    }

    /// Where earlier versions listed jobs by status. A job moves off it when it changes.
    pub(super) fn jobs_by_status(&self, status: JobStatus) -> String {
        self.prefixed(format_args!("{JOBS}:status:{status}"))
    }

    /// Queue and task of all jobs that there may be, by when they were last put there: see [`kind`].
    pub(super) fn kinds(&self) -> String {
        self.prefixed(format_args!("{JOBS}:kinds"))
    }

    pub(super) fn jobs_by_state(&self, state: JobState, kind: &str) -> String {
        self.prefixed(format_args!("{JOBS}:in:{state}:{kind}"))
    }

    /// Jobs that are scheduled or retrying, by the time when they are due.
    pub(super) fn jobs_by_due_time(&self, kind: &str) -> String {
        self.prefixed(format_args!("{JOBS}:due:{kind}"))
    }

    /// Jobs whose records have an error.
    pub(super) fn jobs_with_error(&self) -> String {
        self.prefixed(format_args!("{JOBS}:errors"))
    }

    pub(super) fn jobs_by_tag(&self, tag: &str) -> String {
        self.prefixed(format_args!("{JOBS}:tag:{tag}"))
    }

    /// Owners are told apart by their JSON: 42 is not "42".
    pub(super) fn jobs_by_owner(&self, owner: &Owner) -> String {
        self.prefixed(format_args!("{JOBS}:owner:{}", to_json(owner)))
    }

    /// The lists that a new job goes on: of its state and of all jobs first, then those that expire after their records.
    pub(super) fn lists_of_new<'a>(&'a self, job: &'a Job) -> impl Iterator<Item = String> + 'a {
        let by_owner = job.owner.as_ref().map(|owner| self.jobs_by_owner(owner));
        let by_state = self.jobs_by_state(JobState::Waiting, &kind(job));
        [by_state, self.all_jobs()]
            .into_iter()
            .chain(by_owner)
            .chain(job.tags.iter().map(|tag| self.jobs_by_tag(tag)))
    }

    /// The lists that an ended job may be on.
    pub(super) fn lists_of_ended<'a>(&'a self, job: &'a Job) -> impl Iterator<Item = String> + 'a {
        let by_state = self.jobs_by_state(JobState::of(job.status, false, job.attempt), &kind(job));
        let lists = self.lists_of_new(job).skip(1);
        [by_state, self.jobs_by_status(job.status), self.jobs_with_error()].into_iter().chain(lists)
    }

    /// The channel on which a job's changes are published.
    pub(super) fn changes_channel(&self, id: impl Display) -> String {
        self.prefixed(format_args!("usm:changed:{id}"))
    }

    /// The job whose changes are published on this channel.
    pub(super) fn job_of_channel(&self, channel: &str) -> Option<JobId> {
        channel.strip_prefix(&*self.prefix)?.strip_prefix("usm:changed:")?.parse().ok()
    }

    /// The channel on which ids of running jobs are published that should stop.
    pub(super) fn cancel_channel(&self) -> String {
        self.prefixed("usm:cancel")
    }

    /// Ids of workers, by when they count as gone.
    pub(super) fn workers(&self) -> String {
        self.prefixed("usm:workers")
    }

    /// What a worker tells of itself.
    pub(super) fn worker(&self, id: impl Display) -> String {
        self.prefixed(format_args!("usm:worker:{id}"))
    }

    /// What operators want of queues.
    pub(super) fn controls(&self) -> String {
        self.prefixed("usm:queues")
    }

    /// The channel that tells when that changes.
    pub(super) fn control_channel(&self) -> String {
        self.prefixed("usm:control")
    }

    fn prefixed(&self, name: impl Display) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// Queue and task of a job, as they name lists: a JSON array.
pub(super) fn kind(job: &Job) -> String {
    to_json(&(job.queue.as_deref().unwrap_or_default(), &job.task))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_the_scripts_use() {
        let keys = Keys::new("");
        let scripts = include_str!("scripts/record.lua");
        for name in [
            "usm:jobs",
            "usm:jobs:status:",
            "usm:jobs:in:",
            "usm:jobs:due:",
            "usm:jobs:kinds",
            "usm:jobs:errors",
            "usm:jobs:tag:",
            "usm:jobs:owner:",
            "usm:unconfirmed",
            "usm:changed:",
        ] {
            assert!(scripts.contains(&format!("PREFIX .. '{name}'")), "{name}");
        }
        assert_eq!(keys.alias("x"), keys.state("x") + ":alias");
        assert!(scripts.contains("STATE .. ':alias'"));
        let cancel = include_str!("scripts/cancel.lua");
        assert!(cancel.contains(&format!("PREFIX .. '{}'", keys.cancel_channel())));
        assert!(include_str!("scripts/count.lua").contains("'usm:jobs:in:' .. "));
        assert_ne!(keys.jobs_by_owner(&Owner::Id(42)), keys.jobs_by_owner(&Owner::Name("42".into())));
    }

    #[test]
    fn the_channel_of_a_job_is_told_from_others() {
        let (id, shop) = (JobId::new(), Keys::new("shop:"));

        assert_eq!(shop.job_of_channel(&shop.changes_channel(id)), Some(id));
        assert_eq!(shop.job_of_channel(&Keys::new("").changes_channel(id)), None);
    }
}
