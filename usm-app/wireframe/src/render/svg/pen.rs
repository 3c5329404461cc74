//! Writes elements of an SVG image. The only place where text becomes markup, so that nothing escapes unescaped.

use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation;

use story_map::columns;

/// Size of ordinary text, in pixels.
const FONT: f64 = 14.0;

/// What has been written so far.
#[derive(Debug)]
pub(super) struct Pen(String);

impl Pen {
    pub(super) fn new() -> Self {
        Self(String::new())
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    fn write(&mut self, markup: std::fmt::Arguments<'_>) {
        // A String takes everything.
        let _ = self.0.write_fmt(markup);
        self.0.push('\n');
    }

    pub(super) fn group(&mut self, class: &str, at: (f64, f64), inside: impl FnOnce(&mut Self)) {
        self.write(format_args!(
            "<g class=\"{class}\" transform=\"translate({} {})\">",
            number(at.0),
            number(at.1)
        ));
        inside(self);
        self.write(format_args!("</g>"));
    }

    pub(super) fn rect(&mut self, at: (f64, f64), size: (f64, f64), radius: f64, class: &str) {
        let (x, y, width, height) =
            (number(at.0), number(at.1), number(size.0.max(0.0)), number(size.1.max(0.0)));
        let round = if radius > 0.0 { format!(" rx=\"{}\"", number(radius)) } else { String::new() };
        self.write(format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{round}/>"
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let (x1, y1, x2, y2) = (number(from.0), number(from.1), number(to.0), number(to.1));
        self.write(format_args!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"));
    }

    pub(super) fn circle(&mut self, at: (f64, f64), radius: f64, class: &str) {
        self.write(format_args!(
            "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
            number(at.0),
            number(at.1),
            number(radius)
        ));
    }

    /// `path` is written as it is and must not come from a story.
    pub(super) fn path(&mut self, path: &str, class: &str) {
        self.write(format_args!("<path class=\"{class}\" d=\"{path}\"/>"));
    }

    /// A small sign of 16 by 16 with its upper left corner at `at`.
    pub(super) fn icon(&mut self, path: &str, at: (f64, f64), class: &str) {
        let (x, y) = (number(at.0), number(at.1));
        self.write(format_args!(
            "<path class=\"icon {class}\" transform=\"translate({x} {y})\" d=\"{path}\"/>"
        ));
    }

    /// Text from `at` on, no wider than `room`.
    pub(super) fn text(&mut self, at: (f64, f64), class: &str, text: &str, room: f64) {
        self.words(at, class, "", text, room);
    }

    /// Text with its middle at `at`.
    pub(super) fn centred(&mut self, at: (f64, f64), class: &str, text: &str, room: f64) {
        self.words(at, class, " text-anchor=\"middle\"", text, room);
    }

    fn words(&mut self, at: (f64, f64), class: &str, anchor: &str, text: &str, room: f64) {
        if text.trim().is_empty() {
            return;
        }
        // Fonts differ: what could be wider than its room is told how wide to be.
        let fitted = match likely_width(text) * size_of(class) > room {
            true => format!(" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"", number(room)),
            false => String::new(),
        };
        let (x, y, text) = (number(at.0), number(at.1), escape(text));
        self.write(format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}{fitted}>{text}</text>"));
    }
}

/// How much wider than ordinary text that of a class is; the sizes are those of the palette.
pub(super) fn size_of(class: &str) -> f64 {
    const BOLD: f64 = 1.1;
    let size = |class| match class {
        "header" => BOLD * 17.0 / FONT,
        "title" => BOLD * 15.0 / FONT,
        "strong" | "head" | "state" => BOLD,
        "small" | "flow-label" => 12.0 / FONT,
        "badge-text" => BOLD * 10.0 / FONT,
        _ => 1.0,
    };
    class.split(' ').map(size).product()
}

/// How wide text of ordinary size may become in a proportional font, in pixels.
pub(super) fn likely_width(text: &str) -> f64 {
    let width = |cluster: &str| match cluster.chars().next() {
        _ if columns::width(cluster) > 1 => 1.05,
        Some('щ' | 'ш' | 'ж' | 'ю' | 'м' | 'ф' | 'ы' | 'm' | 'w' | '%' | '@' | '—' | '→') => 0.86,
        Some(letter) if letter.is_uppercase() => 0.74,
        Some(' ' | '.' | ',' | ':' | ';' | '!' | '\'' | '|' | '(' | ')' | 'i' | 'l' | 'j' | 't' | 'f') => {
            0.36
        }
        _ => 0.6,
    };
    text.graphemes(true).map(width).sum::<f64>() * FONT
}

/// With two decimals at most and no more digits than needed.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text that stays text wherever it is put, in content or in an attribute. Characters XML does not allow are left out.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
