//! One provider with one model in the router's order, and what all calls remember about it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use super::{
    breaker::{Breaker, Cooldowns, Outcome, Rest, Ticket},
    rung::Rung,
};
use crate::{ChatRequest, Error, Provider, Quota};

/// Most models remembered for one provider: requests may name any.
const MOST_MODELS: usize = 64;

/// Most answer schemas remembered for one model.
const MOST_SCHEMAS: usize = 64;

/// A provider and the model to ask it for.
#[derive(Debug)]
pub struct Candidate {
    pub(crate) provider: Arc<dyn Provider>,
    model: Option<String>,
    pub(super) quota: Quota,
    models: Mutex<BTreeMap<String, Memory>>,
}

/// What is remembered about a model.
#[derive(Debug, Default)]
struct Memory {
    breaker: Breaker,
    /// By the name of the schema: how far down the ladder it is asked.
    rungs: BTreeMap<String, Rung>,
    refuses_temperature: bool,
}

impl Candidate {
    /// `provider` with its own model and no limits on its use.
    pub fn new(provider: impl Provider + 'static) -> Self {
        Self::shared(Arc::new(provider))
    }

    /// As [`Candidate::new`] for a provider that other candidates use too, with other models.
    pub fn shared(provider: Arc<dyn Provider>) -> Self {
        Self { provider, model: None, quota: Quota::default(), models: Mutex::default() }
    }

    /// Asks for this model in place of the provider's own.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Keeps to these limits. Candidates with clones of one quota share it.
    #[must_use]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    pub(crate) fn name(&self) -> &str {
        self.provider.name()
    }

    /// The model a request is sent to.
    pub(crate) fn model_for<'a>(&'a self, request: &'a ChatRequest) -> &'a str {
        request.model.as_deref().or(self.model.as_deref()).unwrap_or_else(|| self.provider.model())
    }

    /// The request as this candidate's model takes it.
    pub(super) fn fitted(&self, request: &ChatRequest) -> ChatRequest {
        let model = self.model_for(request).to_owned();
        let mut request = request.clone();
        if self.memory(&model, |memory| memory.refuses_temperature) {
            request.temperature = None;
        }
        request.model = Some(model);
        request
    }

    pub(super) fn remember_no_temperature(&self, model: &str) {
        self.memory(model, |memory| memory.refuses_temperature = true);
    }

    pub(super) fn rung(&self, model: &str, schema: &str) -> Option<Rung> {
        self.memory(model, |memory| memory.rungs.get(schema).copied())
    }

    pub(super) fn remember_rung(&self, model: &str, schema: &str, rung: Rung) {
        self.memory(model, |memory| {
            if memory.rungs.len() >= MOST_SCHEMAS {
                memory.rungs.pop_first();
            }
            memory.rungs.insert(schema.to_owned(), rung);
        });
    }

    /// Permission for one call, or how long there is none.
    pub(super) fn admit<'a>(&'a self, model: &str, cooldowns: &'a Cooldowns) -> Result<Admission<'a>, Rest> {
        let ticket = self.memory(model, |memory| memory.breaker.admit(Instant::now(), cooldowns))?;
        Ok(Admission { candidate: self, cooldowns, model: model.to_owned(), ticket: Some(ticket) })
    }

    /// How long it is left alone, if it is.
    pub(super) fn rest(&self, model: &str, cooldowns: &Cooldowns) -> Option<Rest> {
        self.memory(model, |memory| memory.breaker.rest(Instant::now(), cooldowns))
    }

    fn memory<T>(&self, model: &str, look: impl FnOnce(&mut Memory) -> T) -> T {
        let mut models: MutexGuard<'_, _> = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if !models.contains_key(model) && models.len() >= MOST_MODELS {
            models.pop_first();
        }
        look(models.entry(model.to_owned()).or_default())
    }
}

/// A call in progress. Dropped without an outcome, it counts as abandoned, so that no probe blocks others forever.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    candidate: &'a Candidate,
    cooldowns: &'a Cooldowns,
    model: String,
    ticket: Option<Ticket>,
}

impl Admission<'_> {
    pub(super) fn answered(mut self) {
        self.settle(Outcome::Answered);
    }

    pub(super) fn failed(mut self, error: &Error) {
        self.settle(Outcome::Failed(error));
    }

    fn settle(&mut self, outcome: Outcome<'_>) {
        let Some(ticket) = self.ticket.take() else { return };
        self.candidate.memory(&self.model, |memory| {
            memory.breaker.settle(ticket, outcome, Instant::now(), self.cooldowns, fastrand::f64());
        });
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.settle(Outcome::Abandoned);
    }
}
