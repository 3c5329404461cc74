//! The queue on RabbitMQ and Redis beside the same work written directly on lapin and redis, in one run:
//! `cargo bench --bench rabbitmq`. It starts a RabbitMQ and a Redis of its own, which must be installed, and leaves nothing
//! behind. Where `RABBITMQ_URL` and `REDIS_URL` are set it uses those, and leaves its queues and millions of keys there.
//!
//! Arguments choose parts by name: `cargo bench --bench rabbitmq -- cycle latency`. Every loop is bounded.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::{
    collections::VecDeque,
    sync::OnceLock,
    time::{Duration, Instant},
};

use benches::{Count, NoOp, drain, fill, memory_mib, paired, rate, run_chosen, send_steadily};
use futures_util::StreamExt;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
        QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tokio::{runtime::Runtime, sync::Semaphore};
use usm_queue::{QueueSpec, TaskQueue, Topology};
use usm_tests::{rabbit::Rabbit, redis::Redis};

const RAW: &str = "usm-bench-raw";
const JOBS: usize = 20_000;

static SERVERS: OnceLock<Servers> = OnceLock::new();

/// Where the servers are.
struct Servers {
    rabbitmq: String,
    redis: String,
}

fn main() {
    let given = |name: &str| std::env::var(name).ok();
    let (rabbitmq, redis) = (given("RABBITMQ_URL"), given("REDIS_URL"));
    let own_rabbitmq = rabbitmq.is_none().then(Rabbit::start);
    // A command log on the disk would be measured with it.
    let own_redis = redis.is_none().then(|| Redis::start(&["--appendonly", "no"]));
    let servers = SERVERS.set(Servers {
        rabbitmq: rabbitmq.or(own_rabbitmq.as_ref().map(|rabbit| rabbit.url("/"))).unwrap(),
        redis: redis.or(own_redis.as_ref().map(Redis::url)).unwrap(),
    });
    assert!(servers.is_ok());
    println!("RabbitMQ and Redis: medians of 5 pairs of runs, in turn; persistent, confirmed, mandatory");
    run_chosen(&[
        ("one", publish_one_by_one),
        ("many", publish_by_many),
        ("batch", publish_batches),
        ("cycle", cycle),
        ("latency", latency),
        ("memory", memory),
    ]);
}

fn rabbitmq() -> &'static str {
    &SERVERS.get().unwrap().rabbitmq
}

fn redis_url() -> &'static str {
    &SERVERS.get().unwrap().redis
}

/// An empty queue.
async fn open() -> TaskQueue {
    let topology = Topology::builder("usm-bench.tasks")
        .dead_letters("usm-bench.dead", "usm-bench.failed")
        .queue(
            QueueSpec::new("usm-bench")
                .bind("usm-bench.tasks", "#")
                .max_priority(10)
                .dead_letter_exchange("usm-bench.dead"),
        )
        .build()
        .unwrap();
    let queue = TaskQueue::connect(rabbitmq(), redis_url(), topology).await.unwrap();
    Raw::purge("usm-bench").await;
    queue
}

fn publish_one_by_one(runtime: &Runtime) {
    const MESSAGES: usize = 3_000;
    let ours = async || {
        let queue = open().await;
        let started = Instant::now();
        for _ in 0..MESSAGES {
            queue.enqueue(NoOp::untimed()).await.unwrap();
        }
        rate(MESSAGES, started)
    };
    let raw = async || {
        let raw = Raw::open().await;
        let started = Instant::now();
        for _ in 0..MESSAGES {
            raw.publish().await;
        }
        rate(MESSAGES, started)
    };
    paired("enqueue, one caller / raw publish", || runtime.block_on(ours()), || runtime.block_on(raw()));
}

fn publish_by_many(runtime: &Runtime) {
    const CALLERS: usize = 32;
    let ours = async || {
        let queue = open().await;
        let started = Instant::now();
        let caller = async |queue: TaskQueue| {
            for _ in 0..JOBS / CALLERS {
                queue.enqueue(NoOp::untimed()).await.unwrap();
            }
        };
        let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(caller(queue.clone()))).collect();
        for caller in callers {
            caller.await.unwrap();
        }
        rate(JOBS / CALLERS * CALLERS, started)
    };
    let raw = async |raw: Raw| {
        let started = Instant::now();
        let caller = async |raw: Raw| {
            for _ in 0..JOBS / CALLERS {
                raw.publish().await;
            }
        };
        let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(caller(raw.clone()))).collect();
        for caller in callers {
            caller.await.unwrap();
        }
        rate(JOBS / CALLERS * CALLERS, started)
    };
    let what = "enqueue, 32 callers / raw publish, one channel";
    paired(what, || runtime.block_on(ours()), || runtime.block_on(async { raw(Raw::open().await).await }));
    let what = "the same / raw publish of our message by our exchange";
    paired(
        what,
        || runtime.block_on(ours()),
        || runtime.block_on(async { raw(Raw::like_ours().await).await }),
    );
}

fn publish_batches(runtime: &Runtime) {
    const BATCH: usize = 256;
    let ours = async || {
        let queue = open().await;
        let started = Instant::now();
        fill(&queue, JOBS, BATCH).await;
        rate(JOBS, started)
    };
    let raw = async |raw: Raw| {
        let started = Instant::now();
        raw.fill(JOBS, BATCH).await;
        rate(JOBS, started)
    };
    let what = "enqueue, batches of 256 / raw with a window of 256";
    paired(what, || runtime.block_on(ours()), || runtime.block_on(async { raw(Raw::open().await).await }));
    let what = "the same / raw, our message by our exchange";
    paired(
        what,
        || runtime.block_on(ours()),
        || runtime.block_on(async { raw(Raw::like_ours().await).await }),
    );
}

/// Deliver, claim, run, record, acknowledge.
fn cycle(runtime: &Runtime) {
    for concurrency in [16, 256] {
        let ours = async || {
            let queue = open().await;
            fill(&queue, JOBS, 256).await;
            drain(queue, JOBS, concurrency).await
        };
        let raw = async |raw: Raw| {
            raw.fill(JOBS, 256).await;
            raw.work(JOBS, u16::try_from(concurrency).unwrap()).await
        };
        let what = format!("job cycle, concurrency {concurrency} / by hand, one script a step");
        paired(
            &what,
            || runtime.block_on(ours()),
            || runtime.block_on(async { raw(Raw::open().await).await }),
        );
        paired(
            "the same / by hand, our message, record and lists",
            || runtime.block_on(ours()),
            || runtime.block_on(async { raw(Raw::like_ours().await).await }),
        );
    }
}

fn latency(runtime: &Runtime) {
    const SENT: usize = 2_000;
    let count = runtime.block_on(async {
        let queue = open().await;
        send_steadily(queue.clone(), queue, SENT).await
    });
    count.print_latencies("enqueue to handler start at 200 jobs/s");
    let count = runtime.block_on(async {
        let (sender, receiver) = (Raw::open().await, Raw::open().await);
        let count = Count::to(SENT);
        let consuming = receiver.consume(count.clone(), 16);
        let sending = async {
            let mut tick = tokio::time::interval(Duration::from_millis(5));
            for _ in 0..SENT {
                tick.tick().await;
                sender.publish_body(&serde_json::to_vec(&NoOp::new()).unwrap()).await;
            }
            count.reached.notified().await;
        };
        tokio::select! { () = consuming => {} () = sending => {} }
        count
    });
    count.print_latencies("raw publish to consume at 200/s");
}

fn memory(runtime: &Runtime) {
    runtime.block_on(async {
        let before = memory_mib();
        let queue = open().await;
        let (idle, jobs) = (Count::to(1), 2_000);
        let worker =
            usm_queue::Worker::new(queue.clone(), idle.clone()).handle(benches::no_op).concurrency(256);
        worker
            .run_until(async {
                queue.enqueue(NoOp::untimed()).await.unwrap();
                idle.reached.notified().await;
                println!("memory: {before} MiB before, {} MiB with an idle worker", memory_mib());
            })
            .await
            .unwrap();
        fill(&queue, jobs, 256).await;
        // All places are taken at once, and none is given back before the last is.
        let gate = std::sync::Arc::new(Semaphore::new(0));
        let held = gate.clone();
        let count = Count::to(256);
        let begun = count.clone();
        let handler = move |_: NoOp, _: usm_queue::JobContext<()>| {
            let (held, begun) = (held.clone(), begun.clone());
            async move {
                begun.begin(0);
                held.acquire().await?.forget();
                Ok::<u32, usm_queue::TaskError>(1)
            }
        };
        let worker = usm_queue::Worker::new(queue, ()).handle(handler).concurrency(256);
        worker
            .run_until(async {
                count.reached.notified().await;
                println!("memory: {} MiB with 256 jobs in flight", memory_mib());
                gate.add_permits(jobs);
            })
            .await
            .unwrap();
    });
}

/// The same work with nothing around it: one queue, one channel, one script for each transition.
#[derive(Clone)]
struct Raw {
    channel: Channel,
    like_ours: bool,
    redis: redis::aio::MultiplexedConnection,
    _connection: std::sync::Arc<Connection>,
}

/// Guard, record, time to live, news: what one transition costs by hand.
const TRANSITION: &str = "
    local state = redis.call('HGET', KEYS[1], 'state')
    if state == 'done' then return 0 end
    redis.call('HSET', KEYS[1], 'state', ARGV[1], 'result', ARGV[2])
    redis.call('EXPIRE', KEYS[1], 3600)
    redis.call('PUBLISH', KEYS[1], ARGV[1])
    return 1";

/// The same with what the guide asks of a record: JSON that others read, told to watchers, and lists by state for the API.
const TRANSITION_LIKE_OURS: &str = "
    local state = redis.call('GET', KEYS[2])
    if state == 'done' then return 0 end
    redis.call('SET', KEYS[2], ARGV[1], 'PX', 3600000)
    redis.call('SET', KEYS[1], ARGV[3], 'PX', 3600000)
    redis.call('ZREM', 'usm-bench:' .. (state or 'waiting'), KEYS[1])
    redis.call('ZADD', 'usm-bench:' .. ARGV[1], ARGV[4], KEYS[1])
    redis.call('PUBLISH', KEYS[1], ARGV[3])
    return 1";

/// A record as ours, with a history as long.
fn record(id: &str, state: &str, result: &str) -> String {
    let at = "2026-11-25T08:00:00.000000Z";
    let entry = format!(r#"{{"at":"{at}","event":"{state}","attempt":1,"worker":"1234-abcd"}}"#);
    let enqueued = format!(r#"{{"at":"{at}","event":"enqueued","attempt":0}}"#);
    let history =
        if state == "done" { format!("{enqueued},{entry},{entry}") } else { format!("{enqueued},{entry}") };
    format!(
        r#"{{"version":2,"status":"{state}","attempt":1,"updated_at":"{at}","next_attempt_at":null,"finished_at":null,"progress":null,"partial_results":[],"result":"{result}","error":null,"cancel_requested":false,"worker":"1234-abcd","lease_until":"{at}","timeline":[{history}],"job_id":"{id}","user_id":null,"job_type":"no_op","priority":0,"max_attempts":3,"created_at":"{at}","correlation_id":null,"metadata":{{}}}}"#
    )
}

async fn wait(confirm: impl Future<Output = lapin::Result<Confirmation>>) -> bool {
    matches!(confirm.await.unwrap(), Confirmation::Ack(None))
}

impl Raw {
    /// With an empty queue.
    async fn open() -> Self {
        let connection = Connection::connect(rabbitmq(), ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-priority".into(), 10i32.into());
        channel.queue_declare(RAW.into(), QueueDeclareOptions::durable(), arguments).await.unwrap();
        channel.queue_purge(RAW.into(), QueuePurgeOptions::default()).await.unwrap();
        let redis =
            redis::Client::open(redis_url()).unwrap().get_multiplexed_async_connection().await.unwrap();
        Self { channel, like_ours: false, redis, _connection: std::sync::Arc::new(connection) }
    }

    /// Publishes what the queue's users publish, where they do: what the topic exchange and the properties cost the broker
    /// is no fault of the library.
    async fn like_ours() -> Self {
        open().await.close().await;
        Self { like_ours: true, ..Self::open().await }
    }

    async fn purge(queue: &str) {
        let raw = Self::open().await;
        raw.channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await.unwrap();
        raw.channel.queue_delete(RAW.into(), QueueDeleteOptions::default()).await.unwrap();
    }

    async fn send(&self, body: &[u8]) -> impl Future<Output = lapin::Result<Confirmation>> + Unpin + use<> {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let id = uuid::Uuid::now_v7().to_string();
        let properties = BasicProperties::default().with_delivery_mode(2).with_message_id(id.as_str().into());
        if !self.like_ours {
            return self
                .channel
                .basic_publish("".into(), RAW.into(), options, body, properties)
                .await
                .unwrap();
        }
        let mut headers = FieldTable::default();
        headers.insert("x-usm-task".into(), AMQPValue::LongString("no_op".into()));
        headers.insert("x-usm-max-attempts".into(), 3i64.into());
        headers.insert("x-usm-timestamp-us".into(), 1_795_591_454_189_665i64.into());
        headers.insert(
            "x-usm-added".into(),
            AMQPValue::LongString("job_id,user_id,created_at,_metadata".into()),
        );
        let properties = properties
            .with_priority(0)
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into())
            .with_timestamp(1_795_591_454)
            .with_headers(headers);
        let (key, at) = ("bench.no_op", "2026-11-25T08:00:00.000000Z");
        let metadata =
            format!(r#"{{"message_id":"{id}","timestamp":"{at}","producer":"usm","routing_key":"{key}"}}"#);
        let mut body = body.to_vec();
        body.pop();
        body.extend(
            format!(r#","job_id":"{id}","user_id":null,"created_at":"{at}","_metadata":{metadata}}}"#)
                .into_bytes(),
        );
        let publish =
            self.channel.basic_publish("usm-bench.tasks".into(), key.into(), options, &body, properties);
        publish.await.unwrap()
    }

    async fn publish_body(&self, body: &[u8]) {
        assert!(wait(self.send(body).await).await);
    }

    async fn publish(&self) {
        self.publish_body(&serde_json::to_vec(&NoOp::untimed()).unwrap()).await;
    }

    async fn fill(&self, messages: usize, window: usize) {
        let mut open = VecDeque::with_capacity(window);
        for _ in 0..messages {
            if open.len() == window {
                assert!(open.pop_front().map(wait).unwrap().await);
            }
            open.push_back(self.send(&serde_json::to_vec(&NoOp::untimed()).unwrap()).await);
        }
        for confirm in open {
            assert!(wait(confirm).await);
        }
    }

    async fn work(&self, jobs: usize, concurrency: u16) -> f64 {
        let count = Count::to(jobs);
        let started = Instant::now();
        tokio::select! {
            () = self.consume(count.clone(), concurrency) => {}
            () = count.reached.notified() => {}
        }
        rate(jobs, started)
    }

    /// One task a delivery: claim, run, record, acknowledge.
    async fn consume(&self, count: Count, prefetch: u16) {
        self.channel.basic_qos(prefetch, BasicQosOptions::default()).await.unwrap();
        let options = BasicConsumeOptions::default();
        let queue = if self.like_ours { "usm-bench" } else { RAW };
        let mut consumer = self
            .channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await
            .unwrap();
        let script = if self.like_ours { TRANSITION_LIKE_OURS } else { TRANSITION };
        let (script, like_ours) = (std::sync::Arc::new(redis::Script::new(script)), self.like_ours);
        while let Some(delivery) = consumer.next().await {
            let delivery = delivery.unwrap();
            let (mut redis, count, script) = (self.redis.clone(), count.clone(), script.clone());
            tokio::spawn(async move {
                let task: NoOp = serde_json::from_slice(&delivery.data).unwrap();
                let id = delivery.properties.message_id().as_ref().unwrap().as_str();
                let key = format!("usm-bench:{id}");
                let mut step = async |state: &str, result: &str| -> redis::RedisResult<i32> {
                    let mut call = script.key(&key);
                    call.arg(state).arg(result);
                    if like_ours {
                        call.key(format!("usm-bench:state:{id}"));
                        call.arg(record(id, state, result)).arg(benches::now_us());
                    }
                    call.invoke_async(&mut redis).await
                };
                assert_eq!(step("running", "").await, Ok(1));
                count.begin(task.sent_at_us);
                // The end of the measurement cuts the last ones off.
                if step("done", "1").await.is_ok() {
                    let _ = delivery.acker.ack(BasicAckOptions::default()).await;
                }
            });
        }
    }
}
