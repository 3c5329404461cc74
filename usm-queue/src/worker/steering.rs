//! What a worker takes from each queue at present: by its own settings, and by what operators want.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::backend::{MOST_AT_ONCE, Pause, QueueControl, WorkerQueue};

/// What to take from one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Intake {
    /// Nothing before the store has told what operators want.
    Unknown,
    /// Nothing.
    Paused(Pause),
    /// So many jobs at once.
    AtOnce(usize),
}

/// The queues of a worker.
pub(super) struct Steering {
    queues: BTreeMap<String, Steered>,
}

struct Steered {
    /// Jobs at once, as the worker was started.
    own: usize,
    intake: watch::Sender<Intake>,
}

impl Steering {
    /// Of these queues, with the jobs at once that the worker was started with.
    pub(super) fn new(queues: BTreeMap<String, usize>) -> Self {
        let steered = |(queue, own)| (queue, Steered { own, intake: watch::Sender::new(Intake::Unknown) });
        Self { queues: queues.into_iter().map(steered).collect() }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.queues.keys().map(String::as_str)
    }

    /// What to take from a queue from now on. Ends for one that is not the worker's.
    pub(super) fn follow(&self, queue: &str) -> watch::Receiver<Intake> {
        let steered = self.queues.get(queue);
        steered.map_or_else(|| watch::channel(Intake::Unknown).1, |steered| steered.intake.subscribe())
    }

    /// Whether nothing more of this queue is begun.
    pub(super) fn is_paused(&self, queue: &str) -> bool {
        self.queues.get(queue).is_some_and(|steered| matches!(*steered.intake.borrow(), Intake::Paused(_)))
    }

    /// Whether the store has told yet.
    pub(super) fn is_known(&self) -> bool {
        self.queues.values().all(|steered| *steered.intake.borrow() != Intake::Unknown)
    }

    /// The store told what operators want.
    pub(super) fn apply(&self, controls: &[QueueControl]) {
        for (queue, steered) in &self.queues {
            let now = intake(steered.own, controls.iter().find(|control| control.queue == *queue));
            steered.intake.send_if_modified(|intake| {
                if *intake == now {
                    return false;
                }
                match (&*intake, &now) {
                    (_, Intake::Paused(Pause { by, since })) => {
                        tracing::info!(queue, by, %since, "the queue is paused; running jobs go on");
                    }
                    (Intake::Paused(_), _) => tracing::info!(queue, "the queue is no longer paused"),
                    (Intake::AtOnce(before), Intake::AtOnce(jobs)) => {
                        tracing::info!(queue, before, jobs, "another number of jobs runs at once");
                    }
                    _ => {}
                }
                *intake = now;
                true
            });
        }
    }

    /// As others may see it.
    pub(super) fn queues(&self) -> Vec<WorkerQueue> {
        let shown = |(queue, steered): (&String, &Steered)| {
            let (concurrency, paused) = match *steered.intake.borrow() {
                Intake::AtOnce(jobs) => (jobs, false),
                Intake::Paused(_) => (steered.own, true),
                Intake::Unknown => (steered.own, false),
            };
            WorkerQueue { queue: queue.clone(), concurrency, paused }
        };
        self.queues.iter().map(shown).collect()
    }
}

/// What to take by these settings.
fn intake(own: usize, control: Option<&QueueControl>) -> Intake {
    match control {
        Some(QueueControl { paused: Some(pause), .. }) => Intake::Paused(pause.clone()),
        Some(QueueControl { concurrency: Some(jobs), .. }) => Intake::AtOnce((*jobs).clamp(1, MOST_AT_ONCE)),
        _ => Intake::AtOnce(own),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use chrono::Utc;

    use super::*;

    fn steering() -> Steering {
        Steering::new(BTreeMap::from([("a".to_owned(), 4), ("b".to_owned(), 1)]))
    }

    fn control(queue: &str, paused: Option<&str>, concurrency: Option<usize>) -> QueueControl {
        let paused = paused.map(|by| Pause { by: by.to_owned(), since: Utc::now() });
        QueueControl { queue: queue.to_owned(), paused, concurrency }
    }

    #[test]
    fn nothing_is_taken_before_the_store_has_told() {
        let steering = steering();
        assert_eq!(*steering.follow("a").borrow(), Intake::Unknown);
        assert!(!steering.is_known());

        steering.apply(&[]);

        assert!(steering.is_known());
        assert_eq!(*steering.follow("a").borrow(), Intake::AtOnce(4));
    }

    #[test]
    fn a_pause_outdoes_a_number_which_outdoes_the_workers_own() {
        let steering = steering();
        for (control, expected) in [
            (control("a", None, Some(9)), "AtOnce(9)"),
            (control("a", None, Some(0)), "AtOnce(1)"),
            (control("a", Some("me"), Some(9)), "Paused"),
            (control("other", Some("me"), None), "AtOnce(4)"),
        ] {
            steering.apply(&[control]);
            let intake = format!("{:?}", *steering.follow("a").borrow());
            assert!(intake.starts_with(expected), "{intake}, not {expected}");
        }
    }

    #[test]
    fn only_the_queue_that_changes_hears_of_it() {
        let steering = steering();
        steering.apply(&[]);
        let [a, b] = ["a", "b"].map(|queue| steering.follow(queue));

        steering.apply(&[control("a", Some("me"), None)]);

        assert!(a.has_changed().unwrap() && !b.has_changed().unwrap());
        assert!(steering.is_paused("a") && !steering.is_paused("b"));
        assert_eq!(steering.queues().iter().map(|queue| queue.paused).collect::<Vec<_>>(), [true, false]);
    }
}
