//! The small tree of user interface elements that every picture is drawn from.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// Screens for one story, with what a reader needs beside the pictures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Wireframe {
    /// The main screen first, then its states and the screens it leads to.
    pub screens: Vec<Screen>,
    /// The zones of the main screen and what they are for, one paragraph.
    pub layout_description: String,
    /// Transitions that no element's `goto` expresses.
    pub navigation: Vec<Navigation>,
    /// Edge cases, states, accessibility.
    pub notes: Vec<String>,
    /// What was assumed because the story does not say it.
    pub assumptions: Vec<String>,
}

/// One screen in one state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Screen {
    /// What `goto` refers to, unique in a wireframe.
    pub id: String,
    /// Shown in the frame.
    pub title: String,
    /// The state that is shown.
    pub state: State,
    /// What is on it.
    pub root: Node,
}

/// A transition from one screen to another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Navigation {
    /// Screen id.
    pub from: String,
    /// What the user does, for example the label of a button.
    pub on: String,
    /// Screen id.
    pub to: String,
}

/// An element and, for containers, what it contains.
///
/// All kinds share the same fields; a field without meaning for a kind stays empty.
///
/// | Kinds | `text` | `value` | `hint` | `items` | `rows` |
/// | --- | --- | --- | --- | --- | --- |
/// | card, modal, navbar, sidebar, list, tree | title | | | entries | list: cells |
/// | header, text, link, button, icon, alert | the words | | | | |
/// | image | what it shows | | | | |
/// | input, textarea, select | label | content | placeholder, or the error | select: options | |
/// | checkbox, radio, toggle | label | `true` when set | | several of them | |
/// | tabs, menu, bottomnav | | | | labels | |
/// | table | title | | | column heads | cells |
/// | progress | label | percent | | steps instead of a bar | |
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Label, title or the words themselves.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What a field holds.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// Placeholder or help; in the state [`State::Error`] the error message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// Entries, options, labels, column heads, steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// Cells of a table or list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Vec<String>>,
    /// The chosen one of `items`, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected: Option<usize>,
    /// How much weight it has.
    #[serde(skip_serializing_if = "Role::is_normal")]
    pub role: Role,
    /// The state it is in.
    #[serde(skip_serializing_if = "State::is_default")]
    pub state: State,
    /// Whether a field must be filled.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Id of the screen that using it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goto: Option<String>,
    /// Numbers of the acceptance criteria that it serves, counted from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub serves: Vec<u32>,
    /// What a container contains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Node>,
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $wire:literal $(| $alias:literal)*,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, JsonSchema)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $wire)] $variant,)+
        }

        impl $name {
            /// Every one, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name used on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire,)+ }
            }

            /// The one with this name or a common other name for it; letter case, `-` and `_` do not matter.
            pub fn from_name(name: &str) -> Option<Self> {
                let name: String =
                    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
                match name.as_str() { $($wire $(| $alias)* => Some(Self::$variant),)+ _ => None }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            // A name nobody knows is no reason to lose the screen it is on.
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = Option::<String>::deserialize(deserializer)?;
                Ok(name.as_deref().and_then(Self::from_name).unwrap_or_default())
            }
        }
    };
}

names! {
    /// What an element is.
    Kind {
        /// Children one under another.
        Column = "column" | "vstack" | "stack" | "container" | "section" | "form" | "page" | "main",
        /// Children side by side where they fit.
        Row = "row" | "hstack" | "toolbar" | "grid" | "buttongroup",
        /// A bordered box with a title.
        Card = "card" | "box" | "panel" | "group" | "fieldset" | "tile",
        /// A heading.
        Header = "header" | "heading" | "title" | "h1" | "h2" | "h3",
        /// A paragraph; also what an unknown kind becomes.
        #[default]
        Text = "text" | "paragraph" | "label" | "caption" | "p" | "badge",
        /// A button.
        Button = "button" | "cta" | "fab" | "iconbutton" | "submit",
        /// A field for one line.
        Input = "input" | "textfield" | "textinput" | "field" | "search" | "searchbar" | "datepicker" | "password",
        /// A field for several lines.
        Textarea = "textarea" | "multiline",
        /// A drop-down choice.
        Select = "select" | "dropdown" | "combobox" | "picker",
        /// A box to tick, or several.
        Checkbox = "checkbox" | "checkboxes",
        /// One choice of several.
        Radio = "radio" | "radiobutton" | "radiogroup",
        /// A switch.
        Toggle = "toggle" | "switch",
        /// A link.
        Link = "link" | "anchor" | "a",
        /// Sections of which one is shown.
        Tabs = "tabs" | "tab" | "tabbar" | "segmentedcontrol",
        /// A row of commands.
        Menu = "menu" | "menubar" | "breadcrumbs" | "breadcrumb",
        /// Entries one under another.
        List = "list" | "listview" | "ul" | "feed",
        /// A grid of cells under column heads.
        Table = "table" | "datatable" | "datagrid",
        /// Entries with sub-entries.
        Tree = "tree" | "treeview",
        /// A picture, chart or map.
        Image = "image" | "img" | "picture" | "chart" | "map" | "video" | "avatar" | "photo",
        /// A small sign.
        Icon = "icon",
        /// A bar of how far something is, or named steps.
        Progress = "progress" | "progressbar" | "stepper" | "steps" | "timeline" | "slider",
        /// A line between parts.
        Divider = "divider" | "separator" | "hr",
        /// Empty room.
        Spacer = "spacer" | "gap",
        /// A message that stands out.
        Alert = "alert" | "toast" | "notification" | "banner" | "message" | "snackbar" | "error",
        /// A dialogue over the screen.
        Modal = "modal" | "dialog" | "dialogue" | "popup" | "sheet",
        /// The bar at the top.
        Navbar = "navbar" | "topbar" | "appbar" | "navigationbar",
        /// The bar at the side.
        Sidebar = "sidebar" | "drawer" | "sidenav" | "navigationdrawer",
        /// The bar at the bottom of a phone, or a status bar.
        BottomNav = "bottomnav" | "bottomnavigation" | "footer" | "statusbar",
    }
}

names! {
    /// How much weight an element has, or of what nature a message is.
    Role {
        /// Nothing special.
        #[default]
        Normal = "normal" | "default" | "",
        /// The main action of the screen.
        Primary = "primary" | "main" | "submit",
        /// A side action.
        Secondary = "secondary" | "cancel" | "outline" | "ghost",
        /// Cannot be undone; an error message.
        Danger = "danger" | "destructive" | "error",
        /// Something to know.
        Info = "info",
        /// It worked.
        Success = "success" | "ok",
        /// Something to look out for.
        Warning = "warning" | "warn",
    }
}

names! {
    /// The state a screen or an element is in.
    State {
        /// As first seen.
        #[default]
        Default = "default" | "normal" | "",
        /// Something is wrong.
        Error = "error" | "invalid" | "failed",
        /// There is nothing to show yet.
        Empty = "empty" | "nodata" | "noresults",
        /// Not usable now.
        Disabled = "disabled" | "readonly" | "inactive",
        /// Waiting for data.
        Loading = "loading" | "pending",
        /// Done.
        Success = "success" | "done" | "completed",
    }
}

impl Role {
    fn is_normal(&self) -> bool {
        *self == Self::Normal
    }
}

impl State {
    fn is_default(&self) -> bool {
        *self == Self::Default
    }
}

impl Wireframe {
    /// Whether no screen shows a single word: an answer that says nothing, not a wireframe.
    pub fn is_empty(&self) -> bool {
        self.screens.iter().all(|screen| screen.root.walk().all(Node::is_empty))
    }
}

impl Kind {
    /// Whether it may have children.
    pub fn is_container(self) -> bool {
        matches!(
            self,
            Self::Column | Self::Row | Self::Card | Self::Tabs | Self::List | Self::Tree | Self::Alert
        ) || matches!(self, Self::Modal | Self::Navbar | Self::Sidebar | Self::BottomNav | Self::Menu)
    }

    /// Whether the user puts something into it.
    pub fn is_field(self) -> bool {
        matches!(self, Self::Input | Self::Textarea | Self::Select)
    }
}

impl Node {
    /// An element of `kind` with its label.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), ..Self::default() }
    }

    /// A container with what it contains.
    pub fn of(kind: Kind, children: Vec<Node>) -> Self {
        Self { kind, children, ..Self::default() }
    }

    /// Gives it entries.
    #[must_use]
    pub fn items<T: Into<String>>(mut self, items: impl IntoIterator<Item = T>) -> Self {
        self.items = items.into_iter().map(Into::into).collect();
        self
    }

    /// Gives it children.
    #[must_use]
    pub fn with(mut self, children: Vec<Node>) -> Self {
        self.children = children;
        self
    }

    /// Gives it content.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// Gives it a placeholder, a help text or an error message.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Gives it weight.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Chooses one of its items, counted from 0.
    #[must_use]
    pub fn select(mut self, index: usize) -> Self {
        self.selected = Some(index);
        self
    }

    /// Says which screen it leads to.
    #[must_use]
    pub fn goto(mut self, screen: impl Into<String>) -> Self {
        self.goto = Some(screen.into());
        self
    }

    /// Whether it shows no word of its own.
    fn is_empty(&self) -> bool {
        let cells = self.rows.iter().flatten();
        let mut texts = [&self.text, &self.value, &self.hint].into_iter().chain(&self.items).chain(cells);
        texts.all(|text| text.trim().is_empty())
    }

    /// Labels of its entries: `items`, then the texts of children that serve as entries.
    pub(crate) fn labels(&self) -> Vec<&str> {
        let children = self.children.iter().map(|child| child.text.as_str());
        self.items.iter().map(String::as_str).chain(children).collect()
    }

    /// Itself and everything below it, parents before children.
    pub fn walk(&self) -> impl Iterator<Item = &Node> {
        let mut waiting = vec![self];
        std::iter::from_fn(move || {
            let node = waiting.pop()?;
            waiting.extend(node.children.iter().rev());
            Some(node)
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn the_tree_reads_back_as_it_was_written() {
        let root = Node::of(
            Kind::Column,
            vec![
                Node::new(Kind::Header, "Вход"),
                Node::new(Kind::Button, "Войти").role(Role::Primary).goto("home"),
                Node::new(Kind::Tabs, "").items(["А", "Б"]).select(1),
            ],
        );

        let json = serde_json::to_string(&root).unwrap();

        assert_eq!(serde_json::from_str::<Node>(&json).unwrap(), root);
        assert!(!json.contains("rows"), "empty fields are left out: {json}");
    }

    #[test]
    fn names_an_ai_invents_are_understood_or_become_text() {
        for (name, kind) in
            [("VStack", Kind::Column), ("bottom-nav", Kind::BottomNav), ("hologram", Kind::Text)]
        {
            let node: Node = serde_json::from_value(serde_json::json!({ "kind": name })).unwrap();

            assert_eq!(node.kind, kind, "{name}");
        }
    }

    #[test]
    fn a_wireframe_without_a_word_is_empty() {
        let with =
            |root| Wireframe { screens: vec![Screen { root, ..Screen::default() }], ..Wireframe::default() };
        let boxes = Node::of(Kind::Column, vec![Node::new(Kind::Card, " "), Node::new(Kind::Divider, "")]);

        assert!(Wireframe::default().is_empty() && with(boxes).is_empty());
        assert!(!with(Node::of(Kind::Row, vec![Node::new(Kind::Button, "Да")])).is_empty());
    }

    #[test]
    fn walking_visits_parents_first_and_in_order() {
        let tree = Node::of(Kind::Column, vec![Node::of(Kind::Row, vec![Node::new(Kind::Text, "a")])])
            .with(vec![Node::new(Kind::Text, "a"), Node::new(Kind::Text, "b")]);

        let texts: Vec<_> = tree.walk().map(|node| node.text.as_str()).collect();

        assert_eq!(texts, ["", "a", "b"]);
    }
}
