//! `story-map.md`: the map for people, for a repository and for a review.

use crate::domain::{
    columns::clean,
    story_map::{Release, StoryMap},
    wireframe::Language,
};

/// The map as Markdown in the language of its own texts.
pub fn write(map: &StoryMap) -> String {
    let language = language(map);
    let mut out = format!("# {}\n", escape(&map.name));
    for note in map.notes.iter().filter(|note| !note.trim().is_empty()) {
        out.push_str(&format!("\n> {}\n", escape(note)));
    }
    if !map.personas.is_empty() {
        out.push_str(&format!("\n## {}\n\n", language.pick("Роли", "Personas")));
        map.personas.iter().for_each(|persona| out.push_str(&format!("- {}\n", escape(persona))));
    }
    out.push_str(&format!("\n## {}\n", language.pick("Релизы", "Releases")));
    for release in &map.releases {
        slice(&mut out, map, *release, language);
    }
    out.push_str(&format!("\n## {}\n", language.pick("Карта", "Map")));
    for activity in &map.activities {
        out.push_str(&format!("\n### {}\n", escape(&activity.title)));
        for task in &activity.tasks {
            out.push_str(&format!("\n#### {}\n", escape(&task.title)));
            for story in &task.stories {
                out.push_str(&format!("\n- **{}** · {}", escape(&story.title), story.release));
                if !story.persona.trim().is_empty() {
                    out.push_str(&format!(" · {}", escape(&story.persona)));
                }
                out.push('\n');
                if !story.description.trim().is_empty() {
                    out.push_str(&format!("\n  {}\n\n", escape(&story.description)));
                }
                for criterion in &story.acceptance_criteria {
                    out.push_str(&format!("  - [ ] {}\n", escape(criterion)));
                }
            }
        }
    }
    out
}

/// The stories of one release as a table, in map order.
fn slice(out: &mut String, map: &StoryMap, release: Release, language: Language) {
    let stories: Vec<_> = map.stories().filter(|(_, _, story)| story.release == release).collect();
    out.push_str(&format!("\n### {release} ({})\n\n", stories.len()));
    if stories.is_empty() {
        out.push_str(language.pick("Историй пока нет.\n", "No stories yet.\n"));
        return;
    }
    let heads = match language {
        Language::Russian => "| Активность | Задача | История | Роль |",
        Language::English => "| Activity | Task | Story | Persona |",
    };
    out.push_str(&format!("{heads}\n| --- | --- | --- | --- |\n"));
    for (activity, task, story) in stories {
        let cells = [&activity.title, &task.title, &story.title, &story.persona].map(|cell| escape(cell));
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
}

/// The language of the map, by its titles.
pub(crate) fn language(map: &StoryMap) -> Language {
    let titles =
        map.stories().flat_map(|(activity, task, story)| [&activity.title, &task.title, &story.title]);
    Language::of(&titles.map(String::as_str).chain([map.name.as_str()]).collect::<Vec<_>>().join(" "))
}

/// Text on one line that Markdown shows as it is: no markup, no HTML, no list or heading by accident.
pub fn escape(text: &str) -> String {
    let text = clean(text);
    let mut out = String::with_capacity(text.len() + 8);
    let words_in = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let is_markup = match c {
            '\\' | '`' | '*' | '<' | '|' | '[' | ']' | '~' => true,
            // Inside a word an underscore is no markup, and names are full of them.
            '_' => !(words_in(before) && words_in(rest.peek().copied())),
            '&' => rest.peek().is_some_and(|next| next.is_alphabetic() || *next == '#'),
            '!' => rest.peek() == Some(&'['),
            '#' | '>' | '+' | '-' | '=' => before.is_none(),
            // `1.` and `1)` begin a list at the start of a line.
            '.' | ')' => !out.is_empty() && out.chars().all(|c| c.is_ascii_digit()),
            _ => false,
        };
        if is_markup {
            out.push('\\');
        }
        out.push(c);
        before = Some(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::export::sample;

    #[test]
    fn the_file_is_what_it_was() {
        assert_eq!(write(&sample::map()), include_str!("golden/story-map.md"));
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("# a *b* <script> | c"), r"\# a \*b\* \<script> \| c");
        assert_eq!(escape("1. snake_case _em_ [x](y)"), r"1\. snake_case \_em\_ \[x\](y)");
        assert_eq!(escape("line\nbreak &lt; R&D & !"), r"line break \&lt; R\&D & !");
        assert_eq!(escape("a - b, 10 > 5, C# + Rust"), "a - b, 10 > 5, C# + Rust");
    }
}
