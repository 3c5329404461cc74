//! One element after another as HTML.

use std::fmt::Write as _;

use super::{
    super::{
        super::{
            Language,
            elements::state_name,
            options::{Platform, Style},
            tree::{Kind, Node, Role, State, Wireframe},
        },
        svg::escape,
    },
    put,
};

/// Writes elements of one wireframe.
pub(super) struct Writer<'a> {
    wireframe: &'a Wireframe,
    pub(super) platform: Platform,
    style: Style,
    pub(super) language: Language,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        wireframe: &'a Wireframe,
        platform: Platform,
        style: Style,
        language: Language,
    ) -> Self {
        Self { wireframe, platform, style, language }
    }

    pub(super) fn stack(&self, page: &mut String, nodes: &[Node]) {
        nodes.iter().for_each(|node| self.node(page, node));
    }

    /// Body text: as it is, or grey where the picture hides content.
    fn body(&self, text: &str) -> String {
        // Blocks stand where a component waits for its data.
        let hides = |word: &str| self.is_grey() || word.chars().all(|c| c == '░');
        let words = text.split_whitespace();
        words.map(|word| if hides(word) { grey(word) } else { escape(word) }).collect::<Vec<_>>().join(" ")
    }

    fn is_grey(&self) -> bool {
        self.style == Style::LowFidelity
    }

    pub(super) fn node(&self, page: &mut String, node: &Node) {
        let text = escape(&node.text);
        let badges = self.badges(node);
        match node.kind {
            Kind::Column => self.wrap(page, "<div class=\"column\">", &node.children, "</div>"),
            Kind::Row => self.wrap(page, "<div class=\"row\">", &node.children, "</div>"),
            Kind::Card => {
                let head = if text.is_empty() { String::new() } else { format!("<h4>{text}</h4>") };
                self.wrap(
                    page,
                    &format!("<section class=\"card\">{badges}{head}"),
                    &node.children,
                    "</section>",
                );
            }
            Kind::Modal => {
                let open = format!(
                    "<div class=\"shade\"><div class=\"modal\" role=\"dialog\">{badges}<h4>{text}</h4>"
                );
                self.wrap(page, &open, &node.children, "</div></div>");
            }
            Kind::Alert => {
                let said = [&node.text, &node.value, &node.hint].map(|text| escape(text)).join(" ");
                let role = if node.role == Role::Danger { "alert" } else { "status" };
                let open = format!(
                    "<div class=\"alert {}\" role=\"{role}\">{badges}<p>{said}</p>",
                    node.role.as_str()
                );
                self.wrap(page, &open, &node.children, "</div>");
            }
            Kind::Header => put(page, format_args!("<h3>{text}{badges}</h3>")),
            Kind::Text => {
                let said = [&node.text, &node.value, &node.hint].map(String::as_str).join(" ");
                put(page, format_args!("<p>{}{badges}</p>", self.body(said.trim())));
            }
            Kind::Button | Kind::Link => self.button(page, node),
            Kind::Icon => put(page, format_args!("<span class=\"icon\">{text}{badges}</span>")),
            Kind::Input | Kind::Textarea | Kind::Select => self.field(page, node),
            Kind::Checkbox | Kind::Radio | Kind::Toggle => self.choice(page, node),
            Kind::Tabs => {
                // Children are what is shown under the chosen tab, not tabs.
                let entries = self.entries(&Node { children: Vec::new(), ..node.clone() }, "span");
                self.wrap(page, &format!("<div class=\"tabs\">{entries}{badges}</div>"), &node.children, "");
            }
            Kind::Menu => {
                put(page, format_args!("<nav class=\"menu\">{}{badges}</nav>", self.entries(node, "span")))
            }
            Kind::BottomNav => {
                put(page, format_args!("<nav class=\"bottom\">{}{badges}</nav>", self.entries(node, "span")));
            }
            Kind::Navbar => {
                let plain = Node { children: Vec::new(), ..node.clone() };
                let open = format!(
                    "<nav class=\"navbar\"><b>{text}</b>{}<span class=\"push\"></span>",
                    self.entries(&plain, "span")
                );
                self.wrap(page, &open, &node.children, "</nav>");
            }
            Kind::Sidebar => {
                let plain = Node { children: Vec::new(), ..node.clone() };
                let open = format!("<nav class=\"side\"><b>{text}</b>{}", self.entries(&plain, "span"));
                self.wrap(page, &open, &node.children, "</nav>");
            }
            Kind::List => self.list(page, node),
            Kind::Tree => {
                let _ = write!(page, "<div class=\"tree\"><b>{text}</b>");
                self.branches(page, node);
                page.push_str("</div>\n");
            }
            Kind::Table => self.table(page, node),
            Kind::Image => {
                put(page, format_args!("<div class=\"image\" role=\"img\">{text}{badges}</div>"));
            }
            Kind::Progress => self.progress(page, node),
            Kind::Divider => put(
                page,
                format_args!(
                    "<hr>{}",
                    if text.is_empty() { String::new() } else { format!("<p class=\"hint\">{text}</p>") }
                ),
            ),
            Kind::Spacer => page.push_str("<span class=\"push\"></span>\n"),
        }
    }

    fn wrap(&self, page: &mut String, open: &str, children: &[Node], close: &str) {
        page.push_str(open);
        page.push('\n');
        self.stack(page, children);
        page.push_str(close);
        page.push('\n');
    }

    /// Numbers of the criteria an element serves.
    fn badges(&self, node: &Node) -> String {
        if self.is_grey() {
            return String::new();
        }
        let title = self.language.pick("критерий", "criterion");
        node.serves.iter().map(|number| format!("<sup title=\"{title} {number}\">{number}</sup>")).collect()
    }

    /// Where an element leads: the place of that screen on the page, if there is such a screen.
    fn way(&self, node: &Node) -> Option<usize> {
        let target = node.goto.as_deref()?;
        // A component stands alone: there is no other screen on the page.
        let is_drawn = self.style != Style::Component;
        self.wireframe.screens.iter().position(|screen| screen.id == target).filter(|_| is_drawn)
    }

    fn button(&self, page: &mut String, node: &Node) {
        let text = escape(if node.text.is_empty() { &node.hint } else { &node.text });
        let class = match node.kind {
            Kind::Link => "link",
            _ => "button",
        };
        let (role, badges) = (node.role.as_str(), self.badges(node));
        match (self.way(node), node.state) {
            (Some(screen), State::Default | State::Success | State::Empty | State::Error) => {
                put(page, format_args!("<a class=\"{class} {role}\" href=\"#s{screen}\">{text}{badges}</a>"));
            }
            (_, State::Disabled) => {
                put(
                    page,
                    format_args!(
                        "<button class=\"{class} {role}\" type=\"button\" disabled>{text}{badges}</button>"
                    ),
                );
            }
            (_, State::Loading) => put(
                page,
                format_args!(
                    "<button class=\"{class} {role}\" type=\"button\" disabled aria-busy=\"true\">{text} …</button>"
                ),
            ),
            _ => put(
                page,
                format_args!("<button class=\"{class} {role}\" type=\"button\">{text}{badges}</button>"),
            ),
        }
    }

    fn field(&self, page: &mut String, node: &Node) {
        let star = if node.required { " <em>*</em>" } else { "" };
        let is_bad = node.state == State::Error;
        let hint = if is_bad || self.is_grey() { String::new() } else { escape(&node.hint) };
        let value = if self.is_grey() { String::new() } else { escape(&node.value) };
        let off = if matches!(node.state, State::Disabled | State::Loading) { " disabled" } else { "" };
        let bad = if is_bad { " aria-invalid=\"true\"" } else { "" };
        let control = match node.kind {
            Kind::Textarea => {
                format!("<textarea rows=\"3\" placeholder=\"{hint}\"{off}{bad}>{value}</textarea>")
            }
            Kind::Select => {
                let options: String = node
                    .items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| {
                        let is_chosen = node.selected == Some(index) || *item == node.value;
                        format!(
                            "<option{}>{}</option>",
                            if is_chosen { " selected" } else { "" },
                            escape(item)
                        )
                    })
                    .collect();
                let options = if options.is_empty() { format!("<option>{value}</option>") } else { options };
                format!("<select{off}{bad}>{options}</select>")
            }
            _ => format!("<input value=\"{value}\" placeholder=\"{hint}\"{off}{bad}>"),
        };
        let label = if node.text.is_empty() {
            String::new()
        } else {
            format!("<span>{}{star}</span>", escape(&node.text))
        };
        let problem = match is_bad && !node.hint.is_empty() {
            true => format!("<small class=\"bad\">{}</small>", escape(&node.hint)),
            false => String::new(),
        };
        put(
            page,
            format_args!("<label class=\"field\">{label}{control}{problem}{}</label>", self.badges(node)),
        );
    }

    fn choice(&self, page: &mut String, node: &Node) {
        let kind = if node.kind == Kind::Radio { "radio" } else { "checkbox" };
        let switch = if node.kind == Kind::Toggle { " class=\"switch\"" } else { "" };
        let off = if node.state == State::Disabled { " disabled" } else { "" };
        let entry = |text: &str, set: bool| {
            let set = if set { " checked" } else { "" };
            format!(
                "<label class=\"choice\"><input type=\"{kind}\"{switch}{set}{off}>{}</label>",
                escape(text)
            )
        };
        let is_set =
            matches!(node.value.to_lowercase().as_str(), "true" | "x" | "on" | "yes" | "1" | "да" | "вкл");
        let inside: String = match node.items.is_empty() {
            true => entry(&node.text, is_set),
            false => {
                let legend = if node.text.is_empty() {
                    String::new()
                } else {
                    format!("<legend>{}</legend>", escape(&node.text))
                };
                let entries =
                    node.items.iter().enumerate().map(|(index, item)| {
                        entry(item, node.selected == Some(index) || *item == node.value)
                    });
                legend + &entries.collect::<String>()
            }
        };
        let hint = if self.is_grey() || node.hint.is_empty() {
            String::new()
        } else {
            format!("<small>{}</small>", escape(&node.hint))
        };
        put(page, format_args!("<fieldset>{inside}{hint}{}</fieldset>", self.badges(node)));
    }

    /// Entries of a bar, the chosen one marked.
    fn entries(&self, node: &Node, tag: &str) -> String {
        let entry = |(index, label): (usize, &str)| {
            let current = if node.selected == Some(index) { " aria-current=\"page\"" } else { "" };
            format!("<{tag}{current}>{}</{tag}>", escape(label))
        };
        node.labels().into_iter().enumerate().filter(|(_, label)| !label.is_empty()).map(entry).collect()
    }

    fn list(&self, page: &mut String, node: &Node) {
        if !node.text.is_empty() {
            put(page, format_args!("<h4>{}</h4>", escape(&node.text)));
        }
        page.push_str("<ul class=\"list\">");
        for item in &node.items {
            let _ = write!(page, "<li>{}</li>", self.body(item));
        }
        for row in &node.rows {
            let cells: String = row.iter().map(|cell| format!("<span>{}</span>", self.body(cell))).collect();
            let _ = write!(page, "<li class=\"cells\">{cells}</li>");
        }
        for child in &node.children {
            page.push_str("<li>");
            self.node(page, child);
            page.push_str("</li>");
        }
        put(page, format_args!("</ul>{}", self.badges(node)));
    }

    fn branches(&self, page: &mut String, node: &Node) {
        page.push_str("<ul>");
        for item in &node.items {
            let _ = write!(page, "<li>{}</li>", escape(item));
        }
        for child in &node.children {
            let _ = write!(page, "<li>{}", escape(&child.text));
            self.branches(page, child);
            page.push_str("</li>");
        }
        page.push_str("</ul>");
    }

    fn table(&self, page: &mut String, node: &Node) {
        let caption = if node.text.is_empty() {
            String::new()
        } else {
            format!("<caption>{}</caption>", escape(&node.text))
        };
        let heads: String =
            node.items.iter().map(|head| format!("<th scope=\"col\">{}</th>", escape(head))).collect();
        let row = |row: &Vec<String>| {
            let cells: String = row.iter().map(|cell| format!("<td>{}</td>", self.body(cell))).collect();
            format!("<tr>{cells}</tr>")
        };
        let rows: String = node.rows.iter().map(row).collect();
        let empty = match node.rows.is_empty() {
            true => format!(
                "<tr><td colspan=\"{}\">{}</td></tr>",
                node.items.len().max(1),
                state_name(State::Empty, self.language)
            ),
            false => String::new(),
        };
        put(
            page,
            format_args!(
                "<div class=\"scroll\"><table>{caption}<thead><tr>{heads}</tr></thead><tbody>{rows}{empty}</tbody></table>{}</div>",
                self.badges(node)
            ),
        );
    }

    fn progress(&self, page: &mut String, node: &Node) {
        let text = escape(&node.text);
        if node.items.is_empty() {
            let percent =
                node.value.trim_end_matches('%').trim().parse::<f64>().unwrap_or(0.0).clamp(0.0, 100.0);
            put(
                page,
                format_args!(
                    "<label class=\"field\"><span>{text}</span><progress max=\"100\" value=\"{percent:.0}\"></progress></label>"
                ),
            );
            return;
        }
        let now = node.selected.unwrap_or(0);
        let step = |(index, item): (usize, &String)| {
            let class = match index.cmp(&now) {
                std::cmp::Ordering::Less => " class=\"done\"",
                std::cmp::Ordering::Equal => " aria-current=\"step\"",
                std::cmp::Ordering::Greater => "",
            };
            format!("<li{class}>{}</li>", escape(item))
        };
        let steps: String = node.items.iter().enumerate().map(step).collect();
        put(page, format_args!("<p>{text}</p><ol class=\"steps\">{steps}</ol>{}", self.badges(node)));
    }
}

/// A grey block as wide as a word.
fn grey(word: &str) -> String {
    let width = story_map::columns::width(word);
    format!("<span class=\"grey\" style=\"width:{width}ch\"></span>")
}
