//! Lists where Redis holds very many other jobs.

use std::time::{Duration, Instant};

use usm_queue::{JobFilter, JobId, JobStatus, Owner, testing::redis_store};

use super::{Server, new_job, server::Raw};

/// `USM_TEST_REDIS_JOBS` says how many others there are; a million take about a minute to make.
fn others() -> usize {
    std::env::var("USM_TEST_REDIS_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(200_000)
}

/// Jobs as our scripts leave them, as many as that, half of them of one owner, a third failed, all of one task.
async fn fill(raw: &mut Raw, jobs: usize) {
    let script = "
        for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
          local id = string.format('00000000-0000-7000-8000-%012x', n)
          local status = n % 3 == 0 and 'failed' or 'pending'
          local owner = n % 2 == 0 and 7 or 8
          redis.call('SET', 'job:' .. id, '{\"version\":1,\"status\":\"' .. status .. '\",\"attempt\":0,\"updated_at\":\"2025-12-01T10:00:00.000000Z\",\"next_attempt_at\":null,\"finished_at\":null,\"progress\":null,\"partial_results\":[],\"result\":null,\"error\":null,\"cancel_requested\":false,\"worker\":null,\"lease_until\":null,\"timeline\":[],\"job_id\":\"' .. id .. '\",\"user_id\":' .. owner .. ',\"job_type\":\"other\",\"priority\":0,\"max_attempts\":3,\"created_at\":\"2025-12-01T10:00:00.000000Z\",\"correlation_id\":null,\"metadata\":{}}')
          local score = 1700000000000000 + n
          for _, list in ipairs({'', ':status:' .. status, ':owner:' .. owner, ':task:other'}) do
            redis.call('ZADD', 'usm:jobs' .. list, score, id)
          end
        end";
    for from in (0..jobs).step_by(10_000) {
        let to = (from + 10_000).min(jobs) - 1;
        raw.run_args::<()>(&["EVAL", script, "0", &from.to_string(), &to.to_string()]).await;
    }
}

#[tokio::test]
async fn every_filter_answers_where_there_are_very_many_other_jobs() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (redis_store(server.url()).await.unwrap(), server.raw().await);
    let mut oldest = new_job();
    // Older than all others, so that whoever reads them newest first comes to it last.
    oldest.created_at = chrono::DateTime::from_timestamp(1_600_000_000, 0).unwrap();
    (oldest.owner, oldest.task) = (Some(Owner::Id(7)), "rare".to_owned());
    store.insert(&[oldest.clone().into()]).await.unwrap();
    fill(&mut raw, others()).await;
    let (rare, other) = (Some("rare".to_owned()), Some("other".to_owned()));

    for (owner, status, task, expected) in [
        (None, None, &rare, Some(&[oldest.id][..])),
        (None, Some(JobStatus::Pending), &rare, Some(&[oldest.id])),
        (Some(Owner::Id(7)), None, &rare, Some(&[oldest.id])),
        (Some(Owner::Id(7)), Some(JobStatus::Pending), &rare, Some(&[oldest.id])),
        (Some(Owner::Id(8)), None, &rare, Some(&[])),
        (None, Some(JobStatus::Completed), &other, Some(&[])),
        (Some(Owner::Id(9)), None, &None, Some(&[])),
        (None, None, &None, None),
        (None, None, &other, None),
        (Some(Owner::Id(7)), Some(JobStatus::Failed), &other, None),
        (Some(Owner::Id(8)), Some(JobStatus::Pending), &None, None),
    ] {
        let mut filter = JobFilter::default();
        (filter.owner, filter.status, filter.task) = (owner, status, task.clone());
        let begun = Instant::now();

        let found = store.list(&filter).await.unwrap_or_else(|error| panic!("{filter:?}: {error}"));

        eprintln!("{:?} for {filter:?}", begun.elapsed());
        let ids: Vec<JobId> = found.iter().map(|job| job.id).collect();
        match expected {
            Some(expected) => assert_eq!(ids, expected, "{filter:?}"),
            None => assert_eq!(ids.len(), filter.limit, "{filter:?}"),
        }
        assert!(found.is_sorted_by(|newer, older| newer.created_at >= older.created_at));
        assert!(begun.elapsed() < Duration::from_secs(5), "{filter:?}: {:?}", begun.elapsed());
    }
}

/// Half of them are of two owners at once, as it were: on both lists there are many, on both together none.
#[tokio::test]
async fn a_filter_whose_lists_are_long_and_have_nothing_in_common_answers() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (redis_store(server.url()).await.unwrap(), server.raw().await);
    fill(&mut raw, others()).await;
    raw.run::<i64>("ZUNIONSTORE usm:jobs:status:cancelled 1 usm:jobs:owner:8").await;
    let mut filter = JobFilter::default();
    (filter.owner, filter.status) = (Some(Owner::Id(7)), Some(JobStatus::Cancelled));
    let begun = Instant::now();

    assert_eq!(store.list(&filter).await.unwrap(), []);

    eprintln!("{:?} for {filter:?}", begun.elapsed());
}

/// Their ids are still there: nothing was swept.
#[tokio::test]
async fn a_list_whose_records_have_all_expired_answers() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (redis_store(server.url()).await.unwrap(), server.raw().await);
    fill(&mut raw, 20_000).await;
    raw.run_args::<i64>(&["EVAL", "for n = 0, 19999 do redis.call('DEL', string.format('job:00000000-0000-7000-8000-%012x', n)) end return 1", "0"]).await;
    let mut last = new_job();
    last.created_at = chrono::DateTime::from_timestamp(1_600_000_000, 0).unwrap();
    store.insert(&[last.clone().into()]).await.unwrap();

    let found = store.list(&JobFilter::default()).await.unwrap();

    assert_eq!(found.iter().map(|job| job.id).collect::<Vec<_>>(), [last.id]);
    let left: i64 = raw.run("ZCARD usm:jobs").await;
    assert_eq!(left, 1, "they are gone");
}

/// Which had no lists by task.
#[tokio::test]
async fn jobs_that_an_earlier_version_stored_are_listed_by_task() {
    let Some(server) = Server::start().await else { return };
    let mut raw = server.raw().await;
    fill(&mut raw, 1000).await;
    raw.run::<i64>("DEL usm:jobs:task:other").await;
    let store = redis_store(server.url()).await.unwrap();
    let mut filter = JobFilter::default();
    (filter.task, filter.limit) = (Some("other".to_owned()), usize::MAX);

    assert_eq!(store.list(&filter).await.unwrap().len(), 1000);
    usm_queue::testing::eventually("they are on the list", async || {
        let listed: i64 = raw.run("EXISTS usm:jobs:tasks-listed").await;
        (listed == 1).then_some(())
    })
    .await;
    assert_eq!(store.list(&filter).await.unwrap().len(), 1000);
    let listed: i64 = raw.run("ZCARD usm:jobs:task:other").await;
    assert_eq!(listed, 1000);
}
