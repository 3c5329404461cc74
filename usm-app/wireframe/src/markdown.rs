//! The text result for one story: the picture and what belongs to it, as Markdown and in parts.

use serde::{Deserialize, Serialize};

use super::{
    Language,
    criteria::{self, CriterionCoverage},
    elements,
    options::{Platform, Style},
    parse::{Source, TextWireframe},
    render::unicode,
    tidy,
    tree::Wireframe,
};

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The story, if it is stored.
    pub story_id: Option<i64>,
    /// Its title; its language is that of the headings.
    pub title: &'a str,
    /// What must hold when it is done.
    pub criteria: &'a [String],
}

/// A wireframe of one story, with the field names of the job result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryWireframe {
    /// The story it was made for, if that is stored.
    pub story_id: Option<i64>,
    /// Its title.
    pub story_title: String,
    /// How detailed it is.
    pub style: Style,
    /// What it is drawn for.
    pub platform: Platform,
    /// The pictures of all screens; every row of one drawn here has exactly [`Platform::columns`] columns.
    pub ascii_wireframe: String,
    /// The zones of the main screen and what they are for.
    pub layout_description: String,
    /// One `[Type] Label (details)` per element.
    pub ui_elements: Vec<String>,
    /// Ways between screens as a Markdown list; broken ones are marked.
    pub navigation: String,
    /// Notes and assumptions as a Markdown list.
    pub notes: String,
    /// All of it as one Markdown text.
    pub full_text: String,
    /// Each acceptance criterion with the elements that serve it.
    #[serde(default)]
    pub coverage: Vec<CriterionCoverage>,
    /// Names of screens that something leads to and that do not exist.
    #[serde(default)]
    pub unknown_screens: Vec<String>,
    /// Whether it was drawn here or by the model.
    #[serde(default)]
    pub source: Source,
    /// What had to be repaired in what the model said, one sentence each.
    #[serde(default)]
    pub repairs: Vec<String>,
}

impl StoryWireframe {
    /// Draws and describes a wireframe, and says in the tree which elements serve which criteria. Headings are in the
    /// language of the story's title.
    pub fn new(subject: Subject<'_>, wireframe: &mut Wireframe, platform: Platform, style: Style) -> Self {
        let language = Language::of(subject.title);
        *wireframe = tidy::wireframe(std::mem::take(wireframe), &mut Vec::new());
        let coverage = criteria::cover(wireframe, subject.criteria, language);
        let steps = elements::navigation(wireframe, language);
        let mut unknown: Vec<String> =
            steps.iter().filter(|step| step.is_broken).map(|step| step.to.clone()).collect();
        unknown.sort_unstable();
        unknown.dedup();
        let result = Self {
            story_id: subject.story_id,
            story_title: subject.title.to_owned(),
            style,
            platform,
            ascii_wireframe: unicode::render(wireframe, platform, style),
            layout_description: wireframe.layout_description.clone(),
            ui_elements: elements::list(wireframe, language),
            navigation: navigation(wireframe, language),
            notes: notes(wireframe, language),
            full_text: String::new(),
            coverage,
            unknown_screens: unknown,
            source: Source::Tree,
            repairs: Vec::new(),
        };
        result.written(language)
    }

    /// What a model wrote as text, in the same form.
    pub fn from_text(subject: Subject<'_>, text: &TextWireframe, platform: Platform, style: Style) -> Self {
        let language = Language::of(subject.title);
        let lines = |lines: &[String]| bullets(lines.iter().map(|line| escape(line)));
        let result = Self {
            story_id: subject.story_id,
            story_title: subject.title.to_owned(),
            style,
            platform,
            ascii_wireframe: text.picture.clone(),
            layout_description: text.layout_description.clone(),
            ui_elements: text.ui_elements.clone(),
            navigation: lines(&text.navigation),
            notes: lines(&text.notes),
            full_text: String::new(),
            coverage: criteria::cover_named(subject.criteria, &text.ui_elements, language),
            unknown_screens: Vec::new(),
            source: Source::Text,
            repairs: text.report.sentences(),
        };
        result.written(language)
    }

    /// Adds what was repaired on the way here.
    #[must_use]
    pub fn with_repairs(mut self, repairs: Vec<String>) -> Self {
        self.repairs = repairs;
        let language = Language::of(&self.story_title);
        self.written(language)
    }

    /// The ways between screens, one each.
    pub fn navigation_lines(&self) -> Vec<String> {
        items(&self.navigation)
    }

    /// Notes and assumptions, one each.
    pub fn note_lines(&self) -> Vec<String> {
        items(&self.notes)
    }

    fn written(mut self, language: Language) -> Self {
        self.full_text = self.to_markdown(language);
        self
    }

    fn to_markdown(&self, language: Language) -> String {
        let elements = bullets(self.ui_elements.iter().map(|element| escape_element(element)));
        let criteria = bullets(self.coverage.iter().map(|one| escape(&one.line(language))));
        let sections = [
            (language.pick("Описание экрана", "Layout Description"), escape(&self.layout_description)),
            (language.pick("Элементы интерфейса", "UI Elements"), elements),
            (language.pick("Навигация", "Navigation"), self.navigation.clone()),
            (language.pick("Критерии приёмки", "Acceptance Criteria"), criteria),
            (language.pick("Примечания", "Additional Notes"), self.notes.clone()),
        ];
        let fence = fence(&self.ascii_wireframe);
        let mut out = format!("{fence}text\n{}\n{fence}\n", self.ascii_wireframe);
        for (heading, text) in sections {
            let text = if text.is_empty() { language.pick("Нет.", "None.").to_owned() } else { text };
            out.push_str(&format!("\n## {heading}\n\n{text}\n"));
        }
        if !self.repairs.is_empty() {
            let repaired =
                language.pick("Исправлено в ответе модели, мест", "Places repaired in the model's answer");
            out.push_str(&format!("\n{repaired}: {}\n", self.repairs.len()));
        }
        out
    }
}

/// The lines of a Markdown list.
fn items(list: &str) -> Vec<String> {
    let lines = list.lines().filter(|line| !line.is_empty());
    lines.map(|line| line.strip_prefix("- ").unwrap_or(line).to_owned()).collect()
}

fn navigation(wireframe: &Wireframe, language: Language) -> String {
    bullets(elements::navigation(wireframe, language).into_iter().map(|step| {
        let broken = match step.is_broken {
            true => language.pick(" (такого экрана нет)", " (no such screen)"),
            false => "",
        };
        let (from, on, to) = (escape(&step.from), escape(&step.on), escape(&step.to));
        match language {
            Language::Russian => format!("«{from}»: {on} → «{to}»{broken}"),
            Language::English => format!("“{from}”: {on} → “{to}”{broken}"),
        }
    }))
}

fn notes(wireframe: &Wireframe, language: Language) -> String {
    let assumption = language.pick("Допущение: ", "Assumption: ");
    let assumptions = wireframe.assumptions.iter().map(|text| format!("{assumption}{}", escape(text)));
    bullets(wireframe.notes.iter().map(|text| escape(text)).chain(assumptions))
}

fn bullets(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n")
}

/// A fence longer than any run of backticks in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// The brackets around the type are wanted as they are.
fn escape_element(element: &str) -> String {
    match element.split_once("] ") {
        Some((kind, rest)) => format!("{kind}] {}", escape(rest)),
        None => escape(element),
    }
}

fn escape(text: &str) -> String {
    story_map::export::markdown::escape(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::tree::{Kind, Node, Screen};

    fn wireframe() -> Wireframe {
        let root = Node::of(Kind::Column, vec![Node::new(Kind::Button, "Войти ```").goto("nowhere")]);
        let screens =
            vec![Screen { id: "login".into(), title: "Вход".into(), root, ..Screen::default() }];
        Wireframe { screens, assumptions: vec!["вход по почте".into()], ..Wireframe::default() }
    }

    fn draw(title: &str, platform: Platform, style: Style) -> StoryWireframe {
        let subject = Subject {
            story_id: Some(7), title, criteria: &["Войти можно по почте".to_owned()]
        };
        StoryWireframe::new(subject, &mut wireframe(), platform, style)
    }

    #[test]
    fn the_text_has_a_fenced_picture_and_the_sections_of_its_language() {
        let result = draw("Войти в систему", Platform::Web, Style::HighFidelity);

        assert!(result.full_text.starts_with("````text\n┌─ Вход "), "{}", result.full_text);
        for heading in [
            "## Описание экрана",
            "## Элементы интерфейса",
            "## Навигация",
            "## Критерии приёмки",
            "## Примечания",
        ] {
            assert!(result.full_text.contains(heading), "{heading} in {}", result.full_text);
        }
        assert!(result.navigation.ends_with("→ «nowhere» (такого экрана нет)"), "{}", result.navigation);
        assert_eq!(result.notes, "- Допущение: вход по почте");
    }

    #[test]
    fn an_english_story_gets_the_headings_of_the_guide() {
        let result = draw("Sign in", Platform::Mobile, Style::LowFidelity);

        for heading in ["## Layout Description", "## UI Elements", "## Navigation", "## Additional Notes"] {
            assert!(result.full_text.contains(heading), "{heading} in {}", result.full_text);
        }
    }

    #[test]
    fn a_reader_of_the_text_learns_that_it_was_repaired() {
        let repaired =
            draw("Войти", Platform::Web, Style::LowFidelity).with_repairs(vec!["a".into(), "b".into()]);

        assert!(
            repaired.full_text.ends_with("\nИсправлено в ответе модели, мест: 2\n"),
            "{}",
            repaired.full_text
        );
    }

    #[test]
    fn the_field_names_are_those_of_the_job_result() {
        let result = draw("Войти", Platform::Web, Style::HighFidelity);

        let json = serde_json::to_value(result).unwrap();

        assert_eq!(json["story_id"], 7);
        assert_eq!(json["style"], "high-fidelity");
        assert!(json["ui_elements"].is_array() && json["full_text"].is_string());
    }
}
