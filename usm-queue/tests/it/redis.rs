//! The job store on a real Redis.

use std::sync::Arc;

use usm_queue::{ErrorKind, JobStore, testing};

/// A store on the server at `USM_TEST_REDIS_URL`, which others may use too. Without one the test is skipped, in CI it
/// fails.
pub(crate) async fn shared_store() -> Option<Arc<dyn JobStore>> {
    let url = std::env::var("USM_TEST_REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    match testing::redis_store(url.as_str()).await {
        Ok(store) => Some(store),
        Err(error) if error.kind() == ErrorKind::Unavailable && std::env::var_os("CI").is_none() => {
            eprintln!("SKIPPED, no Redis: {error}; set USM_TEST_REDIS_URL");
            None
        }
        Err(error) => panic!("no Redis to test with: {error}; set USM_TEST_REDIS_URL"),
    }
}
