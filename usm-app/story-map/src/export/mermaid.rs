//! A Mermaid flowchart for READMEs and wikis: activities one below the other, because pages are higher than they are
//! wide; in each a row for every task with its stories, most needed first.

use std::collections::HashSet;

use crate::Language;
use crate::columns::{clean, cut};
use crate::export::markdown::language;
use crate::{Release, StoryMap};

/// Mermaid refuses more than 500 edges and 50,000 characters; this leaves room for what is not a story.
const MOST_EDGES: usize = 480;
/// The same for characters.
const MOST_CHARS: usize = 45_000;
/// Longest label in columns.
const LABEL: usize = 70;

/// The map as Mermaid source, within the limits that Mermaid has by default. What does not fit is counted in a last
/// node; stories of later releases are left out first.
pub fn write(map: &StoryMap) -> String {
    let map = &map.tidied();
    let language = language(map);
    let (kept, left_out) = fitting(map);
    let mut out = String::from("flowchart TB\n");
    for (a, activity) in map.activities.iter().enumerate().take(MOST_EDGES / 2) {
        let id = format!("a{}", a + 1);
        out.push_str(&format!("  subgraph {id}[\"{}\"]\n    direction LR\n", label(&activity.title)));
        if activity.tasks.is_empty() {
            out.push_str(&format!("    {id}_0[\"…\"]:::task\n"));
        }
        for (t, task) in activity.tasks.iter().enumerate() {
            let task_id = format!("t{}_{}", a + 1, t + 1);
            if !kept.tasks.contains(&(a, t)) {
                continue;
            }
            out.push_str(&format!("    {task_id}[\"{}\"]:::task\n", label(&task.title)));
            let mut above = task_id;
            for (s, story) in task.stories.iter().enumerate() {
                if !kept.stories.contains(&(a, t, s)) {
                    continue;
                }
                let id = format!("s{}_{}_{}", a + 1, t + 1, s + 1);
                let text = label(&story.on_card());
                out.push_str(&format!("    {above} --- {id}(\"{text}\"):::{}\n", class(story.release)));
                above = id;
            }
        }
        out.push_str("  end\n");
    }
    let activities = map.activities.len().min(MOST_EDGES / 2);
    (1..activities).for_each(|number| out.push_str(&format!("  a{number} --> a{}\n", number + 1)));
    if left_out > 0 {
        let what = match language {
            Language::Russian => format!("… историй ещё: {left_out}"),
            Language::English => format!("… stories left out: {left_out}"),
        };
        out.push_str(&format!("  more[\"{what}\"]:::later\n"));
    }
    out.push_str(CLASSES);
    out
}

const CLASSES: &str = "\
  classDef task fill:#eef2f7,stroke:#64748b,color:#0f172a,font-weight:bold
  classDef mvp fill:#dcfce7,stroke:#15803d,color:#0f172a
  classDef release1 fill:#fef3c7,stroke:#b45309,color:#0f172a
  classDef later fill:#f1f5f9,stroke:#64748b,color:#0f172a
";

fn class(release: Release) -> &'static str {
    match release {
        Release::Mvp => "mvp",
        Release::Release1 => "release1",
        Release::Later => "later",
    }
}

/// What there is room for, by indices.
#[derive(Default)]
struct Kept {
    tasks: HashSet<(usize, usize)>,
    stories: HashSet<(usize, usize, usize)>,
}

/// The stories that fit, earliest releases first, and how many do not.
fn fitting(map: &StoryMap) -> (Kept, usize) {
    let activities = map.activities.iter().take(MOST_EDGES / 2);
    let mut edges = activities.len();
    let mut chars: usize = activities.map(|activity| label(&activity.title).chars().count() + 80).sum();
    let mut kept = Kept::default();
    let tasks = || {
        let activities = map.activities.iter().take(MOST_EDGES / 2).enumerate();
        activities
            .flat_map(|(a, activity)| activity.tasks.iter().enumerate().map(move |(t, task)| ((a, t), task)))
    };
    for (at, task) in tasks() {
        let size = label(&task.title).chars().count() + 40;
        // Half of the room at most: tasks without stories would say little.
        if chars + size <= MOST_CHARS / 2 {
            chars += size;
            kept.tasks.insert(at);
        }
    }
    let mut left_out = map.stories().count();
    for release in Release::all() {
        for ((a, t), task) in tasks().filter(|(at, _)| kept.tasks.contains(at)) {
            for (s, story) in task.stories.iter().enumerate().filter(|(_, story)| story.release == release) {
                let size = label(&story.on_card()).chars().count() + 50;
                if edges < MOST_EDGES && chars + size <= MOST_CHARS {
                    (edges, chars) = (edges + 1, chars + size);
                    kept.stories.insert((a, t, s));
                    left_out -= 1;
                }
            }
        }
    }
    (kept, left_out)
}

/// Text for a label in quotation marks. Signs that mean something to Mermaid, to HTML or to Markdown are written by
/// their numbers, which Mermaid puts back when the picture is done.
fn label(text: &str) -> String {
    let text = cut(&clean(text), LABEL);
    if text.is_empty() {
        return "…".to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        let begins = out.is_empty();
        let numbered = out.chars().all(|c| c.is_ascii_digit());
        let is_plain = c.is_alphanumeric()
            || matches!(c, ' ' | ',' | ':' | '?' | '/' | '«' | '»' | '“' | '”' | '„' | '—' | '–' | '…' | '№' | '₽' | '€')
            // At the beginning these make a list of it.
            || (matches!(c, '-' | '+') && !begins)
            || (matches!(c, '.' | '(' | ')') && !numbered);
        match is_plain {
            true => out.push(c),
            false => out.push_str(&format!("#{};", u32::from(c))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::export::{
        sample,
        tests::{any_map, golden},
    };

    #[test]
    fn the_file_is_what_it_was() {
        golden("story-map.mmd", &write(&sample::map()));
    }

    #[test]
    fn labels_hold_no_sign_with_a_meaning() {
        assert_eq!(label("a \"b\" <c> #1; [d] `e`"), "a #34;b#34; #60;c#62; #35;1#59; #91;d#93; #96;e#96;");
        assert_eq!(label("1. a"), "1#46; a");
        assert_eq!(label("- a - b (c) v1.2"), "#45; a - b (c) v1.2");
        assert_eq!(label(" "), "…");
    }

    #[test]
    fn a_large_map_stays_within_the_limits_and_says_what_is_left_out() {
        let mut map = sample::map();
        let stories = map.activities[0].tasks[0].stories.clone();
        map.activities[0].tasks[0].stories = stories.iter().cycle().take(3000).cloned().collect();

        let text = write(&map);

        assert!(text.chars().count() < 50_000 && text.matches(" --- ").count() <= 480);
        let kept = text.matches(":::mvp").count() + text.matches(":::release1").count();
        assert!(kept > 300 && text.contains(&format!("… историй ещё: {}", 3002 - kept)), "{kept}");
        assert!(text.matches(":::mvp").count() > text.matches(":::release1").count(), "later ones go first");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn texts_stay_within_their_quotation_marks(map in any_map()) {
            let text = write(&map);

            for line in text.lines() {
                prop_assert!(matches!(line.matches('"').count(), 0 | 2), "{}", line);
                prop_assert!(!line.contains(['<', '`', '\\', '{', '\u{202e}']), "{}", line);
            }
            let ends = text.lines().filter(|line| line.trim() == "end").count();
            prop_assert_eq!(ends, map.activities.len());
        }
    }
}
