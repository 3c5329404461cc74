//! A disk that takes no more (fault case 26), stood in for by a limit on the size of files.

use std::process::Command;

use usm_tests::{Enqueue, Order};

use super::{
    audit::audit,
    place::{Place, accepted, drained},
};
use crate::processes::Process;

/// Blocks of 1 KiB a file may have; the queue's own tables need less.
const LIMIT_KIB: u32 = 600;

/// Starts an enqueuer whose files cannot grow beyond the limit. Without the trap the first refused write would kill it.
fn limited(place: &Place, enqueue: &Enqueue) -> Process {
    let order = serde_json::to_string(&Order::Enqueue(enqueue.clone())).unwrap();
    let script = format!(r#"trap "" XFSZ; ulimit -f {LIMIT_KIB}; exec "$0" "$1""#);
    Process::start(
        Command::new("bash")
            .args(["-c", &script, env!("CARGO_BIN_EXE_queue-worker"), &order])
            .current_dir(place.path())
            .env("RUST_BACKTRACE", "0"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_disk_does_not_take_is_refused_and_what_it_took_stays() {
    let place = Place::new();
    let mut enqueue = Enqueue::new(place.file(), 10_000);
    (enqueue.callers, enqueue.text_bytes, enqueue.refusals) = (4, 3_000, 20);

    let mut enqueuer = limited(&place, &enqueue);

    enqueuer.line("all tried");
    assert_eq!(enqueuer.end().code(), Some(0), "{:?}", enqueuer.errors());
    let jobs = accepted(&enqueuer, &enqueue);
    let lines = enqueuer.lines();
    let refused: Vec<_> = lines.iter().filter(|line| line.starts_with("refused")).collect();
    println!("{} accepted; then {:?}", jobs.len(), refused[0]);
    assert!(jobs.len() > 10 && refused.len() >= 20, "{} accepted, {} refused", jobs.len(), refused.len());
    for refusal in &refused {
        assert!(refusal.contains(" Unavailable: ") && refusal.contains("disk"), "{refusal}");
    }

    // The limit is gone with the process.
    let queue = place.open().await;
    let mut further = Enqueue::new(place.file(), 10);
    further.text_bytes = 3_000;
    let mut enqueuer = place.enqueuer(further.clone());
    assert!(enqueuer.end().success(), "{:?}", enqueuer.errors());
    let worker = place.worker(place.work());
    drained(&queue).await;
    drop(worker);
    let mut all = jobs.clone();
    all.extend(accepted(&enqueuer, &further));
    assert_eq!(all.len(), jobs.len() + 10);
    let ended = audit(queue, &place.file(), &all).await;
    assert_eq!((ended.completed, ended.failed), (all.len(), 0), "and nothing that was refused was stored");
}
