//! A board that is too wide for a page, cut into bands of columns; one column is one task.

use std::ops::Range;

use crate::StoryMap;

/// Part of an activity that stands in one band.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Index of the activity.
    pub(super) activity: usize,
    /// Indices of its tasks; none for an activity without tasks, which takes a column all the same.
    pub(super) tasks: Range<usize>,
}

impl Part {
    pub(super) fn columns(&self) -> usize {
        self.tasks.len().max(1)
    }

    /// Whether the activity began in an earlier band.
    pub(super) fn is_continued(&self) -> bool {
        self.tasks.start > 0
    }
}

/// Bands of at most `most` columns. An activity is cut only where it is wider than that.
pub(super) fn bands(map: &StoryMap, most: usize) -> Vec<Vec<Part>> {
    let most = most.max(1);
    let mut bands: Vec<Vec<Part>> = Vec::new();
    let mut used = most;
    for (activity, tasks) in map.activities.iter().map(|activity| activity.tasks.len()).enumerate() {
        let mut start = 0;
        loop {
            let rest = tasks - start;
            let fits = used + rest.max(1) <= most;
            let room = if fits { most - used } else { most };
            if !fits {
                bands.push(Vec::new());
                used = 0;
            }
            let part = Part { activity, tasks: start..tasks.min(start + room) };
            used += part.columns();
            start = part.tasks.end;
            if let Some(band) = bands.last_mut() {
                band.push(part);
            }
            if start == tasks {
                break;
            }
        }
    }
    bands
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::export::sample;
    use crate::{Activity, UserTask};

    fn map(sizes: &[usize]) -> StoryMap {
        let task = UserTask { title: "t".into(), stories: Vec::new() };
        let activity = |size: &usize| Activity { title: "a".into(), tasks: vec![task.clone(); *size] };
        StoryMap { activities: sizes.iter().map(activity).collect(), ..sample::map() }
    }

    #[test]
    fn an_activity_stays_whole_where_a_band_is_wide_enough() {
        let cut = |sizes: &[usize]| -> Vec<Vec<(usize, Range<usize>)>> {
            let parts = |band: Vec<Part>| band.into_iter().map(|part| (part.activity, part.tasks)).collect();
            bands(&map(sizes), 4).into_iter().map(parts).collect()
        };

        assert_eq!(cut(&[2, 2, 3]), [vec![(0, 0..2), (1, 0..2)], vec![(2, 0..3)]]);
        assert_eq!(cut(&[1, 6]), [vec![(0, 0..1)], vec![(1, 0..4)], vec![(1, 4..6)]]);
        assert_eq!(cut(&[0, 4]), [vec![(0, 0..0)], vec![(1, 0..4)]]);
        assert!(cut(&[]).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_task_stands_once_and_no_band_is_too_wide(
            sizes in proptest::collection::vec(0usize..12, 0..8), most in 0usize..9
        ) {
            let bands = bands(&map(&sizes), most);

            for band in &bands {
                let columns: usize = band.iter().map(Part::columns).sum();
                prop_assert!((1..=most.max(1)).contains(&columns));
            }
            for (activity, size) in sizes.iter().enumerate() {
                let parts = bands.iter().flatten().filter(|part| part.activity == activity);
                let tasks: Vec<usize> = parts.flat_map(|part| part.tasks.clone()).collect();
                prop_assert_eq!(tasks, (0..*size).collect::<Vec<_>>());
            }
        }
    }
}
