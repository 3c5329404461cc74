//! A wireframe as one HTML file: a prototype whose buttons lead to its screens, and the notes under it.
//!
//! Elements are what they are (`button`, `input`, `table`, `nav`), so that a browser and a screen reader understand them.
//! There is no script; the policy in the head forbids any, and everything that comes from a story is escaped.

mod nodes;
mod sheet;

use std::fmt::Write as _;

use super::{
    super::{
        elements::state_name,
        layout::{self, Parts},
        markdown::StoryWireframe,
        options::{Platform, Style},
        tree::{Kind, Screen, State, Wireframe},
    },
    svg::escape,
};
use crate::Language;
use nodes::Writer;

/// Forbids everything but the style sheet in the file itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The page for one story.
pub fn render(story: &StoryWireframe, wireframe: &Wireframe) -> String {
    let language = Language::of(&story.story_title);
    let tag = language.pick("ru", "en");
    let title = escape(&story.story_title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{}</style>\n</head>\n<body class=\"{} {}\">\n<header class=\"about\"><h1>{title}</h1><p>{} · {} · {}</p></header>\n\
         <main>\n",
        sheet::RULES,
        story.style,
        story.platform,
        story.platform,
        story.style,
        language.pick("эскиз, составлен автоматически", "a sketch, made automatically"),
    );
    let writer = Writer::new(wireframe, story.platform, story.style, language);
    match (story.style, wireframe.screens.is_empty()) {
        (_, true) => {
            put(&mut page, format_args!("<pre class=\"drawing\">{}</pre>", escape(&story.ascii_wireframe)))
        }
        (Style::Component, _) => component(&mut page, &writer, wireframe),
        _ => {
            for (index, screen) in wireframe.screens.iter().enumerate() {
                device(&mut page, &writer, &layout::pictured(screen), index);
            }
        }
    }
    page.push_str("</main>\n");
    about(&mut page, story, language);
    page.push_str("</body>\n</html>\n");
    page
}

fn put(page: &mut String, markup: std::fmt::Arguments<'_>) {
    // A String takes everything.
    let _ = page.write_fmt(markup);
    page.push('\n');
}

/// A screen in what surrounds it on its platform.
fn device(page: &mut String, writer: &Writer<'_>, screen: &Screen, index: usize) {
    let language = writer.language;
    let state = match screen.state {
        State::Default => String::new(),
        state => format!(" <span class=\"state\">{}</span>", escape(state_name(state, language))),
    };
    let title = escape(if screen.title.is_empty() { &screen.id } else { &screen.title });
    put(
        page,
        format_args!(
            "<section class=\"plate\" id=\"s{index}\"><h2>{title}{state}</h2>\n<div class=\"device\">"
        ),
    );
    let parts = Parts::of(&screen.root);
    match writer.platform {
        Platform::Web => put(
            page,
            format_args!(
                "<div class=\"chrome\" aria-hidden=\"true\"><i></i><i></i><i></i><span class=\"address\">/{}</span></div>",
                escape(&screen.id)
            ),
        ),
        Platform::Mobile => {
            page.push_str("<div class=\"chrome\" aria-hidden=\"true\"><b>9:41</b><i></i><b>5G</b></div>\n");
        }
        Platform::Desktop => {
            put(
                page,
                format_args!(
                    "<div class=\"chrome\" aria-hidden=\"true\"><b>{title}</b><span>– □ ×</span></div>"
                ),
            );
            if !parts.top.iter().any(|bar| bar.kind == Kind::Menu) {
                let menu = language.pick("Файл|Правка|Вид|Справка", "File|Edit|View|Help");
                let entries: String = menu.split('|').map(|entry| format!("<span>{entry}</span>")).collect();
                put(page, format_args!("<nav class=\"menu\">{entries}</nav>"));
            }
        }
    }
    parts.top.iter().for_each(|bar| writer.node(page, bar));
    page.push_str("<div class=\"middle\">");
    parts.side.iter().for_each(|bar| writer.node(page, bar));
    page.push_str("<div class=\"body\">\n");
    writer.stack(page, &parts.body);
    page.push_str("</div></div>\n");
    parts.bottom.iter().for_each(|bar| writer.node(page, bar));
    page.push_str("</div></section>\n");
}

/// The main component in its states.
fn component(page: &mut String, writer: &Writer<'_>, wireframe: &Wireframe) {
    let (name, variants) = layout::variants(wireframe, writer.platform);
    put(page, format_args!("<section class=\"plate\"><h2>{}</h2><div class=\"variants\">", escape(&name)));
    for (state, node) in variants {
        put(
            page,
            format_args!("<figure><figcaption>{}</figcaption>", escape(state_name(state, writer.language))),
        );
        writer.node(page, &node);
        page.push_str("</figure>\n");
    }
    page.push_str("</div></section>\n");
}

/// What the guide wants beside the picture.
fn about(page: &mut String, story: &StoryWireframe, language: Language) {
    page.push_str("<aside class=\"notes\">\n");
    let mut section = |heading: &str, lines: Vec<String>| {
        if lines.is_empty() {
            return;
        }
        let items: String = lines.iter().map(|line| format!("<li>{}</li>", escape(line))).collect();
        put(page, format_args!("<section><h3>{heading}</h3><ul>{items}</ul></section>"));
    };
    let list = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.strip_prefix("- ").unwrap_or(line).to_owned())
            .filter(|line| !line.is_empty())
            .collect()
    };
    section(language.pick("Описание экрана", "Layout Description"), list(&story.layout_description));
    section(language.pick("Элементы интерфейса", "UI Elements"), story.ui_elements.clone());
    section(language.pick("Навигация", "Navigation"), story.navigation_lines());
    section(
        language.pick("Критерии приёмки", "Acceptance Criteria"),
        story.coverage.iter().map(|one| one.line(language)).collect(),
    );
    section(language.pick("Примечания", "Additional Notes"), story.note_lines());
    page.push_str("</aside>\n");
}
