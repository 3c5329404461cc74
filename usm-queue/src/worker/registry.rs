//! Task name to boxed handler: the only type erasure.

use std::{collections::BTreeMap, fmt, future::Future, pin::Pin, sync::Arc};

use serde_json::Value;

use super::context::JobContext;
use crate::{
    error::Error,
    json,
    message::{self, Message},
    task::{Task, TaskError, TaskPolicy},
};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A decoded task, ready to run.
pub(crate) type Prepared<S> = Box<dyn FnOnce(JobContext<S>) -> BoxFuture<Result<Value, TaskError>> + Send>;
type Prepare<S> = dyn Fn(&Message) -> Result<Prepared<S>, Error> + Send + Sync;

/// One registered handler.
pub(crate) struct Handler<S> {
    pub(crate) task: &'static str,
    pub(crate) routing_key: &'static str,
    pub(crate) policy: TaskPolicy,
    prepare: Box<Prepare<S>>,
}

impl<S> Handler<S> {
    /// Decodes the task in a message.
    pub(crate) fn prepare(&self, message: &Message) -> Result<Prepared<S>, Error> {
        (self.prepare)(message)
    }
}

/// All handlers of a worker.
pub(crate) struct Registry<S> {
    handlers: BTreeMap<&'static str, Arc<Handler<S>>>,
}

impl<S> Default for Registry<S> {
    fn default() -> Self {
        Self { handlers: BTreeMap::new() }
    }
}

impl<S: Send + 'static> Registry<S> {
    /// Adds a handler; one for the same task replaces it.
    pub(crate) fn add<T, F, Fut>(&mut self, handler: F)
    where
        T: Task,
        F: Fn(T, JobContext<S>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T::Output, TaskError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let prepare = move |message: &Message| {
            let task = message::decode::<T>(message)?;
            let handler = handler.clone();
            let run = move |context: JobContext<S>| -> BoxFuture<_> {
                Box::pin(async move {
                    let output = handler(task, context).await?;
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
        self.handlers.insert(T::NAME, Arc::new(handler));
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
