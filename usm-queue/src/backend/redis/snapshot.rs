//! Reading records: as they are in Redis, or as they are published.

use redis::Pipeline;

use super::{
    connection::{Connection, Request},
    record::{add_entries, is_ours, list_length, parse, usm_job_id},
};
use crate::{
    error::Result,
    job::{Job, JobId},
};

/// A record, with the partial results in its list from one of them on.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) record: Job,
    /// How many partial results the list has.
    pub(super) listed: usize,
    /// The first of them that is in the record.
    pub(super) from: usize,
    /// The text, if another service wrote it.
    pub(super) foreign: Option<Vec<u8>>,
}

/// Jobs that were read, and their places among those that were asked for.
pub(super) struct Wanted {
    pub(super) wanted: Vec<(usize, Job)>,
    pub(super) gone: Vec<JobId>,
}

impl Snapshot {
    /// Reads a published message: the record, and the partial result that is new. `None` if it must be read from Redis.
    pub(super) fn from_message(id: JobId, message: &[u8]) -> Option<Self> {
        let mut parts = message.splitn(2, |byte| *byte == b'\n');
        let text = parts.next()?;
        let (listed, mut record) = (list_length(text)?, parse(id, text)?);
        let partial = parts.next();
        add_entries(&mut record, partial);
        let from = listed.checked_sub(usize::from(partial.is_some()))?;
        Some(Self { record, listed, from, foreign: None })
    }
}

impl Connection {
    /// Reads the records of these jobs, in the order given, each with its partial results from one of them on, or all of
    /// them if there are fewer now. A key that holds something else reads as unknown.
    pub(super) async fn read(&self, wanted: &[(JobId, usize)]) -> Result<Vec<Option<Snapshot>>> {
        let ids: Vec<_> = wanted.iter().map(|(id, _)| *id).collect();
        let texts = self.read_texts(&ids).await?;
        let found = wanted.iter().zip(texts).map(|((id, from), text)| {
            let text = text?;
            let listed = list_length(&text);
            Some(Snapshot {
                record: parse(*id, &text)?,
                listed: listed.unwrap_or(usize::MAX),
                from: if listed.is_some_and(|listed| listed >= *from) { *from } else { 0 },
                foreign: (!is_ours(&text)).then_some(text),
            })
        });
        let mut found: Vec<_> = found.collect();
        self.add_partials(found.iter_mut().flatten()).await?;
        Ok(found)
    }

    /// What the record says that another service may have under this id: which job of ours it is, if any. `None` where there is
    /// no record.
    pub(super) async fn called(&self, text: &str) -> Result<Option<Option<JobId>>> {
        // MGET reads a key of another type as missing.
        let mut get = redis::cmd("MGET");
        get.arg(&[self.keys().record(text)]);
        let found: Vec<Option<Vec<u8>>> = self.request(&Request::Command(get)).await?;
        Ok(found.into_iter().flatten().next().map(|text| usm_job_id(&text)))
    }

    /// Reads one whole record.
    pub(super) async fn read_one(&self, id: JobId) -> Result<Option<Snapshot>> {
        Ok(self.read(&[(id, 0)]).await?.pop().flatten())
    }

    /// Reads those of these jobs that are wanted, and tells which have no record.
    pub(super) async fn read_wanted(
        &self,
        ids: &[JobId],
        is_wanted: impl Fn(&Job) -> bool,
    ) -> Result<Wanted> {
        let (mut places, mut found, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (id, text)) in ids.iter().zip(self.read_texts(ids).await?).enumerate() {
            let Some(text) = text else {
                gone.push(*id);
                continue;
            };
            if let Some(record) = parse(*id, &text).filter(&is_wanted) {
                let listed = list_length(&text).unwrap_or(usize::MAX);
                places.push(place);
                found.push(Snapshot { record, listed, from: 0, foreign: None });
            }
        }
        self.add_partials(found.iter_mut()).await?;
        let wanted = places.into_iter().zip(found.into_iter().map(|snapshot| snapshot.record)).collect();
        Ok(Wanted { wanted, gone })
    }

    /// Reads all entries of a job's list of partial results.
    pub(super) async fn read_partials(&self, id: JobId) -> Result<Vec<Vec<u8>>> {
        let mut command = redis::cmd("LRANGE");
        command.arg(self.keys().partials(id)).arg(0).arg(-1);
        self.request(&Request::Command(command)).await
    }

    /// Adds the partial results of those records that have some. By now the list may be longer than the record says; the
    /// rest belongs to a later version.
    async fn add_partials<'a>(&self, found: impl Iterator<Item = &'a mut Snapshot>) -> Result<()> {
        let mut incomplete: Vec<_> = found.filter(|snapshot| snapshot.from < snapshot.listed).collect();
        if incomplete.is_empty() {
            return Ok(());
        }
        let mut lists = Pipeline::with_capacity(incomplete.len());
        for snapshot in &incomplete {
            let last = isize::try_from(snapshot.listed).map_or(-1, |listed| listed - 1);
            lists.cmd("LRANGE").arg(self.keys().partials(snapshot.record.id)).arg(snapshot.from).arg(last);
        }
        let lists: Vec<Vec<Vec<u8>>> = self.request(&Request::Commands(lists)).await?;
        for (snapshot, list) in incomplete.iter_mut().zip(lists) {
            snapshot.listed = snapshot.listed.min(snapshot.from + list.len());
            add_entries(&mut snapshot.record, list);
        }
        Ok(())
    }

    /// The texts of these records, in the order given. A job that has an alias is read where the other service has it.
    async fn read_texts(&self, ids: &[JobId]) -> Result<Vec<Option<Vec<u8>>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("MGET");
        for id in ids {
            command.arg(self.keys().record(id));
        }
        for id in ids {
            command.arg(self.keys().alias(id));
        }
        let mut texts: Vec<Option<Vec<u8>>> = self.request(&Request::Command(command)).await?;
        let aliases = texts.split_off(ids.len().min(texts.len()));
        let (places, keys): (Vec<_>, Vec<_>) = aliases
            .into_iter()
            .enumerate()
            .filter_map(|(place, alias)| Some((place, self.keys().record(String::from_utf8(alias?).ok()?))))
            .unzip();
        if !keys.is_empty() {
            let mut command = redis::cmd("MGET");
            command.arg(keys);
            let aliased: Vec<Option<Vec<u8>>> = self.request(&Request::Command(command)).await?;
            for (place, text) in places.into_iter().zip(aliased) {
                // Another job of ours may have the same alias.
                let of_another = |text: &Vec<u8>| usm_job_id(text).is_some_and(|id| id != ids[place]);
                if let Some(text) = text.filter(|text| !of_another(text)) {
                    texts[place] = Some(text);
                }
            }
        }
        Ok(texts)
    }
}
