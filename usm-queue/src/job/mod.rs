//! A job: one enqueued task, its state, progress, result and history.

mod changes;
mod record;
mod status;
mod timeline;

pub(crate) use self::timeline::left_out_of_timeline;
pub use self::{
    changes::{Change, JobChange},
    record::{Job, Owner, Progress},
    status::JobStatus,
    timeline::{JobEvent, TimelineEntry},
};
pub use crate::job_id::JobId;
