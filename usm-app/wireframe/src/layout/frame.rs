//! The frame of a screen: browser, window or phone, with the bars at its edges.

use story_map::columns::{cut, width as columns_of};

use super::{
    super::{elements::state_name, options::Platform, tree::State},
    Canvas, Kind, Line, Look, Node, Painter, Screen,
};

/// A screen's parts by the edge they belong to.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) top: Vec<&'a Node>,
    pub(crate) side: Vec<&'a Node>,
    pub(crate) body: Vec<Node>,
    pub(crate) bottom: Vec<&'a Node>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(root: &'a Node) -> Self {
        let mut parts = Self { top: vec![], side: vec![], body: vec![], bottom: vec![] };
        match root.kind {
            Kind::Column => root.children.iter().for_each(|child| parts.sort(child)),
            _ => parts.sort(root),
        }
        parts
    }

    fn sort(&mut self, node: &'a Node) {
        match node.kind {
            Kind::Navbar => self.top.push(node),
            Kind::Menu if self.body.is_empty() && self.side.is_empty() => self.top.push(node),
            Kind::Sidebar => self.side.push(node),
            Kind::BottomNav => self.bottom.push(node),
            Kind::Row if node.children.iter().any(|child| child.kind == Kind::Sidebar) => {
                node.children.iter().for_each(|child| self.sort(child));
            }
            _ => self.body.push(node.clone()),
        }
    }
}

impl Painter {
    /// The whole screen in its frame.
    pub(super) fn frame(self, screen: &Screen) -> Canvas {
        let width = self.platform.columns();
        let parts = Parts::of(&screen.root);
        let mut canvas = Canvas::new(width, 1);
        let mut lines = vec![0];

        match self.platform {
            Platform::Web => {
                let address = cut(&format!("/{}", screen.id), width - 24);
                let room = width - 22 - columns_of(&address);
                let bar = format!("○ ○ ○   ←  →   ( {address}{} )", " ".repeat(room.saturating_sub(1)));
                let bar = Canvas::lines(width - 4, [bar]).standing_for(Look::Address(address));
                self.band(&mut canvas, &mut lines, &bar, 2);
            }
            Platform::Mobile => {
                let mut bar = Canvas::lines(width - 4, ["9:41"]);
                bar.text_right(width - 4, 0, "5G  100%");
                canvas.place(2, 1, &bar.standing_for(Look::PhoneStatus));
            }
            // A window has a menu whether the story speaks of one or not.
            Platform::Desktop if !parts.top.iter().any(|bar| bar.kind == Kind::Menu) => {
                let menu = self.language.pick("Файл|Правка|Вид|Справка", "File|Edit|View|Help");
                let menu = Node::new(Kind::Menu, "").items(menu.split('|'));
                self.band(&mut canvas, &mut lines, &self.draw(&menu, width - 4, 0), 2);
            }
            Platform::Desktop => {}
        }
        // A phone has no room for a side bar; its entries go to the top.
        let beside: &[&Node] = if self.is_mobile() { &[] } else { &parts.side };
        let above = if self.is_mobile() { parts.side.as_slice() } else { &[] };
        for bar in parts.top.iter().chain(above) {
            self.band(&mut canvas, &mut lines, &self.draw(bar, width - 4, 0), 2);
        }
        let side_top = canvas.height() - 1;
        let side = self.side(beside, width);
        let x = side.as_ref().map_or(0, |side| side.width() + 3);
        let margin = if self.is_mobile() { 2 } else { 3 };
        let mut body = self.column(&parts.body, width - x - 2 * margin, 0);
        if body.height() == 0 {
            body.grow(3);
        }
        let room = usize::from(!self.is_mobile());
        let is_open = body.is_blank_row(0);
        canvas.grow(usize::from(room > 0 && !is_open));
        let top = canvas.height();
        canvas.place(x + margin, top, &body);
        if let Some(side) = &side {
            canvas.place(2, side_top + 1, side);
        }
        let side_bottom = canvas.height();
        canvas.grow(room + 1);
        lines.push(canvas.height() - 1);
        if side.is_some() {
            canvas.mark_below(0, side_top, (x + 1, side_bottom + room - side_top), Look::Side);
            canvas.vline(x, side_top, canvas.height() - 1, Line::Light);
        }
        for bar in &parts.bottom {
            match self.cells(bar, width - 2) {
                Some(cells) => {
                    let top = canvas.height() - 1;
                    canvas.place(1, top + 1, &cells);
                    canvas.grow(1);
                    lines.push(top + 2);
                    self.divide(&mut canvas, bar.labels().len(), width, top);
                }
                None => self.band(&mut canvas, &mut lines, &self.draw(bar, width - 4, 0), 2),
            }
        }

        let line = if self.is_mobile() { Line::Round } else { Line::Light };
        let height = canvas.height();
        canvas.rect(0, 0, (width, height), line);
        lines.iter().for_each(|y| canvas.hline(0, width - 1, *y, line));
        // The edge is a shape where shapes are drawn; the lines across stay lines.
        for row in 0..height {
            canvas.silence(0, row, (1, 1));
            canvas.silence(width - 1, row, (1, 1));
        }
        canvas.silence(0, 0, (width, 1));
        canvas.silence(0, height - 1, (width, 1));
        canvas.mark_below(0, 0, (width, height), Look::Frame(self.platform));
        // On a phone the bar at the top usually says it already.
        let said = parts.top.iter().any(|bar| self.is_mobile() && bar.text == screen.title);
        if !said || screen.state != State::Default {
            self.title(&mut canvas, screen, width);
        }
        canvas
    }

    /// A bar across the whole width, closed by a line.
    fn band(self, canvas: &mut Canvas, lines: &mut Vec<usize>, bar: &Canvas, x: usize) {
        if bar.height() > 0 {
            canvas.place(x, canvas.height(), bar);
            canvas.mark_below(0, canvas.height() - bar.height(), (canvas.width(), bar.height()), Look::Bar);
            canvas.grow(1);
            lines.push(canvas.height() - 1);
        }
    }

    fn divide(self, canvas: &mut Canvas, count: usize, width: usize, top: usize) {
        for index in 1..count {
            canvas.vline((width - 1) * index / count, top, top + 2, Line::Light);
        }
    }

    fn side(self, bars: &[&Node], width: usize) -> Option<Canvas> {
        if bars.is_empty() {
            return None;
        }
        let bars: Vec<Node> = bars.iter().map(|bar| (*bar).clone()).collect();
        let wanted = bars.iter().map(|bar| self.measure(bar).pref).max().unwrap_or(0);
        Some(self.column(&bars, wanted.clamp(10, width / 4), 0))
    }

    fn title(self, canvas: &mut Canvas, screen: &Screen, width: usize) {
        let state = if screen.state == State::Default { "" } else { state_name(screen.state, self.language) };
        let title = match (screen.title.is_empty(), state.is_empty()) {
            (_, true) => screen.title.clone(),
            (true, false) => state.to_owned(),
            (false, false) => format!("{} · {state}", screen.title),
        };
        let controls = if self.platform == Platform::Desktop { " _ □ x " } else { "" };
        let room = width - 6 - columns_of(controls);
        if !title.is_empty() {
            canvas.text(2, 0, &format!(" {} ", cut(&title, room)));
        }
        if self.platform != Platform::Desktop {
            // Where a phone or a browser is drawn as a shape, the name of the screen stands above it.
            canvas.silence(0, 0, (width, 1));
        }
        canvas.text_right(width - 2, 0, controls);
        if !controls.is_empty() {
            canvas.stand_for(
                width - 2 - columns_of(controls),
                0,
                (columns_of(controls), 1),
                Look::WindowControls,
            );
        }
    }
}
