//! A thousand calls at once: all are answered, nobody is asked against a cooldown, nobody comes back in step.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use usm_ai::{
    AnswerFormat, Candidate, ChatRequest, ChatResponse, Error, ErrorKind, FinishReason, Provider,
    ProviderAnswer, Quota, QuotaSettings, RetrySettings, Router,
    testing::{FakeAi, Reply},
};

use crate::support::{question, service};

const CROWD: usize = 1000;
const MINUTE: Duration = Duration::from_secs(60);

/// Lets so many through in each minute, tells the others how long the minute still is, and notes who comes although
/// told.
#[derive(Debug)]
struct Limited {
    per_minute: usize,
    begun: Instant,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    minute: u64,
    served: usize,
    came: Vec<Instant>,
    /// Until when callers have been told to stay away.
    closed_until: Option<Instant>,
    came_though_told: usize,
}

impl Limited {
    fn new(per_minute: usize) -> Arc<Self> {
        Arc::new(Self { per_minute, begun: Instant::now(), book: Mutex::default() })
    }

    /// `None` if this one is let through, else how long the minute still is.
    fn knock(&self) -> Option<Duration> {
        let mut book = self.book.lock().unwrap();
        let now = Instant::now();
        book.came.push(now);
        if book.closed_until.is_some_and(|until| now < until) {
            book.came_though_told += 1;
        }
        let minute = (now - self.begun).as_secs() / MINUTE.as_secs();
        if minute != book.minute {
            (book.minute, book.served) = (minute, 0);
        }
        book.served += 1;
        let left = self.begun + MINUTE * u32::try_from(minute + 1).unwrap() - now;
        (book.served > self.per_minute).then_some(left)
    }
}

#[async_trait]
impl Provider for Limited {
    fn name(&self) -> &str {
        "limited"
    }

    fn model(&self) -> &str {
        "model"
    }

    async fn chat(&self, _: &ChatRequest, _: AnswerFormat<'_>) -> Result<ProviderAnswer, Error> {
        let refused = self.knock();
        sleep(Duration::from_millis(if refused.is_some() { 20 } else { 800 })).await;
        let Some(left) = refused else { return Ok(answer("limited")) };
        let wait = left - Duration::from_millis(20);
        self.book.lock().unwrap().closed_until = Some(Instant::now() + wait);
        Err(Error::new(ErrorKind::RateLimited, "60 per minute").with_retry_after(wait))
    }
}

/// Answers everyone after a second.
#[derive(Debug)]
struct Healthy(&'static str);

#[async_trait]
impl Provider for Healthy {
    fn name(&self) -> &str {
        self.0
    }

    fn model(&self) -> &str {
        "model"
    }

    async fn chat(&self, _: &ChatRequest, _: AnswerFormat<'_>) -> Result<ProviderAnswer, Error> {
        sleep(Duration::from_secs(1)).await;
        Ok(answer(self.0))
    }
}

fn answer(text: &str) -> ProviderAnswer {
    ProviderAnswer {
        text: text.to_owned(),
        model: "model".to_owned(),
        finish_reason: FinishReason::Stop,
        usage: None,
    }
}

fn at_a_time(concurrency: usize) -> Quota {
    Quota::new(QuotaSettings { concurrency: Some(concurrency), ..QuotaSettings::default() })
}

fn by_provider(responses: &[ChatResponse]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    responses.iter().for_each(|response| *counts.entry(response.provider.as_str()).or_default() += 1);
    counts
}

/// Prints how many fall into each step, and returns the largest of these numbers.
fn histogram(title: &str, values: impl Iterator<Item = Duration>, step: Duration) -> usize {
    let mut bars: BTreeMap<u128, usize> = BTreeMap::new();
    values.for_each(|value| *bars.entry(value.as_millis() / step.as_millis()).or_default() += 1);
    println!("{title}");
    for (bar, count) in &bars {
        println!("{:>8} ms {count:>5} {}", bar * step.as_millis(), "#".repeat(count.div_ceil(10)));
    }
    bars.into_values().max().unwrap_or_default()
}

async fn all(router: &Router, request: &ChatRequest, calls: usize) -> Vec<ChatResponse> {
    let answers = join_all((0..calls).map(|_| router.chat(request))).await;
    answers.into_iter().map(|answer| answer.unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_calls_are_answered_by_the_fallbacks_and_none_goes_out_against_a_cooldown() {
    let limited = Limited::new(60);
    let router = Router::of([
        Candidate::new(Arc::clone(&limited)).quota(at_a_time(50)),
        Candidate::new(Healthy("second")).quota(at_a_time(200)),
        Candidate::new(Healthy("third")).quota(at_a_time(200)),
    ]);

    let responses = all(&router, &question(), CROWD).await;

    let counts = by_provider(&responses);
    println!("answered by {counts:?}");
    histogram(
        "calls by duration",
        responses.iter().map(|response| response.duration),
        Duration::from_millis(500),
    );
    assert_eq!(responses.len(), CROWD);
    assert_eq!(counts["limited"], 60, "what the limit allows");
    let book = limited.book.lock().unwrap();
    assert_eq!(book.came_though_told, 0);
    assert!(
        book.came.len() <= 60 + 50,
        "{} came: more than were under way when the limit was told",
        book.came.len()
    );
}

#[tokio::test(start_paused = true)]
async fn without_fallbacks_everyone_is_answered_minute_by_minute_and_none_goes_out_against_a_cooldown() {
    let limited = Limited::new(60);
    let retry = RetrySettings { retries: 100, longest_retry_after: MINUTE * 2, ..RetrySettings::default() };
    let candidate = Candidate::new(Arc::clone(&limited)).quota(at_a_time(30));
    let router = Router::of([candidate]).retry(retry);

    let responses = all(&router, &question().deadline(MINUTE * 60), CROWD).await;

    histogram("calls by duration", responses.iter().map(|response| response.duration), MINUTE);
    assert_eq!(responses.len(), CROWD);
    assert_eq!(limited.book.lock().unwrap().came_though_told, 0);
}

#[tokio::test(start_paused = true)]
async fn callers_who_were_told_the_same_wait_come_back_spread_out() {
    let told = Duration::from_secs(10);
    let limited = Limited::new(usize::MAX);
    /// Closed until a moment, and for everyone the same.
    #[derive(Debug)]
    struct ClosedAtFirst(Arc<Limited>, Duration);
    #[async_trait]
    impl Provider for ClosedAtFirst {
        fn name(&self) -> &str {
            "closed"
        }
        fn model(&self) -> &str {
            "model"
        }
        async fn chat(&self, _: &ChatRequest, _: AnswerFormat<'_>) -> Result<ProviderAnswer, Error> {
            self.0.knock();
            let left = (self.0.begun + self.1).saturating_duration_since(Instant::now());
            if left.is_zero() {
                Ok(answer("open"))
            } else {
                Err(Error::new(ErrorKind::RateLimited, "").with_retry_after(left))
            }
        }
    }
    let router = Router::of([Candidate::new(ClosedAtFirst(Arc::clone(&limited), told))]);

    all(&router, &question(), CROWD).await;

    let book = limited.book.lock().unwrap();
    let again: Vec<Duration> =
        book.came.iter().map(|came| *came - limited.begun).filter(|came| !came.is_zero()).collect();
    let largest =
        histogram("who was told 10 s came back after", again.iter().copied(), Duration::from_millis(100));
    assert_eq!(again.len(), CROWD, "once each");
    assert!(again.iter().all(|came| *came >= told));
    assert!(largest < CROWD * 15 / 100, "{largest} of {CROWD} within a tenth of a second");
}

#[tokio::test]
async fn a_thousand_calls_over_real_sockets_with_half_a_second_for_a_minute() {
    const AT_A_TIME: usize = 32;
    let minute = Duration::from_millis(500);
    /// The current minute, who was served in it, and who was turned away in each.
    struct Desk {
        since: std::time::Instant,
        served: usize,
        turned_away: Vec<usize>,
    }
    let desk =
        Arc::new(Mutex::new(Desk { since: std::time::Instant::now(), served: 0, turned_away: vec![0] }));
    let counter = Arc::clone(&desk);
    let limited = FakeAi::answering(move |_| {
        let mut desk = counter.lock().unwrap();
        if desk.since.elapsed() >= minute {
            desk.since = std::time::Instant::now();
            desk.served = 0;
            desk.turned_away.push(0);
        }
        desk.served += 1;
        if desk.served <= 60 {
            return Reply::text("limited");
        }
        *desk.turned_away.last_mut().unwrap() += 1;
        Reply::rate_limited((minute - desk.since.elapsed().min(minute)).as_secs_f64() + 0.001)
    })
    .await
    .unwrap();
    let (second, third) = (
        FakeAi::always(Reply::text("second")).await.unwrap(),
        FakeAi::always(Reply::text("third")).await.unwrap(),
    );
    let members = [("gemini", &limited), ("groq", &second), ("anthropic", &third)];
    let router =
        Router::of(members.map(|(kind, ai)| Candidate::new(service(kind, ai)).quota(at_a_time(AT_A_TIME))));

    let responses = all(&router, &question(), CROWD).await;

    println!("answered by {:?}", by_provider(&responses));
    histogram(
        "calls by duration",
        responses.iter().map(|response| response.duration),
        Duration::from_millis(100),
    );
    assert_eq!(responses.len(), CROWD);
    let turned_away = desk.lock().unwrap().turned_away.clone();
    println!("turned away in each minute: {turned_away:?}");
    assert!(turned_away[0] > 0, "the limit was reached");
    assert!(
        turned_away.iter().all(|count| *count <= AT_A_TIME),
        "only those under way when the limit was told: {turned_away:?}"
    );
}
