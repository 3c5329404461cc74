//! The layout as one SVG image: shapes for what has a shape, real lines for lines, text for the rest.
//!
//! Everything that comes from a story is escaped, and there is neither a script nor a link in the image. Colours are
//! plain rules, with a second set for dark surroundings, so that drawing programs read them too.

mod cells;
mod icons;
mod palette;
mod shapes;

use super::super::{
    elements,
    layout::{self, Plate},
    options::{Platform, Style},
    tree::Wireframe,
};
use pen::Pen;
pub(crate) use pen::escape;

mod pen;

/// Width and height of one cell of the layout, in pixels.
const CELL: (f64, f64) = (9.0, 24.0);
/// Room around the whole image.
const MARGIN: f64 = 32.0;
/// Room above a screen for its title.
const TITLE: f64 = 40.0;

/// The image of all screens; `title` says what it is for those who cannot see it. Without screens it is empty.
pub fn render(wireframe: &Wireframe, title: &str, platform: Platform, style: Style) -> String {
    let plates = layout::plates(wireframe, platform, style);
    if plates.is_empty() {
        return String::new();
    }
    let across = platform == Platform::Mobile && style != Style::Component;
    let gap = if across { 112.0 } else { 56.0 };
    let size = |plate: &Plate| (plate.canvas.width() as f64 * CELL.0, plate.canvas.height() as f64 * CELL.1);
    let mut pen = Pen::new();
    let (mut x, mut y) = (MARGIN, MARGIN);
    let (mut right, mut bottom) = (0.0_f64, 0.0_f64);
    for plate in &plates {
        let (width, height) = size(plate);
        let title = plate.title.as_str();
        let mut way = None;
        match plate.way.as_ref().filter(|way| !way.on.is_empty()) {
            Some(way) if way.is_next && across => {
                arrow_across(&mut pen, (x - gap, y + TITLE + 48.0), gap, &way.on)
            }
            Some(way) if way.is_next => {
                arrow_down(&mut pen, (x + width / 2.0, y - gap), gap + TITLE - 14.0, &way.on)
            }
            Some(from) => way = Some(format!("← {}: {}", from.from, from.on)),
            None => {}
        }
        pen.group("plate", (x, y + TITLE), |pen| {
            pen.text((2.0, -16.0), "title", title, width);
            if let Some(way) = &way {
                pen.text((2.0, -36.0), "flow-label", way, width);
            }
            shapes::draw(pen, plate, style);
        });
        right = right.max(x + width);
        bottom = bottom.max(y + TITLE + height);
        match across {
            true => x += width + gap,
            false => y += TITLE + height + gap,
        }
    }
    document(&pen.finish(), (right + MARGIN, bottom + MARGIN), title, &description(wireframe), style)
}

/// The image of a drawing that came as text: real lines for its lines, its words where they stand.
pub fn render_text(drawing: &str, title: &str) -> String {
    let canvas = layout::drawing(drawing);
    let (width, height) = (canvas.width() as f64 * CELL.0, canvas.height() as f64 * CELL.1);
    let mut pen = Pen::new();
    pen.group("drawing", (MARGIN, MARGIN), |pen| {
        pen.rect((-CELL.0, -CELL.1 / 2.0), (width + 2.0 * CELL.0, height + CELL.1), 8.0, "screen");
        cells::draw(pen, &canvas);
    });
    document(
        &pen.finish(),
        (width + 2.0 * MARGIN, height + 2.0 * MARGIN),
        title,
        drawing,
        Style::HighFidelity,
    )
}

fn document(body: &str, size: (f64, f64), title: &str, description: &str, style: Style) -> String {
    let (width, height) = (pen::number(size.0), pen::number(size.1));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"wireframe-title wireframe-description\">\n\
         <title id=\"wireframe-title\">{}</title>\n<desc id=\"wireframe-description\">{}</desc>\n\
         <style>{}</style>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{body}</svg>\n",
        pen::escape(title),
        pen::escape(description),
        palette::rules(style),
    )
}

/// What is said about the image to those who do not see it.
fn description(wireframe: &Wireframe) -> String {
    let language = super::super::Language::of(&wireframe.layout_description);
    let mut said = wireframe.layout_description.clone();
    for line in elements::list(wireframe, language).iter().take(40) {
        said.push('\n');
        said.push_str(line);
    }
    said
}

fn arrow_down(pen: &mut Pen, from: (f64, f64), length: f64, label: &str) {
    let end = from.1 + length;
    pen.line((from.0, from.1 + 8.0), (from.0, end), "flow");
    pen.path(&format!("M{} {}l-5 -8h10z", pen::number(from.0), pen::number(end + 4.0)), "flow-head");
    pen.text((from.0 + 12.0, from.1 + length / 2.0 + 8.0), "flow-label", label, 320.0);
}

fn arrow_across(pen: &mut Pen, from: (f64, f64), length: f64, label: &str) {
    let (start, end) = (from.0 + 14.0, from.0 + length - 18.0);
    pen.line((start, from.1), (end, from.1), "flow");
    pen.path(&format!("M{} {}l-8 -5v10z", pen::number(end + 6.0), pen::number(from.1)), "flow-head");
    for (row, line) in story_map::columns::wrap_into(label, 12, 3).iter().enumerate() {
        pen.centred(
            (from.0 + length / 2.0, from.1 + 20.0 + 15.0 * row as f64),
            "flow-label",
            line,
            length - 12.0,
        );
    }
}
