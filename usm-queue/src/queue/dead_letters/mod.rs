//! Messages that will not be tried again: listed, shown, replayed, removed.

mod cause;
mod groups;
mod letters;
mod replay;
mod walk;

pub use self::{
    groups::DeadLetterGroup,
    letters::DeadLetters,
    replay::{NotReplayed, Replayed},
};
use crate::message::DeadLetter;

/// Which dead letters; the default is all.
///
/// ```
/// # use usm_queue::DeadLetterFilter;
/// let expired = DeadLetterFilter::new().task("send_mail").reason("expired");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeadLetterFilter {
    /// Only of this task.
    pub task: Option<String>,
    /// Only those whose reason contains this text.
    pub reason: Option<String>,
    /// Only of the [group](DeadLetters::groups) with this id.
    pub group: Option<String>,
}

impl DeadLetterFilter {
    /// All.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only of this task.
    pub fn task(mut self, task: impl Into<String>) -> Self {
        self.task = Some(task.into());
        self
    }

    /// Only those whose reason contains this text.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Only of the [group](DeadLetters::groups) with this id.
    pub fn group(mut self, id: impl Into<String>) -> Self {
        self.group = Some(id.into());
        self
    }

    fn matches(&self, letter: &DeadLetter) -> bool {
        self.task.as_ref().is_none_or(|task| letter.task.as_ref() == Some(task))
            && self.reason.as_ref().is_none_or(|reason| letter.reason.contains(reason.as_str()))
            && self.group.as_ref().is_none_or(|group| {
                *group == cause::group_id(letter.task.as_deref(), &letter.reason, &cause::cause(letter))
            })
    }
}
