//! Waiting jobs that get another payload or another time.

use std::time::Duration;

use super::{JobHandle, MAX_BODY_BYTES, TaskQueue};
use crate::{
    backend::{Edit, NotEdited},
    detached::Detached,
    error::{Error, ErrorKind, Result},
    job::JobId,
    message,
    task::Task,
};

impl TaskQueue {
    /// Makes a waiting job due after `delay` from now, earlier or later than it was; zero is now. It counts for jobs that were
    /// enqueued with a delay, that wait for their next attempt, and that wait for a worker. Attempts made stay made, and a time to
    /// live counts from the new time.
    ///
    /// When this returns `Ok` it is durable. On RabbitMQ a job that is to be due earlier is looked for among the delayed messages,
    /// which takes time in proportion to them; on SQLite it is found at once. Workers of versions before this one know nothing of
    /// edits: one that takes a message of before runs it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use usm_queue::{JobId, TaskQueue};
    /// # async fn hurry(queue: &TaskQueue, id: JobId) -> usm_queue::Result<()> {
    /// queue.reschedule(id, Duration::ZERO).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown job; `NotWaiting` for one that runs, has ended, or whose cancellation is asked for; `Backend` when
    /// its message is not found, as while a worker puts it back; `Unavailable`.
    /// After an error that is [in doubt](Error::is_in_doubt) the job may be due at the new time; after any other nothing has
    /// changed. Repeating it is always right.
    pub async fn reschedule(&self, id: JobId, delay: Duration) -> Result<()> {
        self.edit_job(id, Edit::Due(delay)).await
    }

    /// Gives a waiting job another payload; it is due when it was, and keeps its attempts, owner, tags, metadata and priority. Among
    /// jobs of its priority it goes to the end.
    ///
    /// When this returns `Ok` it is durable, and the payload before it never runs: the job has another message, and the one before
    /// is dropped when a worker meets it. Of several edits at once the last to succeed counts. Workers of versions before this
    /// one know nothing of edits and may run the payload before; so does any worker if Redis loses the record and the message of
    /// before comes first.
    ///
    /// # Errors
    ///
    /// As [`reschedule`](Self::reschedule), and `InvalidInput` when the job is of another task, or of another service, or when
    /// the payload would be refused by an [enqueue](Self::enqueue). After an error that is in doubt either payload may run, once.
    pub async fn edit<T: Task>(&self, id: JobId, new_task: T) -> Result<()> {
        let job = self.job(id).await?;
        if job.task != T::NAME {
            return Err(Error::invalid(format!(
                "job {id} is of task `{}` and cannot get a payload of task `{}`; cancel it and enqueue another",
                job.task,
                T::NAME
            )));
        }
        if job.alias.is_some() {
            return Err(Error::invalid(format!(
                "job {id} belongs to another service, which may read its message; edit it there"
            )));
        }
        let body = message::body(&new_task, T::NAME)?;
        if body.len() > MAX_BODY_BYTES {
            return Err(super::enqueue::too_large(body.len()));
        }
        let edit = Edit::Payload {
            exchange: self.wanted().task_exchange().to_owned(),
            routing_key: T::ROUTING_KEY.to_owned(),
            digest: message::digest(&body),
            body,
        };
        self.edit_job(id, edit).await
    }

    /// Goes on when the caller stops waiting: an edit must not be left half done.
    async fn edit_job(&self, id: JobId, edit: Edit) -> Result<()> {
        let inner = self.inner.clone();
        let edited = Detached::new(async move { inner.broker.edit(inner.store.as_ref(), id, edit).await });
        match edited.await {
            Ok(edited) => edited.map_err(|why| not_edited(id, why)),
            Err(error) if error.is_in_doubt() => {
                Err(error.explained(format_args!("job {id} may have been edited; repeat it to be sure")))
            }
            Err(error) => Err(error),
        }
    }
}

impl<T: Task> JobHandle<T> {
    /// Makes it due after `delay` from now, as [`TaskQueue::reschedule`].
    ///
    /// # Errors
    ///
    /// As [`TaskQueue::reschedule`].
    pub async fn reschedule(&self, delay: Duration) -> Result<()> {
        self.queue.reschedule(self.id(), delay).await
    }

    /// Gives it another payload, as [`TaskQueue::edit`].
    ///
    /// # Errors
    ///
    /// As [`TaskQueue::edit`].
    pub async fn edit(&self, new_task: T) -> Result<()> {
        self.queue.edit(self.id(), new_task).await
    }
}

fn not_edited(id: JobId, why: NotEdited) -> Error {
    let not_waiting = |how: &str| {
        Error::new(
            ErrorKind::NotWaiting,
            format!("job {id} {how}; only waiting jobs can be edited or rescheduled"),
        )
    };
    match why {
        NotEdited::Unknown => Error::not_found(format!("job {id}")),
        NotEdited::Running => not_waiting("is running"),
        NotEdited::Final(status) => not_waiting(&format!("has ended ({status})")),
        NotEdited::CancelRequested => not_waiting("is about to be cancelled"),
        NotEdited::Superseded => Error::new(
            ErrorKind::Unavailable,
            format!("job {id} was edited by somebody else at the same time; try again"),
        ),
    }
}
