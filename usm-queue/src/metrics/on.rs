//! With feature `metrics`: the only file besides `names.rs` that names the facade. What is measured for every job has its handles
//! made once for each queue and task, so that no label is written twice.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::names::{self, UNKNOWN};

/// What one queue handle and its workers measure. The recorder must be installed before the queue is opened.
pub(crate) struct Metrics {
    /// Tasks that this process names: no other is a label.
    tasks: RwLock<BTreeSet<&'static str>>,
    enqueued: Handles<Counter>,
    worked: Handles<Worked>,
    publish: Histogram,
}

/// Handles by queue and task.
type Handles<V> = RwLock<HashMap<String, HashMap<&'static str, V>>>;

/// What is measured of the jobs of one queue and task in a worker.
#[derive(Clone)]
pub(crate) struct Worked(Arc<Series>);

struct Series {
    attempts: [Counter; names::ATTEMPT_OUTCOMES.len()],
    finished: [Counter; names::JOB_OUTCOMES.len()],
    wait: Histogram,
    run: Histogram,
    total: Histogram,
    running: Gauge,
}

/// Jobs that are being accepted.
pub(crate) struct Enqueuing {
    jobs: Vec<Counter>,
    begun: Instant,
    publish: Histogram,
}

/// An attempt whose handler runs.
pub(crate) struct Running {
    series: Arc<Series>,
    begun: Instant,
}

/// Adds to a gauge for as long as it lives; the second is 1 meanwhile, and 0 after.
pub(crate) struct Guard {
    counted: Gauge,
    amount: f64,
    flag: Option<Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        names::describe();
        Self {
            tasks: RwLock::default(),
            enqueued: RwLock::default(),
            worked: RwLock::default(),
            publish: histogram!(names::PUBLISH),
        }
    }
}

impl Metrics {
    /// From now on this task is a label.
    pub(crate) fn knows(&self, task: &'static str) {
        if self.task(task) == UNKNOWN {
            self.tasks.write().unwrap_or_else(PoisonError::into_inner).insert(task);
        }
    }

    fn task(&self, name: &str) -> &'static str {
        self.tasks.read().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or(UNKNOWN)
    }

    /// Jobs about to be accepted: the queue that each goes to, and its task.
    pub(crate) fn enqueuing<'a>(&self, jobs: impl Iterator<Item = (Option<&'a str>, &'a str)>) -> Enqueuing {
        let counter = |(queue, task): (Option<&str>, &str)| {
            let (queue, task) = (queue.unwrap_or(UNKNOWN), self.task(task));
            handle(
                &self.enqueued,
                queue,
                task,
                || counter!(names::ENQUEUED, "queue" => queue.to_owned(), "task" => task),
            )
        };
        Enqueuing { jobs: jobs.map(counter).collect(), begun: Instant::now(), publish: self.publish.clone() }
    }

    /// What a worker measures of a task that it knows.
    pub(crate) fn worked(&self, queue: &str, task: &'static str) -> Worked {
        handle(&self.worked, queue, task, || Worked::new(queue, task))
    }

    /// A job ended without a handler.
    pub(crate) fn finished(&self, queue: Option<&str>, task: &str, outcome: &'static str) {
        let (queue, task) = (queue.unwrap_or(UNKNOWN).to_owned(), self.task(task));
        counter!(names::FINISHED, "queue" => queue, "task" => task, "outcome" => outcome).increment(1);
    }

    pub(crate) fn dead_letter(&self, queue: Option<&str>, task: &str, reason: &str) {
        self.letter(names::DEAD_LETTERS, queue, task, reason);
    }

    pub(crate) fn replayed(&self, queue: Option<&str>, task: &str, reason: &str) {
        self.letter(names::REPLAYED, queue, task, reason);
    }

    fn letter(&self, name: &'static str, queue: Option<&str>, task: &str, reason: &str) {
        let (queue, task) = (queue.unwrap_or(UNKNOWN).to_owned(), self.task(task));
        counter!(name, "queue" => queue, "task" => task, "reason" => names::reason(reason)).increment(1);
    }

    /// A worker that may run so many jobs of a queue at once, for as long as the guard lives.
    pub(crate) fn at_once(&self, queue: &str, jobs: usize) -> Guard {
        #[expect(clippy::cast_precision_loss, reason = "at most 65,535")]
        Guard::new(gauge!(names::CONCURRENCY, "queue" => queue.to_owned()), jobs as f64, None)
    }

    /// A consumer that is registered with the broker, for as long as the guard lives.
    pub(crate) fn consuming(&self, queue: &str) -> Guard {
        let flag = gauge!(names::CONSUMING, "queue" => queue.to_owned());
        Guard::new(gauge!(names::CONSUMERS, "queue" => queue.to_owned()), 1.0, Some(flag))
    }

    /// How long ago the oldest job that waits in a queue was enqueued.
    pub(crate) fn oldest_waiting(&self, queue: &str, since: Duration) {
        gauge!(names::OLDEST_WAITING, "queue" => queue.to_owned()).set(since);
    }

    /// How many messages of a queue are `ready`, `running`, `delayed` or `dead`.
    pub(crate) fn depth(&self, queue: &str, state: &'static str, messages: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge of this size need not be exact")]
        gauge!(names::DEPTH, "queue" => queue.to_owned(), "state" => state).set(messages as f64);
    }
}

impl Enqueuing {
    /// In the order given: whether a job is new, or why it was not accepted.
    pub(crate) fn ended(self, results: impl Iterator<Item = Result<bool, &'static str>>) {
        self.publish.record(self.begun.elapsed());
        for (counter, result) in self.jobs.iter().zip(results) {
            match result {
                Ok(true) => counter.increment(1),
                Ok(false) => {}
                Err(cause) => counter!(names::PUBLISH_FAILURES, "cause" => cause).increment(1),
            }
        }
    }
}

impl Worked {
    fn new(queue: &str, task: &'static str) -> Self {
        let queue = || queue.to_owned();
        Self(Arc::new(Series {
            attempts: names::ATTEMPT_OUTCOMES.map(
                |outcome| counter!(names::ATTEMPTS, "queue" => queue(), "task" => task, "outcome" => outcome),
            ),
            finished: names::JOB_OUTCOMES.map(
                |outcome| counter!(names::FINISHED, "queue" => queue(), "task" => task, "outcome" => outcome),
            ),
            wait: histogram!(names::WAIT, "queue" => queue(), "task" => task),
            run: histogram!(names::RUN, "queue" => queue(), "task" => task),
            total: histogram!(names::TOTAL, "queue" => queue(), "task" => task),
            running: gauge!(names::RUNNING, "queue" => queue()),
        }))
    }

    /// A handler begins, of a job that has waited so long; it runs for as long as the guard lives.
    pub(crate) fn started(&self, waited: impl FnOnce() -> Duration) -> Running {
        self.0.wait.record(waited());
        self.0.running.increment(1.0);
        Running { series: self.0.clone(), begun: Instant::now() }
    }

    /// An attempt ended.
    pub(crate) fn attempt(&self, outcome: &'static str) {
        count(&names::ATTEMPT_OUTCOMES, &self.0.attempts, outcome);
    }

    /// A job ended so long after it was enqueued.
    pub(crate) fn finished(&self, outcome: &'static str, after: impl FnOnce() -> Duration) {
        count(&names::JOB_OUTCOMES, &self.0.finished, outcome);
        self.0.total.record(after());
    }
}

fn count(outcomes: &[&str], counters: &[Counter], outcome: &str) {
    if let Some(at) = outcomes.iter().position(|known| *known == outcome) {
        counters[at].increment(1);
    }
}

/// The handle for a queue and task, made when it is first asked for.
fn handle<V: Clone>(handles: &Handles<V>, queue: &str, task: &'static str, make: impl FnOnce() -> V) -> V {
    let known = handles.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = known.get(queue).and_then(|tasks| tasks.get(task)) {
        return handle.clone();
    }
    drop(known);
    let mut handles = handles.write().unwrap_or_else(PoisonError::into_inner);
    handles.entry(queue.to_owned()).or_default().entry(task).or_insert_with(make).clone()
}

impl Drop for Running {
    fn drop(&mut self) {
        self.series.running.decrement(1.0);
        self.series.run.record(self.begun.elapsed());
    }
}

impl Guard {
    fn new(counted: Gauge, amount: f64, flag: Option<Gauge>) -> Self {
        counted.increment(amount);
        if let Some(flag) = &flag {
            flag.set(1.0);
        }
        Self { counted, amount, flag }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.counted.decrement(self.amount);
        if let Some(flag) = &self.flag {
            flag.set(0.0);
        }
    }
}

/// A connection or consumer was lost, and is opened again.
pub(crate) fn reconnected(role: &'static str, cause: &'static str) {
    counter!(names::RECONNECTS, "role" => role, "cause" => cause).increment(1);
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
