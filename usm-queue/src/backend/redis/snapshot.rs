//! Records as Redis has them now: read with their partial results, or published with what is new.

use redis::Pipeline;

use super::{
    connection::{Ask, Link},
    record::{self, add_partials, listed, parse},
};
use crate::{
    error::Result,
    job::{Job, JobId},
};

/// A record, with the partial results of its list from one of them on.
#[derive(Clone)]
pub(super) struct Present {
    pub(super) record: Job,
    /// How many entries the list has.
    pub(super) listed: usize,
    /// The first of them that is in the record.
    pub(super) from: usize,
    /// What another service wrote.
    pub(super) foreign: Option<Vec<u8>>,
}

impl Present {
    /// What was published; `None` where it does not tell what is new.
    pub(super) fn published(id: JobId, message: &[u8]) -> Option<Self> {
        let mut parts = message.splitn(2, |byte| *byte == b'\n');
        let text = parts.next()?;
        let (listed, mut record) = (listed(text)?, parse(id, text)?);
        let partial = parts.next();
        add_partials(&mut record, partial);
        let from = listed.checked_sub(usize::from(partial.is_some()))?;
        Some(Self { record, listed, from, foreign: None })
    }

    /// The record; whole only where it was read so.
    pub(super) fn job(self) -> Job {
        self.record
    }
}

impl Link {
    /// The records of these jobs in the order given, each with its partial results from one of them on: all of them where there
    /// are fewer now. A key that holds something else reads as unknown.
    pub(super) async fn records(&self, wanted: &[(JobId, usize)]) -> Result<Vec<Option<Present>>> {
        let ids: Vec<_> = wanted.iter().map(|(id, _)| *id).collect();
        let texts = self.texts(&ids).await?;
        let found = wanted.iter().zip(texts).map(|((id, from), text)| {
            let text = text?;
            let listed = listed(&text);
            Some(Present {
                record: parse(*id, &text)?,
                listed: listed.unwrap_or(usize::MAX),
                from: if listed.is_some_and(|listed| listed >= *from) { *from } else { 0 },
                foreign: (!record::is_ours(&text)).then_some(text),
            })
        });
        let mut found: Vec<_> = found.collect();
        self.complete(&mut found).await?;
        Ok(found)
    }

    /// The same of texts that were read before.
    pub(super) async fn with_partials(&self, texts: Vec<(JobId, Vec<u8>)>) -> Result<Vec<Job>> {
        let found = texts.into_iter().filter_map(|(id, text)| {
            let listed = listed(&text).unwrap_or(usize::MAX);
            Some(Some(Present { record: parse(id, &text)?, listed, from: 0, foreign: None }))
        });
        let mut found: Vec<_> = found.collect();
        self.complete(&mut found).await?;
        Ok(found.into_iter().flatten().map(Present::job).collect())
    }

    /// Reads the partial results of those that have some. There may be more meanwhile, of which the record does not tell.
    async fn complete(&self, found: &mut [Option<Present>]) -> Result<()> {
        let mut incomplete: Vec<_> =
            found.iter_mut().flatten().filter(|present| present.from < present.listed).collect();
        if incomplete.is_empty() {
            return Ok(());
        }
        let mut lists = Pipeline::with_capacity(incomplete.len());
        for present in &incomplete {
            let last = isize::try_from(present.listed).map_or(-1, |listed| listed - 1);
            lists.cmd("LRANGE").arg(self.names().partials(present.record.id)).arg(present.from).arg(last);
        }
        let lists: Vec<Vec<Vec<u8>>> = self.ask(&Ask::Commands(lists)).await?;
        for (present, list) in incomplete.iter_mut().zip(lists) {
            present.listed = present.listed.min(present.from + list.len());
            add_partials(&mut present.record, list);
        }
        Ok(())
    }

    /// The records of these jobs, in the order given: where another service has them, if it calls them otherwise.
    async fn texts(&self, ids: &[JobId]) -> Result<Vec<Option<Vec<u8>>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("MGET");
        for id in ids {
            command.arg(self.names().record(id));
        }
        for id in ids {
            command.arg(self.names().alias(id));
        }
        let mut texts: Vec<Option<Vec<u8>>> = self.ask(&Ask::Command(command)).await?;
        let aliases = texts.split_off(ids.len().min(texts.len()));
        let (places, keys): (Vec<_>, Vec<_>) = aliases
            .into_iter()
            .enumerate()
            .filter_map(|(place, alias)| Some((place, self.names().record(String::from_utf8(alias?).ok()?))))
            .unzip();
        if !keys.is_empty() {
            let mut command = redis::cmd("MGET");
            command.arg(keys);
            let named: Vec<Option<Vec<u8>>> = self.ask(&Ask::Command(command)).await?;
            for (place, text) in places.into_iter().zip(named) {
                let of_another = |text: &Vec<u8>| record::names(text).is_some_and(|id| id != ids[place]);
                if let Some(text) = text.filter(|text| !of_another(text)) {
                    texts[place] = Some(text);
                }
            }
        }
        Ok(texts)
    }

    /// All partial results of a job, as its list has them.
    pub(super) async fn partials(&self, id: JobId) -> Result<Vec<Vec<u8>>> {
        let mut command = redis::cmd("LRANGE");
        command.arg(self.names().partials(id)).arg(0).arg(-1);
        self.ask(&Ask::Command(command)).await
    }
}
