//! What a worker costs that has nothing to do.

use std::time::{Duration, Instant};

use usm_queue::testing::soon;
use usm_tests::{Enqueue, Kind};

use super::place::{Place, chore};
use crate::processes::alone;

const WATCHED_FOR: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_worker_hardly_uses_the_processor_and_says_nothing() {
    let _alone = alone().await;
    let place = Place::new();
    let worker = place.worker(place.work());
    // By another process, so that the worker is alone when it waits.
    assert!(place.enqueuer(Enqueue::new(place.file(), 10)).end().success());
    worker.line("started");
    let (used, begun) = (worker.cpu_time(), Instant::now());

    tokio::time::sleep(WATCHED_FOR).await;

    let share = (worker.cpu_time() - used).as_secs_f64() / begun.elapsed().as_secs_f64();
    println!("a waiting worker uses {:.2} % of a core, {} KiB", 100.0 * share, worker.memory_kib("VmRSS"));
    assert!(share < 0.03, "{share}");
    let said = worker.errors();
    let expected = ["the worker starts", "consuming"];
    let is_expected = said.len() == 2 && said.iter().zip(expected).all(|(line, text)| line.contains(text));
    assert!(is_expected, "to wait is not to die: {said:?}");
    // Nor has it fallen asleep for good.
    let queue = place.open().await;
    soon("it works", chore(&queue, Kind::Quick).await.result()).await.unwrap();
}
