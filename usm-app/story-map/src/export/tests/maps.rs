//! Maps of every kind of text, for property tests.

use proptest::{collection::vec, prelude::*};

use crate::{Activity, Release, Source, Story, StoryMap, Unmapped, UserTask, VERSION};

/// Maps whose texts are made of what has a meaning in one format or another.
pub(crate) fn any_map() -> impl Strategy<Value = StoryMap> {
    let parts = (
        text(),
        vec(text(), 0..4),
        releases(),
        vec(activity(), 0..4),
        vec(text(), 0..3),
        vec(text(), 0..3),
        vec(unmapped(), 0..3),
    );
    parts.prop_map(|(name, personas, releases, activities, notes, questions, unmapped)| StoryMap {
        version: VERSION,
        name,
        personas,
        releases,
        activities,
        notes,
        questions,
        unmapped,
    })
}

fn unmapped() -> impl Strategy<Value = Unmapped> {
    (text(), text()).prop_map(|(text, reason)| Unmapped { text, reason })
}

fn source() -> impl Strategy<Value = Option<Source>> {
    prop::option::of((text(), text()).prop_map(|(sentence, requirement)| Source { sentence, requirement }))
}

/// Text as people write it, text made of signs, and any text at all.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[А-Яа-яёA-Za-z0-9 ,.«»-]{0,24}",
        4 => r#"[ #*_+=>|<&;\\`\[\]()!~:.·'"/@{}%^$?,0-9a-zа-я\n\t\r-]{0,16}"#,
        1 => any::<String>(),
        2 => sign(),
    ]
}

/// One thing with a meaning, between words or alone.
fn sign() -> impl Strategy<Value = String> {
    let signs = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "javascript:alert(1)",
        "]]>",
        "-->",
        "\" onload=\"x",
        "' onclick='x",
        "&lt;",
        "&amp;",
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "end",
        "#",
        "##",
        "C #",
        "- [ ] a",
        "1. a",
        "1) a",
        "> a",
        "---",
        "***",
        "___",
        "===",
        "| a | b |",
        "[a](b)",
        "![a](b)",
        "<br>",
        "<!-- a -->",
        "```",
        "~~~",
        "    a",
        "a  \nb",
        "**a**",
        "__a__",
        "a_b_c",
        "\\",
        "a\\",
        "\u{202e}abc",
        "\u{2066}a",
        "\u{0}",
        "\u{1b}[31m",
        "\u{feff}",
        "\u{fffe}",
        "Сценарий: a",
        "Дано a",
        "@tag",
        "# language: en",
        "Когда a, то b",
        "When a, then b",
        "· MVP ·",
        " · ",
        "MVP",
        "👨‍👩‍👧",
        "e\u{301}",
        "漢字",
        "\u{200d}",
        "{code}",
        "[~admin]",
        "h1. a",
        "\"\"\"",
        "<a>",
        "&#1;",
        "\u{a0}",
    ]);
    ("[a-zа-я ]{0,4}", signs, "[a-zа-я ]{0,4}")
        .prop_map(|(before, sign, after)| format!("{before}{sign}{after}"))
}

fn release() -> impl Strategy<Value = Release> {
    prop::sample::select(Release::all())
}

fn releases() -> impl Strategy<Value = Vec<Release>> {
    prop_oneof![3 => Just(Release::all()), 1 => vec(release(), 0..5)]
}

fn activity() -> impl Strategy<Value = Activity> {
    (text(), vec(task(), 0..4)).prop_map(|(title, tasks)| Activity { title, tasks })
}

fn task() -> impl Strategy<Value = UserTask> {
    (text(), vec(story(), 0..4)).prop_map(|(title, stories)| UserTask { title, stories })
}

fn story() -> impl Strategy<Value = Story> {
    let parts = (text(), text(), text(), release(), vec(text(), 0..4), source());
    parts.prop_map(|(title, description, persona, release, acceptance_criteria, source)| Story {
        title,
        description,
        persona,
        release,
        acceptance_criteria,
        source,
    })
}
