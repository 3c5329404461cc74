//! The board as an SVG picture, for slides, wikis and print: real lines and letters, no scripts, nothing loaded.

mod layout;
mod measure;

use crate::Language;
use crate::columns::clean;
use crate::export::{markdown::language, xml::text};
use crate::{Release, StoryMap};
use layout::{Board, Card, Header, Lane};

/// Width of a release's name on the left.
const LEFT: usize = 90;
const COLUMN: usize = 190;
const GAP: usize = 8;
const MARGIN: usize = 24;
const PADDING: usize = 9;

/// The map as one SVG picture, cut into bands so that it fits an A3 page well.
pub fn write(map: &StoryMap) -> String {
    let map = &map.tidied();
    let language = language(map);
    let board = Board::best(map);
    let stories = map.stories().count();
    let about = match language {
        Language::Russian => {
            format!("Карта пользовательских историй: активностей {}, историй {stories}", map.activities.len())
        }
        Language::English => {
            format!("User story map: {} activities, {stories} stories", map.activities.len())
        }
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" \
         aria-labelledby=\"name about\" lang=\"{2}\">\n<title id=\"name\">{3}</title>\n<desc id=\"about\">{about}</desc>\n\
         <style>\n{STYLE}</style>\n<rect class=\"paper\" width=\"{0}\" height=\"{1}\"/>\n",
        board.width,
        board.height,
        language.pick("ru", "en"),
        text(&map.name)
    );
    lines(&mut out, "name", MARGIN, board.name_y, 32, &board.name);
    lines(&mut out, "faint", MARGIN, board.about_y, 19, &board.about);
    board.headers.iter().for_each(|header| draw_header(&mut out, header));
    board.lanes.iter().for_each(|lane| draw_lane(&mut out, lane));
    board.cards.iter().for_each(|card| draw_card(&mut out, card));
    out.push_str("</svg>\n");
    out
}

fn draw_header(out: &mut String, header: &Header) {
    let (kind, text_class) = if header.is_activity { ("activity", "on") } else { ("task", "step") };
    rect(out, kind, header.x, header.y, header.width, header.height);
    lines(out, text_class, header.x + PADDING, header.y + 19, 16, &header.title);
}

fn draw_lane(out: &mut String, lane: &Lane) {
    let class = class(lane.release);
    rect(out, &format!("lane {class}"), MARGIN + LEFT, lane.y, lane.width, lane.height);
    rect(out, &format!("bar {class}"), MARGIN, lane.y, 4, lane.height);
    lines(out, &format!("label {class}"), MARGIN + 11, lane.y + 18, 16, &[lane.release.to_string()]);
}

fn draw_card(out: &mut String, card: &Card) {
    let class = class(card.release);
    out.push_str(&format!("<g><title>{}</title>", text(&card.tooltip)));
    rect(out, "card", card.x, card.y, COLUMN - 2 * GAP, card.height);
    rect(out, &format!("bar {class}"), card.x, card.y, 4, card.height);
    lines(out, "story", card.x + PADDING + 3, card.y + 19, 16, &card.title);
    let foot = card.y + card.height - 8;
    lines(out, "small", card.x + PADDING + 3, foot, 0, std::slice::from_ref(&card.persona));
    if card.criteria > 0 {
        let x = card.x + COLUMN - 2 * GAP - PADDING;
        out.push_str(&format!("<text class=\"small end\" x=\"{x}\" y=\"{foot}\">✓ {}</text>", card.criteria));
    }
    out.push_str("</g>\n");
}

fn rect(out: &mut String, class: &str, x: usize, y: usize, width: usize, height: usize) {
    let radius = if class.starts_with("bar") { 2 } else { 5 };
    out.push_str(&format!(
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\"/>\n"
    ));
}

fn lines(out: &mut String, class: &str, x: usize, y: usize, height: usize, lines: &[String]) {
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let y = y + index * height;
        out.push_str(&format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>\n", text(&clean(line))));
    }
}

fn class(release: Release) -> &'static str {
    match release {
        Release::Mvp => "mvp",
        Release::Release1 => "next",
        Release::Later => "later",
    }
}

/// Plain classes and not variables: programs that convert SVG know these.
const STYLE: &str = "\
text { font-family: Arial, 'Helvetica Neue', 'Liberation Sans', 'Noto Sans', sans-serif; font-size: 13px; fill: #0f172a; }
.paper { fill: #ffffff; }
.name { font-size: 28px; font-weight: bold; }
.faint { fill: #526075; font-size: 14px; }
.activity { fill: #1e3a5f; }
.on { fill: #ffffff; font-weight: bold; }
.task { fill: #e6edf5; }
.step { font-weight: bold; }
.small { fill: #526075; font-size: 11px; }
.end { text-anchor: end; }
.label { font-weight: bold; }
.card { fill: #ffffff; stroke: #d5dce6; }
.lane.mvp { fill: #f0faf3; }
.lane.next { fill: #fdf8ee; }
.lane.later { fill: #f5f7fa; }
.bar.mvp, .label.mvp { fill: #15803d; }
.bar.next, .label.next { fill: #b45309; }
.bar.later, .label.later { fill: #64748b; }
@media (prefers-color-scheme: dark) {
  text { fill: #e5eaf2; }
  .paper { fill: #0f1622; }
  .activity { fill: #2c5282; }
  .task { fill: #223049; }
  .faint, .small { fill: #9fb0c6; }
  .card { fill: #1a2434; stroke: #334158; }
  .lane.mvp { fill: #10231b; }
  .lane.next { fill: #241d10; }
  .lane.later { fill: #151d2a; }
  .bar.mvp, .label.mvp { fill: #4ade80; }
  .bar.next, .label.next { fill: #fbbf24; }
  .bar.later, .label.later { fill: #94a3b8; }
}
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{sample, tests::golden};

    #[test]
    fn the_file_is_what_it_was() {
        golden("story-map.svg", &write(&sample::map()));
    }

    #[test]
    fn the_style_loads_nothing() {
        assert!(!STYLE.contains(['<', '&']) && !STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
