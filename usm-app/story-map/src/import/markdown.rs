//! Reads the Markdown that `export::markdown` writes. Who edits it by hand may wrap lines, leave out what has a
//! default, and add activities, tasks and stories; what cannot be understood is refused with its line.

use super::{
    ImportError,
    blocks::{Block, Kind, blocks},
};
use crate::{Activity, Release, Source, Story, StoryMap, Unmapped, UserTask, VERSION};

/// The part of the text under a heading of the second level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Head,
    Personas,
    Releases,
    Notes,
    Questions,
    Unmapped,
    Map,
}

/// What the sections are called, in lower case.
const SECTIONS: &[(&str, Section)] = &[
    ("роли", Section::Personas),
    ("персоны", Section::Personas),
    ("personas", Section::Personas),
    ("roles", Section::Personas),
    ("релизы", Section::Releases),
    ("releases", Section::Releases),
    ("заметки", Section::Notes),
    ("примечания", Section::Notes),
    ("notes", Section::Notes),
    ("вопросы", Section::Questions),
    ("questions", Section::Questions),
    ("не на карте", Section::Unmapped),
    ("not on the map", Section::Unmapped),
    ("карта", Section::Map),
    ("карта историй", Section::Map),
    ("map", Section::Map),
    ("story map", Section::Map),
];

/// The map in a Markdown text.
///
/// # Errors
///
/// [`ImportError::Markdown`] with the first line that cannot be understood.
pub fn read(text: &str) -> Result<StoryMap, ImportError> {
    let mut reader = Reader {
        map: StoryMap {
            version: VERSION,
            name: String::new(),
            personas: Vec::new(),
            releases: Vec::new(),
            activities: Vec::new(),
            notes: Vec::new(),
            questions: Vec::new(),
            unmapped: Vec::new(),
        },
        section: None,
        sliced: false,
    };
    for block in blocks(text) {
        reader.block(block)?;
    }
    if reader.section.is_none() {
        return wrong(1, "there is no heading `# ` with the name of the product");
    }
    if !reader.sliced {
        reader.map.releases = Release::all();
    }
    Ok(reader.map)
}

struct Reader {
    map: StoryMap,
    /// `None` before the name.
    section: Option<Section>,
    /// Whether there is a section of releases.
    sliced: bool,
}

impl Reader {
    fn block(&mut self, block: Block) -> Result<(), ImportError> {
        let line = block.line;
        match (self.section, block.kind) {
            (None, Kind::Heading(1)) => {
                self.map.name = one_line(&block.text);
                self.section = Some(Section::Head);
                Ok(())
            }
            (None, _) => wrong(line, "the map begins with a heading `# ` and the name of the product"),
            (_, Kind::Heading(1)) => wrong(line, "a second heading `# `; a file has one map with one name"),
            (_, Kind::Heading(2)) => self.begin(&block),
            (Some(Section::Head | Section::Notes), Kind::Paragraph | Kind::Item(_) | Kind::More(_)) => {
                push_said(&mut self.map.notes, &block.text);
                Ok(())
            }
            (Some(Section::Questions), Kind::Item(1) | Kind::Paragraph) => {
                push_said(&mut self.map.questions, &one_line(&block.text));
                Ok(())
            }
            (Some(Section::Unmapped), Kind::Item(1) | Kind::Paragraph) => {
                self.map.unmapped.extend(unmapped(&block));
                Ok(())
            }
            (Some(Section::Personas), Kind::Item(1)) => {
                push_said(&mut self.map.personas, &one_line(&block.text));
                Ok(())
            }
            (Some(Section::Releases), Kind::Heading(3)) => self.slice(&block),
            // The tables below it repeat what the map says.
            (Some(Section::Releases), _) => Ok(()),
            (Some(Section::Map), _) => self.on_map(block),
            (Some(_), _) => wrong(line, &format!("`{}` belongs to nothing here", start_of(&block.text))),
        }
    }

    fn begin(&mut self, block: &Block) -> Result<(), ImportError> {
        let name = block.text.trim().to_lowercase();
        let Some((_, section)) = SECTIONS.iter().find(|(known, _)| *known == name) else {
            let what = format!(
                "there is no section `{}`; a map has Personas, Releases, Map, Notes, Questions and Not on the map (Роли, Релизы, Карта, Заметки, Вопросы, Не на карте)",
                start_of(&block.text)
            );
            return wrong(block.line, &what);
        };
        self.sliced |= *section == Section::Releases;
        self.section = Some(*section);
        Ok(())
    }

    /// `MVP (15)`: the number is of no account.
    fn slice(&mut self, block: &Block) -> Result<(), ImportError> {
        let text = block.text.trim();
        let counted = text.rsplit_once('(').filter(|(_, count)| {
            count.strip_suffix(')').is_some_and(|count| count.chars().all(|c| c.is_ascii_digit()))
        });
        let name = counted.map_or(text, |(name, _)| name);
        let release = release(name, block.line)?;
        if !self.map.releases.contains(&release) {
            self.map.releases.push(release);
        }
        Ok(())
    }

    fn on_map(&mut self, block: Block) -> Result<(), ImportError> {
        let line = block.line;
        let activities = &mut self.map.activities;
        match block.kind {
            Kind::Heading(3) => {
                activities.push(Activity { title: one_line(&block.text), tasks: Vec::new() });
                return Ok(());
            }
            Kind::Heading(4) => {
                let Some(activity) = activities.last_mut() else {
                    return wrong(line, "a task stands under no activity; put a heading `### ` above it");
                };
                activity.tasks.push(UserTask { title: one_line(&block.text), stories: Vec::new() });
                return Ok(());
            }
            _ => {}
        }
        let Some(task) = activities.last_mut().and_then(|activity| activity.tasks.last_mut()) else {
            return wrong(line, "a story stands under no task; put headings `### ` and `#### ` above it");
        };
        match (block.kind, task.stories.last_mut()) {
            (Kind::Item(1), _) => task.stories.push(story(&block)?),
            (Kind::More(1), Some(story)) if block.quoted => story.source = source(&block),
            (Kind::More(1), Some(story)) => append(&mut story.description, &block.text),
            (Kind::Item(_), Some(story)) => push_said(&mut story.acceptance_criteria, &block.text),
            (Kind::More(_), Some(story)) => match story.acceptance_criteria.last_mut() {
                Some(criterion) => append(criterion, &block.text),
                None => append(&mut story.description, &block.text),
            },
            _ => {
                let what = format!(
                    "`{}` belongs to no story; a story begins with `- **title** · MVP · persona`, and what belongs \
                     to it is indented",
                    start_of(&block.text)
                );
                return wrong(line, &what);
            }
        }
        Ok(())
    }
}

/// `**title** · release · persona`; release and persona may be missing, and the title need not be bold.
fn story(block: &Block) -> Result<Story, ImportError> {
    let text = one_line(&block.text);
    let (bold, rest) = block.text.split_at(block.bold);
    let rest = one_line(rest);
    if block.bold > 0
        && let Some((release, persona)) = dashed(&rest)
    {
        return Ok(bare(one_line(bold), release, persona));
    }
    let (title, rest) = if block.bold > 0 && (rest.is_empty() || rest.starts_with('·')) {
        (one_line(bold), rest)
    } else if text.starts_with('·') {
        (String::new(), text)
    } else {
        match text.split_once(" · ") {
            Some((title, rest)) => (title.trim().to_owned(), format!("· {rest}")),
            None => (text, String::new()),
        }
    };
    let rest = rest.strip_prefix('·').unwrap_or_default().trim();
    let (name, persona) = rest.split_once(" · ").unwrap_or((rest, ""));
    let release = if name.trim().is_empty() { Release::default() } else { release(name, block.line)? };
    Ok(bare(title, release, persona))
}

fn bare(title: String, release: Release, persona: &str) -> Story {
    let persona = persona.trim().to_owned();
    Story {
        title,
        description: String::new(),
        persona,
        release,
        acceptance_criteria: Vec::new(),
        source: None,
    }
}

/// `> **R1** the sentence`; the name may be missing.
fn source(block: &Block) -> Option<Source> {
    let (name, sentence) = block.text.split_at(block.bold);
    let source = Source { sentence: one_line(sentence), requirement: one_line(name) };
    (!source.sentence.is_empty()).then_some(source)
}

/// `**statement** · reason`; the reason may be missing.
fn unmapped(block: &Block) -> Option<Unmapped> {
    let (bold, rest) = block.text.split_at(block.bold);
    let rest = one_line(rest);
    let (text, reason) = match block.bold {
        0 => (rest, String::new()),
        _ => (one_line(bold), rest.trim_start_matches('·').trim().to_owned()),
    };
    (!text.is_empty()).then_some(Unmapped { text, reason })
}

/// `- MVP - persona` behind a title: keyboards have no `·`.
fn dashed(rest: &str) -> Option<(Release, &str)> {
    let sign = ['-', '–', '—', '|'].into_iter().find(|sign| rest.starts_with(*sign))?;
    let rest = rest.strip_prefix(sign)?;
    let (name, persona) = rest.split_once(sign).unwrap_or((rest, ""));
    Some((Release::named(name)?, persona))
}

fn release(name: &str, line: usize) -> Result<Release, ImportError> {
    let unknown = || ImportError::Markdown {
        line,
        what: format!("there is no release `{}`; a map has MVP, Release 1 and Later", start_of(name)),
    };
    Release::named(name).ok_or_else(unknown)
}

fn wrong<T>(line: usize, what: &str) -> Result<T, ImportError> {
    Err(ImportError::Markdown { line, what: what.to_owned() })
}

fn push_said(texts: &mut Vec<String>, text: &str) {
    let text = text.trim();
    if !text.is_empty() {
        texts.push(text.to_owned());
    }
}

fn append(text: &mut String, more: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(more.trim());
}

fn one_line(text: &str) -> String {
    text.replace('\n', " ").trim().to_owned()
}

fn start_of(text: &str) -> String {
    crate::columns::cut(&crate::columns::clean(text), 40)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use proptest::prelude::*;

    use super::*;
    use crate::export::{markdown, sample, tests::any_map};

    #[test]
    fn a_map_written_by_hand_needs_no_more_than_headings_and_a_list() {
        let text = "Еда домой\n=========\nСпросить о\nвозвратах\n\n## Карта\n### Заказ\n#### Оплатить\n\
                    * Оплатить `картой`\n\
                    * **Оплатить** позже\n\
                    * **Вернуть деньги** · release 1 · Оператор\n  поддержки\n\n  Как оператор,\n  я хочу…  \n  И ещё.\n\n  \
                      Второй абзац.\n  1. Деньги\n     приходят за день\n  2. [x] Клиент видит чек\n\n     и сумму\n\
                    <!-- проверить -->\n### Доставка\n";

        let map = read(text).unwrap();

        assert_eq!(
            (map.name.as_str(), &map.notes[..]),
            ("Еда домой", &["Спросить о возвратах".to_owned()][..])
        );
        assert_eq!(map.releases, Release::all());
        assert!(map.activities[1].tasks.is_empty());
        let stories = &map.activities[0].tasks[0].stories;
        let titles: Vec<_> = stories.iter().map(|story| (story.title.as_str(), story.release)).collect();
        assert_eq!(
            titles,
            [
                ("Оплатить `картой`", Release::Later),
                ("Оплатить позже", Release::Later),
                ("Вернуть деньги", Release::Release1)
            ]
        );
        assert_eq!(stories[2].persona, "Оператор поддержки");
        assert_eq!(stories[2].description, "Как оператор, я хочу…\nИ ещё.\nВторой абзац.");
        assert_eq!(stories[2].acceptance_criteria, ["Деньги приходят за день", "Клиент видит чек\nи сумму"]);
    }

    #[test]
    fn what_stands_behind_a_title_may_be_parted_by_what_a_keyboard_has() {
        let story = |line: &str| {
            let map = read(&format!("# A\n## Map\n### a\n#### t\n- {line}\n")).unwrap();
            let story = map.activities[0].tasks[0].stories[0].clone();
            (story.title, story.release, story.persona)
        };
        let told = |title: &str, release, persona: &str| (title.to_owned(), release, persona.to_owned());

        for line in ["**Pay** - MVP - Co-owner", "**Pay** — mvp — Co-owner", "**Pay** | MVP | Co-owner"] {
            assert_eq!(story(line), told("Pay", Release::Mvp, "Co-owner"), "{line}");
        }
        assert_eq!(story("**Pay** - Release 1"), told("Pay", Release::Release1, ""));
        assert_eq!(story("**Pay** - by card"), told("Pay - by card", Release::Later, ""));
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_its_line() {
        for (text, parts) in [
            ("", ["line 1", "# "]),
            ("## Карта", ["line 1", "name of the product"]),
            ("# A\n# B", ["line 2", "second"]),
            ("# A\n\n## Risks", ["line 3", "Risks"]),
            ("# A\n## Map\n- **a** · MVP", ["line 3", "no task"]),
            ("# A\n## Map\n#### t", ["line 3", "no activity"]),
            ("# A\n## Map\n### a\n#### t\n- **a** · Soon", ["line 5", "Soon"]),
            ("# A\n## Map\n### a\n#### t\n\n\nwords", ["line 7", "no story"]),
            ("# A\n## Releases\n### Never (3)", ["line 3", "Never"]),
            ("# A\n## Personas\nBob", ["line 3", "belongs to nothing"]),
        ] {
            let refused = read(text).unwrap_err().to_string();

            assert!(parts.iter().all(|part| refused.contains(part)), "{text}: {refused}");
        }
    }

    #[test]
    fn the_sample_with_markup_in_every_text_comes_back() {
        assert_eq!(read(&markdown::write(&sample::map())).unwrap(), sample::map().tidied());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_map_comes_back_as_it_was(map in any_map()) {
            let text = markdown::write(&map);

            let back = read(&text).unwrap();

            prop_assert_eq!(&back, &map.tidied(), "{}", text);
            prop_assert_eq!(markdown::write(&back), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), words in "[#*|>` \\n·a-]{0,60}") {
            drop(read(&text));
            drop(read(&format!("# a\n## Map\n### b\n#### c\n{words}")));
        }
    }
}
