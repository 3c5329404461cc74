//! Lists where Redis holds very many other jobs.

use std::time::{Duration, Instant};

use usm_queue::{JobFilter, JobId, JobState, JobStatus, Owner, backend::JobStore, testing::redis_store};

use super::{Server, new_job, server::Raw};

/// `USM_TEST_REDIS_JOBS` says how many others there are; a million take about a minute to make.
fn others() -> usize {
    std::env::var("USM_TEST_REDIS_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(200_000)
}

/// Which lists a job is put on.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    Now,
    /// Of earlier versions.
    ByStatus,
}

/// Jobs as the scripts leave them, as many as that, half of them of one owner, a third failed, all of one task.
async fn fill(raw: &mut Raw, jobs: usize, layout: Layout) {
    let script = "
        for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
          local id = string.format('00000000-0000-7000-8000-%012x', n)
          local status = n % 3 == 0 and 'failed' or 'pending'
          local state = n % 3 == 0 and 'failed' or 'waiting'
          local owner = n % 2 == 0 and 7 or 8
          redis.call('SET', 'job:' .. id, '{\"version\":1,\"status\":\"' .. status .. '\",\"attempt\":0,\"updated_at\":\"2025-12-01T10:00:00.000000Z\",\"next_attempt_at\":null,\"finished_at\":null,\"progress\":null,\"partial_results\":[],\"result\":null,\"error\":null,\"cancel_requested\":false,\"worker\":null,\"lease_until\":null,\"timeline\":[],\"job_id\":\"' .. id .. '\",\"user_id\":' .. owner .. ',\"job_type\":\"other\",\"priority\":0,\"max_attempts\":3,\"created_at\":\"2023-11-14T22:13:20.000000Z\",\"correlation_id\":null,\"metadata\":{}}')
          local score = 1700000000000000 + n
          local by_state = ARGV[3] == 'now' and ':in:' .. state .. ':[\"\",\"other\"]' or ':status:' .. status
          for _, list in ipairs({'', by_state, ':owner:' .. owner}) do
            redis.call('ZADD', 'usm:jobs' .. list, score, id)
          end
        end
        if ARGV[3] == 'now' then redis.call('ZADD', 'usm:jobs:kinds', 1, '[\"\",\"other\"]') end";
    let layout = if layout == Layout::Now { "now" } else { "by status" };
    for from in (0..jobs).step_by(10_000) {
        let to = (from + 10_000).min(jobs) - 1;
        raw.run_args::<()>(&["EVAL", script, "0", &from.to_string(), &to.to_string(), layout]).await;
    }
}

/// All pages.
async fn all(store: &dyn JobStore, mut filter: JobFilter) -> Vec<JobId> {
    let mut found = Vec::new();
    loop {
        let page = store.list(&filter).await.unwrap_or_else(|error| panic!("{filter:?}: {error}"));
        found.extend(page.jobs.iter().map(|job| job.id));
        let Some(next) = page.next else { return found };
        filter = filter.after(next);
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
    fill(&mut raw, others(), Layout::Now).await;
    let (new, seven, eight) = (JobFilter::new, Owner::Id(7), Owner::Id(8));

    for (filter, expected) in [
        (new().task("rare"), Some(&[oldest.id][..])),
        (new().task("rare").status(JobStatus::Pending), Some(&[oldest.id])),
        (new().task("rare").owner(seven.clone()), Some(&[oldest.id])),
        (new().task("rare").owner(seven.clone()).status(JobStatus::Pending), Some(&[oldest.id])),
        (new().task("rare").owner(eight.clone()), Some(&[])),
        (new().task("other").status(JobStatus::Completed), Some(&[])),
        (new().owner(Owner::Id(9)), Some(&[])),
        (new(), None),
        (new().task("other"), None),
        (new().task("other").owner(seven).status(JobStatus::Failed), None),
        (new().owner(eight).status(JobStatus::Pending), None),
    ] {
        let begun = Instant::now();

        let found = store.list(&filter).await.unwrap_or_else(|error| panic!("{filter:?}: {error}")).jobs;

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
async fn a_filter_whose_lists_are_long_and_have_nothing_in_common_goes_on_with_a_cursor() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (redis_store(server.url()).await.unwrap(), server.raw().await);
    fill(&mut raw, 20_000, Layout::Now).await;
    raw.run_args::<i64>(&["ZUNIONSTORE", "usm:jobs:in:cancelled:[\"\",\"other\"]", "1", "usm:jobs:owner:8"])
        .await;
    let filter = JobFilter::new().owner(7).status(JobStatus::Cancelled);

    let page = store.list(&filter).await.unwrap();

    assert!(page.jobs.is_empty() && page.next.is_some(), "it looks at a part of them");
    assert_eq!(all(&*store, filter).await, []);
}

/// Their ids are still there: nothing was swept.
#[tokio::test]
async fn a_list_whose_records_have_all_expired_answers() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (redis_store(server.url()).await.unwrap(), server.raw().await);
    fill(&mut raw, 20_000, Layout::Now).await;
    raw.run_args::<i64>(&["EVAL", "for n = 0, 19999 do redis.call('DEL', string.format('job:00000000-0000-7000-8000-%012x', n)) end return 1", "0"]).await;
    let mut last = new_job();
    last.created_at = chrono::DateTime::from_timestamp(1_600_000_000, 0).unwrap();
    store.insert(&[last.clone().into()]).await.unwrap();

    let found = store.list(&JobFilter::default()).await.unwrap();

    assert_eq!(found.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [last.id]);
    let left: i64 = raw.run("ZCARD usm:jobs").await;
    assert_eq!(left, 1, "they are gone");
}

/// And counted, though not by queue.
#[tokio::test]
async fn jobs_on_the_lists_of_earlier_versions_are_found_and_counted() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    fill(&mut raw, 6000, Layout::ByStatus).await;
    let new = || JobFilter::new().limit(1000);

    for (filter, jobs) in [
        (new(), 6000),
        (new().task("other"), 6000),
        (new().task("another"), 0),
        (new().queue(""), 6000),
        (new().owner(7), 3000),
        (new().status(JobStatus::Pending), 4000),
        (new().status(JobStatus::Failed).owner(7), 1000),
        (new().state(JobState::Retrying), 0),
        (new().queue("mail"), 0),
    ] {
        assert_eq!(all(&*store, filter.clone()).await.len(), jobs, "{filter:?}");
    }
    let counts = store.counts().await.unwrap();
    let [counts] = &counts[..] else { panic!("{counts:?}") };
    assert_eq!((&counts.queue, counts.waiting, counts.failed), (&None, 4000, 2000));
    assert_eq!(counts.oldest_waiting, chrono::DateTime::from_timestamp_micros(1_700_000_000_000_001));
}

/// Redis removes records by itself; who counts removes what was counted in vain.
#[tokio::test]
async fn counts_come_near_after_records_have_expired() {
    let Some(server) = Server::start().await else { return };
    let (store, mut raw) = (server.store().await, server.raw().await);
    fill(&mut raw, 3000, Layout::Now).await;
    raw.run_args::<i64>(&["EVAL", "for n = 0, 2999 do redis.call('DEL', string.format('job:00000000-0000-7000-8000-%012x', n)) end return 1", "0"]).await;

    usm_queue::testing::eventually("the failed ones are no longer counted", async || {
        let counts = store.counts().await.unwrap();
        counts.iter().all(|counts| counts.failed == 0).then_some(())
    })
    .await;
}
