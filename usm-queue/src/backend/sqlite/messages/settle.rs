//! The end of a delivery.

use std::time::Duration;

use rusqlite::{ToSql, params};

use super::{
    error::failed,
    insert::insert_all,
    routes::Routes,
    rows::{NewRow, prepare},
};
use crate::{
    backend::{
        Delivery, Settlement,
        sqlite::db::{Tx, duration_micros},
    },
    clock,
    error::Result,
    job::JobId,
    retry::later,
};

/// A settlement with everything that can be made before the transaction.
pub(crate) struct Settle {
    id: i64,
    queue: i64,
    /// The job's record was changed in the same transaction, so the message's fate is ours even if the broker has
    /// taken the delivery back.
    owned: bool,
    action: Action,
}

enum Action {
    Ack,
    Requeue(Duration, Option<JobId>),
    Replace(Vec<NewRow>),
}

impl Settle {
    /// Of the message `id` in `queue`.
    pub(crate) fn prepare(
        routes: &Routes,
        delivery: &Delivery,
        (id, queue): (i64, i64),
        settlement: Settlement,
        owned: bool,
    ) -> Result<Self> {
        let action = match settlement {
            Settlement::Ack => Action::Ack,
            Settlement::Requeue { delay } => Action::Requeue(delay, delivery.message.job_id()),
            Settlement::Retry { mut message, delay } => {
                message.not_before = Some(later(clock::now(), delay));
                let row = NewRow::new(queue, routes.spec(&delivery.queue)?, *message)?;
                Action::Replace(vec![NewRow { returns: true, ..row }])
            }
            Settlement::DeadLetter { message } => Action::Replace(prepare(routes, vec![*message])?),
        };
        Ok(Self { id, queue, owned, action })
    }

    pub(crate) fn run(&self, tx: &mut Tx<'_>, routes: &Routes) -> Result<()> {
        if let Action::Requeue(delay, job) = self.action {
            return release(tx, self.id, self.queue, Some((delay, job)));
        }
        let sql = if self.owned {
            "DELETE FROM messages WHERE id = ?1"
        } else {
            "DELETE FROM messages WHERE id = ?1 AND holder = ?2"
        };
        let held = tx
            .connection
            .prepare_cached(sql)
            .and_then(|mut delete| {
                if self.owned { delete.execute([self.id]) } else { delete.execute([self.id, tx.member]) }
            })
            .map_err(failed)?;
        match &self.action {
            Action::Replace(rows) if held > 0 || self.owned => insert_all(tx, routes, rows),
            _ => Ok(()),
        }
    }
}

/// How long after its job's time a ready message is looked for: it was put behind all others when it came.
const ARRIVAL: Duration = Duration::from_secs(15);

/// Removes the waiting messages of a cancelled job, enqueued or due at `since`. Delayed ones are found by an index; an index of
/// all would cost every message time, so a ready one is looked for among those that came then. One that is not found, for it
/// came later, is found out when it is delivered. Dead letters, which may have the same id, are no concern of a cancel.
pub(crate) fn remove_waiting(tx: &Tx<'_>, routes: Option<&Routes>, job: JobId, since: i64) -> Result<()> {
    let execute = |sql, values: &[&dyn ToSql]| {
        tx.connection
            .prepare_cached(sql)
            .and_then(|mut remove| remove.execute(values))
            .map(drop)
            .map_err(failed)
    };
    execute("DELETE FROM messages WHERE job = ?1 AND due_at IS NOT NULL AND holder IS NULL", &[&job.0])?;
    let Some(routes) = routes else { return Ok(()) };
    let topology = &routes.topology;
    let (failed, notices) = (routes.id(topology.failed_queue())?, routes.id(topology.notice_queue())?);
    let ready = "DELETE FROM messages WHERE holder IS NULL AND due_at IS NULL AND id =
        (SELECT id FROM messages
         WHERE id BETWEEN ?2 AND ?3 AND message_id = ?1 AND queue NOT IN (?4, ?5) ORDER BY id LIMIT 1)";
    let until = since.saturating_add(duration_micros(ARRIVAL));
    execute(ready, &[&job.to_string(), &since, &until, &failed, &notices])
}

/// Gives a message this process holds back to its queue; after a delay, then with its job to be found by.
pub(crate) fn release(
    tx: &mut Tx<'_>,
    id: i64,
    queue: i64,
    delay: Option<(Duration, Option<JobId>)>,
) -> Result<()> {
    let delay = delay.filter(|(delay, _)| !delay.is_zero());
    let due_at = delay.map(|(delay, _)| tx.now.saturating_add(duration_micros(delay)));
    let job = delay.and_then(|(_, job)| job).map(|job| job.0);
    tx.connection
        .prepare_cached("UPDATE messages SET holder = NULL, due_at = ?3, job = coalesce(?4, job) WHERE id = ?1 AND holder = ?2")
        .and_then(|mut release| release.execute(params![id, tx.member, due_at, job]))
        .map_err(failed)?;
    tx.effects.queues.insert(queue);
    Ok(())
}
