//! What the soak breaks, and how it is repaired.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use lapin::BasicProperties;
use serde_json::json;
use usm_queue::{JobId, TaskQueue};
use usm_tests::{
    Chore, Kind, QUEUE,
    processes::{Process, Signal},
    proxy::{Flow, Proxy},
};

use crate::{
    raw::Raw,
    stage::{LEASE, Stage, record},
};

/// Chores are published there.
const EXCHANGE: &str = "chores.tasks";
/// How the bodies begin that nobody can read.
const BROKEN: &[u8] = b"broken ";
/// Seconds that the clock of a worker is wrong by.
const WRONG_BY: i64 = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    WorkerKilled,
    WorkerKilledAgain,
    WorkerAskedToEnd,
    WorkerFrozenLongerThanItsLease,
    WorkerWithClockAhead,
    WorkerWithClockBehind,
    RabbitCut,
    AllReset,
    RabbitSilent,
    RabbitSlow,
    RedisSilent,
    RedisSlow,
    RabbitRestarted,
    RabbitKilled,
    RabbitStarved,
    QueueFull,
    RedisKilled,
    RedisSetBack,
    ForeignMessages,
    BrokenMessages,
    MessagesThatNoClientReads,
}

use Fault::*;

impl Fault {
    pub(crate) const ALL: &[Self] = &[
        WorkerKilled,
        WorkerKilledAgain,
        WorkerAskedToEnd,
        WorkerFrozenLongerThanItsLease,
        WorkerWithClockAhead,
        WorkerWithClockBehind,
        RabbitCut,
        AllReset,
        RabbitSilent,
        RabbitSlow,
        RedisSilent,
        RedisSlow,
        RabbitRestarted,
        RabbitKilled,
        RabbitStarved,
        QueueFull,
        RedisKilled,
        RedisSetBack,
        ForeignMessages,
        BrokenMessages,
        MessagesThatNoClientReads,
    ];

    pub(crate) const BEARABLE_FOR_OLD: &[Self] = &[
        WorkerKilled,
        WorkerKilledAgain,
        WorkerAskedToEnd,
        WorkerFrozenLongerThanItsLease,
        RabbitCut,
        AllReset,
        RabbitSilent,
        RabbitSlow,
        RedisSilent,
        RedisSlow,
        RabbitRestarted,
        RabbitKilled,
        RabbitStarved,
        RedisKilled,
        ForeignMessages,
        BrokenMessages,
    ];
}

/// The workers, chance, what it did, and what follows from it.
pub(crate) struct Breaking {
    random: fastrand::Rng,
    pub(crate) workers: Vec<Process>,
    /// Another commit's worker, which takes the place of every second one that goes.
    old: Option<PathBuf>,
    /// What those that are gone said.
    pub(crate) said: Vec<String>,
    pub(crate) counts: BTreeMap<Fault, u32>,
    /// Jobs whose end was newer than the snapshot that Redis was set back to.
    pub(crate) forgotten: BTreeSet<JobId>,
    /// Jobs that had not ended when Redis was set back.
    pub(crate) unsure: BTreeSet<JobId>,
    /// Jobs of another service.
    pub(crate) foreign: BTreeMap<JobId, Chore>,
    /// How many messages were sent that nobody can read.
    pub(crate) broken: usize,
}

impl Breaking {
    pub(crate) fn new(random: fastrand::Rng, workers: Vec<Process>, old: Option<PathBuf>) -> Self {
        Self {
            random,
            workers,
            old,
            said: Vec::new(),
            counts: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            unsure: BTreeSet::new(),
            foreign: BTreeMap::new(),
            broken: 0,
        }
    }

    /// Whether this is the body of one of the messages that nobody can read.
    pub(crate) fn is_broken(body: &[u8]) -> bool {
        body.starts_with(BROKEN)
    }

    /// Breaks one thing for a while, and repairs it. `known` tells the jobs accepted so far.
    pub(crate) async fn break_and_repair(
        &mut self,
        fault: Fault,
        stage: &mut Stage,
        queue: &TaskQueue,
        known: &dyn Fn() -> BTreeMap<JobId, Chore>,
    ) {
        *self.counts.entry(fault).or_default() += 1;
        let one = self.random.usize(..self.workers.len());
        let a_while = Duration::from_millis(self.random.u64(500..6_000));
        match fault {
            WorkerKilled | WorkerKilledAgain => {
                let next = self.next(stage);
                self.replace(one, next, Process::kill);
            }
            WorkerAskedToEnd => {
                let next = self.next(stage);
                self.replace(one, next, |worker| {
                    worker.signal(Signal::TERM);
                    assert_eq!(worker.end().code(), Some(0), "{:?}", worker.errors());
                });
            }
            WorkerFrozenLongerThanItsLease => {
                self.workers[one].signal(Signal::STOP);
                tokio::time::sleep(LEASE + a_while).await;
                self.workers[one].signal(Signal::CONT);
            }
            WorkerWithClockAhead => self.replace(one, stage.worker_ahead(WRONG_BY), Process::kill),
            WorkerWithClockBehind => self.replace(one, stage.worker_ahead(-WRONG_BY), Process::kill),
            RabbitCut => stage.to_rabbit.cut(),
            AllReset => {
                stage.to_rabbit.reset();
                stage.to_redis.reset();
            }
            RabbitSilent => line(&stage.to_rabbit, Flow::FROZEN, a_while * 2).await,
            RabbitSlow => line(&stage.to_rabbit, Flow::delayed(Duration::from_millis(400)), a_while).await,
            RedisSilent => line(&stage.to_redis, Flow::FROZEN, a_while).await,
            RedisSlow => line(&stage.to_redis, Flow::delayed(Duration::from_millis(1_500)), a_while).await,
            RabbitRestarted => {
                stage.rabbit.stop();
                stage.rabbit.launch();
            }
            RabbitKilled => {
                stage.rabbit.kill();
                stage.rabbit.launch();
            }
            RabbitStarved => {
                stage.rabbit.memory_alarm(true);
                tokio::time::sleep(a_while).await;
                stage.rabbit.memory_alarm(false);
            }
            QueueFull => {
                let on = ["-p", &stage.vhost, "full"];
                // Told both at once, RabbitMQ first drops what is beyond the length, and then begins to refuse.
                for length in [u32::MAX, 1] {
                    let policy = json!({"max-length": length, "overflow": "reject-publish"}).to_string();
                    let queue = format!("^{QUEUE}$");
                    let how = [queue.as_str(), &policy, "--apply-to", "queues"];
                    stage.rabbit.control(&[&["set_policy"][..], &on, &how].concat());
                }
                tokio::time::sleep(a_while).await;
                stage.rabbit.control(&[&["clear_policy"][..], &on].concat());
            }
            RedisKilled => {
                stage.redis.kill();
                tokio::time::sleep(a_while).await;
                stage.redis.launch();
            }
            RedisSetBack => self.set_back(stage, queue, known, a_while).await,
            ForeignMessages => self.foreign(stage).await,
            BrokenMessages => {
                let raw = Raw::connect(stage).await;
                for with_id in [true, false] {
                    let body = self.broken_body();
                    let id = format!("broken-{}", self.broken);
                    let properties = BasicProperties::default();
                    let properties = if with_id { properties.with_message_id(id.into()) } else { properties };
                    raw.publish(EXCHANGE, "chore.any", &body, properties).await;
                }
            }
            MessagesThatNoClientReads => {
                // An id that is no UTF-8, and headers a thousand tables deep.
                let deep = "lists:foldl(fun(_, T) -> [{<<\"t\">>, table, T}] end, [], lists:seq(1, 1000))";
                for (id, headers) in [("<<255, 254>>", "[]"), ("<<\"deep\">>", deep)] {
                    let body = String::from_utf8(self.broken_body()).unwrap();
                    let program = format!(
                        "rabbit_basic:publish(rabbit_misc:r(<<\"{}\">>, exchange, <<\"{EXCHANGE}\">>), <<\"chore.any\">>, \
                         {{'P_basic', undefined, undefined, {headers}, 2, undefined, undefined, undefined, undefined, {id}, \
                         undefined, undefined, undefined, undefined, undefined}}, <<\"{body}\">>).",
                        stage.vhost
                    );
                    stage.rabbit.control(&["eval", &program]);
                }
            }
        }
    }

    fn broken_body(&mut self) -> Vec<u8> {
        self.broken += 1;
        [BROKEN, self.broken.to_string().as_bytes()].concat()
    }

    fn next(&mut self, stage: &Stage) -> Process {
        match &self.old {
            Some(old) if self.random.bool() => stage.worker_of(old),
            _ => stage.worker(),
        }
    }

    /// Ends a worker so, now that another takes its place.
    fn replace(&mut self, one: usize, next: Process, end: impl FnOnce(&mut Process)) {
        let mut worker = std::mem::replace(&mut self.workers[one], next);
        end(&mut worker);
        self.said.extend(worker.last_words());
    }

    /// Jobs as another service enqueues them: a record as in the guide, then a message with little more than a body.
    async fn foreign(&mut self, stage: &Stage) {
        let raw = Raw::connect(stage).await;
        let mut redis = stage.redis.connect();
        for number in 0..5 {
            let (id, chore) = (JobId::new(), Chore::new(2_000_000 + number, Kind::Quick));
            let record = json!({"job_id": id, "user_id": 42, "job_type": "chore", "status": "pending", "metadata": {},
                "created_at": "2025-12-01T10:00:00.123456", "updated_at": "2025-12-01T10:00:00.123456", "result": null});
            redis::cmd("SET")
                .arg(&[format!("job:{id}"), record.to_string(), "EX".into(), "36000".into()])
                .exec(&mut redis)
                .unwrap();
            let properties = BasicProperties::default().with_message_id(id.to_string().into());
            raw.publish(EXCHANGE, "chore.any", &serde_json::to_vec(&chore).unwrap(), properties).await;
            self.foreign.insert(id, chore);
        }
    }

    /// Sets Redis back to what it knew a while before. The workers are frozen meanwhile, so that it is certain what it knew
    /// last.
    async fn set_back(
        &mut self,
        stage: &mut Stage,
        queue: &TaskQueue,
        known: &dyn Fn() -> BTreeMap<JobId, Chore>,
        a_while: Duration,
    ) {
        stage.redis.snapshot();
        tokio::time::sleep(a_while).await;
        self.workers.iter().for_each(Process::freeze);
        let mut ended = BTreeSet::new();
        for &id in known().keys().chain(self.foreign.keys()) {
            match record(queue, id).await {
                Some(job) if job.status.is_final() => drop(ended.insert(id)),
                _ => drop(self.unsure.insert(id)),
            }
        }
        stage.redis.set_back();
        for id in ended {
            if !record(queue, id).await.is_some_and(|job| job.status.is_final()) {
                self.forgotten.insert(id);
            }
        }
        self.workers.iter().for_each(|worker| worker.signal(Signal::CONT));
    }
}

async fn line(line: &Proxy, flow: Flow, time: Duration) {
    line.flow_both(flow);
    tokio::time::sleep(time).await;
    line.heal();
}
