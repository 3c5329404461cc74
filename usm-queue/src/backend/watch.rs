//! What watchers of a job get: whole records, or what is new.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::{Stream, StreamExt, stream::BoxStream};

use crate::{
    error::Result,
    job::{Job, JobChange},
};

/// The states of one job: the present one first, then each later one, ending with the final one. Also a [`Stream`].
pub struct JobWatch {
    unseen: VecDeque<Job>,
    /// Without its partial results.
    seen: Job,
    ended: bool,
    changes: BoxStream<'static, Result<Job>>,
}

impl JobWatch {
    /// Wraps a backend's stream of records. States it skips are filled in from the timeline; repeated and older
    /// ones are left out.
    pub fn new(mut present: Job, changes: impl Stream<Item = Result<Job>> + Send + 'static) -> Self {
        Self {
            seen: present.clone_without_partials(),
            unseen: VecDeque::from([present]),
            ended: false,
            changes: changes.boxed(),
        }
    }

    /// The next state; `None` after the final one.
    pub async fn next(&mut self) -> Option<Result<Job>> {
        StreamExt::next(self).await
    }
}

impl Stream for JobWatch {
    type Item = Result<Job>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Job>>> {
        loop {
            if let Some(job) = self.unseen.pop_front() {
                self.ended = job.status.is_final();
                return Poll::Ready(Some(Ok(job)));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(self.changes.poll_next_unpin(context)) {
                Some(Ok(mut job)) if job.version > self.seen.version => {
                    let missed = job.transitions_since(&self.seen);
                    self.unseen.extend(missed);
                    self.seen = job.clone_without_partials();
                    self.unseen.push_back(job);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for JobWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobWatch").field("seen", &self.seen.version).finish_non_exhaustive()
    }
}

/// The changes of one job after a version of its record, each once and in order, ending with the final one. Also a
/// [`Stream`].
pub struct JobChanges {
    unseen: VecDeque<JobChange>,
    ended: bool,
    later: BoxStream<'static, Result<Vec<JobChange>>>,
}

impl JobChanges {
    /// The changes after a version: those in `present`, then what a backend's stream tells.
    pub(crate) fn new<S>(present: &Job, after: u64, later: impl FnOnce(Cursor) -> S) -> Self
    where
        S: Stream<Item = Result<Vec<JobChange>>> + Send + 'static,
    {
        let mut cursor = Cursor(after);
        let unseen: VecDeque<_> = cursor.read(present).into();
        let ended = unseen.is_empty() && present.status.is_final();
        Self { unseen, ended, later: later(cursor).boxed() }
    }

    /// The same from whole records.
    pub(crate) async fn of_watch(mut watch: JobWatch, after: u64) -> Result<Self> {
        let Some(present) = watch.next().await.transpose()? else {
            return Err(crate::error::Error::closed());
        };
        Ok(Self::new(&present, after, |cursor| {
            futures_util::stream::unfold((watch, cursor), |(mut watch, mut cursor)| async move {
                let news = watch.next().await?.map(|job| cursor.read(&job));
                Some((news, (watch, cursor)))
            })
        }))
    }

    /// The next change; `None` after the final one. After an error, or when the program starts again, go on with
    /// [`changes`](crate::TaskQueue::changes) after the number of the last one.
    pub async fn next(&mut self) -> Option<Result<JobChange>> {
        StreamExt::next(self).await
    }
}

impl Stream for JobChanges {
    type Item = Result<JobChange>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<JobChange>>> {
        loop {
            if let Some(change) = self.unseen.pop_front() {
                self.ended = change.is_final();
                return Poll::Ready(Some(Ok(change)));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(self.later.poll_next_unpin(context)) {
                Some(Ok(changes)) => self.unseen.extend(changes),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for JobChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobChanges").field("unseen", &self.unseen.len()).finish_non_exhaustive()
    }
}

/// The number of the last change read.
pub(crate) struct Cursor(u64);

impl Cursor {
    /// What is new in this record.
    pub(crate) fn read(&mut self, job: &Job) -> Vec<JobChange> {
        let changes = job.changes_since(self.0);
        if let Some(last) = changes.last() {
            self.0 = last.number;
        }
        changes
    }
}
