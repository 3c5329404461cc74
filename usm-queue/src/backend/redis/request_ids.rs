//! Ids of requests, so that a request repeated after a lost answer takes effect once.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{backend::JobUpdate, job::JobId};

/// Jobs whose unanswered requests are remembered.
const MAX_JOBS: usize = 4096;

/// A request that may have been carried out although its answer did not arrive.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum UnansweredRequest {
    Claim { worker: String },
    Update { token: u64, update: JobUpdate },
}

/// Ids of unanswered requests. A caller that repeats its request gets the same id again, which the script recognizes.
#[derive(Default)]
pub(super) struct RequestIds {
    unanswered: Mutex<HashMap<JobId, Vec<(UnansweredRequest, String)>>>,
}

impl RequestIds {
    /// A new id.
    pub(super) fn random() -> String {
        format!("{:016x}", fastrand::u64(..))
    }

    /// The id of the same request that got no answer before, or a new one.
    pub(super) fn of(&self, id: JobId, request: impl FnOnce() -> UnansweredRequest) -> String {
        let mut unanswered = self.unanswered();
        // Nearly always empty, and then the request need not be cloned.
        let Some(requests) = (!unanswered.is_empty()).then(|| unanswered.get_mut(&id)).flatten() else {
            return Self::random();
        };
        let request = request();
        let known = requests.iter().position(|(earlier, _)| *earlier == request);
        let request_id = known.map(|at| requests.swap_remove(at).1);
        if requests.is_empty() {
            unanswered.remove(&id);
        }
        request_id.unwrap_or_else(Self::random)
    }

    /// The request with this id got no answer.
    pub(super) fn remember(&self, id: JobId, request: UnansweredRequest, request_id: String) {
        let mut unanswered = self.unanswered();
        if unanswered.len() >= MAX_JOBS {
            // Their callers do not repeat them. Nobody knows which is the oldest, so any is dropped.
            let any = unanswered.keys().next().copied();
            any.map(|id| unanswered.remove(&id));
        }
        unanswered.entry(id).or_default().push((request, request_id));
    }

    fn unanswered(&self) -> MutexGuard<'_, HashMap<JobId, Vec<(UnansweredRequest, String)>>> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
