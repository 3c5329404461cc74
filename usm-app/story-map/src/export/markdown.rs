//! `story-map.md`: the map for people, for a repository and for a review. [`crate::import`] reads it back.

use crate::Language;
use crate::columns::clean;
use crate::{Release, Story, StoryMap};

/// The map as Markdown in the language of its own texts.
///
/// Reading it back gives [`StoryMap::tidied`]. The tables by release are an overview; the list of stories under the
/// last heading is the map.
pub fn write(map: &StoryMap) -> String {
    let map = &map.tidied();
    let language = language(map);
    let mut out = format!("{}\n", heading("#", &map.name));
    for note in &map.notes {
        out.push_str(&format!("\n> {}\n", lines(note)));
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
        out.push_str(&format!("\n{}\n", heading("###", &activity.title)));
        for task in &activity.tasks {
            out.push_str(&format!("\n{}\n", heading("####", &task.title)));
            task.stories.iter().for_each(|one| story(&mut out, one));
        }
    }
    if !map.questions.is_empty() {
        out.push_str(&format!("\n## {}\n\n", language.pick("Вопросы", "Questions")));
        map.questions.iter().for_each(|question| out.push_str(&format!("- {}\n", escape(question))));
    }
    if !map.unmapped.is_empty() {
        out.push_str(&format!("\n## {}\n\n", language.pick("Не на карте", "Not on the map")));
        for one in &map.unmapped {
            let reason =
                if one.reason.is_empty() { String::new() } else { format!(" · {}", escape(&one.reason)) };
            out.push_str(&format!("- **{}**{reason}\n", escape(&one.text)));
        }
    }
    out
}

fn heading(level: &str, title: &str) -> String {
    format!("{level} {}", escape(title)).trim_end().to_owned()
}

fn story(out: &mut String, story: &Story) {
    // Nothing between stars would be the stars themselves.
    let title = if story.title.is_empty() { String::new() } else { format!("**{}** ", escape(&story.title)) };
    out.push_str(&format!("\n- {title}· {}", story.release));
    if !story.persona.is_empty() {
        out.push_str(&format!(" · {}", escape(&story.persona)));
    }
    out.push('\n');
    if !story.description.is_empty() {
        out.push_str(&format!("\n  {}\n", lines(&story.description)));
    }
    if let Some(source) = &story.source {
        let name = match source.requirement.as_str() {
            "" => String::new(),
            name => format!("**{}** ", escape(name)),
        };
        out.push_str(&format!("\n  > {name}{}\n", escape(&source.sentence)));
    }
    if !story.acceptance_criteria.is_empty() {
        out.push('\n');
    }
    for criterion in &story.acceptance_criteria {
        out.push_str(&format!("  - [ ] {}\n", lines(criterion)));
    }
}

/// Several lines in one paragraph, list item or cell.
fn lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("<br>")
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
pub fn language(map: &StoryMap) -> Language {
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
            // Behind a space too: signs at the end of a heading would close it.
            '#' => before.is_none_or(|c| c == ' '),
            '>' | '+' | '-' | '=' => before.is_none(),
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
    use crate::export::{sample, tests::golden};

    #[test]
    fn the_file_is_what_it_was() {
        golden("story-map.md", &write(&sample::map()));
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("# a *b* <script> | c"), r"\# a \*b\* \<script> \| c");
        assert_eq!(escape("1. snake_case _em_ [x](y)"), r"1\. snake_case \_em\_ \[x\](y)");
        assert_eq!(escape("line\nbreak &lt; R&D & !"), r"line break \&lt; R\&D & !");
        assert_eq!(escape("a - b, 10 > 5, C# + Rust"), "a - b, 10 > 5, C# + Rust");
        assert_eq!(escape("C ##, #12"), r"C \##, \#12");
    }
}
