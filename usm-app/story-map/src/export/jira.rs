//! CSV for the importers of Jira: epics with their stories, for Cloud and for Data Center.
//!
//! Cloud ties a story to its epic by `Parent`, the `Issue ID` of a row above it. Data Center ties it by `Epic Link`,
//! the `Epic Name` of a row above it. Heads have no punctuation, because Atlassian warns of it; there is no byte
//! order mark, which would become part of the first head.

use std::collections::{HashMap, HashSet};

use crate::Language;
use crate::columns::clean;
use crate::export::markdown::language;
use crate::{Activity, Release, Story, StoryMap, UserTask};

/// Longest summary that Jira takes, in characters.
const SUMMARY: usize = 255;

/// Which Jira the file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The hosted one.
    Cloud,
    /// The self-hosted one.
    DataCenter,
}

/// Which level of the map becomes epics; the other one becomes a label and a line of the description.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Epics {
    /// Few, large epics.
    #[default]
    Activities,
    /// Many, small epics.
    Tasks,
}

/// The map as CSV after RFC 4180, every cell in quotation marks, epics before their stories.
///
/// A cell that a spreadsheet would take for a formula begins with an apostrophe.
pub fn write(map: &StoryMap, target: Target, epics: Epics) -> String {
    let map = &map.tidied();
    let language = language(map);
    let rows = rows(map, epics, language);
    let heads: &[&str] = match target {
        Target::Cloud => &["Issue ID", "Issue Type", "Parent", "Summary"],
        Target::DataCenter => &["Issue Type", "Summary", "Epic Name", "Epic Link"],
    };
    let heads = heads.iter().chain(&["Description", "Priority", "Fix Version", "Labels", "Labels"]);
    let mut out = line(heads.map(|head| (*head).to_owned()));
    for (row, number) in rows.iter().zip(1..) {
        let id = |number: usize| number.to_string();
        let empty = String::new;
        let kind = if row.epic.is_none() { "Epic" } else { "Story" }.to_owned();
        let summary = row.summary.clone();
        // Epics are the first rows, so the index of an epic is that of its row.
        let epic = row.epic.and_then(|index| rows.get(index));
        let first = match target {
            Target::Cloud => {
                let parent = row.epic.map_or_else(empty, |index| id(index + 1));
                [id(number), kind, parent, summary]
            }
            Target::DataCenter => {
                let name = if row.epic.is_none() { summary.clone() } else { empty() };
                [kind, summary, name, epic.map_or_else(empty, |epic| epic.summary.clone())]
            }
        };
        let [label, other] = row.labels.clone();
        let priority = row.release.map_or("", priority).to_owned();
        let version = row.release.map_or_else(empty, |release| release.to_string());
        out.push_str(&line(first.into_iter().chain([
            row.description.clone(),
            priority,
            version,
            label,
            other,
        ])));
    }
    out
}

/// An epic or a story.
struct Row {
    /// Index of its epic; an epic has none.
    epic: Option<usize>,
    /// For an epic its name too, and so unique among epics.
    summary: String,
    description: String,
    release: Option<Release>,
    labels: [String; 2],
}

fn rows(map: &StoryMap, epics: Epics, language: Language) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut names = Names::default();
    let mut epic_of = HashMap::new();
    for (a, activity) in map.activities.iter().enumerate() {
        match epics {
            Epics::Activities => {
                epic_of.insert((a, None), rows.len());
                rows.push(epic_of_activity(activity, &mut names, language));
            }
            Epics::Tasks => {
                for (t, task) in activity.tasks.iter().enumerate() {
                    epic_of.insert((a, Some(t)), rows.len());
                    rows.push(epic_of_task(activity, task, &mut names, language));
                }
            }
        }
    }
    for (a, activity) in map.activities.iter().enumerate() {
        for (t, task) in activity.tasks.iter().enumerate() {
            let key = (a, (epics == Epics::Tasks).then_some(t));
            let epic = epic_of.get(&key).copied();
            let other = if epics == Epics::Tasks { &activity.title } else { &task.title };
            rows.extend(task.stories.iter().map(|story| Row {
                epic,
                summary: summary(&story.title, language),
                description: description(activity, task, story, language),
                release: Some(story.release),
                labels: [label(other), label(&story.persona)],
            }));
        }
    }
    rows
}

fn epic_of_activity(activity: &Activity, names: &mut Names, language: Language) -> Row {
    let tasks = activity.tasks.iter().map(|task| format!("# {}", wiki(&task.title)));
    let head = format!("*{}*", language.pick("Задачи", "Tasks"));
    let description = std::iter::once(head).chain(tasks).collect::<Vec<_>>().join("\n");
    Row {
        epic: None,
        summary: names.unique(&summary(&activity.title, language)),
        description: if activity.tasks.is_empty() { String::new() } else { description },
        release: None,
        labels: Default::default(),
    }
}

fn epic_of_task(activity: &Activity, task: &UserTask, names: &mut Names, language: Language) -> Row {
    Row {
        epic: None,
        summary: names.unique(&summary(&task.title, language)),
        description: named(language.pick("Активность", "Activity"), &activity.title),
        release: None,
        labels: [label(&activity.title), String::new()],
    }
}

/// Names of epics: a link by name must find one.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    fn unique(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        let mut number = 2;
        while !self.0.insert(unique.to_lowercase()) {
            let tail = format!(" ({number})");
            unique = format!("{}{tail}", shortened(name, SUMMARY - tail.chars().count()));
            number += 1;
        }
        unique
    }
}

/// Jira refuses a row without a summary, and one that is too long.
fn summary(title: &str, language: Language) -> String {
    let title = if title.is_empty() { language.pick("Без названия", "Untitled") } else { title };
    // The defused form must be the one that is counted and linked.
    shortened(&defused(title), SUMMARY)
}

fn description(activity: &Activity, task: &UserTask, story: &Story, language: Language) -> String {
    let mut parts: Vec<String> = Vec::new();
    if story.title.chars().count() > SUMMARY {
        parts.push(wiki(&story.title));
    }
    if !story.description.is_empty() {
        parts.push(story.description.lines().map(wiki).collect::<Vec<_>>().join("\n"));
    }
    if !story.acceptance_criteria.is_empty() {
        let head = format!("*{}*", language.pick("Критерии приёмки", "Acceptance criteria"));
        let criteria = story.acceptance_criteria.iter().map(|text| format!("* {}", wiki(&clean(text))));
        parts.push(std::iter::once(head).chain(criteria).collect::<Vec<_>>().join("\n"));
    }
    let places = [
        (language.pick("Роль", "Persona"), &story.persona),
        (language.pick("Активность", "Activity"), &activity.title),
        (language.pick("Задача", "Task"), &task.title),
        (language.pick("Источник", "Source"), &story.origin().unwrap_or_default()),
    ];
    let places = places.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| named(name, text));
    parts.push(places.collect::<Vec<_>>().join("\n"));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn named(name: &str, text: &str) -> String {
    format!("{name}: {}", wiki(text))
}

/// The names of the default scheme.
fn priority(release: Release) -> &'static str {
    match release {
        Release::Mvp => "High",
        Release::Release1 => "Medium",
        Release::Later => "Low",
    }
}

/// Labels have no spaces.
fn label(text: &str) -> String {
    shortened(&text.split_whitespace().collect::<Vec<_>>().join("_"), SUMMARY)
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Text that Jira's wiki markup shows as it is: no macro, no mention, no picture, no list by accident.
fn wiki(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let within_word = |next: Option<&char>| {
            before.is_some_and(char::is_alphanumeric) && next.is_some_and(|c| c.is_alphanumeric())
        };
        match c {
            // Two of them would break the line.
            '\\' => out.push_str("&#92;"),
            '{' | '}' | '[' | ']' | '|' | '!' | '*' | '^' | '~' => out.extend(['\\', c]),
            '_' | '+' if !within_word(rest.peek()) => out.extend(['\\', c]),
            '-' | '#' if before.is_none() => out.extend(['\\', c]),
            // Would be struck out up to the next one.
            '-' if before == Some(' ') && rest.peek().is_some_and(|next| *next != ' ') => {
                out.extend(['\\', c])
            }
            '.' if matches!(out.as_str(), "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "bq") => {
                out.push_str("&#46;")
            }
            _ => out.push(c),
        }
        before = Some(c);
    }
    out
}

/// A cell that no spreadsheet takes for a formula, nor any part of it: where the list separator is a semicolon, as in
/// Russia, Excel makes cells of what stands between semicolons, and rows of lines, in spite of quotation marks.
fn defused(cell: &str) -> String {
    let mut out = String::with_capacity(cell.len() + 1);
    let mut before = None;
    for c in cell.chars() {
        let begins_formula = match before {
            None => "=+-@\t\r\n＝＋－＠".contains(c),
            Some('\n' | '\r' | ';' | '\t') => "=+-@＝＋－＠".contains(c),
            Some(_) => false,
        };
        if begins_formula {
            out.push('\'');
        }
        out.push(c);
        // A quotation mark there begins the cell's text.
        let still_begins = c == '"' && matches!(before, Some('\n' | '\r' | ';' | '\t'));
        before = if still_begins { before } else { Some(c) };
    }
    out
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let quoted = cells.map(|cell| format!("\"{}\"", defused(&cell).replace('"', "\"\"")));
    format!("{}\r\n", quoted.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use proptest::prelude::*;

    use super::*;
    use crate::export::{
        sample,
        tests::{any_map, golden},
    };

    /// Each row by the heads; heads that occur twice are numbered.
    fn read(csv: &str) -> Vec<HashMap<String, String>> {
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let mut heads: Vec<String> = Vec::new();
        for head in reader.headers().unwrap() {
            let again = heads.iter().any(|known| known == head);
            heads.push(if again { format!("{head} 2") } else { head.to_owned() });
        }
        let row =
            |record: csv::StringRecord| heads.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
        reader.records().map(|record| row(record.unwrap())).collect()
    }

    #[test]
    fn the_files_are_what_they_were() {
        let map = sample::map();

        golden("jira-cloud.csv", &write(&map, Target::Cloud, Epics::Activities));
        golden("jira-cloud-epics-tasks.csv", &write(&map, Target::Cloud, Epics::Tasks));
        golden("jira-data-center.csv", &write(&map, Target::DataCenter, Epics::Activities));
    }

    #[test]
    fn a_formula_is_defused_wherever_a_cell_begins() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "＝1"] {
            assert_eq!(defused(cell), format!("'{cell}"));
        }
        for begin in ["\t", "\r", "\n"] {
            assert_eq!(defused(&format!("{begin}=1")), format!("'{begin}'=1"));
        }
        assert_eq!(defused("a;=1\n@b; -c;\"=1\""), "a;'=1\n'@b; -c;\"'=1\"");
        assert_eq!(defused(&defused("=a;=1")), "'=a;'=1");
        for cell in ["", "a=1", "1-2", "Оплатить"] {
            assert_eq!(defused(cell), cell);
        }
    }

    #[test]
    fn epics_of_one_name_are_told_apart_and_linked_to_their_own_stories() {
        let mut map = sample::map();
        map.activities[1].title = map.activities[0].title.to_uppercase();

        let rows = read(&write(&map, Target::DataCenter, Epics::Activities));

        assert_eq!(rows[1]["Epic Name"], "ВЫБОР БЛЮД (2)");
        assert_eq!(rows[4]["Epic Link"], "ВЫБОР БЛЮД (2)");
    }

    #[test]
    fn a_title_that_jira_would_refuse_is_mended() {
        let mut map = sample::map();
        map.activities[0].tasks[0].stories[0].title = "й".repeat(300);
        map.activities[0].tasks[0].stories[1].title = " ".into();

        let rows = read(&write(&map, Target::Cloud, Epics::Activities));

        assert_eq!(rows[2]["Summary"].chars().count(), 255);
        assert!(rows[2]["Description"].starts_with(&"й".repeat(300)));
        assert_eq!(rows[3]["Summary"], "Без названия");
    }

    #[test]
    fn wiki_markup_in_a_text_stays_text() {
        assert_eq!(
            wiki("{code} [~admin] !a.png! *b* _c_ a_b"),
            r"\{code\} \[\~admin\] \!a.png\! \*b\* \_c\_ a_b"
        );
        assert_eq!(wiki(r"- a \\ b-c"), r"\- a &#92;&#92; b-c");
        assert_eq!(wiki("h1. a -b- c - d"), r"h1&#46; a \-b- c - d");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_map_imports_with_its_hierarchy(map in any_map(), tasks in any::<bool>()) {
            let epics = if tasks { Epics::Tasks } else { Epics::Activities };
            let stories = map.stories().count();
            let parents =
                if tasks { map.activities.iter().map(|a| a.tasks.len()).sum() } else { map.activities.len() };

            let cloud = read(&write(&map, Target::Cloud, epics));
            let data_center = read(&write(&map, Target::DataCenter, epics));

            prop_assert_eq!((cloud.len(), data_center.len()), (parents + stories, parents + stories));
            let (mut ids, mut names) = (HashSet::new(), HashSet::new());
            for (cloud, data_center) in cloud.iter().zip(&data_center) {
                for (head, cell) in cloud.iter().chain(data_center) {
                    prop_assert!(!cell.starts_with(['\t', '\r', '\n']), "{}: {}", head, cell);
                    let mut parts = cell.split(['\n', '\r', ';']);
                    prop_assert!(parts.all(|part| !part.starts_with(['=', '+', '-', '@'])), "{}: {}", head, cell);
                }
                prop_assert!((1..=SUMMARY).contains(&cloud["Summary"].chars().count()));
                prop_assert!(!cloud["Summary"].contains('\n') && !cloud["Labels"].contains(' '));
                if cloud["Issue Type"] == "Epic" {
                    prop_assert!(ids.insert(cloud["Issue ID"].clone()), "ids are unique");
                    prop_assert!(names.insert(data_center["Epic Name"].clone()), "names are unique");
                } else {
                    prop_assert!(ids.contains(&cloud["Parent"]), "the epic stands above its story");
                    prop_assert!(names.contains(&data_center["Epic Link"]), "the epic stands above its story");
                }
            }
        }
    }
}
