//! Accepts new jobs.

use std::time::Duration;

use tracing::Instrument;

use super::{EnqueueOptions, JobHandle, TaskQueue};
use crate::{
    backend::{Accepted, NewJob, store::REMEMBER_UNBOUNDED},
    detached::Detached,
    error::{Acceptance, Error, Result},
    job::{Job, JobId},
    message::{self, Message},
    task::Task,
    topology::QueueSpec,
};

/// Largest message body, in bytes: what RabbitMQ 4 takes by default.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// How long a message that is put back into its queue may have been held before.
const PUT_BACK: Duration = Duration::from_secs(3600);

impl TaskQueue {
    /// Enqueues a task by its policy. When this returns `Ok` the job is durable and will be worked. It goes on when the
    /// returned future is dropped.
    ///
    /// # Errors
    ///
    /// `Unroutable` when the task's routing key reaches no queue, `InvalidInput` when the payload cannot be written as
    /// JSON, exceeds [`MAX_BODY_BYTES`] or a priority exceeds its queue's, `QueueFull`, `Unavailable`. [`Error::jobs`] tells
    /// the job's id and whether it was not accepted or may have been; enqueueing it again with
    /// [that id](EnqueueOptions::id) is right in both cases, and runs it once.
    pub async fn enqueue<T: Task>(&self, task: T) -> Result<JobHandle<T>> {
        self.enqueue_with(task, EnqueueOptions::default()).await
    }

    /// As [`enqueue`](Self::enqueue), with options.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue).
    pub async fn enqueue_with<T: Task>(&self, task: T, options: EnqueueOptions) -> Result<JobHandle<T>> {
        let (new, message) = self.prepare(&task, options)?;
        let id = new.job.id;
        let known = self.accept_one(new, message).await? == Accepted::Known;
        Ok(self.accepted(id, known))
    }

    /// Enqueues many tasks: on SQLite all or none in one commit; elsewhere in batches, in their order.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue). Whatever can be told before refuses all of them. [`Error::jobs`] tells of every job
    /// whether it was accepted.
    pub async fn enqueue_many<T: Task>(
        &self,
        tasks: impl IntoIterator<Item = T>,
    ) -> Result<Vec<JobHandle<T>>> {
        self.enqueue_many_with(tasks.into_iter().map(|task| (task, EnqueueOptions::default()))).await
    }

    /// As [`enqueue_many`](Self::enqueue_many), each with its options.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue).
    pub async fn enqueue_many_with<T: Task>(
        &self,
        tasks: impl IntoIterator<Item = (T, EnqueueOptions)>,
    ) -> Result<Vec<JobHandle<T>>> {
        let tasks = tasks.into_iter();
        // Moving these about while the list grows would cost as much as making them.
        let mut accepted = Vec::with_capacity(tasks.size_hint().0);
        for (task, options) in tasks {
            accepted.push(self.prepare(&task, options)?);
        }
        let accepted = self.accept_all(accepted).await?;
        Ok(accepted
            .into_iter()
            .map(|(id, accepted)| self.accepted(id, accepted == Accepted::Known))
            .collect())
    }

    /// Accepts all, or tells of each what became of it.
    pub(super) async fn accept_all(&self, jobs: Vec<(NewJob, Message)>) -> Result<Vec<(JobId, Accepted)>> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = jobs.iter().map(|(new, _)| new.job.id).collect();
        let results = self.accept(jobs).await;
        if results.iter().all(Result::is_ok) {
            return Ok(ids.into_iter().zip(results.into_iter().flatten()).collect());
        }
        Err(not_all_accepted(ids, results))
    }

    fn accepted<T: Task>(&self, id: JobId, known: bool) -> JobHandle<T> {
        let mut handle = self.handle(id);
        handle.known = known;
        handle
    }

    /// Goes on when the caller stops waiting: a job must not be left half accepted.
    async fn accept(&self, mut jobs: Vec<(NewJob, Message)>) -> Vec<Result<Accepted>> {
        let span = self.publish_span(&jobs);
        self.set_trace(&span, &mut jobs);
        let (inner, within) = (self.inner.clone(), span.clone());
        Detached::new(async move { inner.publish(within, jobs).await }.instrument(span)).await
    }

    pub(crate) async fn accept_one(&self, new: NewJob, message: Message) -> Result<Accepted> {
        let id = new.job.id;
        let result = self.accept(vec![(new, message)]).await.pop().unwrap_or_else(|| Err(Error::closed()));
        result.map_err(|error| {
            let error = match acceptance_of(&error) {
                Acceptance::Unknown => error.explained(format_args!(
                    "job {id} may have been accepted; enqueue it again with this id"
                )),
                _ => error,
            };
            let acceptance = acceptance_of(&error);
            error.of_jobs(vec![(id, acceptance)])
        })
    }

    pub(super) fn prepare<T: Task>(&self, task: &T, options: EnqueueOptions) -> Result<(NewJob, Message)> {
        if let Some(why) = options.unwritable {
            return Err(Error::invalid(why));
        }
        self.metrics().knows(T::NAME);
        let policy = T::policy();
        let job = options.job(T::NAME, policy.priority, policy.retry.max_attempts);
        let mut message = message::message(self.wanted().task_exchange(), T::ROUTING_KEY, task, &job)?;
        message.ttl = options.ttl;
        if let Some(delay) = options.first_retry_delay {
            message.headers.insert(
                message::FIRST_DELAY_MS.to_owned(),
                u64::try_from(delay.as_millis()).unwrap_or(u64::MAX).into(),
            );
        }
        message::check_headers(&message)?;
        let digest = options.id.map(|_| message::digest(&message.body));
        Ok((self.checked(job, &message)?.digest(digest), message))
    }

    /// A job with how long its end is remembered: for as long as a message of it may wait.
    pub(crate) fn as_told(&self, job: Job, message: &Message) -> NewJob {
        let queues = self.wanted().reached(&message.exchange, &message.routing_key);
        remembered(job, message, queues)
    }

    /// The same, unless the broker would refuse the message: then nothing need be stored.
    pub(crate) fn checked(&self, mut job: Job, message: &Message) -> Result<NewJob> {
        if message.body.len() > MAX_BODY_BYTES {
            return Err(too_large(message.body.len()));
        }
        let queues: Vec<_> = self.wanted().reached(&message.exchange, &message.routing_key).collect();
        let Some(first) = queues.first() else { return Err(message.unroutable()) };
        job.carried = message::carried(message);
        job.queue = Some(first.name().to_owned());
        for queue in &queues {
            if queue.max_priority.is_some_and(|max| u16::from(message.priority) > max) {
                return Err(Error::invalid(format!(
                    "priority {} is above the maximum {} of queue `{}`",
                    message.priority,
                    queue.max_priority.unwrap_or_default(),
                    queue.name()
                )));
            }
        }
        Ok(remembered(job, message, queues))
    }
}

pub(super) fn too_large(bytes: usize) -> Error {
    Error::invalid(format!(
        "the payload is {bytes} bytes as JSON, more than the {MAX_BODY_BYTES} a message may have; store it elsewhere and enqueue its address"
    ))
}

fn remembered<'a>(job: Job, message: &Message, queues: impl IntoIterator<Item = &'a QueueSpec>) -> NewJob {
    let waits = queues.into_iter().map(|queue| queue.message_ttl.into_iter().chain(message.ttl).min());
    let longest = waits.reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)));
    let remember = longest.flatten().map_or(REMEMBER_UNBOUNDED, |ttl| ttl.saturating_add(PUT_BACK));
    NewJob::from(job).remember(remember)
}

fn acceptance_of(error: &Error) -> Acceptance {
    if error.is_in_doubt() { Acceptance::Unknown } else { Acceptance::NotAccepted }
}

/// The first error of a batch, with what became of every job.
fn not_all_accepted(ids: Vec<JobId>, results: Vec<Result<Accepted>>) -> Error {
    let (mut jobs, mut first) = (Vec::with_capacity(ids.len()), None);
    for (id, result) in ids.into_iter().zip(results) {
        let acceptance = result.as_ref().err().map_or(Acceptance::Accepted, acceptance_of);
        jobs.push((id, acceptance));
        first = first.or(result.err());
    }
    let count = |wanted| jobs.iter().filter(|(_, acceptance)| *acceptance == wanted).count();
    let (refused, unknown) = (count(Acceptance::NotAccepted), count(Acceptance::Unknown));
    let text = format!(
        "of {} jobs {refused} were not accepted and {unknown} may have been; enqueue these again with their ids",
        jobs.len()
    );
    first.unwrap_or_else(Error::closed).explained(text).of_jobs(jobs)
}
