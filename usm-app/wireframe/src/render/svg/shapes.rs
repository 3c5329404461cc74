//! What the marks of a layout look like.

use super::{
    super::super::{
        layout::{Look, Mark, Plate},
        options::{Platform, Style},
        tree::{Kind, Role, State},
    },
    CELL, cells, icons,
    pen::{Pen, likely_width, size_of},
};

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Area {
    fn of(mark: &Mark) -> Self {
        Self {
            x: mark.x as f64 * CELL.0,
            y: mark.y as f64 * CELL.1,
            width: mark.width as f64 * CELL.0,
            height: mark.height as f64 * CELL.1,
        }
    }

    /// The rectangle that a border through the middle of its outer cells makes.
    fn border(self) -> Self {
        self.inset(CELL.0 / 2.0, CELL.1 / 2.0)
    }

    fn inset(self, x: f64, y: f64) -> Self {
        Self { x: self.x + x, y: self.y + y, width: self.width - 2.0 * x, height: self.height - 2.0 * y }
    }

    fn middle(self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    fn draw(self, pen: &mut Pen, radius: f64, class: &str) {
        pen.rect((self.x, self.y), (self.width, self.height), radius, class);
    }
}

/// Draws one picture: its shapes, what stands between them, and the badges over all.
pub(super) fn draw(pen: &mut Pen, plate: &Plate, style: Style) {
    let marks = plate.canvas.marks();
    for mark in marks {
        shape(pen, mark, style);
    }
    cells::draw(pen, &plate.canvas);
    for mark in marks {
        if let Look::Serves(criteria) = &mark.look {
            badges(pen, Area::of(mark), criteria);
        }
    }
}

fn shape(pen: &mut Pen, mark: &Mark, style: Style) {
    let area = Area::of(mark);
    let rich = style != Style::LowFidelity;
    match &mark.look {
        Look::Frame(platform) => frame(pen, area, *platform, style),
        Look::Address(address) => address_bar(pen, area, address),
        Look::PhoneStatus => phone_status(pen, area),
        Look::WindowControls => window_controls(pen, area),
        Look::Bar => area.inset(CELL.0 / 2.0, -CELL.1 / 2.0).draw(pen, 0.0, "bar"),
        Look::Side => {
            let inner = Area { x: area.x + CELL.0 / 2.0, width: area.width - CELL.0, ..area };
            // From the line above to the line below.
            Area { y: area.y + CELL.1 / 2.0, ..inner }.draw(pen, 0.0, "side");
        }
        Look::Button { kind, label, role, state } => button(pen, area, (*kind, *role, *state), label, rich),
        Look::Field { kind, text, filled, state } => {
            let tone = if *filled { "" } else { "muted" };
            field(pen, area, *kind, (text, tone), *state);
        }
        Look::Area(state) => area.border().inset(-CELL.0 / 2.0, -3.0).draw(pen, 5.0, field_class(*state)),
        Look::Choice { kind, set, disabled } => choice(pen, area, *kind, *set, *disabled),
        Look::Card => area.border().draw(pen, 8.0, "card"),
        Look::Shade => area.draw(pen, 0.0, "shade"),
        Look::Modal => {
            // Its title stands inside, for behind it is shade.
            let edge = area.border();
            let above = CELL.1 / 2.0;
            Area { y: edge.y - above, height: edge.height + above, ..edge }.draw(pen, 12.0, "card");
        }
        Look::Alert(role) => alert(pen, area.border(), *role),
        Look::Image(label) => image(pen, area.border(), label, rich),
        Look::TableHead => area.border().draw(pen, 0.0, "table-head"),
        Look::Chosen(label) => chosen(pen, area, label),
        Look::Percent(percent) => percentage(pen, area, *percent),
        Look::Bullet(chosen) => {
            let (x, y) = area.middle();
            match chosen {
                true => pen.path(&format!("M{} {}l5 4l-5 4z", x - 2.0, y - 4.0), "accent"),
                false => pen.circle((x, y), 2.5, "dot"),
            }
        }
        Look::StateName => {
            let bar = Area { width: 4.0, ..area.inset(0.0, 4.0) };
            bar.draw(pen, 2.0, "accent");
        }
        Look::Title(title) => {
            let patch = Area {
                width: (likely_width(title) * size_of("strong")).min(area.width - 8.0) + 10.0,
                ..area
            };
            patch.inset(0.0, 3.0).draw(pen, 3.0, "patch");
            pen.text((area.x + 6.0, area.y + area.height / 2.0 + 5.0), "strong", title, area.width - 8.0);
        }
        Look::Header | Look::Muted | Look::Centred | Look::Problem | Look::Serves(_) => {}
    }
}

fn frame(pen: &mut Pen, area: Area, platform: Platform, style: Style) {
    let edge = Area { x: area.x + CELL.0 / 2.0, width: area.width - CELL.0, ..area };
    if style == Style::Component {
        return edge.draw(pen, 10.0, "plan");
    }
    match platform {
        Platform::Mobile => {
            let glass = edge.inset(0.0, CELL.1 / 2.0);
            glass.inset(-11.0, -11.0).draw(pen, 40.0, "bezel");
            glass.draw(pen, 29.0, "glass");
        }
        Platform::Web | Platform::Desktop => {
            let window = Area { height: edge.height - CELL.1 / 2.0, ..edge };
            window.draw(pen, 10.0, "screen");
            Area { height: CELL.1, ..edge }.inset(1.0, 1.0).draw(pen, 9.0, "bar");
            if platform == Platform::Desktop {
                pen.line((edge.x, edge.y + CELL.1), (edge.x + edge.width, edge.y + CELL.1), "line");
            }
        }
    }
}

fn address_bar(pen: &mut Pen, area: Area, address: &str) {
    let (_, y) = area.middle();
    for index in 0..3 {
        pen.circle((area.x + 6.0 + 16.0 * f64::from(index), y), 5.0, "dot");
    }
    pen.icon("M10 3L5 8l5 5", (area.x + 66.0, y - 8.0), "");
    pen.icon("M6 3l5 5l-5 5", (area.x + 90.0, y - 8.0), "");
    let pill = Area { x: area.x + 120.0, y: y - 11.0, width: area.width - 124.0, height: 22.0 };
    pill.draw(pen, 11.0, "pill");
    pen.text((pill.x + 14.0, y + 4.5), "small", address, pill.width - 28.0);
}

fn phone_status(pen: &mut Pen, area: Area) {
    let (middle, y) = area.middle();
    // A bar reaches half a row over its own; it must not show behind the clock.
    let below =
        Area { x: area.x - 1.5 * CELL.0, y, width: area.width + 3.0 * CELL.0, height: area.height / 2.0 };
    below.draw(pen, 0.0, "glass");
    pen.text((area.x + 12.0, y + 5.0), "strong", "9:41", 60.0);
    Area { x: middle - 36.0, y: y - 9.0, width: 72.0, height: 18.0 }.draw(pen, 9.0, "bezel");
    let right = area.x + area.width - 12.0;
    for index in 0..4 {
        let height = 4.0 + 2.5 * f64::from(index);
        pen.rect((right - 52.0 + 5.0 * f64::from(index), y + 6.0 - height), (3.0, height), 1.0, "flow-head");
    }
    pen.rect((right - 25.0, y - 5.5), (22.0, 12.0), 3.5, "ring");
    pen.rect((right - 23.0, y - 3.5), (18.0, 8.0), 2.0, "flow-head");
}

fn window_controls(pen: &mut Pen, area: Area) {
    let (right, y) = (area.x + area.width - 4.0, area.y + area.height / 2.0);
    pen.icon("M4 8h8", (right - 66.0, y - 8.0), "");
    pen.icon("M4 4h8v8H4z", (right - 42.0, y - 8.0), "");
    pen.icon("M4 4l8 8M12 4l-8 8", (right - 18.0, y - 8.0), "");
}

fn button(pen: &mut Pen, area: Area, (kind, role, state): (Kind, Role, State), label: &str, rich: bool) {
    let (x, y) = area.middle();
    if kind == Kind::Link {
        return pen.text((area.x, y + 5.0), "link", label, area.width);
    }
    if kind == Kind::Icon {
        let icon = icons::of(label).unwrap_or(icons::USER);
        pen.icon(icon, (area.x, y - 8.0), "");
        return pen.text((area.x + 21.0, y + 5.0), "", label, area.width - 21.0);
    }
    let (class, tone, sign) = match (state, role) {
        (State::Disabled, _) => ("off", "muted", ""),
        (State::Loading, _) => ("off", "muted", ""),
        (_, Role::Primary) => ("primary", "on", "icon-on"),
        (_, Role::Danger) => ("danger", "on", "icon-on"),
        (_, Role::Secondary) => ("ghost", "", ""),
        _ => ("button", "", ""),
    };
    area.inset(0.0, 2.0).draw(pen, 6.0, class);
    let strong = if class == "primary" { "on strong" } else { tone };
    let words = likely_width(label) * size_of(strong);
    let icon = icons::of(label).filter(|_| rich && area.width >= words + 34.0);
    match (icon, state) {
        (_, State::Loading) if area.width >= words + 30.0 => {
            pen.text((x - words / 2.0 - 6.0, y + 5.0), strong, label, area.width - 30.0);
            for index in 0..3 {
                pen.circle((area.x + area.width - 22.0 + 6.0 * f64::from(index), y), 1.8, "flow-head");
            }
        }
        (Some(icon), _) => {
            pen.icon(icon, (x - words / 2.0 - 14.0, y - 8.0), sign);
            pen.centred((x + 11.0, y + 5.0), strong, label, area.width - 34.0);
        }
        (None, _) => pen.centred((x, y + 5.0), strong, label, area.width - 12.0),
    }
}

fn field_class(state: State) -> &'static str {
    match state {
        State::Error => "field-bad",
        State::Disabled | State::Loading => "field-off",
        State::Default | State::Empty | State::Success => "field",
    }
}

fn field(pen: &mut Pen, area: Area, kind: Kind, (text, tone): (&str, &str), state: State) {
    area.inset(0.0, 1.5).draw(pen, 5.0, field_class(state));
    let (_, y) = area.middle();
    let searches = kind == Kind::Input && icons::of(text) == Some(icons::SEARCH);
    let left = if searches { 29.0 } else { 10.0 };
    if searches {
        pen.icon(icons::SEARCH, (area.x + 8.0, y - 8.0), "");
    }
    let right = if kind == Kind::Select { 28.0 } else { 10.0 };
    pen.text((area.x + left, y + 5.0), tone, text, area.width - left - right);
    if kind == Kind::Select {
        pen.icon("M4 6.5l4 4l4-4", (area.x + area.width - 23.0, y - 8.0), "");
    }
}

fn choice(pen: &mut Pen, area: Area, kind: Kind, set: bool, disabled: bool) {
    let (x, y) = area.middle();
    let class = match (disabled, set) {
        (true, _) => "off",
        (_, true) => "accent",
        (_, false) => "ring",
    };
    match kind {
        Kind::Checkbox => {
            pen.rect((x - 8.0, y - 8.0), (16.0, 16.0), 4.0, class);
            if set {
                pen.path(&format!("M{} {}l3 3.200l5.400-6", x - 4.2, y + 0.2), "check");
            }
        }
        Kind::Radio => {
            pen.circle((x, y), 8.0, class);
            if set {
                pen.circle((x, y), 3.2, "knob");
            }
        }
        _ => {
            pen.rect((x - 17.0, y - 9.0), (34.0, 18.0), 9.0, if set || disabled { class } else { "dot" });
            pen.circle((if set { x + 8.0 } else { x - 8.0 }, y), 6.5, "knob");
        }
    }
}

fn alert(pen: &mut Pen, area: Area, role: Role) {
    let (class, icon, tone) = match role {
        Role::Danger => ("danger-box", icons::CROSS, "icon-danger"),
        Role::Warning => ("warning-box", icons::WARNING, "icon-warning"),
        Role::Success => ("success-box", icons::DONE, "icon-success"),
        Role::Normal | Role::Primary | Role::Secondary | Role::Info => {
            ("info-box", icons::INFO, "icon-accent")
        }
    };
    area.inset(0.0, -2.0).draw(pen, 8.0, class);
    pen.icon(icon, (area.x + CELL.0 * 1.5 + 3.0, area.y + CELL.1 - 8.0), tone);
}

fn image(pen: &mut Pen, area: Area, label: &[String], rich: bool) {
    area.draw(pen, 8.0, "image");
    let (left, top, right, bottom) =
        (area.x + 4.0, area.y + 4.0, area.x + area.width - 4.0, area.y + area.height - 4.0);
    let (x, y) = area.middle();
    if !rich {
        pen.line((left, top), (right, bottom), "cross");
        pen.line((left, bottom), (right, top), "cross");
    }
    let rows = label.len() as f64;
    let first = y - (rows * 18.0 + 26.0) / 2.0;
    let widest = label.iter().map(|line| likely_width(line)).fold(20.0, f64::max).min(area.width - 16.0);
    if !rich {
        pen.rect((x - widest / 2.0 - 8.0, first - 6.0), (widest + 16.0, rows * 18.0 + 36.0), 6.0, "image");
    }
    pen.icon(icons::PICTURE, (x - 8.0, first), "");
    for (index, line) in label.iter().enumerate() {
        pen.centred((x, first + 34.0 + 18.0 * index as f64), "muted", line, area.width - 16.0);
    }
}

fn chosen(pen: &mut Pen, area: Area, label: &str) {
    area.inset(0.0, 1.0).draw(pen, 6.0, "chosen");
    let (x, y) = area.middle();
    pen.centred((x, y + 5.0), "chosen-text strong", label, area.width - 6.0);
}

fn percentage(pen: &mut Pen, area: Area, percent: u8) {
    let bar = area.inset(0.0, CELL.1 / 2.0 - 4.0);
    bar.draw(pen, 4.0, "grey");
    Area { width: bar.width * f64::from(percent) / 100.0, ..bar }.draw(pen, 4.0, "accent");
}

/// Numbers of the criteria at the upper right corner.
fn badges(pen: &mut Pen, area: Area, criteria: &[u32]) {
    for (index, number) in criteria.iter().take(6).rev().enumerate() {
        let at = (area.x + area.width - 3.0 - 17.0 * index as f64, area.y + 3.0);
        pen.circle(at, 8.0, "badge");
        pen.centred((at.0, at.1 + 3.6), "badge-text", &number.to_string(), 14.0);
    }
}
