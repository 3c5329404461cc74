//! A job store and a broker that fail when told to.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::sync::{Notify, broadcast, watch};
use usm_queue::{
    CancelOutcome, Error, ErrorKind, Job, JobFilter, JobId, JobPage, JobStatus, JobWatch, OpenTask,
    QueueCounts, QueueDepth, Result, SqliteOptions, TaskQueue, Topology,
    backend::{
        Accepted, Broker, Claimed, Consumer, ControlChange, Delivery, Edit, EditCommit, Expect, FailOutcome,
        Inserted, JobStore, JobUpdate, Lease, LeaseState, Message, NewJob, NotEdited, Note, QueueControl,
        Reservation, Settlement, Updated, WorkerInfo, two_phase,
    },
    testing,
};

/// When to fail, and how often that happened.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    down: AtomicBool,
    panics: AtomicBool,
    refused: AtomicU32,
    changed: Notify,
}

impl Switch {
    pub(crate) fn set(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// What is asked for from now on panics.
    pub(crate) fn panic(&self) {
        self.panics.store(true, Ordering::SeqCst);
        self.set(true);
    }

    pub(crate) fn refused(&self) -> u32 {
        self.refused.load(Ordering::SeqCst)
    }

    /// The error as soon as it is switched off.
    async fn off(&self) -> Error {
        loop {
            let changed = self.changed.notified();
            if let Err(error) = self.check() {
                return error;
            }
            changed.await;
        }
    }

    fn check(&self) -> Result<()> {
        if !self.down.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        Err(Error::new(ErrorKind::Unavailable, "switched off by the test"))
    }
}

/// A queue in memory whose parts can be switched off. Its broker and store do not know each other, as RabbitMQ and Redis
/// do not.
pub(crate) struct Flaky {
    pub(crate) queue: TaskQueue,
    /// The store behind the switches.
    pub(crate) store: Arc<dyn JobStore>,
    /// The broker behind the switches.
    pub(crate) broker: Arc<dyn Broker>,
    /// Everything of the store.
    pub(crate) store_switch: Arc<Switch>,
    /// Renewals only.
    pub(crate) renew_switch: Arc<Switch>,
    /// Commits of edits only.
    pub(crate) commit_switch: Arc<Switch>,
    pub(crate) publish_switch: Arc<Switch>,
    pub(crate) settle_switch: Arc<Switch>,
    /// Consumers end when it is switched off, and none begins.
    pub(crate) consume_switch: Arc<Switch>,
}

impl Flaky {
    pub(crate) async fn new() -> Self {
        Self::on(None).await
    }

    /// On a file, or in memory.
    pub(crate) async fn on(path: Option<&std::path::Path>) -> Self {
        let (broker, store) = testing::sqlite_pair(path, SqliteOptions::default()).await.unwrap();
        let [store_switch, renew_switch, commit_switch, publish_switch, settle_switch, consume_switch] =
            [(); 6].map(|()| Arc::new(Switch::default()));
        let flaky_store = FlakyStore {
            inner: store.clone(),
            all: store_switch.clone(),
            renew: renew_switch.clone(),
            commit: commit_switch.clone(),
        };
        let flaky_broker = FlakyBroker {
            inner: broker.clone(),
            publish: publish_switch.clone(),
            settle: settle_switch.clone(),
            consume: consume_switch.clone(),
        };
        let topology = Topology::single("work").unwrap();
        let queue = TaskQueue::new(Arc::new(flaky_broker), Arc::new(flaky_store), topology).await.unwrap();
        Self {
            queue,
            store,
            broker,
            store_switch,
            renew_switch,
            commit_switch,
            publish_switch,
            settle_switch,
            consume_switch,
        }
    }
}

#[derive(Debug)]
struct FlakyStore {
    inner: Arc<dyn JobStore>,
    all: Arc<Switch>,
    renew: Arc<Switch>,
    commit: Arc<Switch>,
}

#[async_trait]
impl JobStore for FlakyStore {
    async fn insert(&self, jobs: &[NewJob]) -> Result<()> {
        self.all.check()?;
        self.inner.insert(jobs).await
    }

    async fn insert_unconfirmed(&self, jobs: &[NewJob]) -> Result<Vec<Inserted>> {
        self.all.check()?;
        self.inner.insert_unconfirmed(jobs).await
    }

    async fn confirm(&self, jobs: &[NewJob]) -> Result<()> {
        self.all.check()?;
        self.inner.confirm(jobs).await
    }

    async fn withdraw(&self, ids: &[JobId]) -> Result<()> {
        self.all.check()?;
        self.inner.withdraw(ids).await
    }

    async fn remove_unconfirmed(&self, age: Duration) -> Result<Vec<JobId>> {
        self.all.check()?;
        self.inner.remove_unconfirmed(age).await
    }

    async fn get(&self, id: JobId) -> Result<Option<Job>> {
        self.all.check()?;
        self.inner.get(id).await
    }

    async fn list(&self, filter: &JobFilter) -> Result<JobPage> {
        self.all.check()?;
        self.inner.list(filter).await
    }

    async fn counts(&self) -> Result<Vec<QueueCounts>> {
        self.all.check()?;
        self.inner.counts().await
    }

    async fn open_tasks(&self) -> Result<Vec<OpenTask>> {
        self.all.check()?;
        self.inner.open_tasks().await
    }

    async fn claim(&self, job: NewJob, worker: &str, lease: Duration) -> Result<Claimed> {
        self.all.check()?;
        self.inner.claim(job, worker, lease).await
    }

    async fn claim_suspect(
        &self,
        job: NewJob,
        worker: &str,
        lease: Duration,
        alone: Duration,
    ) -> Result<Claimed> {
        self.all.check()?;
        self.inner.claim_suspect(job, worker, lease, alone).await
    }

    async fn postpone(&self, job: NewJob, error: String, delay: Duration) -> Result<Option<JobStatus>> {
        self.all.check()?;
        self.inner.postpone(job, error, delay).await
    }

    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<LeaseState>> {
        self.all.check()?;
        self.renew.check()?;
        self.inner.renew(leases, lease).await
    }

    async fn update(&self, lease: Lease, update: JobUpdate) -> Result<Updated> {
        self.all.check()?;
        self.inner.update(lease, update).await
    }

    async fn fail_unclaimed(&self, job: NewJob, error: String) -> Result<FailOutcome> {
        self.all.check()?;
        self.inner.fail_unclaimed(job, error).await
    }

    async fn reserve_edit(&self, id: JobId) -> Result<Result<Reservation, NotEdited>> {
        self.all.check()?;
        self.inner.reserve_edit(id).await
    }

    async fn commit_edit(&self, id: JobId, commit: EditCommit) -> Result<Result<(), NotEdited>> {
        self.all.check()?;
        self.commit.check()?;
        self.inner.commit_edit(id, commit).await
    }

    async fn cancel(&self, id: JobId) -> Result<CancelOutcome> {
        self.all.check()?;
        self.inner.cancel(id).await
    }

    async fn delete(&self, id: JobId) -> Result<bool> {
        self.all.check()?;
        self.inner.delete(id).await
    }

    async fn notes(&self, prefix: &str) -> Result<Vec<Note>> {
        self.all.check()?;
        self.inner.notes(prefix).await
    }

    async fn put_note(
        &self,
        key: &str,
        value: Value,
        expect: Expect,
        ttl: Option<Duration>,
    ) -> Result<Option<u64>> {
        self.all.check()?;
        self.inner.put_note(key, value, expect, ttl).await
    }

    async fn remove_note(&self, key: &str, expect: Expect) -> Result<bool> {
        self.all.check()?;
        self.inner.remove_note(key, expect).await
    }

    async fn watch(&self, id: JobId) -> Result<JobWatch> {
        self.all.check()?;
        self.inner.watch(id).await
    }

    fn cancellations(&self) -> broadcast::Receiver<JobId> {
        self.inner.cancellations()
    }

    async fn heartbeat(&self, worker: &WorkerInfo, lifetime: Duration) -> Result<Vec<QueueControl>> {
        self.all.check()?;
        self.inner.heartbeat(worker, lifetime).await
    }

    async fn retire(&self, worker_id: &str) -> Result<()> {
        self.all.check()?;
        self.inner.retire(worker_id).await
    }

    async fn workers(&self) -> Result<Vec<WorkerInfo>> {
        self.all.check()?;
        self.inner.workers().await
    }

    async fn control(&self, queue: &str, change: ControlChange) -> Result<()> {
        self.all.check()?;
        self.inner.control(queue, change).await
    }

    async fn controls(&self) -> Result<Vec<QueueControl>> {
        self.all.check()?;
        self.inner.controls().await
    }

    fn control_changes(&self) -> watch::Receiver<()> {
        self.inner.control_changes()
    }

    async fn close(&self) {
        self.inner.close().await;
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct FlakyBroker {
    inner: Arc<dyn Broker>,
    publish: Arc<Switch>,
    settle: Arc<Switch>,
    consume: Arc<Switch>,
}

#[async_trait]
impl Broker for FlakyBroker {
    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.inner.declare(topology).await
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<()> {
        self.publish.check()?;
        self.inner.publish(messages).await
    }

    async fn consume(&self, queue: &str, prefetch: usize) -> Result<Consumer> {
        assert!(!self.consume.panics.load(Ordering::SeqCst), "a bug in a broker");
        self.consume.check()?;
        let consumer = self.inner.consume(queue, prefetch).await?;
        let deliveries = stream::unfold((consumer, self.consume.clone()), async |(mut consumer, switch)| {
            let next = tokio::select! {
                next = consumer.next() => next?,
                error = switch.off() => Err(error),
            };
            Some((next, (consumer, switch)))
        });
        Ok(Consumer::new(deliveries.boxed()))
    }

    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        self.settle.check()?;
        self.inner.settle(delivery, settlement).await
    }

    async fn accept(&self, store: &dyn JobStore, jobs: Vec<(NewJob, Message)>) -> Vec<Result<Accepted>> {
        two_phase::accept(self, store, jobs).await
    }

    async fn finish(
        &self,
        store: &dyn JobStore,
        delivery: &Delivery,
        lease: Lease,
        update: JobUpdate,
        settlement: Settlement,
    ) -> Result<Updated> {
        two_phase::finish(self, store, delivery, lease, update, settlement).await
    }

    async fn edit(&self, store: &dyn JobStore, id: JobId, edit: Edit) -> Result<Result<(), NotEdited>> {
        two_phase::edit(self, store, id, edit).await
    }

    async fn find_waiting(&self, queue: &str, id: JobId, generation: u64) -> Result<Option<Message>> {
        self.inner.find_waiting(queue, id, generation).await
    }

    async fn depth(&self, queue: &str) -> Result<QueueDepth> {
        self.inner.depth(queue).await
    }

    async fn browse(&self, queue: &str, skip: usize, limit: usize) -> Result<Vec<Message>> {
        self.inner.browse(queue, skip, limit).await
    }

    async fn find(&self, queue: &str, message_id: &str) -> Result<Option<Message>> {
        self.inner.find(queue, message_id).await
    }

    async fn remove(&self, queue: &str, message_id: &str) -> Result<bool> {
        self.settle.check()?;
        self.inner.remove(queue, message_id).await
    }

    async fn purge(&self, queue: &str) -> Result<u64> {
        self.inner.purge(queue).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
