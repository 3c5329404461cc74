//! Finding jobs by the lists they are on.

use chrono::Utc;
use redis::Pipeline;
use uuid::Uuid;

use super::{JobIndex, Lists};
use crate::{
    backend::{
        Cursor, JobFilter, JobPage,
        find::{Span, first},
        redis::{
            connection::Request,
            scripts::{GONE, IDS, on_lists},
        },
    },
    error::Result,
    job::{JobState, JobStatus},
};

/// Ids read in one call.
const PAGE: usize = 1000;
/// Records read in one call.
const RECORDS: usize = 250;
/// Records that are looked at where the lists do not have just what is asked for: each is read in whole.
const LOOK_AT: usize = 2500;

/// Lists that together have all jobs asked for.
struct Source {
    lists: Vec<String>,
    /// Whether they have no others.
    is_exact: bool,
}

impl JobIndex {
    /// The jobs that match, and where to go on.
    pub(in crate::backend::redis) async fn list(&self, filter: &JobFilter) -> Result<JobPage> {
        if filter.limit == 0 {
            return Ok(JobPage::new(Vec::new(), filter.after));
        }
        let source = self.source(filter).await?;
        let (mut span, now) = (filter.span(), Utc::now());
        let (mut found, mut looked_at, mut next) = (Vec::new(), 0, None);
        while source.is_exact || looked_at < LOOK_AT {
            let part = if source.is_exact { PAGE.min(filter.limit - found.len()) } else { PAGE };
            let positions = self.positions(&source.lists, span, part, filter.oldest_first).await?;
            for positions in positions.chunks(RECORDS) {
                let ids: Vec<_> = positions.iter().map(Cursor::id).collect();
                let records = self.connection.read_wanted(&ids, |job| filter.matches(job, now)).await?;
                if !records.gone.is_empty() {
                    let gone: Vec<_> = records.gone.iter().map(ToString::to_string).collect();
                    self.connection.request::<usize>(&on_lists(&GONE, &source.lists, gone)).await?;
                }
                for (place, job) in records.wanted {
                    found.push(job);
                    if found.len() == filter.limit {
                        return Ok(JobPage::new(found, Some(positions[place])));
                    }
                }
            }
            looked_at += positions.len();
            next = positions.last().copied();
            if positions.len() < part {
                return Ok(JobPage::new(found, None));
            }
            next.iter().for_each(|position| span.go_on(*position, filter.oldest_first));
        }
        Ok(JobPage::new(found, next))
    }

    /// The lists to read: of owner, tag or error, or those by kind and state, whichever have fewer jobs.
    async fn source(&self, filter: &JobFilter) -> Result<Source> {
        let keys = self.keys();
        let narrow = match filter {
            JobFilter { tag: Some(tag), .. } => Some(keys.jobs_by_tag(tag)),
            JobFilter { owner: Some(owner), .. } => Some(keys.jobs_by_owner(owner)),
            JobFilter { error: Some(_), .. } => Some(keys.jobs_with_error()),
            _ => None,
        };
        let by_list = filter.queue.is_some() || filter.task.is_some() || !filter.states.is_empty();
        let of_one =
            [filter.tag.is_some(), filter.owner.is_some(), by_list].into_iter().filter(|is| *is).count() < 2;
        if !by_list && filter.error.is_none() {
            let lists = vec![narrow.unwrap_or_else(|| keys.all_jobs())];
            return Ok(Source { lists, is_exact: of_one });
        }
        let listed = self.lists(filter).await?;
        if !filter.states.is_empty() {
            self.reindex(&listed.kinds).await?;
            if filter.states.iter().any(|state| state.status() == JobStatus::Pending) {
                // Who has fallen due waits.
                self.count(&listed.kinds).await?;
            }
        }
        let mut by_state = self.by_state(filter, &listed);
        let is_exact = narrow.is_none() && listed.by_status.is_empty();
        let old = listed.by_status.iter().map(|(status, _)| keys.jobs_by_status(*status));
        by_state.extend(old.clone());
        let Some(narrow) = narrow else { return Ok(Source { lists: by_state, is_exact }) };
        let mut lists = vec![narrow];
        if filter.error.is_some() && filter.tag.is_none() && filter.owner.is_none() {
            // Earlier versions kept no list of errors.
            lists.extend(old);
        }
        let narrower = by_list && self.length(&by_state).await? < self.length(&lists).await?;
        Ok(Source { lists: if narrower { by_state } else { lists }, is_exact: false })
    }

    fn by_state(&self, filter: &JobFilter, listed: &Lists) -> Vec<String> {
        let states: Vec<_> = JobState::ALL.into_iter().filter(|state| filter.wants(*state)).collect();
        let of_kind = |name| states.iter().map(move |state| self.keys().jobs_by_state(*state, name));
        listed.kinds.iter().flat_map(|kind| of_kind(&kind.name)).collect()
    }

    /// How many ids these lists have.
    async fn length(&self, lists: &[String]) -> Result<u64> {
        let mut count = Pipeline::with_capacity(lists.len());
        for list in lists {
            count.cmd("ZCARD").arg(list);
        }
        if lists.is_empty() {
            return Ok(0);
        }
        Ok(self.connection.request::<Vec<u64>>(&Request::Commands(count)).await?.iter().sum())
    }

    /// The first positions of all these lists together.
    async fn positions(
        &self,
        lists: &[String],
        span: Span,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Vec<Cursor>> {
        if lists.is_empty() {
            return Ok(Vec::new());
        }
        let Span { from, to } = span;
        // Scores are whole numbers, so only of the jobs at the end from which it goes on some may be asked for.
        let least = if from.1 == Uuid::max() { from.0.saturating_add(1) } else { from.0 };
        let greatest = if to.1.is_nil() { to.0.saturating_sub(1) } else { to.0 };
        let position = if oldest_first { from } else { to };
        let within = !position.1.is_nil() && position.1 != Uuid::max();
        let position =
            if within { (position.0.to_string(), position.1.to_string()) } else { Default::default() };
        let args = (u8::from(oldest_first), score(least), score(greatest), position.0, position.1, limit);
        let read: Vec<String> = self.connection.request(&on_lists(&IDS, lists, args)).await?;
        let positions = read.chunks_exact(2).filter_map(|pair| {
            let micros = pair[1].parse().ok()?;
            Some(Cursor((micros, Uuid::try_parse(&pair[0]).ok()?)))
        });
        Ok(first(positions.collect(), limit, oldest_first))
    }
}

/// Without end where there is none.
fn score(micros: i64) -> String {
    match micros {
        i64::MIN => "-inf".to_owned(),
        i64::MAX => "+inf".to_owned(),
        micros => micros.to_string(),
    }
}
