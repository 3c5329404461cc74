//! The job store on Redis: `job:{id}` as the guide shows it, beside it what scripts compare and change, one round
//! trip for each transition.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::Pipeline;
use tokio::sync::broadcast;

use super::{
    RedisOptions,
    claims::{ClaimedJobs, Doubtful, Requests},
    connection::{Ask, Link},
    index::Lists,
    preflight,
    progress::Report,
    record::{self, add_partials, listed, parse, to_json},
    scripts::{CANCEL, CLAIM, Call, FAIL, Given, Keep, POSTPONE, RENEW, UNCONFIRMED},
    transitions::{Answer, Shared, warn_overwritten},
    watch::{Place, Watchers},
};
use crate::backend::{
    CancelOutcome, Claimed, Inserted, JobChanges, JobFilter, JobStore, JobUpdate, JobWatch, Lease,
    LeaseState, NewJob, Updated,
};
use crate::{
    error::{Error, ErrorKind, Result},
    job::{Job, JobId, JobStatus},
};

/// The longest duration Lua counts exactly with.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// Unconfirmed records looked at in one call.
const REMOVE_AT_ONCE: usize = 500;

/// Connects to Redis; fails when it cannot be reached. Once connected, the store survives any outage: calls fail as
/// `Unavailable` while it lasts.
pub(crate) async fn connect(options: RedisOptions) -> Result<Arc<dyn JobStore>> {
    let options = options.within_bounds();
    let link = Arc::new(Link::connect(&options).await?);
    preflight::check_rights(&link, &options.user()).await?;
    preflight::look_at_settings(&link).await;
    let watchers = Watchers::new(link.clone(), &options);
    let lists = Lists::new(link.clone());
    let shared = Shared {
        link,
        keep: Keep::new(&options),
        lists,
        claimed: ClaimedJobs::default(),
        requests: Requests::default(),
    };
    Ok(Arc::new(RedisStore { shared: Arc::new(shared), watchers }))
}

/// Jobs in Redis.
struct RedisStore {
    shared: Arc<Shared>,
    watchers: Watchers,
}

#[async_trait]
impl JobStore for RedisStore {
    async fn insert(&self, jobs: &[NewJob]) -> Result<()> {
        self.shared.insert(jobs, false).await.map(drop)
    }

    async fn insert_unconfirmed(&self, jobs: &[NewJob]) -> Result<Vec<Inserted>> {
        self.shared.insert(jobs, true).await
    }

    async fn confirm(&self, jobs: &[NewJob]) -> Result<()> {
        let shared = &self.shared;
        if jobs.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("ZREM");
        command.arg(shared.link.names().unconfirmed());
        for new in jobs {
            command.arg(new.job.id.to_string());
        }
        let removed: usize = shared.link.ask(&Ask::Command(command)).await?;
        if removed == jobs.len() {
            return Ok(());
        }
        // This call was applied before and its answer lost, or the records were removed meanwhile.
        let mut command = redis::cmd("MGET");
        for new in jobs {
            command.arg(shared.link.names().state(new.job.id));
        }
        let states: Vec<Option<Vec<u8>>> = shared.link.ask(&Ask::Command(command)).await?;
        let gone: Vec<_> =
            jobs.iter().zip(states).filter_map(|(new, state)| state.is_none().then_some(new)).collect();
        if !gone.is_empty() {
            shared.insert_others(&gone, false).await?;
        }
        Ok(())
    }

    async fn withdraw(&self, ids: &[JobId]) -> Result<()> {
        self.shared.withdraw(ids).await.map(drop)
    }

    async fn remove_unconfirmed(&self, age: Duration) -> Result<Vec<JobId>> {
        let mut look = redis::cmd("EVALSHA");
        look.arg(UNCONFIRMED.get_hash())
            .arg(1)
            .arg(self.shared.link.names().unconfirmed())
            .arg(micros(age))
            .arg(REMOVE_AT_ONCE);
        let ids: Vec<String> = self.shared.link.ask(&Ask::Script(&UNCONFIRMED, look)).await?;
        let ids: Vec<JobId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let removed = self.shared.withdraw(&ids).await?;
        Ok(ids.into_iter().zip(removed).filter_map(|(id, removed)| removed.then_some(id)).collect())
    }

    async fn resolve(&self, text: &str) -> Result<JobId> {
        let id: JobId = text.parse()?;
        let is_alias = text != id.to_string();
        if !is_alias && id.is_own() {
            return Ok(id);
        }
        let (link, keep) = (&self.shared.link, &self.shared.keep);
        // A key that holds something else reads as none.
        let mut get = redis::cmd("MGET");
        get.arg(&[link.names().record(text)]);
        let [there] =
            link.ask::<Vec<Option<Vec<u8>>>>(&Ask::Command(get)).await?.try_into().unwrap_or([None]);
        match there.as_deref().map(record::names) {
            Some(Some(named)) => Ok(named),
            Some(None) if is_alias => {
                link.ask::<()>(&Ask::Command(keep.pointer(id, text))).await?;
                Ok(id)
            }
            _ => Ok(id),
        }
    }

    async fn get(&self, id: JobId) -> Result<Option<Job>> {
        Ok(self.shared.link.records(&[(id, 0)]).await?.pop().flatten().map(|record| record.job()))
    }

    async fn list(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        self.shared.lists.read(filter).await
    }

    async fn claim(&self, job: NewJob, worker: &str, lease: Duration) -> Result<Claimed> {
        self.take(job, worker, lease, None).await
    }

    async fn claim_suspect(
        &self,
        job: NewJob,
        worker: &str,
        lease: Duration,
        alone: Duration,
    ) -> Result<Claimed> {
        self.take(job, worker, lease, Some(alone)).await
    }

    async fn postpone(&self, job: NewJob, error: String, delay: Duration) -> Result<JobStatus> {
        let (request, error, delay) = (Requests::new_name(), to_json(&error), micros(delay));
        let postpone = |call: Call| call.arg(&request).arg(&error).arg(delay);
        let id = job.job.id;
        let answer = self.shared.unfenced(&POSTPONE, id, Some(&job), postpone).await?;
        let answer = answer.unwrap_or_default();
        warn_overwritten(id, answer.get(1));
        answer.first().and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default().parse()
    }

    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<LeaseState>> {
        let shared = &self.shared;
        let mut states = vec![LeaseState::Lost; leases.len()];
        if leases.is_empty() {
            return Ok(states);
        }
        let until = micros(lease);
        let call = |lease: &Lease, given: Option<&Given>| {
            Call::new(&RENEW, lease.id, &shared.keep, given).arg(lease.token).arg(until).given(given)
        };
        let mut calls = Pipeline::with_capacity(leases.len());
        for lease in leases {
            calls.add_command(call(lease, None));
        }
        let mut answers: Vec<Answer> = shared.link.ask(&Ask::Scripts(&RENEW, calls)).await?;

        let lost = |answer: &Answer| answer.first().is_some_and(|word| word == b"unknown");
        if answers.iter().any(lost) {
            let mut again = Pipeline::new();
            let mut places = Vec::new();
            for (place, lease) in leases.iter().enumerate().filter(|(place, _)| lost(&answers[*place])) {
                if let Some(record) = shared.lost_record(*lease) {
                    again.add_command(call(lease, Some(&Given::lost(&record, lease.token))));
                    places.push(place);
                }
            }
            if !places.is_empty() {
                let later: Vec<Answer> = shared.link.ask(&Ask::Scripts(&RENEW, again)).await?;
                places.into_iter().zip(later).for_each(|(place, answer)| answers[place] = answer);
            }
        }

        for ((lease, answer), state) in leases.iter().zip(&answers).zip(&mut states) {
            warn_overwritten(lease.id, answer.get(1));
            *state = match answer.first().map(Vec::as_slice) {
                Some(b"held") => LeaseState::Held,
                Some(b"cancel") => LeaseState::CancelRequested,
                _ => LeaseState::Lost,
            };
            match state {
                LeaseState::Lost => shared.claimed.forget(*lease),
                _ => shared.claimed.renewed(*lease),
            }
        }
        Ok(states)
    }

    async fn update(&self, lease: Lease, update: JobUpdate) -> Result<Updated> {
        if let JobUpdate::Progress(progress) = &update {
            match self.shared.claimed.report(lease, progress) {
                Report::Write => {}
                Report::Kept => return Ok(Updated::Applied),
                Report::KeptUntil(at) => {
                    let shared = self.shared.clone();
                    drop(tokio::spawn(async move {
                        tokio::time::sleep_until(at).await;
                        shared.write_promised(lease).await;
                    }));
                    return Ok(Updated::Applied);
                }
            }
        }
        self.shared.update(lease, update).await
    }

    async fn fail_unclaimed(&self, new: NewJob, error: String) -> Result<bool> {
        let (request, error) = (Requests::new_name(), to_json(&error));
        let id = new.job.id;
        let answer =
            self.shared.unfenced(&FAIL, id, Some(&new), |call| call.arg(&request).arg(&error)).await?;
        let answer = answer.unwrap_or_default();
        warn_overwritten(id, answer.get(1));
        Ok(answer.first().is_some_and(|word| word == b"failed"))
    }

    async fn cancel(&self, id: JobId) -> Result<CancelOutcome> {
        let request = Requests::new_name();
        let answer = self.shared.unfenced(&CANCEL, id, None, |call| call.arg(&request)).await?;
        let Some(answer) = answer else { return Ok(CancelOutcome::Unknown) };
        warn_overwritten(id, answer.get(1));
        let word = answer.first().and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default();
        Ok(match word {
            "cancelled" => CancelOutcome::Cancelled,
            "requested" => {
                // Others are told by Redis; whoever listens here need not wait for it.
                self.watchers.stop(id);
                CancelOutcome::Requested
            }
            "was_cancelled" => CancelOutcome::AlreadyFinal(JobStatus::Cancelled),
            ended => CancelOutcome::AlreadyFinal(ended.parse()?),
        })
    }

    async fn watch(&self, id: JobId) -> Result<JobWatch> {
        let (present, place) = self.follow(id).await?;
        Ok(JobWatch::new(present, Place::follow(place, Job::clone)))
    }

    async fn changes(&self, id: JobId, after: u64) -> Result<JobChanges> {
        let (present, place) = self.follow(id).await?;
        Ok(JobChanges::new(&present, after, |mut cursor| Place::follow(place, move |job| cursor.read(job))))
    }

    fn cancellations(&self) -> broadcast::Receiver<JobId> {
        self.watchers.cancellations()
    }

    async fn close(&self) {
        self.watchers.close();
        self.shared.link.close();
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl RedisStore {
    /// The present record, and the later ones where it will change.
    async fn follow(&self, id: JobId) -> Result<(Job, Option<Place>)> {
        // Before the record is read, so that no change falls in between.
        let place = self.watchers.enter(id).await?;
        let present = self.shared.link.records(&[(id, 0)]).await?.pop().flatten();
        let present = present.ok_or_else(|| Error::not_found(format!("job {id}")))?;
        let job = present.clone().job();
        if job.status.is_final() {
            return Ok((job, None));
        }
        self.watchers.show(present);
        Ok((job, Some(place)))
    }

    async fn take(
        &self,
        new: NewJob,
        worker: &str,
        lease: Duration,
        alone: Option<Duration>,
    ) -> Result<Claimed> {
        let (shared, job) = (&self.shared, &new.job);
        let doubtful = || Doubtful::Claim(worker.to_owned());
        let request = shared.requests.name(job.id, doubtful);
        let worker = to_json(worker);
        let until = micros(lease);
        let alone = alone.map_or_else(String::new, |alone| micros(alone).to_string());
        let args = |call: Call| call.arg(&request).arg(&worker).arg(until).arg(&alone);
        let answer = shared.unfenced(&CLAIM, job.id, Some(&new), args);
        let answer = async {
            let answer = answer.await?.unwrap_or_default();
            let taken = matches!(answer.first().map(Vec::as_slice), Some(b"run" | b"end"));
            let partials = match answer.get(2).filter(|_| taken).map(|text| listed(text)) {
                None | Some(Some(0)) => Vec::new(),
                Some(_) => shared.link.partials(job.id).await?,
            };
            Ok::<_, Error>((answer, partials))
        };
        let (mut answer, partials) = match answer.await {
            Ok(answer) => answer,
            Err(error) => {
                if error.kind() == ErrorKind::Unavailable {
                    shared.requests.lost(job.id, doubtful(), request);
                }
                return Err(error);
            }
        };
        warn_overwritten(job.id, answer.get(3));
        let word =
            |at: usize| answer.get(at).and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default();
        let kind = word(0).to_owned();
        match kind.as_str() {
            "final" => Ok(Claimed::Final(word(1).parse()?)),
            "busy" => Ok(Claimed::Busy(Duration::from_micros(number(word(1))))),
            "suspect" => Ok(Claimed::Suspect(word(1).parse().unwrap_or(u32::MAX))),
            "run" | "end" => {
                let lease = Lease { id: job.id, token: number(word(1)) };
                let text = answer.swap_remove(2);
                let mut taken = parse(job.id, &text).map(Box::new).ok_or_else(|| unreadable(job.id))?;
                add_partials(&mut taken, &partials);
                shared.claimed.insert(lease, (text, partials), &new);
                Ok(if kind == "run" { Claimed::Run(taken, lease) } else { Claimed::End(taken, lease) })
            }
            _ => Err(unreadable(job.id)),
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("server", &self.shared.link).finish_non_exhaustive()
    }
}

/// A duration as the scripts take it.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.min(LONGEST).as_micros()).unwrap_or_default()
}

pub(super) fn number(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}

fn unreadable(id: JobId) -> Error {
    Error::new(
        ErrorKind::Backend,
        format!(
            "the record of job {id} in Redis cannot be read; another program may have written usm:job:{id}"
        ),
    )
}
