//! Accepting new jobs where records and messages are kept in two places.
//!
//! A record is unconfirmed from its insertion until the broker has confirmed its message. A process that ends in between leaves
//! it so, and it is removed after a while: nobody was told that the job is accepted.

use futures_util::join;

use super::Broker;
use crate::{
    envelope::Message,
    error::{Error, ErrorKind, Result, chain},
    job::JobId,
    store::{Inserted, JobStore, NewJob},
};

/// Jobs accepted at a time: one call of the store must be done within its time limit.
const AT_ONCE: usize = 500;
/// Bytes of their bodies at a time.
const BYTES_AT_ONCE: usize = 4 << 20;

/// How a job was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is new.
    New,
    /// A job with this id and payload had been accepted before; it stands, and nothing was done.
    Known,
}

/// Stores records and publishes messages, in two places; tells for each job whether both are durable.
pub(crate) async fn accept_apart<B: Broker + ?Sized>(
    broker: &B,
    store: &dyn JobStore,
    jobs: Vec<(NewJob, Message)>,
) -> Vec<Result<Accepted>> {
    let count = jobs.len();
    let mut results: Vec<Result<Accepted>> = Vec::with_capacity(count);
    for batch in batches(jobs) {
        let accepted = accept_batch(broker, store, batch).await;
        // While nothing is accepted at all the others need not wait for the same answer.
        let failed = match accepted.as_slice() {
            all if all.iter().all(unavailable) => all.first().and_then(|result| result.as_ref().err()),
            _ => None,
        };
        let failed = failed.map(Error::duplicate);
        results.extend(accepted);
        if let Some(mut error) = failed {
            error = error.certain();
            results.extend((results.len()..count).map(|_| Err(error.duplicate())).collect::<Vec<_>>());
            break;
        }
    }
    results
}

fn unavailable(result: &Result<Accepted>) -> bool {
    result.as_ref().is_err_and(|error| matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Closed))
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
    let (inserted, published) = if jobs.iter().all(|new| new.digest.is_none()) {
        // Their ids are new, so both can be done at the same time.
        let (inserted, published) = join!(store.insert(jobs.clone()), broker.publish_each(messages));
        match inserted {
            Ok(inserted) => (inserted.into_iter().map(|_| Inserted::New).collect(), published),
            Err(error) => return unrecorded(&error, published),
        }
    } else {
        match store.insert(jobs.clone()).await {
            Ok(inserted) => publish_unknown(broker, inserted, messages).await,
            Err(error) => return jobs.iter().map(|_| Err(error.duplicate().certain())).collect(),
        }
    };
    conclude(store, &jobs, &inserted, published).await
}

/// The records could not be stored, though their messages may have been published: then the jobs will run.
fn unrecorded(error: &Error, published: Vec<Result<()>>) -> Vec<Result<Accepted>> {
    let of = |published: Result<()>| match published {
        Ok(()) => error.duplicate().in_doubt(),
        Err(unpublished) if unpublished.is_in_doubt() => error.duplicate().in_doubt(),
        Err(_) => error.duplicate().certain(),
    };
    published.into_iter().map(|published| Err(of(published))).collect()
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
        false => store.confirm(confirmed).await.err(),
    };
    withdraw(store, &withdrawn).await;
    let result = |((new, inserted), published): ((&NewJob, &Inserted), Result<()>)| match inserted {
        Inserted::Known { same_payload: false, .. } => Err(conflict(new.job.id)),
        inserted if !is_to_publish(*inserted) => Ok(Accepted::Known),
        _ => match (published, &unconfirmed) {
            (Ok(()), None) => Ok(Accepted::New),
            (Ok(()), Some(error)) => Err(error.duplicate().in_doubt()),
            (Err(error), _) => Err(error),
        },
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
