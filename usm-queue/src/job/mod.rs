//! A job: one enqueued task, its state, progress, result and history.

mod changes;
mod record;
mod state;
mod status;
mod tags;
mod timeline;

pub use self::{
    changes::{Change, JobChange},
    record::{Job, Owner, Progress},
    state::JobState,
    status::JobStatus,
    timeline::{JobEvent, TimelineEntry},
};
pub(crate) use self::{tags::add_tag, timeline::left_out_of_timeline};
pub use crate::job_id::JobId;
