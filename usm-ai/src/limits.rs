//! How much a provider may be used: calls at a time, requests and tokens in a minute.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{ChatRequest, Usage};

const MINUTE: Duration = Duration::from_secs(60);

/// Characters per token, a low estimate: Russian text has about three.
const CHARS_PER_TOKEN: usize = 3;

/// Estimated tokens of an answer whose length is not limited.
const USUAL_ANSWER_TOKENS: u64 = 1000;

/// The figures of a [`Quota`]; none is limited by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaSettings {
    /// Calls at a time; further ones wait in turn, within their deadline. At least 1.
    pub concurrency: Option<usize>,
    /// Requests within any 60 seconds, retries included. At least 1.
    pub requests_per_minute: Option<u32>,
    /// Tokens of questions and answers within any 60 seconds, estimated beforehand and corrected by what the service
    /// counts. A single larger request is still sent, alone.
    pub tokens_per_minute: Option<u32>,
}

/// How much a provider may be used by all routers that share this value's clones.
///
/// A call that does not fit is not sent: the router asks the next candidate. If there is none, the error says how long to
/// wait.
#[derive(Debug, Clone, Default)]
pub struct Quota(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    calls: Option<Arc<Semaphore>>,
    window: Mutex<Window>,
}

/// What was sent within the last minute.
#[derive(Debug, Default)]
struct Window {
    requests: Option<usize>,
    tokens: Option<u64>,
    sent: VecDeque<Sent>,
    next: u64,
}

#[derive(Debug)]
struct Sent {
    id: u64,
    at: Instant,
    tokens: u64,
}

/// Room for one call, returned when dropped; its requests and tokens still count for the minute.
#[derive(Debug)]
pub(crate) struct Room {
    quota: Quota,
    _call: Option<OwnedSemaphorePermit>,
    id: Option<u64>,
}

impl Quota {
    /// A quota of these figures.
    pub fn new(settings: QuotaSettings) -> Self {
        let at_least_one = |number: u32| usize::try_from(number).unwrap_or(usize::MAX).max(1);
        let window = Window {
            requests: settings.requests_per_minute.map(at_least_one),
            tokens: settings.tokens_per_minute.map(u64::from),
            ..Window::default()
        };
        let most = Semaphore::MAX_PERMITS;
        let calls = settings.concurrency.map(|calls| Arc::new(Semaphore::new(calls.clamp(1, most))));
        Self(Arc::new(Shared { calls, window: Mutex::new(window) }))
    }

    /// Waits for its turn among the calls under way.
    pub(crate) async fn turn(&self) -> Room {
        let call = match &self.0.calls {
            // The semaphore is never closed; if it were, there would be no limit.
            Some(calls) => Arc::clone(calls).acquire_owned().await.ok(),
            None => None,
        };
        Room { quota: self.clone(), _call: call, id: None }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.0.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    /// Counts a request of about this many tokens, or says when there will be room for it.
    pub(crate) fn take(&mut self, tokens: u64) -> Result<(), Duration> {
        self.id = self.quota.window().take(Instant::now(), tokens)?;
        Ok(())
    }

    /// Corrects the estimate by what the service counted.
    pub(crate) fn spent(&self, usage: Option<Usage>) {
        if let (Some(id), Some(usage)) = (self.id, usage) {
            self.quota.window().correct(id, usage.input_tokens.saturating_add(usage.output_tokens));
        }
    }
}

impl Window {
    /// `None` when nothing is counted.
    fn take(&mut self, now: Instant, tokens: u64) -> Result<Option<u64>, Duration> {
        if self.requests.is_none() && self.tokens.is_none() {
            return Ok(None);
        }
        while self.sent.front().is_some_and(|sent| now.saturating_duration_since(sent.at) >= MINUTE) {
            self.sent.pop_front();
        }
        if let Some(blocking) = self.blocking(tokens) {
            return Err((blocking + MINUTE).saturating_duration_since(now));
        }
        let id = self.next;
        self.next += 1;
        self.sent.push_back(Sent { id, at: now, tokens });
        Ok(Some(id))
    }

    /// When the last request was sent that must be a minute old before there is room.
    fn blocking(&self, tokens: u64) -> Option<Instant> {
        let by_requests = self.requests.and_then(|most| {
            let too_many = (self.sent.len() + 1).checked_sub(most)?;
            Some(self.sent.get(too_many.checked_sub(1)?)?.at)
        });
        let by_tokens = self.tokens.and_then(|most| {
            // A request larger than the whole minute waits until the minute is empty.
            let room = most.saturating_sub(tokens);
            let mut sum: u64 = self.sent.iter().map(|sent| sent.tokens).sum();
            let mut last = None;
            for sent in &self.sent {
                if sum <= room {
                    break;
                }
                sum -= sent.tokens;
                last = Some(sent.at);
            }
            last
        });
        by_requests.max(by_tokens)
    }

    fn correct(&mut self, id: u64, tokens: u64) {
        if let Some(sent) = self.sent.iter_mut().find(|sent| sent.id == id) {
            // No minute holds more, and sums do not overflow.
            sent.tokens = tokens.min(u64::from(u32::MAX));
        }
    }
}

/// About how many tokens a request and its answer will take.
pub(crate) fn estimate(request: &ChatRequest) -> u64 {
    let schema = request.schema.as_ref().map_or(0, |schema| schema.as_json().to_string().len());
    let chars = request.user.chars().count()
        + request.system.as_deref().map_or(0, |system| system.chars().count())
        + schema;
    let question = u64::try_from(chars / CHARS_PER_TOKEN).unwrap_or(u64::MAX);
    question.saturating_add(request.max_output_tokens.map_or(USUAL_ANSWER_TOKENS, u64::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(requests: Option<usize>, tokens: Option<u64>) -> Window {
        Window { requests, tokens, ..Window::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn no_sixty_seconds_hold_more_requests_than_allowed() {
        let mut window = window(Some(2), None);
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);

        assert_eq!(window.take(at(0), 1), Ok(Some(0)));
        assert_eq!(window.take(at(50), 1), Ok(Some(1)));
        assert_eq!(window.take(at(55), 1), Err(Duration::from_secs(5)));
        assert_eq!(window.take(at(60), 1), Ok(Some(2)));
        assert_eq!(window.take(at(61), 1), Err(Duration::from_secs(49)));
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_counted_as_the_service_counts_them_once_it_has() {
        let mut window = window(None, Some(100));
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);

        assert_eq!(window.take(at(0), 60), Ok(Some(0)));
        assert_eq!(window.take(at(1), 60), Err(Duration::from_secs(59)));
        window.correct(0, 40);
        assert_eq!(window.take(at(1), 60), Ok(Some(1)));
        assert_eq!(window.take(at(2), 1), Err(Duration::from_secs(58)));
        assert_eq!(window.take(at(2), 90), Err(Duration::from_secs(59)), "both must be gone");
    }

    #[tokio::test(start_paused = true)]
    async fn counts_beyond_belief_fill_the_minute_and_no_more() {
        let mut window = window(None, Some(100));
        let begun = Instant::now();

        for id in 0..3 {
            assert_eq!(window.take(begun, 1), Ok(Some(id)));
        }
        (0..3).for_each(|id| window.correct(id, u64::MAX));

        assert_eq!(window.take(begun, 1), Err(MINUTE));
        assert_eq!(window.take(begun + MINUTE, 1), Ok(Some(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_larger_than_the_minute_is_sent_alone() {
        let mut window = window(None, Some(100));
        let begun = Instant::now();

        assert_eq!(window.take(begun, 1), Ok(Some(0)));
        assert_eq!(window.take(begun, 5000), Err(MINUTE));
        assert_eq!(window.take(begun + MINUTE, 5000), Ok(Some(1)));
    }

    #[tokio::test]
    async fn so_many_calls_at_a_time_and_the_next_when_one_ends() {
        let quota = Quota::new(QuotaSettings { concurrency: Some(1), ..QuotaSettings::default() });

        let first = quota.turn().await;
        let mut second = Box::pin(quota.turn());
        assert!(futures_poll(&mut second).await.is_none());
        drop(first);
        second.await;
    }

    /// Whether a future is ready now.
    async fn futures_poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
        tokio::select! {
            biased;
            value = future => Some(value),
            () = std::future::ready(()) => None,
        }
    }
}
