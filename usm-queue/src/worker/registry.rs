//! Task name to boxed handler: the only type erasure.

use std::{collections::BTreeMap, error::Error, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use serde_json::Value;

use super::context::JobContext;
use crate::{
    error::Result as QueueResult,
    json,
    message::{self, Message},
    task::{Source, Task, TaskError, TaskPolicy, Verdict},
};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A decoded task, ready to run.
pub(crate) type Prepared<S> = Box<dyn FnOnce(JobContext<S>) -> BoxFuture<Result<Value, TaskError>> + Send>;
type Prepare<S> = dyn Fn(&Message) -> QueueResult<Prepared<S>> + Send + Sync;

/// One registered handler.
pub(crate) struct Handler<S> {
    pub(crate) task: &'static str,
    pub(crate) routing_key: &'static str,
    pub(crate) policy: TaskPolicy,
    prepare: Box<Prepare<S>>,
}

impl<S> Handler<S> {
    /// Decodes the task in a message.
    pub(crate) fn prepare(&self, message: &Message) -> QueueResult<Prepared<S>> {
        (self.prepare)(message)
    }
}

/// What a classifier says of an error, if it knows it.
type Classify = dyn Fn(&(dyn Error + 'static)) -> Option<Verdict> + Send + Sync;

/// All handlers of a worker.
pub(crate) struct Registry<S> {
    handlers: BTreeMap<&'static str, Arc<Handler<S>>>,
    /// Tasks with more than one handler.
    twice: Vec<&'static str>,
    classifiers: Vec<Box<Classify>>,
}

impl<S> Default for Registry<S> {
    fn default() -> Self {
        Self { handlers: BTreeMap::new(), twice: Vec::new(), classifiers: Vec::new() }
    }
}

impl<S: Send + 'static> Registry<S> {
    /// Adds a handler.
    pub(crate) fn add<T, F, Fut, E>(&mut self, handler: F)
    where
        T: Task,
        F: Fn(T, JobContext<S>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T::Output, E>> + Send + 'static,
        E: Into<Source> + 'static,
    {
        let handler = Arc::new(handler);
        let prepare = move |message: &Message| {
            let task = message::decode::<T>(message)?;
            let handler = handler.clone();
            let run = move |context: JobContext<S>| -> BoxFuture<_> {
                Box::pin(async move {
                    let output = handler(task, context).await.map_err(TaskError::of)?;
                    let what = format!("the handler of task `{}` has ended, but its result", T::NAME);
                    json::result(&what, output).map_err(TaskError::permanent)
                })
            };
            Ok(Box::new(run) as Prepared<S>)
        };
        let handler = Handler {
            task: T::NAME,
            routing_key: T::ROUTING_KEY,
            policy: T::policy(),
            prepare: Box::new(prepare),
        };
        if self.handlers.insert(T::NAME, Arc::new(handler)).is_some() {
            self.twice.push(T::NAME);
        }
    }

    /// Gives a registered task another time for each attempt.
    pub(crate) fn set_timeout(&mut self, task: &str, timeout: Duration) {
        // Nobody else holds a handler before the worker runs.
        if let Some(handler) = self.handlers.get_mut(task).and_then(Arc::get_mut) {
            handler.policy.timeout = timeout;
        }
    }

    /// Adds what is known of the errors of one type.
    pub(crate) fn classify<E: Error + 'static>(
        &mut self,
        verdict: impl Fn(&E) -> Verdict + Send + Sync + 'static,
    ) {
        self.classifiers.push(Box::new(move |error| error.downcast_ref().map(&verdict)));
    }

    /// What an error asks for: what the handler said, unless that is no more than `?` says and a classifier knows the error or
    /// one of its causes.
    pub(crate) fn verdict(&self, error: &TaskError) -> Verdict {
        if error.verdict() != Verdict::Retry {
            return error.verdict();
        }
        let known = |cause| self.classifiers.iter().find_map(|classify| classify(cause));
        error.causes().find_map(known).unwrap_or(Verdict::Retry)
    }

    /// Tasks with more than one handler.
    pub(crate) fn twice(&self) -> &[&'static str] {
        &self.twice
    }

    /// The handler for a message: by its task header, else by its routing key, else the only one whose tasks reach
    /// the same queue.
    pub(crate) fn find(
        &self,
        message: &Message,
        reaches_same_queue: impl Fn(&str) -> bool,
    ) -> Option<Arc<Handler<S>>> {
        if let Some(task) = message.header_str(message::TASK) {
            return self.handlers.get(task).cloned();
        }
        let by_key = self.handlers.values().find(|handler| handler.routing_key == message.routing_key);
        by_key.cloned().or_else(|| {
            let mut fitting =
                self.handlers.values().filter(|handler| reaches_same_queue(handler.routing_key));
            let only = fitting.next()?;
            fitting.next().is_none().then(|| only.clone())
        })
    }

    pub(crate) fn handlers(&self) -> impl Iterator<Item = &Handler<S>> {
        self.handlers.values().map(AsRef::as_ref)
    }
}

impl<S> fmt::Debug for Registry<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}
