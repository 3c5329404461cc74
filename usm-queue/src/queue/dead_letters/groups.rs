//! Dead letters by what they died of.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    DeadLetterFilter, DeadLetters,
    cause::{cause, group_id},
};
use crate::{error::Result, message::DeadLetter};

/// Dead letters of one task that died for one reason and of one cause.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DeadLetterGroup {
    /// For [`DeadLetterFilter::group`](DeadLetterFilter::group()); the same in every process, and of one version of this library.
    pub id: String,
    /// Name of the task, where the messages tell.
    pub task: Option<String>,
    /// As in [`DeadLetter::reason`].
    pub reason: String,
    /// Their last error, with placeholders for what differs: `<n>` for numbers, `<id>` for ids and hexadecimal, `<url>`, `…`
    /// between quotes. 201 characters at most; empty where the broker dead-lettered them.
    pub cause: String,
    /// How many.
    pub count: u64,
    /// When the first of them died; where that is not known, when it was enqueued.
    pub first: DateTime<Utc>,
    /// When the last of them died; where that is not known, when it was enqueued.
    pub last: DateTime<Utc>,
    /// The last of them.
    pub sample: DeadLetter,
}

impl DeadLetters {
    /// Dead letters that match, grouped by task, reason and cause, the largest group first. Reads all dead letters once, and
    /// keeps one of each group in memory. [`DeadLetterFilter::group`](DeadLetterFilter::group()) then chooses those of one:
    ///
    /// ```
    /// # use usm_queue::{DeadLetterFilter, TaskQueue};
    /// # async fn replay(queue: &TaskQueue) -> usm_queue::Result<()> {
    /// let dead = queue.dead_letters();
    /// if let Some(most) = dead.groups(&DeadLetterFilter::default()).await?.first() {
    ///     println!("{} died of: {}", most.count, most.cause);
    ///     dead.replay_all(&DeadLetterFilter::default().group(&most.id)).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    pub async fn groups(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterGroup>> {
        let filter = filter.clone();
        let add = move |groups: &mut HashMap<String, DeadLetterGroup>, letter: DeadLetter| {
            if filter.matches(&letter) {
                add(groups, letter);
            }
            true
        };
        let mut groups: Vec<_> = self.look(add).await?.into_values().collect();
        groups.sort_by(|a, b| b.count.cmp(&a.count).then(b.last.cmp(&a.last)).then_with(|| a.id.cmp(&b.id)));
        Ok(groups)
    }
}

fn add(groups: &mut HashMap<String, DeadLetterGroup>, letter: DeadLetter) {
    let cause = cause(&letter);
    let id = group_id(letter.task.as_deref(), &letter.reason, &cause);
    let died = letter.died_at.unwrap_or(letter.enqueued_at);
    match groups.get_mut(&id) {
        Some(group) => {
            group.count += 1;
            group.first = group.first.min(died);
            if died >= group.last {
                (group.last, group.sample) = (died, letter);
            }
        }
        None => {
            let group = DeadLetterGroup {
                id: id.clone(),
                task: letter.task.clone(),
                reason: letter.reason.clone(),
                cause,
                count: 1,
                first: died,
                last: died,
                sample: letter,
            };
            groups.insert(id, group);
        }
    }
}
