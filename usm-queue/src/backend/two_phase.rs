//! Accepting, editing and ending jobs where records and messages are kept in two places: the order of writes that loses nothing.
//!
//! A job with a new id is published first: a worker that is faster than the record makes it from the message. One whose caller
//! chose the id may be known, so its record comes first and is unconfirmed until the broker has confirmed the message. A process
//! that ends in between leaves it so, and it is removed after a while: nobody was told that the job is accepted.
//!
//! An edit reserves a number in the record, publishes its message under it, and commits the number. Both messages are there
//! in between, so nothing is lost; which of them counts is decided by whichever comes first, the commit or a claim.

use std::time::Duration;

use super::{
    Accepted, Broker, Delivery, Edit, EditCommit, Inserted, JobStore, JobUpdate, Lease, NewJob, NotEdited,
    Reservation, Settlement, Updated,
};
use crate::{
    backoff::Backoff,
    clock,
    error::{Error, ErrorKind, Result, chain},
    job::JobId,
    message::{self, Message},
};

/// Jobs accepted at a time: one call of the store must be done within its time limit.
const AT_ONCE: usize = 500;
/// How often an edit begins anew that another one, or a worker, was faster than.
const EDITS: usize = 20;
/// How long a message is looked for again that is on its way from one place to another, and how often.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
const LOOKS: usize = 5;
/// Bytes of their bodies at a time.
const BYTES_AT_ONCE: usize = 4 << 20;

/// Stores records and publishes messages, in two places; tells for each job, in the order given, whether both are durable.
/// For [`Broker::accept`], whose errors it has.
pub async fn accept<B: Broker + ?Sized>(
    broker: &B,
    store: &dyn JobStore,
    jobs: Vec<(NewJob, Message)>,
) -> Vec<Result<Accepted>> {
    let count = jobs.len();
    let mut results = Vec::with_capacity(count);
    for batch in batches(jobs) {
        let begin = results.len();
        results.extend(accept_batch(broker, store, batch).await);
        // The others need not wait for the same answer.
        if let Some(error) = none_answers(&results[begin..]) {
            results.resize_with(count, || Err(error.clone()));
        }
        if results.len() == count {
            break;
        }
    }
    results
}

/// Why none of them was accepted, where that is because nobody answers.
fn none_answers(results: &[Result<Accepted>]) -> Option<Error> {
    let silent = |error: &Error| matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Closed);
    if !results.iter().all(|result| result.as_ref().is_err_and(silent)) {
        return None;
    }
    results.first()?.as_ref().err().map(|error| error.clone().certain())
}

/// In their order, each small enough to be accepted in one go.
fn batches(jobs: Vec<(NewJob, Message)>) -> Vec<Vec<(NewJob, Message)>> {
    let mut batches: Vec<Vec<_>> = Vec::new();
    let mut bytes = 0;
    for (new, message) in jobs {
        bytes += message.body.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < AT_ONCE && bytes <= BYTES_AT_ONCE => batch.push((new, message)),
            _ => {
                bytes = message.body.len();
                batches.push(vec![(new, message)]);
            }
        }
    }
    batches
}

async fn accept_batch<B: Broker + ?Sized>(
    broker: &B,
    store: &dyn JobStore,
    batch: Vec<(NewJob, Message)>,
) -> Vec<Result<Accepted>> {
    let (jobs, messages): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    if jobs.iter().all(|new| new.digest.is_none()) {
        return publish_first(broker, store, jobs, messages).await;
    }
    match store.insert_unconfirmed(&jobs).await {
        Ok(inserted) => {
            let (inserted, published) = publish_unknown(broker, inserted, messages).await;
            conclude(store, &jobs, &inserted, published).await
        }
        Err(error) => jobs.iter().map(|_| Err(error.clone().certain())).collect(),
    }
}

/// Accepts jobs whose ids are new: of one that is not published nothing is left.
async fn publish_first<B: Broker + ?Sized>(
    broker: &B,
    store: &dyn JobStore,
    jobs: Vec<NewJob>,
    messages: Vec<Message>,
) -> Vec<Result<Accepted>> {
    let published = broker.publish_each(messages).await;
    let accepted: Vec<_> = jobs
        .into_iter()
        .zip(&published)
        .filter_map(|(new, published)| published.is_ok().then_some(new))
        .collect();
    let unrecorded = match accepted.is_empty() {
        true => None,
        false => store.insert(&accepted).await.err(),
    };
    published.into_iter().map(|published| recorded(published, unrecorded.as_ref())).collect()
}

/// Whether a new job is accepted. One that is published will run, whatever became of its record.
fn recorded(published: Result<()>, unrecorded: Option<&Error>) -> Result<Accepted> {
    published?;
    unrecorded.map_or(Ok(Accepted::New), |error| Err(error.clone().in_doubt()))
}

/// Publishes the messages of jobs that had not been accepted before.
async fn publish_unknown<B: Broker + ?Sized>(
    broker: &B,
    inserted: Vec<Inserted>,
    messages: Vec<Message>,
) -> (Vec<Inserted>, Vec<Result<()>>) {
    let wanted = inserted.iter().map(|inserted| is_to_publish(*inserted));
    let unpublished: Vec<_> =
        messages.into_iter().zip(wanted).filter_map(|(message, wanted)| wanted.then_some(message)).collect();
    let mut answers =
        if unpublished.is_empty() { Vec::new() } else { broker.publish_each(unpublished).await }.into_iter();
    let published = inserted
        .iter()
        .map(|inserted| {
            if is_to_publish(*inserted) {
                answers.next().unwrap_or_else(|| Err(Error::closed()))
            } else {
                Ok(())
            }
        })
        .collect();
    (inserted, published)
}

/// A record that is still unconfirmed is of an enqueue that did not succeed.
fn is_to_publish(inserted: Inserted) -> bool {
    match inserted {
        Inserted::New => true,
        Inserted::Known { status, confirmed, same_payload } => {
            !confirmed && same_payload && !status.is_final()
        }
    }
}

/// Confirms the records of published messages and withdraws those of unpublished ones.
async fn conclude(
    store: &dyn JobStore,
    jobs: &[NewJob],
    inserted: &[Inserted],
    published: Vec<Result<()>>,
) -> Vec<Result<Accepted>> {
    let mut confirmed = Vec::with_capacity(jobs.len());
    let mut withdrawn = Vec::new();
    for ((new, inserted), published) in jobs.iter().zip(inserted).zip(&published) {
        if !is_to_publish(*inserted) {
            continue;
        }
        match published {
            Ok(()) => confirmed.push(new.clone()),
            Err(error) if !error.is_in_doubt() => withdrawn.push(new.job.id),
            Err(_) => {}
        }
    }
    let unconfirmed = match confirmed.is_empty() {
        true => None,
        false => store.confirm(&confirmed).await.err(),
    };
    withdraw(store, &withdrawn).await;
    let result = |((new, inserted), published): ((&NewJob, &Inserted), Result<()>)| match inserted {
        Inserted::Known { same_payload: false, .. } => Err(conflict(new.job.id)),
        inserted if !is_to_publish(*inserted) => Ok(Accepted::Known),
        _ => recorded(published, unconfirmed.as_ref()),
    };
    jobs.iter().zip(inserted).zip(published).map(result).collect()
}

async fn withdraw(store: &dyn JobStore, ids: &[JobId]) {
    if ids.is_empty() {
        return;
    }
    if let Err(error) = store.withdraw(ids).await {
        tracing::debug!(
            jobs = ids.len(),
            error = chain(&error),
            "records of jobs that were not accepted are not removed; they are after a while"
        );
    }
}

/// The error for an id that stands for other work.
pub(crate) fn conflict(id: JobId) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("job {id} was enqueued before with another payload, and that one stands; use another id"),
    )
}

/// Reserves, publishes and commits, in two places. For [`Broker::edit`], whose errors it has.
pub async fn edit<B: Broker + ?Sized>(
    broker: &B,
    store: &dyn JobStore,
    id: JobId,
    edit: Edit,
) -> Result<Result<(), NotEdited>> {
    for _ in 0..EDITS {
        let reserved = match store.reserve_edit(id).await? {
            Ok(reserved) => reserved,
            Err(not_edited) => return Ok(Err(not_edited)),
        };
        let mut commit = EditCommit::new();
        let message = match &edit {
            Edit::Due(delay) => {
                if delay.is_zero() && reserved.wait.is_zero() {
                    return Ok(Ok(()));
                }
                commit.delay = Some(*delay);
                // The message that is there comes before that, and goes back for as long as is left.
                if *delay < reserved.wait {
                    Some(due_earlier(broker, &reserved, *delay).await?)
                } else {
                    None
                }
            }
            Edit::Payload { exchange, routing_key, body, digest } => {
                commit.digest = Some(*digest);
                let Reservation { generation, job, wait } = &reserved;
                let route = (exchange.as_str(), routing_key.as_str());
                Some(message::with_payload(route, body.clone(), job, *generation, *wait, clock::now()))
            }
        };
        if let Some(message) = message {
            commit.generation = Some(reserved.generation);
            broker.publish(vec![message]).await?;
        }
        let published = commit.generation.is_some();
        let committed = store.commit_edit(id, commit).await;
        match committed.map_err(|error| if published { error.in_doubt() } else { error })? {
            Err(NotEdited::Superseded) => {}
            ended => return Ok(ended),
        }
    }
    Err(Error::new(
        ErrorKind::Unavailable,
        format!("job {id} is being edited or put back by others all the time; try again later"),
    ))
}

/// The message of a delayed job, to be published again for an earlier time. Only the broker has its payload.
async fn due_earlier<B: Broker + ?Sized>(
    broker: &B,
    reserved: &Reservation,
    delay: Duration,
) -> Result<Message> {
    let job = &reserved.job;
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let queue = job.queue.as_deref().unwrap_or_default();
        if let Some(found) = broker.find_waiting(queue, job.id, job.generation).await? {
            return Ok(message::due_in(&found, job, reserved.generation, delay, clock::now()));
        }
    }
    Err(Error::new(
        ErrorKind::Backend,
        format!(
            "the message of job {} is not among those that wait: a worker may be about to take it; try again later",
            job.id
        ),
    ))
}

/// Records first and settles second, in two places; repeats the settlement until it succeeds. For [`Broker::finish`].
///
/// # Errors
///
/// Those of [`JobStore::update`]: then nothing was recorded and it may be tried again. `Closed` when the broker was closed
/// before it took the settlement.
pub async fn finish<B: Broker + ?Sized>(
    broker: &B,
    store: &dyn JobStore,
    delivery: &Delivery,
    lease: Lease,
    update: JobUpdate,
    settlement: Settlement,
) -> Result<Updated> {
    let updated = store.update(lease, update).await?;
    let settlement = match updated {
        Updated::Applied => settlement,
        // Another worker or a cancellation owns the job now; this copy of the message is superfluous.
        Updated::Stale => Settlement::Ack,
        // The job must run again.
        Updated::Lost => Settlement::Requeue { delay: Duration::ZERO },
    };
    // The settlement alone is repeated: the record, written again, would be stale, and the message would pass for
    // superfluous and be lost.
    let mut backoff = Backoff::of_writes();
    loop {
        match broker.settle(delivery, settlement.clone()).await {
            Ok(()) => return Ok(updated),
            Err(error) if error.kind() == ErrorKind::Closed => return Err(error),
            Err(error) => {
                tracing::warn!(
                    job.id = %lease.id,
                    error = crate::error::chain(&error),
                    "the broker does not take this settlement; trying again"
                );
            }
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}
