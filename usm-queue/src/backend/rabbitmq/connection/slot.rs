//! A connection or channel that is made anew when it breaks: by one caller, the others wait for it.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use crate::error::{Error, Result};

/// Something that lives until it breaks and is then made anew: by one caller, the others wait for it.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    live: RwLock<Option<Arc<T>>>,
    making: tokio::sync::Mutex<Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    in_a_row: u32,
    last: Option<(Instant, Duration, Error)>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { live: RwLock::new(None), making: tokio::sync::Mutex::default() }
    }
}

impl<T> Slot<T> {
    pub(crate) fn current(&self) -> Option<Arc<T>> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets it; returns what it was.
    pub(crate) fn take(&self) -> Option<Arc<T>> {
        self.live.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The one that lives, or a new one. Attempts in vain are spread ever further; a caller in between gets the last
    /// one's error.
    pub(crate) async fn get(
        &self,
        alive: impl Fn(&T) -> bool,
        make: impl Future<Output = Result<T>>,
    ) -> Result<Arc<T>> {
        if let Some(live) = self.current().filter(|live| alive(live)) {
            return Ok(live);
        }
        let asked = Instant::now();
        let mut failures = self.making.lock().await;
        if let Some(live) = self.current().filter(|live| alive(live)) {
            return Ok(live);
        }
        if let Some((at, pause, error)) = &failures.last
            && (*at >= asked || at.elapsed() < *pause)
        {
            return Err(error.clone());
        }
        // What broke may count against a limit until it is dropped.
        drop(self.take());
        match make.await {
            Ok(made) => {
                let made = Arc::new(made);
                *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
                *failures = Failures::default();
                Ok(made)
            }
            Err(error) => {
                failures.in_a_row += 1;
                failures.last = Some((Instant::now(), pause(failures.in_a_row), error.clone()));
                Err(error)
            }
        }
    }
}

/// 25 ms, doubling up to 3 s, spread by half.
fn pause(failures: u32) -> Duration {
    let base = Duration::from_millis(25).saturating_mul(1 << failures.min(8)).min(Duration::from_secs(3));
    base.mul_f64(0.75 + fastrand::f64() / 2.0)
}
