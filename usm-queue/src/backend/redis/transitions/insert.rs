//! Storing the records of jobs that are being enqueued, and removing those that were not accepted.

use std::time::Duration;

use redis::Pipeline;

use super::{NO_ARGUMENTS, Transitions};
use crate::{
    backend::{
        Inserted, NewJob,
        redis::{
            connection::Request,
            encoding::duration_micros,
            scripts::{FallbackRecord, INSERT, INSERT_NEW, ScriptReply, UNCONFIRMED, WITHDRAW},
        },
        store::same_payload,
    },
    error::Result,
    job::JobId,
};

/// What `insert_new.lua` answers: the record is stored, or there is one of ours already.
const STORED: u8 = 1;
const EXISTS: u8 = 2;

/// Unconfirmed records that are removed in one call.
const REMOVE_BATCH: usize = 500;

impl Transitions {
    /// Stores records and tells what was there before.
    pub(crate) async fn insert(&self, jobs: &[NewJob], unconfirmed: bool) -> Result<Vec<Inserted>> {
        let mut inserted = vec![Inserted::New; jobs.len()];
        let mut calls = Pipeline::with_capacity(jobs.len());
        let (mut called, mut others) = (Vec::with_capacity(jobs.len()), Vec::new());
        for (place, new) in jobs.iter().enumerate() {
            match self.calls.insert_new(new, unconfirmed, &self.index.new_kind(&new.job)) {
                Some(call) => {
                    calls.add_command(call);
                    called.push(place);
                }
                None => others.push(place),
            }
        }
        if !called.is_empty() {
            let answers = self.connection.request(&Request::Scripts(&INSERT_NEW, calls)).await;
            let answers: Vec<u8> = answers.inspect_err(|_| self.index.forget_kinds())?;
            let done = |answer| answer == STORED || (answer == EXISTS && !unconfirmed);
            others.extend(
                called.into_iter().zip(answers).filter(|(_, answer)| !done(*answer)).map(|(place, _)| place),
            );
        }
        if !others.is_empty() {
            let jobs: Vec<_> = others.iter().map(|place| &jobs[*place]).collect();
            let answers = self.insert_any(&jobs, unconfirmed).await?;
            others.into_iter().zip(answers).for_each(|(place, answer)| inserted[place] = answer);
        }
        if let Some(last) = jobs.last() {
            self.index.added(&last.job, jobs.len());
        }
        Ok(inserted)
    }

    /// Removes the marks of unconfirmed jobs. Stores a record again that is gone by now.
    pub(crate) async fn confirm(&self, jobs: &[NewJob]) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let keys = self.connection.keys();
        let mut remove = redis::cmd("ZREM");
        remove.arg(keys.unconfirmed());
        for new in jobs {
            remove.arg(new.job.id.to_string());
        }
        let removed: usize = self.connection.request(&Request::Command(remove)).await?;
        if removed == jobs.len() {
            return Ok(());
        }
        // Either this call was carried out before and its answer lost, or some records were removed meanwhile.
        let mut get = redis::cmd("MGET");
        for new in jobs {
            get.arg(keys.state(new.job.id));
        }
        let states: Vec<Option<Vec<u8>>> = self.connection.request(&Request::Command(get)).await?;
        let gone: Vec<_> =
            jobs.iter().zip(states).filter_map(|(new, state)| state.is_none().then_some(new)).collect();
        if !gone.is_empty() {
            self.insert_any(&gone, false).await?;
        }
        Ok(())
    }

    /// Removes unconfirmed records that nobody has claimed; tells for each whether it was removed.
    pub(crate) async fn withdraw(&self, ids: &[JobId]) -> Result<Vec<bool>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut calls = Pipeline::with_capacity(ids.len());
        for id in ids {
            calls.add_command(self.calls.transition(&WITHDRAW, *id, None, None, NO_ARGUMENTS));
        }
        self.connection.request(&Request::Scripts(&WITHDRAW, calls)).await
    }

    /// Withdraws jobs that have been unconfirmed for longer than `age`, and returns those that it removed.
    pub(crate) async fn remove_unconfirmed(&self, age: Duration) -> Result<Vec<JobId>> {
        let mut find = redis::cmd("EVALSHA");
        find.arg(UNCONFIRMED.get_hash())
            .arg(1)
            .arg(self.connection.keys().unconfirmed())
            .arg(duration_micros(age))
            .arg(REMOVE_BATCH);
        let ids: Vec<String> = self.connection.request(&Request::Script(&UNCONFIRMED, find)).await?;
        let ids: Vec<JobId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let removed = self.withdraw(&ids).await?;
        Ok(ids.into_iter().zip(removed).filter_map(|(id, removed)| removed.then_some(id)).collect())
    }

    /// Stores records that `insert_new.lua` does not: of delayed jobs, and those whose keys exist already.
    async fn insert_any(&self, jobs: &[&NewJob], unconfirmed: bool) -> Result<Vec<Inserted>> {
        let mut calls = Pipeline::with_capacity(jobs.len());
        for new in jobs {
            let record = FallbackRecord::of_unknown(new);
            let mark = u8::from(unconfirmed);
            calls.add_command(self.calls.transition(&INSERT, new.job.id, None, Some(&record), mark));
        }
        let replies: Vec<ScriptReply> = self.connection.request(&Request::Scripts(&INSERT, calls)).await?;
        jobs.iter().zip(&replies).map(|(new, reply)| inserted(new, reply)).collect()
    }
}

/// Reads the answer of `insert.lua`.
fn inserted(new: &NewJob, reply: &ScriptReply) -> Result<Inserted> {
    reply.warn_overwritten(4, new.job.id);
    if reply.outcome() == "new" {
        return Ok(Inserted::New);
    }
    let same_payload = same_payload(u64::from_str_radix(reply.word(3), 16).ok(), new.digest);
    Ok(Inserted::Known { status: reply.word(1).parse()?, confirmed: reply.word(2) == "1", same_payload })
}
