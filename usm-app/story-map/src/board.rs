//! The map as a board that reads well in a terminal: columns where there is room, sections where there is not.

use super::{
    Activity, Language, Release, Story, StoryMap, Unmapped,
    columns::{clean, drawable, pad, width as columns_of, wrap},
    export::markdown::language,
};

/// From this width on, [`Layout::Auto`] puts activities side by side.
pub const WIDE: usize = 100;

/// Narrowest column of a board; narrower ones break too many words.
const COLUMN: usize = 30;
/// Columns between two activities.
const GAP: usize = 2;
/// Sections use no more than this: longer lines are hard to read.
const LINE: usize = 110;

/// How activities are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Columns from [`WIDE`] on, else sections.
    #[default]
    Auto,
    /// Side by side, in several bands if there are too many.
    Columns,
    /// One under another, for narrow terminals and for output that is not a terminal.
    Sections,
}

/// How a board looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BoardStyle {
    /// Whether to use ANSI colours.
    pub colour: bool,
    /// How activities are arranged.
    pub layout: Layout,
    /// Whether the cards of a column show their criteria and not only how many they have; sections always do.
    pub criteria: bool,
}

/// The board, `width` columns wide at most, without a line break at the end.
pub fn render(map: &StoryMap, width: usize, style: BoardStyle) -> String {
    let width = width.max(COLUMN);
    let board = Board { language: language(map), style, width: width.min(LINE) };
    let mut lines = board.header(map);
    let side_by_side = match style.layout {
        Layout::Columns => true,
        Layout::Auto => width >= WIDE,
        Layout::Sections => false,
    };
    if side_by_side {
        board.legend(&mut lines);
        board.columns(map, width, &mut lines);
    } else {
        board.sections(map, &mut lines);
    }
    board.notes(map, &mut lines);
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n")
}

/// The sign of a release on a card.
pub fn mark(release: Release) -> &'static str {
    match release {
        Release::Mvp => "●",
        Release::Release1 => "○",
        Release::Later => "·",
    }
}

/// What a piece of text is, and with that its colour.
#[derive(Clone, Copy)]
enum Ink {
    Name,
    Activity,
    Task,
    Release(Release),
    Faint,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Name => "1",
            Self::Activity => "1;36",
            Self::Task => "1",
            Self::Release(Release::Mvp) => "32",
            Self::Release(Release::Release1) => "33",
            Self::Release(Release::Later) | Self::Faint => "2",
        }
    }
}

struct Board {
    language: Language,
    style: BoardStyle,
    /// For text that runs across the board.
    width: usize,
}

impl Board {
    fn ink(&self, text: &str, ink: Ink) -> String {
        if self.style.colour { format!("\x1b[{}m{text}\x1b[0m", ink.code()) } else { text.to_owned() }
    }

    fn header(&self, map: &StoryMap) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let name = wrap(&clean(&map.name), self.width);
        let rule = "═".repeat(name.iter().map(|line| columns_of(line)).max().unwrap_or(0));
        lines.extend(name.iter().chain([&rule]).map(|line| self.ink(line, Ink::Name)));
        if !map.personas.is_empty() {
            let personas: Vec<String> = map.personas.iter().map(|persona| clean(persona)).collect();
            let text = format!("{}: {}", self.language.pick("Роли", "Personas"), personas.join(", "));
            lines.extend(wrap(&text, self.width));
        }
        let count = |release| map.stories().filter(|(_, _, story)| story.release == release).count();
        let label = format!("{}: ", self.language.pick("Истории", "Stories"));
        let mut used = columns_of(&label);
        let mut line = label;
        for (index, release) in map.releases.iter().enumerate() {
            let text = format!("{} {release} {}", mark(*release), count(*release));
            let gap = if index == 0 { "" } else { "   " };
            if used + columns_of(gap) + columns_of(&text) > self.width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            used += columns_of(gap) + columns_of(&text);
            line = format!("{line}{gap}{}", self.ink(&text, Ink::Release(*release)));
        }
        lines.push(line);
        lines
    }

    /// Explains the number on a card, where cards have one.
    fn legend(&self, lines: &mut Vec<String>) {
        if !self.style.criteria {
            let text = self
                .language
                .pick("✓2 — у истории два критерия приёмки", "✓2: the story has two acceptance criteria");
            lines.extend(wrap(text, self.width).iter().map(|line| self.ink(line, Ink::Faint)));
        }
    }

    fn notes(&self, map: &StoryMap, lines: &mut Vec<String>) {
        let unmapped: Vec<String> = map.unmapped.iter().map(Unmapped::line).collect();
        let parts = [
            ("", "* ", &map.notes),
            (self.language.pick("Вопросы", "Questions"), "? ", &map.questions),
            (self.language.pick("Не на карте", "Not on the map"), "- ", &unmapped),
        ];
        for (head, sign, texts) in parts {
            let texts: Vec<String> =
                texts.iter().map(|text| clean(text)).filter(|text| !text.is_empty()).collect();
            if texts.is_empty() {
                continue;
            }
            lines.push(String::new());
            lines.extend((!head.is_empty()).then(|| self.ink(head, Ink::Task)));
            let ink = if sign == "? " { Ink::Release(Release::Release1) } else { Ink::Faint };
            for text in texts {
                lines.extend(hanging(sign, &text, self.width).iter().map(|line| self.ink(line, ink)));
            }
        }
    }

    fn sections(&self, map: &StoryMap, lines: &mut Vec<String>) {
        for (number, activity) in (1..).zip(&map.activities) {
            lines.push(String::new());
            let title = hanging(&format!("{number}. "), &clean(&activity.title), self.width);
            let rule = "─".repeat(title.iter().map(|line| columns_of(line)).max().unwrap_or(0));
            lines.extend(title.iter().chain([&rule]).map(|line| self.ink(line, Ink::Activity)));
            for task in &activity.tasks {
                let title = hanging("  ", &clean(&task.title), self.width);
                lines.extend(title.iter().map(|line| self.ink(line, Ink::Task)));
                for story in &task.stories {
                    self.section(story, lines);
                }
            }
        }
    }

    fn section(&self, story: &Story, lines: &mut Vec<String>) {
        let sign = format!("    {} ", mark(story.release));
        let title = format!("{} [{}]", clean(&story.on_card()), story.release);
        lines.extend(
            hanging(&sign, &title, self.width).iter().map(|line| self.ink(line, Ink::Release(story.release))),
        );
        let description = clean(&story.description);
        let persona = clean(&story.persona);
        // A description usually names its persona; saying it twice would only cost a line.
        let about = match (description.is_empty(), persona.is_empty()) {
            (_, true) => description,
            (true, false) => persona,
            (false, false) if description.to_lowercase().contains(&persona.to_lowercase()) => description,
            (false, false) => format!("{persona}: {description}"),
        };
        lines.extend(hanging("      ", &about, self.width).iter().map(|line| self.ink(line, Ink::Faint)));
        if let Some(source) = story.source.as_ref().filter(|source| source.sentence != story.description) {
            let text = hanging("      ← ", &clean(&source.sentence), self.width);
            lines.extend(text.iter().map(|line| self.ink(line, Ink::Faint)));
        }
        for criterion in &story.acceptance_criteria {
            lines.extend(hanging("      ✓ ", &clean(criterion), self.width));
        }
    }

    fn columns(&self, map: &StoryMap, width: usize, lines: &mut Vec<String>) {
        let most = ((width + GAP) / (COLUMN + GAP)).max(1);
        let bands = map.activities.len().div_ceil(most).max(1);
        // Bands of like length look better than full ones and a rest.
        let per_band = map.activities.len().div_ceil(bands).max(1);
        let size = ((width + GAP) / per_band).saturating_sub(GAP).min(48);
        let mut number = 0;
        for band in map.activities.chunks(per_band) {
            lines.push(String::new());
            let columns: Vec<Vec<String>> = (band.iter())
                .map(|activity| {
                    number += 1;
                    self.column(number, activity, size, band)
                })
                .collect();
            let height = columns.iter().map(Vec::len).max().unwrap_or(0);
            let blank = " ".repeat(size);
            for row in 0..height {
                let cells: Vec<&str> = columns
                    .iter()
                    .map(|column| column.get(row).map_or(blank.as_str(), String::as_str))
                    .collect();
                lines.push(cells.join(&" ".repeat(GAP)));
            }
        }
    }

    /// Lines of exactly `size` columns. Titles of the band's activities share one height.
    fn column(&self, number: usize, activity: &Activity, size: usize, band: &[Activity]) -> Vec<String> {
        let title = |number: usize, activity: &Activity| {
            hanging(&format!("{number}. "), &drawable(&activity.title), size - 4)
        };
        let height = band.iter().map(|one| title(number, one).len()).max().unwrap_or(1);
        let mut own = title(number, activity);
        own.resize(height.max(own.len()), String::new());
        let mut lines = vec![self.ink(&format!("┏{}┓", "━".repeat(size - 2)), Ink::Activity)];
        lines.extend(own.iter().map(|line| self.ink(&format!("┃ {} ┃", pad(line, size - 4)), Ink::Activity)));
        lines.push(self.ink(&format!("┗{}┛", "━".repeat(size - 2)), Ink::Activity));
        for task in &activity.tasks {
            let title = wrap(&drawable(&task.title), size - 2);
            lines.extend(title.iter().map(|line| self.ink(&pad(&format!(" {line}"), size), Ink::Task)));
            for (index, story) in task.stories.iter().enumerate() {
                lines.push(
                    self.ink(&edge(if index == 0 { ["┌", "┐"] } else { ["├", "┤"] }, size), Ink::Faint),
                );
                self.card(story, size, &mut lines);
            }
            if !task.stories.is_empty() {
                lines.push(self.ink(&edge(["└", "┘"], size), Ink::Faint));
            }
        }
        lines
    }

    fn card(&self, story: &Story, size: usize, lines: &mut Vec<String>) {
        let bar = self.ink("│", Ink::Faint);
        let framed = |text: String| format!("{bar} {text} {bar}");
        let count = story.acceptance_criteria.len();
        let title = drawable(&story.on_card());
        let shown = if self.style.criteria || count == 0 { title } else { format!("{title} ✓{count}") };
        let sign = format!("{} ", mark(story.release));
        for line in hanging(&sign, &shown, size - 4) {
            lines.push(framed(self.ink(&pad(&line, size - 4), Ink::Release(story.release))));
        }
        if self.style.criteria {
            for criterion in &story.acceptance_criteria {
                let text = hanging("  ✓ ", &drawable(criterion), size - 4);
                lines.extend(text.iter().map(|line| framed(pad(line, size - 4))));
            }
        }
    }
}

fn edge(corners: [&str; 2], size: usize) -> String {
    format!("{}{}{}", corners[0], "─".repeat(size - 2), corners[1])
}

/// Wrapped text after `first`, further lines under the text; nothing for an empty text.
fn hanging(first: &str, text: &str, width: usize) -> Vec<String> {
    let indent = columns_of(first);
    let lines = wrap(text, width.saturating_sub(indent).max(8));
    let start = |index: usize| if index == 0 { first.to_owned() } else { " ".repeat(indent) };
    lines.iter().enumerate().map(|(index, line)| start(index) + line).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::export::sample;

    fn plain(layout: Layout) -> BoardStyle {
        BoardStyle { layout, ..BoardStyle::default() }
    }

    #[test]
    fn sections_show_every_story_with_release_and_criteria() {
        let board = render(&sample::map(), 80, BoardStyle::default());

        crate::export::tests::golden("board-sections.txt", &format!("{board}\n"));
    }

    #[test]
    fn a_wide_terminal_shows_activities_side_by_side() {
        let board = render(&sample::map(), 100, BoardStyle::default());

        crate::export::tests::golden("board-columns.txt", &format!("{board}\n"));
    }

    #[test]
    fn many_activities_go_into_several_bands_within_the_width() {
        let mut map = sample::map();
        map.activities = map.activities.iter().cycle().take(9).cloned().collect();

        let board = render(&map, 120, plain(Layout::Columns));

        assert!(board.lines().all(|line| columns_of(line) <= 120), "{board}");
        assert!((1..=9).all(|number| board.contains(&format!("┃ {number}. "))), "{board}");
    }

    #[test]
    fn cards_can_show_their_criteria_too() {
        let style = BoardStyle { criteria: true, ..plain(Layout::Columns) };

        let board = render(&sample::map(), 160, style);

        assert!(board.contains("✓ Заказ виден не позже 5 с"), "{board}");
    }

    #[test]
    fn colours_are_there_only_when_asked_for_and_change_nothing_else() {
        let (map, style) = (sample::map(), plain(Layout::Columns));

        let bare = render(&map, 120, style);
        let coloured = render(&map, 120, BoardStyle { colour: true, ..style });

        assert!(!bare.contains('\x1b') && coloured.contains("\x1b[32m"));
        let mut stripped = String::new();
        for part in coloured.split('\x1b') {
            stripped.push_str(
                part.split_once('m').filter(|_| part.starts_with('[')).map_or(part, |(_, rest)| rest),
            );
        }
        let trimmed: Vec<&str> = stripped.lines().map(str::trim_end).collect();
        assert_eq!(trimmed.join("\n"), bare);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_stays_within_the_width(text in any::<String>(), width in 0usize..200, wide in any::<bool>()) {
            let mut map = sample::map();
            map.name.clone_from(&text);
            map.activities[0].title.clone_from(&text);
            map.activities[0].tasks[0].title.clone_from(&text);
            map.activities[0].tasks[0].stories[0].title = text;
            let layout = if wide { Layout::Columns } else { Layout::Sections };

            let board = render(&map, width, plain(layout));

            for line in board.lines() {
                prop_assert!(columns_of(line) <= width.max(COLUMN), "{line:?}");
            }
        }
    }
}
