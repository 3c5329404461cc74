//! Keeps the leases of running jobs, passes cancellations on to them, and ends the trial of a suspect.

use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{attempt::Stop, shared::Shared};
use crate::{
    backend::{Lease, LeaseState},
    error::{Error, ErrorKind, Result, chain},
};

/// How much longer than its trial a suspect is alone, so that clocks that run a little apart do not matter.
const SLACK: Duration = Duration::from_millis(100);

/// Takes a job off the list of running ones, whatever becomes of the task that runs it: a lease is never renewed for
/// nothing.
pub(super) struct Running<'a, S> {
    shared: &'a Shared<S>,
    lease: Lease,
}

impl<S> Drop for Running<'_, S> {
    fn drop(&mut self) {
        self.shared.running().remove(&self.lease);
    }
}

impl<S> Shared<S> {
    /// From now on the lease is renewed, and the job hears of cancellations.
    pub(super) fn begin(&self, lease: Lease, stop: Arc<Stop>) -> Running<'_, S> {
        self.running().insert(lease, stop);
        Running { shared: self, lease }
    }

    /// Asks every running job to stop now.
    pub(super) fn stop_all(&self) {
        for stop in self.running().values() {
            stop.ask(Stop::SHUTDOWN);
        }
    }

    pub(super) fn running(&self) -> MutexGuard<'_, HashMap<Lease, Arc<Stop>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews the leases of running jobs and passes cancellations on to them; returns only when that cannot work any more,
    /// with the reason.
    pub(super) async fn keep_leases(self: Arc<Self>) -> Error {
        let mut cancellations = self.queue.store().cancellations();
        let mut tick = tokio::time::interval(self.lease / 3);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    if let Err(error) = self.renew_all().await {
                        return error;
                    }
                }
                Ok(id) = cancellations.recv() => {
                    for (_, stop) in self.running().iter().filter(|(lease, _)| lease.id == id) {
                        stop.ask(Stop::CANCELLED);
                    }
                }
            }
        }
    }

    /// Fails only when the store is closed.
    async fn renew_all(&self) -> Result<()> {
        let (leases, running): (Vec<_>, Vec<_>) =
            self.running().iter().map(|(lease, stop)| (*lease, stop.clone())).unzip();
        if leases.is_empty() {
            return Ok(());
        }
        match self.queue.store().renew(&leases, self.lease).await {
            Ok(states) => {
                for (stop, state) in running.iter().zip(states) {
                    match state {
                        LeaseState::Held => {}
                        LeaseState::CancelRequested => stop.ask(Stop::CANCELLED),
                        LeaseState::Lost => stop.ask(Stop::LEASE_LOST),
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::Closed => return Err(error),
            Err(error) => tracing::warn!(
                error = chain(&error),
                jobs = leases.len(),
                "leases cannot be renewed; trying again"
            ),
        }
        Ok(())
    }
}

impl<S: Send + Sync + 'static> Shared<S> {
    /// Leaves the place to the next suspect when the guard is dropped, or when this one has survived its trial and the
    /// store knows, by a renewed lease, that it did.
    pub(super) fn watch_trial(
        self: &Arc<Self>,
        lease: Lease,
        trial: Duration,
        place: OwnedSemaphorePermit,
    ) -> DropGuard {
        let (shared, ended) = (self.clone(), CancellationToken::new());
        let guard = ended.clone().drop_guard();
        drop(tokio::spawn(async move {
            let survives = async {
                tokio::time::sleep(trial.saturating_add(SLACK)).await;
                let leases = [lease];
                let renew = || shared.queue.store().renew(&leases, shared.lease);
                shared.persist("renew", lease.id, renew).await;
            };
            ended.run_until_cancelled(survives).await;
            drop(place);
        }));
        guard
    }
}
