//! Random calls, one after another: their answers and what they leave must be those of the model.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use chrono::{DateTime, Utc};
use fastrand::Rng;
use serde_json::json;

use super::story::{LONG, new_job, now};
use crate::{
    backend::{
        Claimed, EditCommit, FailOutcome, JobStore, JobUpdate, Lease, NewJob, Updated,
        transition::{Answer, Event, Known, NotTaken, Taken, transition},
    },
    job::{Job, Progress},
    testing::{eventually, seed},
};

const JOBS: usize = 3;
const STEPS: u64 = 600;

/// Besides [`Duration::ZERO`], which is over at once.
const ENDLESS: Duration = LONG;
/// A token of a claim that the store does not know.
const UNKNOWN_TOKEN: u64 = 1 << 52;

/// Of [`transition`]. The seed is printed; `USM_CONTRACT_SEED` repeats the calls. When one
/// is answered otherwise, or leaves something else, all calls that concerned this job are told.
pub async fn any_call_answers_and_changes_the_record_as_the_model_does(store: &dyn JobStore) {
    let mut random = Rng::with_seed(seed());
    let mut trials: Vec<_> = (0..JOBS).map(|_| Trial::new(&mut random)).collect();
    for step in 1..=STEPS {
        let trial = random.choice(&mut trials).expect("there are jobs");
        if trial.is_stuck() && random.u8(..3) == 0 {
            *trial = Trial::new(&mut random);
        }
        trial.told.job.generation = trial.any_generation(&mut random);
        let event = trial.any_event(&mut random, step);
        trial.step(store, step, &event).await;
    }
}

/// One job, and what was done to it.
struct Trial {
    told: NewJob,
    known: Option<Known>,
    /// The store's tokens by those of the model.
    tokens: BTreeMap<u64, u64>,
    calls: String,
    now: DateTime<Utc>,
}

impl Trial {
    fn new(random: &mut Rng) -> Self {
        let mut job = new_job();
        job.max_attempts = random.u32(1..4);
        let due = [None, None, None, Some(Duration::ZERO), Some(ENDLESS)][random.usize(..5)];
        job.next_attempt_at = due.map(|due| job.created_at + due);
        let mut told = NewJob::from(job);
        told.digest = any_digest(random);
        Self { told, known: None, tokens: BTreeMap::new(), calls: String::new(), now: now() }
    }

    /// Whether little can happen to it.
    fn is_stuck(&self) -> bool {
        self.known.as_ref().is_some_and(|known| {
            known.job.status.is_final() || known.job.next_attempt_at.is_some_and(|due| due > self.now)
        })
    }

    fn any_event(&mut self, random: &mut Rng, step: u64) -> Event {
        let short = |random: &mut Rng| if random.u8(..3) == 0 { ENDLESS } else { Duration::ZERO };
        match random.u8(..100) {
            0..4 => Event::Insert,
            4..8 => {
                self.told.digest = any_digest(random);
                Event::InsertUnconfirmed
            }
            8..11 => Event::Confirm,
            11..14 => Event::Withdraw,
            14..45 => Event::Claim {
                worker: format!("worker {step}"),
                lease: short(random),
                alone: random.bool().then(|| short(random)),
            },
            45..50 => Event::Renew { token: self.any_token(random), lease: short(random) },
            50..82 => Event::Update { token: self.any_token(random), update: any_update(random, step) },
            82..86 => Event::Postpone {
                error: format!("put off {step}"),
                delay: if random.u8(..5) == 0 { ENDLESS } else { Duration::ZERO },
            },
            86..89 => Event::FailUnclaimed { error: format!("failed from outside {step}") },
            89..93 => Event::ReserveEdit,
            93..97 => Event::CommitEdit(self.any_commit(random)),
            _ => Event::Cancel,
        }
    }

    /// Mostly that of the message that counts, or that of an edit that is not committed yet.
    fn any_generation(&self, random: &mut Rng) -> u64 {
        let known = self.known.as_ref().map(|known| known.generations).unwrap_or_default();
        match random.u8(..10) {
            0 => random.u64(..known.reserved + 2),
            1..4 => known.reserved,
            _ => known.current,
        }
    }

    fn any_commit(&self, random: &mut Rng) -> EditCommit {
        let reserved = self.known.as_ref().map_or(0, |known| known.generations.reserved);
        let mut commit = EditCommit::new();
        commit.generation =
            [Some(reserved), Some(reserved), Some(random.u64(..reserved + 2)), None][random.usize(..4)];
        commit.delay = [None, Some(Duration::ZERO), Some(ENDLESS)][random.usize(..3)];
        commit.digest = any_digest(random);
        commit
    }

    /// The newest one mostly.
    fn any_token(&self, random: &mut Rng) -> u64 {
        let given: Vec<u64> = self.tokens.keys().copied().collect();
        match random.u8(..20) {
            0 => UNKNOWN_TOKEN,
            1..4 => random.choice(given).unwrap_or(UNKNOWN_TOKEN),
            _ => given.last().copied().unwrap_or(UNKNOWN_TOKEN),
        }
    }

    async fn step(&mut self, store: &dyn JobStore, step: u64, event: &Event) {
        // Later than the step before, even where the clock was set back.
        self.now = now().max(self.now + Duration::from_micros(1));
        writeln!(self.calls, "{step:>4} {event:?} of message {}", self.told.job.generation).unwrap();
        let before = self.known.clone();
        let expected = transition(&mut self.known, event, &self.told, self.now);

        let (mut answer, taken) = call(store, event, &self.told, &self.tokens).await;

        if let (Some(wait), Some(expected_wait)) = (wait(&mut answer), wait(&mut expected.clone()))
            && wait.abs_diff(*expected_wait) < CLOCKS
        {
            *wait = *expected_wait;
        }
        if let Event::Update { update: JobUpdate::Progress(progress), .. } = event {
            if expected == Answer::Update(Updated::Applied) {
                // It may be answered before it is written.
                let written = async || {
                    let record = store.get(self.told.job.id).await.unwrap();
                    (record?.progress.as_ref() == Some(progress)).then_some(())
                };
                eventually("progress is written", written).await;
            } else if answer == Answer::Update(Updated::Applied) {
                answer.clone_from(&expected);
            }
        }
        assert_eq!(answer, expected, "the answer, then that of the model{}", self.calls(&before));
        if let (Some((job, lease)), Some(known)) = (taken, &self.known) {
            let newest = self.tokens.values().next_back();
            assert!(newest.is_none_or(|newest| *newest < lease.token), "tokens grow{}", self.calls(&before));
            self.tokens.insert(known.token, lease.token);
            self.compare(Some(job), &before);
        }
        self.compare(store.get(self.told.job.id).await.unwrap(), &before);
    }

    fn compare(&self, found: Option<Job>, before: &Option<Known>) {
        let expected = self.known.as_ref().map(|known| known.job.clone());
        let found = match (found, &expected) {
            (Some(found), Some(expected)) => Some(on_one_clock(found, expected)),
            (found, _) => found,
        };
        assert_eq!(found, expected, "the record, then that of the model{}", self.calls(before));
    }

    fn calls(&self, before: &Option<Known>) -> String {
        format!(
            "\n{} has the job before the last of these calls:\n{}",
            before.as_ref().map_or("nobody".to_owned(), |known| format!("the model: {known:?}")),
            self.calls
        )
    }
}

/// How long the answer tells to wait.
fn wait(answer: &mut Answer) -> Option<&mut Duration> {
    match answer {
        Answer::Claim(Err(NotTaken::Busy(wait)))
        | Answer::FailUnclaimed(FailOutcome::Held(wait) | FailOutcome::NotDue(wait))
        | Answer::ReserveEdit(Ok((_, wait))) => Some(wait),
        _ => None,
    }
}

/// How far the clock of a backend may be off.
const CLOCKS: Duration = Duration::from_secs(60);

/// With the times of `expected`, where those of `found` are about the same.
fn on_one_clock(mut found: Job, expected: &Job) -> Job {
    let set = |time: &mut DateTime<Utc>, expected: DateTime<Utc>| {
        if (*time - expected).abs().to_std().is_ok_and(|off| off < CLOCKS) {
            *time = expected;
        }
    };
    let set_some = |time: &mut Option<DateTime<Utc>>, expected: Option<DateTime<Utc>>| {
        time.iter_mut().zip(expected).for_each(|(time, expected)| set(time, expected));
    };
    set(&mut found.updated_at, expected.updated_at);
    set_some(&mut found.next_attempt_at, expected.next_attempt_at);
    set_some(&mut found.lease_until, expected.lease_until);
    set_some(&mut found.finished_at, expected.finished_at);
    found.timeline.iter_mut().zip(&expected.timeline).for_each(|(entry, expected)| {
        set(&mut entry.at, expected.at);
    });
    found
}

fn any_digest(random: &mut Rng) -> Option<u64> {
    [None, Some(u64::MAX), Some(1)][random.usize(..3)]
}

/// Few that end the job.
fn any_update(random: &mut Rng, step: u64) -> JobUpdate {
    match random.u8(..20) {
        0..4 => JobUpdate::Progress(Progress { current: step, total: STEPS, message: "so far".to_owned() }),
        4..8 => JobUpdate::Partial(json!(step)),
        8..14 => JobUpdate::Retry {
            error: format!("failed {step}"),
            delay: if random.u8(..8) == 0 { ENDLESS } else { Duration::ZERO },
            counted: random.bool(),
        },
        14..17 => JobUpdate::Released,
        17 => JobUpdate::Completed(json!({ "step": step })),
        18 => JobUpdate::Failed(format!("no use {step}")),
        _ => JobUpdate::Cancelled,
    }
}

/// Calls the store; tells the answer as the model has it, and what was claimed.
async fn call(
    store: &dyn JobStore,
    event: &Event,
    told: &NewJob,
    tokens: &BTreeMap<u64, u64>,
) -> (Answer, Option<(Job, Lease)>) {
    let id = told.job.id;
    let one = std::slice::from_ref(told);
    let lease_of = |token: &u64| Lease { id, token: tokens.get(token).copied().unwrap_or(*token) };
    let mut taken = None;
    let answer = match event.clone() {
        Event::Insert => {
            store.insert(one).await.unwrap();
            Answer::Done
        }
        Event::InsertUnconfirmed => Answer::Insert(store.insert_unconfirmed(one).await.unwrap().remove(0)),
        Event::Confirm => {
            store.confirm(one).await.unwrap();
            Answer::Done
        }
        Event::Withdraw => {
            store.withdraw(&[id]).await.unwrap();
            Answer::Done
        }
        Event::Claim { worker, lease, alone } => {
            let claimed = match alone {
                None => store.claim(told.clone(), &worker, lease).await,
                Some(alone) => store.claim_suspect(told.clone(), &worker, lease, alone).await,
            };
            Answer::Claim(match claimed.unwrap() {
                Claimed::Run(job, lease) => {
                    taken = Some((*job, lease));
                    Ok(Taken::ToRun)
                }
                Claimed::End(job, lease) => {
                    taken = Some((*job, lease));
                    Ok(Taken::ToEnd)
                }
                Claimed::Final(status) => Err(NotTaken::Final(status)),
                Claimed::Busy(wait) => Err(NotTaken::Busy(wait)),
                Claimed::Suspect(crashes) => Err(NotTaken::Suspect(crashes)),
                Claimed::Superseded => Err(NotTaken::Superseded),
            })
        }
        Event::Renew { token, lease } => {
            Answer::Renew(store.renew(&[lease_of(&token)], lease).await.unwrap().remove(0))
        }
        Event::Update { token, update } => {
            Answer::Update(store.update(lease_of(&token), update).await.unwrap())
        }
        Event::Postpone { error, delay } => {
            Answer::Postpone(store.postpone(told.clone(), error, delay).await.unwrap())
        }
        Event::FailUnclaimed { error } => {
            Answer::FailUnclaimed(store.fail_unclaimed(told.clone(), error).await.unwrap())
        }
        Event::Cancel => Answer::Cancel(store.cancel(id).await.unwrap()),
        Event::ReserveEdit => {
            let reserved = store.reserve_edit(id).await.unwrap();
            Answer::ReserveEdit(reserved.map(|reserved| (reserved.generation, reserved.wait)))
        }
        Event::CommitEdit(commit) => Answer::CommitEdit(store.commit_edit(id, commit).await.unwrap()),
    };
    (answer, taken)
}
