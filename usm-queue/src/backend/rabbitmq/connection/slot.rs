//! Holds a connection or channel, and reopens it after a loss: one caller does, the others wait for it.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use crate::{
    backoff::Backoff,
    error::{Error, Result},
    metrics,
};

/// How far apart attempts to connect are, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct ConnectionSlot<T> {
    /// What it is for, where losses are counted.
    role: &'static str,
    open: RwLock<Option<Arc<T>>>,
    opening: tokio::sync::Mutex<Failures>,
}

#[derive(Debug)]
struct Failures {
    backoff: Backoff,
    last: Option<(Instant, Duration, Error)>,
    was_open: bool,
}

impl<T> ConnectionSlot<T> {
    pub(crate) fn new(role: &'static str) -> Self {
        let backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let failures = Failures { backoff, last: None, was_open: false };
        Self { role, open: RwLock::new(None), opening: tokio::sync::Mutex::new(failures) }
    }

    pub(crate) fn current(&self) -> Option<Arc<T>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Empties the slot; returns what was in it.
    pub(crate) fn take(&self) -> Option<Arc<T>> {
        self.open.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The open one, or a new one. Failed attempts are spaced ever further apart; a caller in between gets the last error.
    pub(crate) async fn get(
        &self,
        alive: impl Fn(&T) -> bool,
        connect: impl Future<Output = Result<T>>,
    ) -> Result<Arc<T>> {
        if let Some(open) = self.current().filter(|open| alive(open)) {
            return Ok(open);
        }
        let asked = Instant::now();
        let mut failures = self.opening.lock().await;
        if let Some(open) = self.current().filter(|open| alive(open)) {
            return Ok(open);
        }
        if let Some((at, pause, error)) = &failures.last
            && (*at >= asked || at.elapsed() < *pause)
        {
            return Err(error.clone());
        }
        // The lost one may count against a limit of the broker until it is dropped.
        drop(self.take());
        match connect.await {
            Ok(opened) => {
                let opened = Arc::new(opened);
                *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(opened.clone());
                failures.backoff.reset();
                let cause = failures.last.take().map_or("lost", |(_, _, error)| error.label());
                if std::mem::replace(&mut failures.was_open, true) {
                    metrics::reconnected(self.role, cause);
                }
                Ok(opened)
            }
            Err(error) => {
                failures.last = Some((Instant::now(), failures.backoff.pause(), error.clone()));
                Err(error)
            }
        }
    }
}
