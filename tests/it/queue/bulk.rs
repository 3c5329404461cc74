//! Actions on many jobs whose process is killed in the midst, on one file.

use std::num::NonZeroU32;

use usm_tests::bulk::Scene;

use super::place::Place;

async fn with_scene(test: impl AsyncFnOnce(Scene<'_>)) {
    let place = Place::new();
    let queue = place.open().await;
    let rate = NonZeroU32::new(600).unwrap();
    test(Scene { queue: &queue, command: &|order| place.command(order), work: place.work(), rate }).await;
    queue.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_thousands_of_jobs_is_cancelled_once_though_the_process_is_killed_in_the_midst() {
    with_scene(async |scene| scene.cancels(3_000).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failed_job_is_retried_once_though_the_process_is_killed_in_the_midst() {
    with_scene(async |scene| scene.retries(1_200).await).await;
}
