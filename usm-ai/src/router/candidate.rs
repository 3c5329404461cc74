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

/// A provider and the model to ask it for.
///
/// A clone shares what calls have learnt of the provider: how long it is left alone, and what its models take. So routers
/// whose candidates are clones rest a provider together.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub(crate) provider: Arc<dyn Provider>,
    model: Option<String>,
    pub(super) quota: Quota,
    models: Arc<Mutex<BTreeMap<String, Memory>>>,
}

/// What is remembered about a model.
#[derive(Debug, Default)]
struct Memory {
    breaker: Breaker,
    /// How far down the ladder it is asked for documents.
    rung: Option<Rung>,
    refuses_temperature: bool,
    /// The server knows no system role.
    refuses_system: bool,
}

impl Candidate {
    /// `provider` with its own model and no limits on its use.
    pub fn new(provider: impl Provider + 'static) -> Self {
        Self::shared(Arc::new(provider))
    }

    /// As [`Candidate::new`] for a provider that other candidates use too, with other models.
    pub fn shared(provider: Arc<dyn Provider>) -> Self {
        Self { provider, model: None, quota: Quota::default(), models: Arc::default() }
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
        let (without_temperature, without_system) =
            self.memory(&model, |memory| (memory.refuses_temperature, memory.refuses_system));
        if without_temperature {
            request.temperature = None;
        }
        if without_system {
            request = folded(request);
        }
        request.model = Some(model);
        request
    }

    pub(super) fn remember_no_temperature(&self, model: &str) {
        self.memory(model, |memory| memory.refuses_temperature = true);
    }

    pub(super) fn remember_no_system(&self, model: &str) {
        self.memory(model, |memory| memory.refuses_system = true);
    }

    pub(super) fn rung(&self, model: &str) -> Option<Rung> {
        self.memory(model, |memory| memory.rung)
    }

    pub(super) fn remember_rung(&self, model: &str, rung: Rung) {
        self.memory(model, |memory| memory.rung = Some(rung));
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

/// The request with its standing instructions before the question, for servers that know no system role.
pub(super) fn folded(mut request: ChatRequest) -> ChatRequest {
    if let Some(system) = request.system.take() {
        request.user = format!("{system}\n\n{}", request.user);
    }
    request
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
