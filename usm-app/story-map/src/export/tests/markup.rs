//! HTML and SVG read by an XML parser: texts are texts there, and nothing can run or be loaded.

use proptest::prelude::*;
use roxmltree::{Document, ParsingOptions};

use super::any_map;
use crate::StoryMap;
use crate::columns::clean;
use crate::export::{html, sample, svg};

/// Elements that the exports draw with.
#[rustfmt::skip]
const ELEMENTS: &[&str] = &[
    "html", "head", "meta", "title", "style", "body", "header", "main", "h1", "h2", "h3", "h4", "h5", "dl", "div", "dt", "dd",
    "table", "thead", "tbody", "tr", "th", "td", "article", "a", "p", "span", "b", "section", "ul", "li", "br",
    "svg", "desc", "rect", "text", "g",
];
#[rustfmt::skip]
const ATTRIBUTES: &[&str] = &[
    "lang", "charset", "http-equiv", "content", "name", "class", "dir", "scope", "colspan", "href", "id", "title", "width",
    "height", "viewBox", "role", "aria-labelledby", "x", "y", "rx",
];

/// Everything of a page that could do more than be read.
fn harmful(markup: &str) -> Vec<String> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = match Document::parse_with_options(markup, options) {
        Ok(document) => document,
        Err(error) => return vec![format!("not well-formed: {error}")],
    };
    let mut found = Vec::new();
    for node in document.descendants().filter(|node| node.is_element()) {
        let name = node.tag_name().name();
        if !ELEMENTS.contains(&name) {
            found.push(format!("element {name}"));
        }
        for attribute in node.attributes() {
            let is_known = ATTRIBUTES.contains(&attribute.name());
            let leaves = attribute.name() == "href" && !attribute.value().starts_with("#s");
            if !is_known || leaves {
                found.push(format!("{}={}", attribute.name(), attribute.value()));
            }
        }
    }
    let comments = document.descendants().filter(|node| node.is_comment() || node.is_pi()).count();
    found.extend((comments > 0).then(|| "comments or processing instructions".to_owned()));
    let styles =
        document.descendants().filter(|node| node.has_tag_name("style") || node.tag_name().name() == "style");
    found.extend((styles.count() != 1).then(|| "another style".to_owned()));
    found
}

/// What people read in it.
fn words(markup: &str) -> String {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(markup, options).unwrap();
    let texts = document.descendants().filter(|node| node.is_text()).filter_map(|node| node.text());
    texts.collect::<Vec<_>>().join("\n")
}

/// The sample with one text in every place.
fn everywhere(text: &str) -> StoryMap {
    let mut map = sample::map();
    map.name = text.to_owned();
    map.personas = vec![text.to_owned()];
    map.notes = vec![text.to_owned()];
    for activity in &mut map.activities {
        activity.title = text.to_owned();
        for task in &mut activity.tasks {
            task.title = text.to_owned();
            for story in &mut task.stories {
                story.title = text.to_owned();
                story.description = text.to_owned();
                story.persona = text.to_owned();
                story.acceptance_criteria = vec![text.to_owned()];
            }
        }
    }
    map
}

#[test]
fn no_text_runs_or_leaves_its_element() {
    for text in [
        "<script>alert(1)</script>",
        "</style><script>alert(1)</script>",
        "</title><img src=x onerror=alert(1)>",
        "\"><svg onload=alert(1)>",
        "' onmouseover='alert(1)",
        "javascript:alert(1)",
        "<a href=\"javascript:alert(1)\">x</a>",
        "]]><script/>",
        "<![CDATA[x]]>",
        "--><script/><!--",
        "<?xml-stylesheet href='x'?>",
        "<!ENTITY x SYSTEM 'file:///etc/passwd'>&x;",
        "&#60;script&#62;",
        "\u{0}\u{1}\u{8}\u{b}\u{1b}[31m\u{7f}\u{9f}",
        "\u{202e}txet\u{2066}x\u{2069}\u{200f}",
        "\u{fffe}\u{ffff}\u{fdd0}",
    ] {
        let map = everywhere(text);
        for (name, markup) in [("html", html::write(&map)), ("svg", svg::write(&map))] {
            assert_eq!(harmful(&markup), Vec::<String>::new(), "{name} of {text:?}");
            let turned = ['\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}', '\u{200f}', '\u{0}', '\u{1b}'];
            assert!(!markup.contains(turned), "{name} of {text:?}");
        }
    }
}

#[test]
fn a_page_forbids_scripts_even_if_one_got_in() {
    let page = html::write(&sample::map());

    let policy = page.find("Content-Security-Policy").unwrap();
    assert!(page[policy..].contains("default-src 'none'") && !page.contains("script-src"));
    assert!(policy < page.find("<title>").unwrap(), "before any text of a user");
}

#[test]
fn hostile_text_is_shown_as_it_is() {
    let map = everywhere("<b>&amp;\"'");

    assert!(words(&html::write(&map)).contains("<b>&amp;\"'"));
    assert!(words(&svg::write(&map)).contains("<b>&amp;\"'"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_map_becomes_harmless_pages_with_all_its_texts(map in any_map()) {
        let (page, picture) = (html::write(&map), svg::write(&map));

        prop_assert_eq!(harmful(&page), Vec::<String>::new());
        prop_assert_eq!(harmful(&picture), Vec::<String>::new());
        let read = words(&page);
        for (_, _, story) in map.stories() {
            let not_text = |c: char| matches!(c, '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}');
            let title = clean(&story.title).replace(not_text, "");
            prop_assert!(read.contains(&title), "{}", title);
        }
    }
}
