//! The depth of the delay ladder and its names.

use std::time::{Duration, Instant};

use chrono::Utc;
use usm_queue::{
    QueueSpec, RabbitMqOptions, Topology,
    backend::Settlement,
    testing::{RabbitMq, unique},
    topology::TopologyChange,
};

use super::{Line, next, open_with, raw, url};

/// On a ladder of its own, which goes with it.
async fn on_ladder(prefix: &str, levels: u32) -> Option<RabbitMq> {
    open_with(RabbitMqOptions::new(url()).name_prefix(prefix).delay_levels(levels)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_beyond_the_ladder_is_met_by_passing_it_again() {
    let Some(broker) = on_ladder(&unique("ladder"), 2).await else { return };
    let line = Line::declare(&*broker, |queue| queue).await;
    let mut consumer = broker.consume(&line.name, 1).await.unwrap();
    let begun = Instant::now();
    let mut message = line.message("patient");
    // The ladder is 750 ms long.
    message.not_before = Some(Utc::now() + chrono::Duration::milliseconds(2000));

    broker.publish(vec![message]).await.unwrap();

    assert_eq!(next(&mut consumer).await.message.message_id, "patient");
    assert!(begun.elapsed() >= Duration::from_millis(1990), "{:?}", begun.elapsed());
}

/// Those of the level that stays, of one that goes, and of both in turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ladder_that_becomes_shorter_loses_no_delayed_message_and_delivers_none_too_early() {
    let prefix = unique("ladder");
    let Some(deep) = on_ladder(&prefix, 5).await else { return };
    let line = Line::declare(&*deep, |queue| queue).await;
    let delays = [400_i64, 2000, 3900, 4000, 4600, 7700];
    let begun = Instant::now();
    let messages = delays.map(|millis| {
        let mut message = line.message(&millis.to_string());
        message.not_before = Some(Utc::now() + chrono::Duration::milliseconds(millis));
        message
    });
    deep.publish(messages.into()).await.unwrap();
    // Otherwise it would go on using its ladder, and declare it again.
    deep.close().await;

    let flat = on_ladder(&prefix, 3).await.unwrap();
    let applied = flat.apply(&line.topology).await.unwrap();

    let removed: Vec<_> = applied
        .changes
        .iter()
        .filter_map(|change| match change {
            TopologyChange::Remove { name, .. } => Some(name.trim_start_matches(&prefix)),
            _ => None,
        })
        .collect();
    assert_eq!(removed, [".delay.4000", ".delay.4000", ".delay.2000", ".delay.2000"]);
    assert!(flat.plan(&line.topology).await.unwrap().is_empty());
    let mut consumer = flat.consume(&line.name, 10).await.unwrap();
    let mut came = Vec::new();
    for _ in delays {
        let delivery = next(&mut consumer).await;
        let millis: u64 = delivery.message.message_id.parse().unwrap();
        let waited = begun.elapsed();
        println!("{millis} ms took {waited:?}");
        // The message may be a little older than the measured time.
        assert!(
            waited + Duration::from_millis(50) >= Duration::from_millis(millis),
            "{millis} took {waited:?}"
        );
        came.push(i64::try_from(millis).unwrap());
        flat.settle(&delivery, Settlement::Ack).await.unwrap();
    }
    came.sort_unstable();
    assert_eq!(came, delays, "each once");
}

/// What neither can deliver is a dead letter of its own application, not of the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_applications_with_prefixes_of_their_own_do_not_move_each_others_messages() {
    let (one, other) = (unique("one"), unique("other"));
    let Some(one) = on_ladder(&one, 2).await else { return };
    let other = on_ladder(&other, 2).await.unwrap();
    let line = Line::declare(&*one, |queue| queue).await;
    let _others = Line::declare(&*other, |queue| queue).await;
    let mut message = line.message("mine");
    message.ttl = Some(Duration::from_secs(60));
    message.not_before = Some(Utc::now() + chrono::Duration::milliseconds(200));

    one.publish(vec![message]).await.unwrap();

    let mut consumer = one.consume(&line.name, 1).await.unwrap();
    assert_eq!(next(&mut consumer).await.message.message_id, "mine");
}

/// As a service in another language does that was there first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_was_declared_without_a_type_is_ours_too_and_the_other_way_round() {
    let Some(broker) = open_with(RabbitMqOptions::new(url())).await else { return };
    let (_connection, channel) = raw().await;
    let (first, second) = (unique("theirs"), unique("ours"));
    let declare = async |name: &str| {
        let mut arguments = lapin::types::FieldTable::default();
        let dead = lapin::types::AMQPValue::LongString(format!("{first}.dead").into());
        arguments.insert("x-dead-letter-exchange".into(), dead);
        arguments.insert("x-max-priority".into(), lapin::types::AMQPValue::LongInt(10));
        let durable = lapin::options::QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(name.into(), durable, arguments).await
    };
    declare(&first).await.unwrap();
    let queue = |name: &str| {
        QueueSpec::new(name).max_priority(10).bind(&first, name).dead_letter_exchange(format!("{first}.dead"))
    };
    let topology = Topology::builder(&first)
        .dead_letters(format!("{first}.dead"), format!("{first}.failed"))
        .queue(queue(&first))
        .queue(queue(&second))
        .build()
        .unwrap();

    broker.declare(&topology).await.unwrap();

    declare(&second).await.unwrap();
}
