//! What a process without work asks of Redis: hosted ones count commands.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use usm_queue::{JobContext, SqliteOptions, TaskError, TaskQueue, Topology, Worker, testing};

use super::Server;
use crate::shared::{Note, start};

/// Two thousand a day are one in 43 s: in less than that there may be none, beside the rare ping. The time is long enough for a round
/// of measuring.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_asks_nothing_of_redis_but_rare_pings() {
    let Some(server) = Server::start().await else { return };
    let ping = Duration::from_millis(500);
    for (options, pings) in [
        (usm_queue::RedisOptions::new(server.url()), 0),
        (usm_queue::RedisOptions::new(server.url()).ping_interval(ping), 33),
    ] {
        let (broker, _) = testing::sqlite_pair(None, SqliteOptions::default()).await.unwrap();
        let store = testing::redis_store(options).await.unwrap();
        let queue = TaskQueue::new(broker, store, Topology::single("work").unwrap()).await.unwrap();
        let worker = start(
            Worker::new(queue.clone(), ())
                .handle(async |_: Note, _: JobContext<()>| Ok::<_, TaskError>(String::new())),
        );
        testing::eventually("the worker listens for cancellations", async || {
            (server.calls("subscribe").await >= 2).then_some(())
        })
        .await;
        sleep(Duration::from_millis(500)).await;

        let (before, begun) = (server.calls("").await, Instant::now());
        sleep(Duration::from_millis(16_500)).await;
        let asked = server.calls("").await - before;

        let day = f64::from(24 * 3600) / begun.elapsed().as_secs_f64();
        assert!((pings / 2..=pings + 1).contains(&asked), "{asked}, in a day {}", asked as f64 * day);
        worker.stop().await;
        queue.close().await;
    }
}
