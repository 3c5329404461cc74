//! The job store on a real Redis: what the contracts do not know of. Tests that stop, flush or slow Redis have a server
//! of their own.

mod foreign;
mod foreign_ids;
mod idle;
mod keeping;
mod many;
pub(crate) mod older;
mod outage;
mod rights;
mod rollback;
mod runtimes;
mod server;
mod slow;
mod tls;
mod watching;

use std::{sync::Arc, time::Duration};

use chrono::{SubsecRound, Utc};
use usm_queue::{
    Job, JobId,
    backend::{Claimed, JobStore, Lease, NewJob},
    testing,
};

pub(crate) use self::server::Server;

/// A lease that does not lapse during a test.
const LONG: Duration = Duration::from_secs(3600);

/// A store that other tests use too: on the server at `USM_TEST_REDIS_URL`, else on one of this process's own. Where
/// there is none the test is skipped, in CI it fails.
pub(crate) async fn shared_store() -> Option<Arc<dyn JobStore>> {
    let url = match std::env::var("USM_TEST_REDIS_URL") {
        Ok(url) => url,
        Err(_) => server::of_this_process().await?,
    };
    match testing::redis_store(url.as_str()).await {
        Ok(store) => Some(store),
        Err(error) => panic!("no Redis to test with: {error}; set USM_TEST_REDIS_URL"),
    }
}

fn new_job() -> Job {
    let mut job = Job::new(JobId::new(), "ai_map_generation", Utc::now().trunc_subsecs(6));
    job.max_attempts = 5;
    job.owner = Some(7.into());
    job.metadata.insert("empty".into(), serde_json::json!([]));
    job
}

fn as_new(jobs: &[Job]) -> Vec<NewJob> {
    jobs.iter().cloned().map(NewJob::from).collect()
}

async fn claim(store: &dyn JobStore, job: &Job, lease: Duration) -> (Job, Lease) {
    match store.claim(job.clone().into(), "worker", lease).await.unwrap() {
        Claimed::Run(job, lease) => (*job, lease),
        other => panic!("the job can be claimed, but it is {other:?}"),
    }
}

async fn now(store: &dyn JobStore, id: JobId) -> Job {
    store.get(id).await.unwrap().unwrap_or_else(|| panic!("job {id} is known"))
}
