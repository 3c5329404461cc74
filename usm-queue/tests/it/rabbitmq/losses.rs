//! Queues and exchanges that go away under our hands.

use std::{sync::Barrier, time::Duration};

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use tokio::runtime::Handle;
use usm_queue::{
    EnqueueOptions, ErrorKind, JobContext, JobStatus, QueueSpec, Worker,
    backend::{Claimed, JobUpdate, Settlement},
    testing::{eventually, soon},
};

use super::{Line, next, open, queue_on, raw};
use crate::shared::{HOUR, Note, ended, note, with_worker};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_ends_with_its_queue_and_another_serves_the_new_one() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let mut consumer = broker.consume(&line.name, 3).await.unwrap();
    let (_connection, channel) = raw().await;

    channel.queue_delete(line.name.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    let ended = soon("the consumer ends", consumer.next()).await.unwrap().unwrap_err();

    assert_eq!(ended.kind(), ErrorKind::Unavailable);
    assert!(ended.to_string().contains(&line.name), "{ended}");
    assert!(soon("nothing follows", consumer.next()).await.is_none());
    assert_eq!(broker.consume(&line.name, 3).await.unwrap_err().kind(), ErrorKind::NotFound);

    broker.declare(&line.topology).await.unwrap();
    let mut consumer = broker.consume(&line.name, 3).await.unwrap();
    broker.publish(vec![line.message("new")]).await.unwrap();
    assert_eq!(next(&mut consumer).await.message.message_id, "new");
}

/// Case 14: the message is not acknowledged before its dead letter is somewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_survives_that_its_exchange_or_queue_was_deleted() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let (_connection, channel) = raw().await;
    let dead = line.dead_exchange();
    let mut consumer = broker.consume(&line.name, 3).await.unwrap();

    for round in
        ["the exchange is gone", "its queues are unbound", "its queue is gone, another one of it is not"]
    {
        broker.publish(vec![line.message(round)]).await.unwrap();
        let delivery = next(&mut consumer).await;
        match round {
            "the exchange is gone" => {
                let options = ExchangeDeleteOptions::default();
                channel.exchange_delete(dead.as_str().into(), options).await.unwrap();
            }
            "its queues are unbound" => {
                for queue in [line.topology.failed_queue(), line.topology.notice_queue()] {
                    let (queue, exchange) = (queue.into(), dead.as_str().into());
                    let table = lapin::types::FieldTable::default();
                    channel.queue_unbind(queue, exchange, "".into(), table).await.unwrap();
                }
            }
            _ => {
                let failed = line.topology.failed_queue().into();
                channel.queue_delete(failed, QueueDeleteOptions::default()).await.unwrap();
            }
        }
        let mut letter = delivery.message.clone();
        letter.exchange.clone_from(&dead);
        broker.settle(&delivery, Settlement::DeadLetter { message: Box::new(letter) }).await.unwrap();
        eventually("the dead letter is kept", async || {
            broker.find(line.topology.failed_queue(), round).await.unwrap()
        })
        .await;
    }
}

/// What the broker dead-letters from then on is told to jobs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_of_notices_that_was_deleted_is_declared_again() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let (queue, _) = queue_on(&line).await;
    let (_connection, channel) = raw().await;

    let notices = line.topology.notice_queue();
    channel.queue_delete(notices.into(), QueueDeleteOptions::default()).await.unwrap();

    eventually("it is back", async || broker.depth(notices).await.ok()).await;
    let options = EnqueueOptions::new().ttl(Duration::from_millis(10));
    let job = queue.enqueue_with(note("x"), options).await.unwrap();
    assert_eq!(ended(&queue, &job).await.status, JobStatus::Failed);
    queue.close().await;
}

/// Its worker recorded the failure and died before the dead letter was published.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_job_that_comes_again_is_buried_though_the_queue_of_dead_letters_was_deleted() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let (queue, store) = queue_on(&line).await;
    let job = queue.enqueue(note("x")).await.unwrap();
    let mut consumer = broker.consume(&line.name, 1).await.unwrap();
    let delivery = next(&mut consumer).await;
    let record = job.status().await.unwrap();
    let Claimed::Run(_, lease) = store.claim(record.into(), "dies", HOUR).await.unwrap() else {
        panic!("it waits")
    };
    store.update(lease, JobUpdate::Failed("no use".to_owned())).await.unwrap();
    drop((delivery, consumer));
    let (_connection, channel) = raw().await;
    let failed = line.topology.failed_queue().into();
    channel.queue_delete(failed, QueueDeleteOptions::default()).await.unwrap();

    let worker = Worker::new(queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, usm_queue::TaskError>(task.text));
    let letter = with_worker(worker, async {
        eventually("it is buried", async || queue.dead_letters().get(&job.id().to_string()).await.ok()).await
    })
    .await;

    assert_eq!(letter.errors, ["no use"], "{letter:#?}");
    queue.close().await;
}

/// What it was asked to do it cannot: the delivery stays, and the error tells why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_without_any_queue_is_an_error_and_its_message_stays() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    broker.publish(vec![line.message("held")]).await.unwrap();
    let mut consumer = broker.consume(&line.name, 3).await.unwrap();
    let delivery = next(&mut consumer).await;

    let mut letter = delivery.message.clone();
    letter.exchange = format!("{}.nowhere", line.name);
    let failed = broker.settle(&delivery, Settlement::DeadLetter { message: Box::new(letter) }).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Unroutable);
    drop(delivery);

    let again = next(&mut consumer).await;
    assert_eq!((again.message.message_id.as_str(), again.redelivered), ("held", true));
}

/// Two lookers, as two processes would be, and nobody's messages are hidden or reordered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_look_into_a_queue_at_once_and_both_see_all() {
    const MESSAGES: usize = 150;
    let (Some(one), Some(other)) = (open().await, open().await) else { return };
    let line = Line::declare(&*one, |queue| queue).await;
    let ids: Vec<String> = (0..MESSAGES).map(|number| format!("m{number:03}")).collect();
    one.publish(ids.iter().map(|id| line.message(id)).collect()).await.unwrap();

    let looks = (0..6).map(|number| {
        let looker = if number % 2 == 0 { &one } else { &other };
        looker.browse(&line.name, 0, 1000)
    });
    for seen in soon("all have looked", futures_util::future::join_all(looks)).await {
        let seen: Vec<String> = seen.unwrap().into_iter().map(|message| message.message_id).collect();
        assert_eq!(seen, ids);
    }

    let mut consumer = one.consume(&line.name, 10).await.unwrap();
    for id in &ids {
        let delivery = next(&mut consumer).await;
        assert_eq!(&delivery.message.message_id, id);
        one.settle(&delivery, Settlement::Ack).await.unwrap();
    }
}

/// What the last look gives back may be on its way still, and the broker counts it late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_that_follow_each_other_closely_all_see_everything() {
    const MESSAGES: usize = 1000;
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    broker.publish((0..MESSAGES).map(|id| line.message(&id.to_string())).collect()).await.unwrap();

    for round in 0..30 {
        let seen = soon("it has looked", broker.browse(&line.name, 0, usize::MAX)).await.unwrap();
        assert_eq!(seen.len(), MESSAGES, "round {round}");
    }
}

/// Nothing that was asked of it is done any more, and what it held goes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_broker_says_so_and_gives_its_deliveries_back() {
    let (Some(broker), Some(other)) = (open().await, open().await) else { return };
    let line = Line::declare(&*other, |queue| queue).await;
    broker.declare(&line.topology).await.unwrap();
    broker.publish(vec![line.message("held")]).await.unwrap();
    let mut consumer = broker.consume(&line.name, 1).await.unwrap();
    let held = next(&mut consumer).await;

    broker.close().await;

    assert_eq!(broker.publish(vec![line.message("late")]).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(broker.depth(&line.name).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(broker.consume(&line.name, 1).await.unwrap_err().kind(), ErrorKind::Closed);
    let mut elsewhere = other.consume(&line.name, 1).await.unwrap();
    let again = next(&mut elsewhere).await;
    assert!(again.redelivered);
    // Too late, and harmless.
    broker.settle(&held, Settlement::Ack).await.unwrap();
}

/// Acknowledgements are gathered, but whoever settles waits until they are sent.
#[test]
fn what_was_acknowledged_stays_so_though_the_program_ends_at_once() {
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let program = runtime();
    let line = program.block_on(async {
        let broker = open().await?;
        let line = Line::declare(&*broker, |queue| queue).await;
        broker.publish((0..40).map(|n| line.message(&format!("m{n}"))).collect()).await.unwrap();
        let mut consumer = broker.consume(&line.name, 40).await.unwrap();
        for _ in 0..39 {
            let delivery = next(&mut consumer).await;
            broker.settle(&delivery, Settlement::Ack).await.unwrap();
        }
        // Nothing is dropped in order where a program exits.
        std::mem::forget((broker, consumer));
        Some(line)
    });
    program.shutdown_background();
    let Some(line) = line else { return };

    runtime().block_on(async {
        let broker = open().await.unwrap();
        broker.declare(&line.topology).await.unwrap();
        let left = eventually("what is left comes back", async || {
            Some(broker.depth(&line.name).await.unwrap().ready).filter(|ready| *ready > 0)
        });
        assert_eq!(left.await, 1);
    });
}

/// Or the broker would close the channel over a tag that it does not know any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_settled_from_two_sides_at_once_is_settled_once() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let mut consumer = broker.consume(&line.name, 1).await.unwrap();
    let barrier = Barrier::new(2);
    for round in 0..100 {
        broker.publish(vec![line.message(&round.to_string())]).await.unwrap();
        let delivery = loop {
            let delivery = next(&mut consumer).await;
            if delivery.message.message_id == round.to_string() {
                break delivery;
            }
            // The round before gave it back.
            broker.settle(&delivery, Settlement::Ack).await.unwrap();
        };
        let settle = |settlement: Settlement| {
            barrier.wait();
            Handle::current().block_on(broker.settle(&delivery, settlement)).unwrap();
        };
        let runtime = Handle::current();
        tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let _entered = runtime.enter();
                    settle(Settlement::Requeue { delay: Duration::ZERO });
                });
                settle(Settlement::Ack);
            });
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quorum_queue_works_and_its_limit_is_declared() {
    let Some(broker) = open().await else { return };
    let line = Line::declare(&*broker, |queue: QueueSpec| queue.quorum(Some(7))).await;
    broker.publish(vec![line.message("m")]).await.unwrap();

    let mut consumer = broker.consume(&line.name, 3).await.unwrap();
    let delivery = next(&mut consumer).await;
    broker.settle(&delivery, super::retry(&delivery, Duration::from_millis(1))).await.unwrap();
    let again = next(&mut consumer).await;
    broker.settle(&again, Settlement::Ack).await.unwrap();

    let dead = line.dead_exchange();
    let other = usm_queue::Topology::builder(line.topology.task_exchange())
        .dead_letters(&dead, line.topology.failed_queue())
        .queue(
            QueueSpec::new(&line.name)
                .bind(line.topology.task_exchange(), "#")
                .dead_letter_exchange(&dead)
                .quorum(None),
        )
        .build()
        .unwrap();
    let refused = broker.declare(&other).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TopologyMismatch);
    for part in ["x-delivery-limit", "7", "20"] {
        assert!(refused.to_string().contains(part), "{refused}");
    }
}
