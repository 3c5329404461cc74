//! The spans of enqueueing, deliveries and attempts, and what a worker says when it starts.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer, Registry,
    filter::LevelFilter,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};
use usm_queue::{Job, JobContext, TaskError, Worker};

use crate::shared::{Note, ended, in_memory, note, with_worker};

type Fields = BTreeMap<String, String>;

/// What was seen of a test.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
    /// Spans that have ended: name, fields.
    spans: Vec<(&'static str, Fields)>,
    /// Events: fields with the message, and the spans around it, the outermost first.
    events: Vec<(Fields, Vec<&'static str>)>,
}

struct Reader<'a>(&'a mut Fields);

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Seen {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Reader(&mut fields));
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(&mut Reader(span.extensions_mut().get_mut::<Fields>().unwrap()));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Reader(&mut fields));
        let around = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
        let around = around.map(|span| span.name()).collect();
        self.0.lock().unwrap().events.push((fields, around));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        let fields = span.extensions().get::<Fields>().unwrap().clone();
        self.0.lock().unwrap().spans.push((span.name(), fields));
    }
}

impl Seen {
    async fn subscribe(level: LevelFilter) -> (Self, tracing::subscriber::DefaultGuard) {
        let seen = Self::default();
        let subscriber = Registry::default().with(seen.clone().with_filter(level));
        let guard = tracing::subscriber::set_default(subscriber);
        // A place that another test's thread reaches for the first time at this moment may not know of this subscriber.
        work().await;
        tracing::callsite::rebuild_interest_cache();
        *seen.0.lock().unwrap() = Log::default();
        (seen, guard)
    }

    /// These fields of all spans of this name.
    fn spans<const N: usize>(&self, name: &str, fields: [&str; N]) -> Vec<[String; N]> {
        let log = self.0.lock().unwrap();
        let spans = log.spans.iter().filter(|(of, _)| *of == name);
        spans.map(|(_, has)| fields.map(|field| has.get(field).cloned().unwrap_or_default())).collect()
    }

    /// The event with this message.
    fn event(&self, message: &str) -> (Fields, Vec<&'static str>) {
        let log = self.0.lock().unwrap();
        let found = log.events.iter().find(|(fields, _)| fields.get("message").is_some_and(|m| m == message));
        found.unwrap_or_else(|| panic!("nobody says: {message}")).clone()
    }
}

/// Fails once, and says so.
async fn fails_once(task: Note, job: JobContext<()>) -> Result<String, TaskError> {
    tracing::info!("the handler speaks");
    if job.attempt() == 1 { Err(TaskError::retry("no")) } else { Ok(task.text) }
}

/// A job that fails once.
async fn work() -> Job {
    let queue = in_memory().await;
    let worker = Worker::new(queue.clone(), ()).name("ann").handle(fails_once);
    with_worker(worker, async {
        let job = queue.enqueue(note("x")).await.unwrap();
        ended(&queue, &job).await
    })
    .await
}

/// The same while somebody looks.
async fn seen_at(level: LevelFilter) -> (Seen, Job) {
    let (seen, _guard) = Seen::subscribe(level).await;
    let job = work().await;
    (seen, job)
}

#[tokio::test]
async fn there_is_a_span_for_the_enqueue_for_every_delivery_and_for_every_attempt() {
    let (seen, job) = seen_at(LevelFilter::DEBUG).await;
    let id = job.id.to_string();

    let published = ["otel.name", "otel.kind", "job.id", "task.name", "queue", "outcome"];
    assert_eq!(
        seen.spans("publish", published),
        [["publish work.tasks:work.note", "producer", &id, "note", "work", "accepted"]]
    );
    let processed = ["otel.name", "messaging.system", "job.id", "task.name", "outcome", "otel.status_code"];
    assert_eq!(
        seen.spans("process", processed),
        [
            ["process work", "sqlite", &id, "note", "retry", "ERROR"],
            ["process work", "sqlite", &id, "note", "ok", ""]
        ]
    );
    assert_eq!(
        seen.spans("attempt", ["job.id", "task.name", "queue", "attempt", "outcome"]),
        [[&id, "note", "work", "1", "retry"], [&id, "note", "work", "2", "ok"]]
    );
    assert_eq!(seen.event("the handler speaks").1, ["process", "attempt"]);
}

#[tokio::test]
async fn at_the_usual_level_a_handlers_events_carry_its_attempt_and_there_are_no_other_spans() {
    let (seen, _) = seen_at(LevelFilter::INFO).await;

    assert_eq!(seen.event("the handler speaks").1, ["attempt"]);
    let log = seen.0.lock().unwrap();
    assert!(log.spans.iter().all(|(name, _)| *name == "attempt"));
    assert_eq!(log.spans.len(), 2);
}

#[tokio::test]
async fn a_batch_has_one_span_and_a_refused_job_says_why() {
    let (seen, _guard) = Seen::subscribe(LevelFilter::DEBUG).await;
    let queue = in_memory().await;
    queue.enqueue_many([note("1"), note("2")]).await.unwrap();
    queue.close().await;
    queue.enqueue(note("3")).await.unwrap_err();

    let fields = ["messaging.batch.message_count", "outcome", "error.type"];
    assert_eq!(seen.spans("publish", fields), [["2", "accepted", ""], ["", "refused", "closed"]]);
}

#[tokio::test]
async fn a_worker_says_what_it_starts_with() {
    let (seen, _) = seen_at(LevelFilter::INFO).await;

    let (fields, _) = seen.event("the worker starts");
    assert_eq!(fields["worker"], "ann");
    assert_eq!((fields["queues"].as_str(), fields["tasks"].as_str()), (r#"{"work": 1}"#, r#"["note"]"#));
    assert!(fields["broker"].starts_with("sqlite 3.") && fields["broker"].contains(" at memory; delays=any"));
    assert!(fields["store"].starts_with("sqlite 3."), "{}", fields["store"]);
}
