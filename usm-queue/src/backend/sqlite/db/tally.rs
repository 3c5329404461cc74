//! What a transaction adds to the counters of jobs: collected in memory, written once before it commits.

use std::collections::BTreeMap;

/// States that jobs are counted in, by their numbers.
pub(crate) const STATES: usize = 7;

/// What is added to the counters of one queue and task, by state.
pub(crate) type Added = [i64; STATES];

/// By queue and task.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<String, BTreeMap<String, Added>>);

impl Tally {
    /// So many jobs came into a state, or left it when they are fewer than none. A number beyond all states is not counted.
    pub(crate) fn add(&mut self, queue: &str, task: &str, state: i64, jobs: i64) {
        let place = usize::try_from(state).unwrap_or(usize::MAX);
        if place >= STATES {
            return;
        }
        // Mostly they are there, so nothing is copied.
        if !self.0.contains_key(queue) {
            self.0.insert(queue.to_owned(), BTreeMap::new());
        }
        let Some(tasks) = self.0.get_mut(queue) else { return };
        match tasks.get_mut(task) {
            Some(added) => added[place] += jobs,
            None => {
                let mut added = Added::default();
                added[place] = jobs;
                tasks.insert(task.to_owned(), added);
            }
        }
    }

    /// A job changed its state.
    pub(crate) fn change(&mut self, queue: &str, task: &str, from: i64, to: i64) {
        self.add(queue, task, from, -1);
        self.add(queue, task, to, 1);
    }

    /// Every queue and task of which a number changes.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&str, &str, &Added)> {
        let all = self.0.iter().flat_map(|(queue, tasks)| {
            tasks.iter().map(move |(task, added)| (queue.as_str(), task.as_str(), added))
        });
        all.filter(|(_, _, added)| **added != Added::default())
    }
}
