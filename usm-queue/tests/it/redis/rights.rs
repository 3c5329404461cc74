//! A user who lacks rights is refused when connecting, with what is missing.

use serde_json::json;
use usm_queue::{
    ErrorKind, RedisOptions,
    backend::{JobUpdate, Updated},
    testing::redis_store,
};

use super::{LONG, Server, claim, new_job};

#[tokio::test]
async fn a_user_without_rights_is_refused_with_the_rules_to_add() {
    let Some(server) = Server::start().await else { return };
    let mut raw = server.raw().await;
    let options = RedisOptions::new(format!("redis://app:secret@{}", server.address()));
    for (rights, rules) in [
        ("~* +@all resetchannels", "&usm:*"),
        ("~job:* &* +@all", "~usm:*"),
        ("~usm:* &* +@all", "~job:*"),
        ("~job:* ~usm:* +@all resetchannels &other:*", "&usm:*"),
        ("~* &* +@all -zadd -publish", "+publish +zadd"),
        ("~* &* +@all -subscribe", "+subscribe"),
        ("~* &* +@all -@scripting", "+evalsha +script|load"),
        ("%R~* &* +@all", "~job:* ~usm:*"),
    ] {
        let words: Vec<_> = ["ACL", "SETUSER", "app", "reset", "on", ">secret"]
            .into_iter()
            .chain(rights.split(' '))
            .collect();
        raw.run_args::<()>(&words).await;

        let error = redis_store(options.clone()).await.unwrap_err();

        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Backend, "{rights}: {text}");
        assert!(text.contains("the user `app`"), "{rights}: {text}");
        assert!(text.ends_with(&format!("ACL SETUSER app {rules}")), "{rights}: {text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

/// INFO and CONFIG are not among them.
#[tokio::test]
async fn a_user_with_our_keys_and_channels_and_nothing_dangerous_can_work() {
    let Some(server) = Server::start().await else { return };
    let mut raw = server.raw().await;
    let rights = "~job:* ~usm:* &usm:* +@read +@write +@pubsub +@scripting +@connection +time -@dangerous";
    raw.run::<()>(&format!("ACL SETUSER app reset on >secret {rights}")).await;
    let options = RedisOptions::new(format!("redis://app:secret@{}", server.address()));
    let (store, job) = (redis_store(options).await.unwrap(), new_job());

    store.insert(&[job.clone().into()]).await.unwrap();
    let (_, lease) = claim(&*store, &job, LONG).await;
    let mut watch = store.watch(job.id).await.unwrap();
    assert_eq!(store.update(lease, JobUpdate::Completed(json!(1))).await.unwrap(), Updated::Applied);

    while let Some(state) = usm_queue::testing::soon("the watch ends", watch.next()).await {
        state.unwrap();
    }
    assert_eq!(store.list(&usm_queue::JobFilter::default()).await.unwrap().jobs.len(), 1);
    let keys: Vec<String> = raw.run("KEYS *probe*").await;
    assert!(keys.is_empty(), "trying leaves nothing behind: {keys:?}");
}
