//! Holds a connection or channel, and reopens it after a loss: one caller does, the others wait for it.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use crate::{
    backoff::Backoff,
    error::{Error, Result},
};

/// How far apart attempts to connect are, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct ConnectionSlot<T> {
    open: RwLock<Option<Arc<T>>>,
    opening: tokio::sync::Mutex<Failures>,
}

#[derive(Debug)]
struct Failures {
    backoff: Backoff,
    last: Option<(Instant, Duration, Error)>,
}

impl<T> Default for ConnectionSlot<T> {
    fn default() -> Self {
        let failures = Failures { backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE), last: None };
        Self { open: RwLock::new(None), opening: tokio::sync::Mutex::new(failures) }
    }
}

impl<T> ConnectionSlot<T> {
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
                failures.last = None;
                Ok(opened)
            }
            Err(error) => {
                failures.last = Some((Instant::now(), failures.backoff.pause(), error.clone()));
                Err(error)
            }
        }
    }
}
