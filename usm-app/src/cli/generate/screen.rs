//! The finished work on standard output: board, wireframes, summary, in the language of the map.

use std::io::IsTerminal;

use super::{Written, out};
use crate::tasks::{MapReady, WireframesReady};
use story_map::Language;
use story_map::StoryMap;
use story_map::board::{self, BoardStyle, Layout};
use story_map::export::markdown;
use story_map::requirements::grouped;

/// Columns where there is no terminal to ask.
const WIDTH: usize = 80;

/// Where the work is shown.
#[derive(Debug)]
pub(super) struct Screen {
    language: Language,
    width: usize,
    colour: bool,
}

impl Screen {
    pub(super) fn new(map: &StoryMap, width: Option<u16>) -> Self {
        let terminal = || {
            let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
            std::io::stdout().is_terminal().then_some(width.0)
        };
        let width = width.or_else(terminal).map_or(WIDTH, usize::from);
        Self { language: markdown::language(map), width, colour: out::colour() }
    }

    /// On standard error, as the progress before it: also when nothing more comes of the command.
    pub(super) fn kept(&self, written: &Written) {
        let what = self.language.pick("прежний файл сохранён как", "the former file is kept as");
        written.kept.iter().for_each(|old| out::note(&format!("  {what} {}", old.display())));
    }

    pub(super) fn board(&self, map: &StoryMap, criteria: bool) {
        let style = BoardStyle { colour: self.colour, layout: Layout::Auto, criteria };
        out::line(&board::render(map, self.width, style));
    }

    pub(super) fn wireframes(&self, drawn: &WireframesReady) {
        let all = drawn.wireframes.len();
        for (number, wireframe) in (1..).zip(&drawn.wireframes) {
            let head = self.language.pick("Экраны", "Wireframe");
            out::line(&format!(
                "\n{}",
                self.bold(&format!("{head} {number}/{all}: {}", wireframe.story_title))
            ));
            out::line(&wireframe.ascii_wireframe);
        }
        for failure in &drawn.failures {
            let what = self.language.pick("Не нарисована история", "Not drawn: story");
            out::line(&format!("{what} {}: {}", failure.story_id, failure.error));
        }
    }

    pub(super) fn summary(&self, ready: &MapReady, written: &Written, no_provider: bool) {
        let count = |number: u64| grouped(usize::try_from(number).unwrap_or(usize::MAX));
        let (activities, stories) = (count(ready.activities_count), count(ready.stories_count));
        let (id, seconds) = (ready.project_id, ready.processing_time);
        let made_by = match ready.made_by.as_str() {
            "offline" => self.language.pick("черновик без ИИ", "a draft without AI"),
            model => model,
        };
        let made = match self.language {
            Language::Russian => {
                format!(
                    "Проект {id}: активностей {activities}, историй {stories} ({made_by}, {seconds:.1} с)"
                )
            }
            Language::English => {
                format!(
                    "Project {id}: {activities} activities, {stories} stories ({made_by}, {seconds:.1} s)"
                )
            }
        };
        out::line(&format!("\n{}", self.bold(&made)));
        for failure in &ready.failures {
            let what = self.language.pick("Нет историй", "No stories");
            let (activity, tasks) = (&failure.activity, failure.tasks.join(", "));
            out::line(&format!("{what}: {activity} ({tasks}): {}", failure.error));
        }
        let files = self.language.pick("Файлы", "Files");
        out::line(&format!("{files}: {}, {}", written.markdown.display(), written.json.display()));
        if no_provider {
            out::line(self.language.pick(
                "Чтобы спросить модель ИИ, задайте ключ, например GEMINI_API_KEY, или OPENAI_BASE_URL своего сервера.",
                "To ask an AI model, set a key such as GEMINI_API_KEY, or OPENAI_BASE_URL for a server of your own.",
            ));
        }
    }

    fn bold(&self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }
}
