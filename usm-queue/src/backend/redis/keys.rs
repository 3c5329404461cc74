//! The names of keys and channels, all behind one prefix, so that two applications may share one database.

use std::{fmt::Display, sync::Arc};

use super::record::to_json;
use crate::job::{JobId, JobStatus, Owner};

/// The lists of jobs begin with it.
const ALL: &str = "usm:jobs";

/// Makes names.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: Arc<str>,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    fn with(&self, name: impl Display) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A job's record, as other services read it.
    pub(super) fn record(&self, id: impl Display) -> String {
        self.with(format_args!("job:{id}"))
    }

    /// What scripts compare of a job.
    pub(super) fn state(&self, id: impl Display) -> String {
        self.with(format_args!("usm:job:{id}"))
    }

    /// The list of a job's partial results.
    pub(super) fn partials(&self, id: impl Display) -> String {
        self.with(format_args!("usm:partials:{id}"))
    }

    /// What another service calls the job.
    pub(super) fn alias(&self, id: impl Display) -> String {
        self.with(format_args!("usm:job:{id}:alias"))
    }

    /// Ids of jobs whose messages the broker has not confirmed, by the time they were stored.
    pub(super) fn unconfirmed(&self) -> String {
        self.with("usm:unconfirmed")
    }

    /// The list of all jobs.
    pub(super) fn all(&self) -> String {
        self.with(ALL)
    }

    /// There once every job is on the list of its task, which earlier versions did not keep.
    pub(super) fn tasks_listed(&self) -> String {
        self.with(format_args!("{ALL}:tasks-listed"))
    }

    pub(super) fn of_status(&self, status: JobStatus) -> String {
        self.with(format_args!("{ALL}:status:{status}"))
    }

    pub(super) fn of_task(&self, task: &str) -> String {
        self.with(format_args!("{ALL}:task:{task}"))
    }

    /// Owners are told apart by their JSON: 42 is not "42".
    pub(super) fn of_owner(&self, owner: &Owner) -> String {
        self.with(format_args!("{ALL}:owner:{}", to_json(owner)))
    }

    /// The channel on which changes of a job are told.
    pub(super) fn changed(&self, id: impl Display) -> String {
        self.with(format_args!("usm:changed:{id}"))
    }

    /// The job whose changes a channel tells.
    pub(super) fn job_of_channel(&self, channel: &str) -> Option<JobId> {
        channel.strip_prefix(&*self.prefix)?.strip_prefix("usm:changed:")?.parse().ok()
    }

    /// The channel on which ids of running jobs to stop are told.
    pub(super) fn cancel(&self) -> String {
        self.with("usm:cancel")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_the_scripts_use() {
        let names = Names::new("");
        let scripts = include_str!("scripts/record.lua");
        for name in [
            "usm:jobs",
            "usm:jobs:status:",
            "usm:jobs:task:",
            "usm:jobs:owner:",
            "usm:unconfirmed",
            "usm:changed:",
        ] {
            assert!(scripts.contains(&format!("PREFIX .. '{name}'")), "{name}");
        }
        assert_eq!(names.alias("x"), names.state("x") + ":alias");
        assert!(scripts.contains("STATE .. ':alias'"));
        assert!(include_str!("scripts/cancel.lua").contains(&format!("PREFIX .. '{}'", names.cancel())));
        assert!(include_str!("scripts/reindex_status.lua").contains("'usm:jobs:status:' .. "));
        assert!(include_str!("scripts/backfill_task_lists.lua").contains("'usm:jobs:task:' .. "));
        assert_ne!(names.of_owner(&Owner::Id(42)), names.of_owner(&Owner::Name("42".into())));
    }

    #[test]
    fn the_channel_of_a_job_is_told_from_others() {
        let (id, shop) = (JobId::new(), Names::new("shop:"));

        assert_eq!(shop.job_of_channel(&shop.changed(id)), Some(id));
        assert_eq!(shop.job_of_channel(&Names::new("").changed(id)), None);
    }
}
