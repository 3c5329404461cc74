//! The text result for one story: the picture and what belongs to it, as Markdown and in parts.

use serde::{Deserialize, Serialize};

use super::{
    elements,
    language::Language,
    options::{Platform, Style},
    text, tidy,
    tree::Wireframe,
};

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
    /// The pictures of all screens; every row has exactly [`Platform::columns`] columns.
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
}

impl StoryWireframe {
    /// Draws and describes a wireframe. Headings are in the language of the story's title.
    pub fn new(
        story_id: Option<i64>,
        story_title: &str,
        wireframe: &Wireframe,
        platform: Platform,
        style: Style,
    ) -> Self {
        let language = Language::of(story_title);
        let wireframe = &tidy::wireframe(wireframe.clone(), &mut Vec::new());
        let mut result = Self {
            story_id,
            story_title: story_title.to_owned(),
            style,
            platform,
            ascii_wireframe: text::render_all(wireframe, platform, style),
            layout_description: wireframe.layout_description.clone(),
            ui_elements: elements::list(wireframe, language),
            navigation: navigation(wireframe, language),
            notes: notes(wireframe, language),
            full_text: String::new(),
        };
        result.full_text = result.to_markdown(language);
        result
    }

    fn to_markdown(&self, language: Language) -> String {
        let elements = bullets(self.ui_elements.iter().map(|element| escape_element(element)));
        let sections = [
            (language.pick("Описание экрана", "Layout Description"), escape(&self.layout_description)),
            (language.pick("Элементы интерфейса", "UI Elements"), elements),
            (language.pick("Навигация", "Navigation"), self.navigation.clone()),
            (language.pick("Примечания", "Additional Notes"), self.notes.clone()),
        ];
        let fence = fence(&self.ascii_wireframe);
        let mut out = format!("{fence}text\n{}\n{fence}\n", self.ascii_wireframe);
        for (heading, text) in sections {
            let text = if text.is_empty() { language.pick("Нет.", "None.").to_owned() } else { text };
            out.push_str(&format!("\n## {heading}\n\n{text}\n"));
        }
        out
    }
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
    crate::domain::export::markdown::escape(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::domain::wireframe::tree::{Kind, Node, Screen};

    fn wireframe() -> Wireframe {
        let root = Node::of(Kind::Column, vec![Node::new(Kind::Button, "Войти ```").goto("nowhere")]);
        let screens =
            vec![Screen { id: "login".into(), title: "Вход".into(), root, ..Screen::default() }];
        Wireframe { screens, assumptions: vec!["вход по почте".into()], ..Wireframe::default() }
    }

    #[test]
    fn the_text_has_a_fenced_picture_and_the_sections_of_its_language() {
        let result =
            StoryWireframe::new(Some(7), "Войти в систему", &wireframe(), Platform::Web, Style::HighFidelity);

        assert!(result.full_text.starts_with("````text\n┌─ Вход "), "{}", result.full_text);
        for heading in ["## Описание экрана", "## Элементы интерфейса", "## Навигация", "## Примечания"]
        {
            assert!(result.full_text.contains(heading), "{heading} in {}", result.full_text);
        }
        assert!(result.navigation.ends_with("→ «nowhere» (такого экрана нет)"), "{}", result.navigation);
        assert_eq!(result.notes, "- Допущение: вход по почте");
    }

    #[test]
    fn an_english_story_gets_the_headings_of_the_guide() {
        let result = StoryWireframe::new(None, "Sign in", &wireframe(), Platform::Mobile, Style::LowFidelity);

        for heading in ["## Layout Description", "## UI Elements", "## Navigation", "## Additional Notes"] {
            assert!(result.full_text.contains(heading), "{heading} in {}", result.full_text);
        }
    }

    #[test]
    fn the_field_names_are_those_of_the_job_result() {
        let result = StoryWireframe::new(Some(7), "Войти", &wireframe(), Platform::Web, Style::HighFidelity);

        let json = serde_json::to_value(result).unwrap();

        assert_eq!(json["story_id"], 7);
        assert_eq!(json["style"], "high-fidelity");
        assert!(json["ui_elements"].is_array() && json["full_text"].is_string());
    }
}
