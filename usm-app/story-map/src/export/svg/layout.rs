//! Where everything stands on the board, in pixels.

use super::{
    COLUMN, GAP, LEFT, MARGIN, PADDING,
    measure::{pixels, wrapped},
};
use crate::columns::clean;
use crate::export::{
    bands::{Part, bands},
    markdown::language,
};
use crate::{Release, Story, StoryMap, UserTask};

/// Size of the letters of titles.
const TEXT: usize = 13;
const LINE: usize = 16;
/// Most lines of a title on a card; the whole title is its tooltip.
const MOST_LINES: usize = 5;
/// Columns that a board may have: fewer would be a list, more would be too small on A3.
const COLUMNS: std::ops::RangeInclusive<usize> = 4..=12;
/// Width and height of the page, as a proportion.
const A3: (usize, usize) = (420, 297);

/// A picture ready to be drawn.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) name: Vec<String>,
    pub(super) name_y: usize,
    pub(super) about: Vec<String>,
    pub(super) about_y: usize,
    pub(super) headers: Vec<Header>,
    pub(super) lanes: Vec<Lane>,
    pub(super) cards: Vec<Card>,
}

/// The title of an activity or a task.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) is_activity: bool,
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) title: Vec<String>,
}

/// A release within a band.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) release: Release,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// A story.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) release: Release,
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) height: usize,
    pub(super) title: Vec<String>,
    pub(super) persona: String,
    pub(super) criteria: usize,
    pub(super) tooltip: String,
}

impl Board {
    /// The board with the number of columns that is largest on the page.
    pub(super) fn best(map: &StoryMap) -> Self {
        let boards = COLUMNS.map(|columns| Self::with(map, columns));
        // The side that limits the scale, in a common unit; the smaller the larger the letters.
        boards.min_by_key(|board| (board.width * A3.1).max(board.height * A3.0)).unwrap_or_default()
    }

    fn with(map: &StoryMap, most: usize) -> Self {
        let bands = bands(map, most);
        let widest = bands.iter().map(|band| columns(band)).max().unwrap_or(0).max(3);
        let width = 2 * MARGIN + LEFT + widest * COLUMN;
        let room = width - 2 * MARGIN;
        let mut board = Self { width, ..Self::default() };
        board.name = wrapped(&map.name, 28, room, 2);
        board.name_y = MARGIN + 26;
        board.about = wrapped(&about(map), 14, room, 3);
        board.about_y = MARGIN + board.name.len() * 32 + 16;
        let mut y = board.about_y + board.about.len() * 19 + 4;
        for band in &bands {
            y = board.band(map, band, y);
        }
        board.height = y - 2 * GAP + MARGIN;
        board
    }

    /// Puts a band below `top` and says where the next one may begin.
    fn band(&mut self, map: &StoryMap, band: &[Part], top: usize) -> usize {
        let mut activities = Vec::new();
        let mut tasks: Vec<Option<&UserTask>> = Vec::new();
        for part in band {
            let Some(activity) = map.activities.get(part.activity) else { continue };
            let again = if part.is_continued() { " …" } else { "" };
            let title = format!("{}. {}{again}", part.activity + 1, clean(&activity.title));
            activities.push((tasks.len(), part.columns(), title));
            tasks.extend(part.tasks.clone().map(|index| activity.tasks.get(index)));
            if part.tasks.is_empty() {
                tasks.push(None);
            }
        }
        let x = |column: usize| MARGIN + LEFT + column * COLUMN;
        let inner = |columns: usize| columns * COLUMN - GAP - 2 * PADDING;
        let titles: Vec<_> =
            activities.iter().map(|(_, columns, title)| wrapped(title, TEXT, inner(*columns), 3)).collect();
        let height = header_height(&titles);
        for ((column, columns, _), title) in activities.iter().zip(titles) {
            let width = columns * COLUMN - GAP;
            self.headers.push(Header { is_activity: true, x: x(*column), y: top, width, height, title });
        }
        let mut y = top + height + GAP / 2;
        let titles: Vec<_> = tasks
            .iter()
            .map(|task| task.map_or_else(Vec::new, |task| wrapped(&task.title, TEXT, inner(1), 3)))
            .collect();
        let height = header_height(&titles);
        for (column, title) in titles.into_iter().enumerate().filter(|(_, title)| !title.is_empty()) {
            let width = COLUMN - GAP;
            self.headers.push(Header { is_activity: false, x: x(column), y, width, height, title });
        }
        y += height + GAP / 2;
        for release in Release::all() {
            y = self.lane(&tasks, release, y);
        }
        y + 2 * GAP
    }

    fn lane(&mut self, tasks: &[Option<&UserTask>], release: Release, top: usize) -> usize {
        let before = self.cards.len();
        let mut bottom = top;
        for (column, task) in tasks.iter().enumerate() {
            let mut y = top + GAP / 2;
            let stories = task.iter().flat_map(|task| &task.stories);
            for story in stories.filter(|story| story.release == release) {
                let card = card(story, MARGIN + LEFT + column * COLUMN + GAP / 2, y);
                y += card.height + GAP / 2;
                self.cards.push(card);
            }
            bottom = bottom.max(y);
        }
        if self.cards.len() == before {
            return top;
        }
        let width = tasks.len() * COLUMN - GAP;
        self.lanes.push(Lane { release, y: top, width, height: bottom - top });
        bottom + GAP / 2
    }
}

fn columns(band: &[Part]) -> usize {
    band.iter().map(Part::columns).sum()
}

fn header_height(titles: &[Vec<String>]) -> usize {
    titles.iter().map(Vec::len).max().unwrap_or(0).max(1) * LINE + 13
}

fn card(story: &Story, x: usize, y: usize) -> Card {
    let room = COLUMN - 2 * GAP - 2 * PADDING - 3;
    let title = wrapped(&story.on_card(), TEXT, room, MOST_LINES);
    let criteria = story.acceptance_criteria.len();
    let count = if criteria == 0 { 0 } else { pixels("✓ 00", 11) + 6 };
    let persona = wrapped(&story.persona, 11, room - count, 1).pop().unwrap_or_default();
    let has_foot = criteria > 0 || !persona.is_empty();
    let height = title.len().max(1) * LINE + 14 + if has_foot { 15 } else { 0 };
    let tooltip = [clean(&story.title), clean(&story.description)].join(" — ");
    Card { release: story.release, x, y, height, title, persona, criteria, tooltip }
}

/// Personas and the number of stories in each release.
fn about(map: &StoryMap) -> String {
    let language = language(map);
    let count = |release| map.stories().filter(|(_, _, story)| story.release == release).count();
    let counts: Vec<String> =
        Release::all().into_iter().map(|release| format!("{release} {}", count(release))).collect();
    let stories = format!("{}: {}", language.pick("Истории", "Stories"), counts.join(", "));
    match map.personas.is_empty() {
        true => stories,
        false => format!("{}: {} · {stories}", language.pick("Роли", "Personas"), map.personas.join(", ")),
    }
}
