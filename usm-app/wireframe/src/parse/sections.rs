//! The sections of an answer in text, by any of the names and forms that models give them.

use super::TextWireframe;
use story_map::columns::clean;

/// Most lines of one section.
const MAX_LINES: usize = 60;
/// Longest line, in characters.
const MAX_LINE: usize = 600;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Section {
    Layout,
    Elements,
    Navigation,
    Notes,
    Other(String),
}

const NAMES: &[(Section, &[&str])] = &[
    (
        Section::Layout,
        &[
            "layout",
            "layout description",
            "structure",
            "description",
            "описание",
            "описание экрана",
            "описание макета",
            "макет",
            "структура",
            "компоновка",
            "расположение",
        ],
    ),
    (
        Section::Elements,
        &[
            "ui elements",
            "elements",
            "ui element list",
            "components",
            "ui components",
            "элементы",
            "элементы интерфейса",
            "элементы ui",
            "ui-элементы",
            "компоненты",
        ],
    ),
    (
        Section::Navigation,
        &[
            "navigation",
            "navigation flow",
            "transitions",
            "flow",
            "навигация",
            "переходы",
            "навигация и переходы",
        ],
    ),
    (
        Section::Notes,
        &[
            "notes",
            "additional notes",
            "note",
            "remarks",
            "примечания",
            "замечания",
            "дополнительные примечания",
            "заметки",
        ],
    ),
];

/// Reads the prose of an answer; the picture is not its business.
pub(super) fn read(prose: &[String]) -> TextWireframe {
    let mut wireframe = TextWireframe::default();
    let mut section: Option<Section> = None;
    let mut layout: Vec<String> = Vec::new();
    for line in prose {
        if let Some((named, rest)) = heading(line) {
            section = Some(named);
            if !rest.is_empty() {
                add(&mut wireframe, &mut layout, section.as_ref(), &rest);
            }
            continue;
        }
        add(&mut wireframe, &mut layout, section.as_ref(), line);
    }
    wireframe.layout_description = layout.join(" ");
    wireframe
}

fn add(wireframe: &mut TextWireframe, layout: &mut Vec<String>, section: Option<&Section>, line: &str) {
    let text: String = clean(&without_mark(line)).chars().take(MAX_LINE).collect();
    if text.is_empty() || text.chars().all(|c| matches!(c, '-' | '`' | '~' | '*' | '_' | '=')) {
        return;
    }
    let (list, text) = match section {
        // What a model says before its first section is courtesy.
        None => return,
        Some(Section::Layout) => (layout, plain(&text)),
        Some(Section::Elements) => (&mut wireframe.ui_elements, element(&text)),
        Some(Section::Navigation) => (&mut wireframe.navigation, plain(&text)),
        Some(Section::Notes) => (&mut wireframe.notes, plain(&text)),
        Some(Section::Other(name)) => (&mut wireframe.notes, format!("{name}: {}", plain(&text))),
    };
    if list.len() < MAX_LINES {
        list.push(text);
    }
}

/// The section a line opens, and what stands behind its name.
fn heading(line: &str) -> Option<(Section, String)> {
    let line = line.trim();
    let hashes = line.chars().take_while(|c| *c == '#').count();
    let is_marked = (1..=6).contains(&hashes) && line[hashes..].starts_with(' ');
    let is_bold = line.starts_with("**") || line.starts_with("__");
    let bare = line.trim_start_matches('#').trim();
    let (name, rest) = match (is_bold, bare.split_once(':')) {
        (_, Some((name, rest))) => (name, rest),
        (_, None) => (bare, ""),
    };
    let name = name
        .trim_matches(['*', '_', ' '])
        .trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ')' | ' '));
    let name = name.trim_matches(['*', '_', ' ', ':']);
    let lower = name.to_lowercase();
    let known =
        NAMES.iter().find(|(_, names)| names.contains(&lower.as_str())).map(|(section, _)| section.clone());
    let rest = rest.trim_matches(['*', '_', ' ']).to_owned();
    let alone = rest.is_empty();
    match known {
        Some(section) if is_marked || is_bold || line.contains(':') || alone => Some((section, rest)),
        _ if is_marked && !name.is_empty() => Some((Section::Other(name.to_owned()), rest)),
        _ => None,
    }
}

/// A line without the sign of a list before it.
fn without_mark(line: &str) -> String {
    let line = line.trim();
    let rest = ["- ", "* ", "• ", "+ ", "– ", "— "].iter().find_map(|mark| line.strip_prefix(mark));
    let numbered = || {
        let digits = line.chars().take_while(char::is_ascii_digit).count();
        let rest = &line[digits..];
        (1..=3)
            .contains(&digits)
            .then(|| rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") ")))
            .flatten()
    };
    rest.or_else(numbered).unwrap_or(line).to_owned()
}

/// Without the marks of bold text.
fn plain(text: &str) -> String {
    text.replace("**", "").replace("__", "")
}

/// `[Type] Label (details)`, from that or `**Type**: Label` or `Type - Label`.
fn element(text: &str) -> String {
    let bare = plain(text);
    if bare.starts_with('[') && bare.contains(']') {
        return bare;
    }
    let is_bold = text.starts_with("**");
    let split = [": ", " — ", " – ", " - "].iter().find_map(|mark| bare.split_once(mark));
    match split {
        Some((kind, label)) if is_bold || kind.split_whitespace().count() <= 2 => {
            format!("[{}] {}", kind.trim_matches(['[', ']', ' ']), label.trim())
        }
        _ => bare,
    }
}
