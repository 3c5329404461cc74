//! The form of a wireframe that an AI is asked for: a flat list of nodes with parent ids.
//!
//! Strict answer schemas cannot recurse, so the tree is asked for as a list. What comes back is turned into a
//! tree whatever it is: nodes without a known parent, circles of parents and unknown kinds are repaired and
//! reported, not refused, because a picture with one misplaced button is worth more than none.

mod read;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;

use super::{
    tidy::{self, MAX_NODES},
    tree::{Kind, Navigation, Node, Role, Screen, State, Wireframe},
};

/// A [`Wireframe`] with flat screens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FlatWireframe {
    /// The main screen first, then its error or empty state and the screens its buttons lead to.
    #[schemars(default)]
    pub screens: Vec<FlatScreen>,
    /// The zones of the main screen and what they are for, one paragraph.
    #[schemars(default)]
    pub layout_description: String,
    /// Transitions that no element's `goto` expresses.
    #[schemars(default)]
    pub navigation: Vec<Navigation>,
    /// Edge cases, states, accessibility.
    #[schemars(default)]
    pub notes: Vec<String>,
    /// What was assumed because the story does not say it.
    #[schemars(default)]
    pub assumptions: Vec<String>,
}

/// One screen as a list of nodes, parents before children.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FlatScreen {
    /// What `goto` refers to, unique in a wireframe.
    #[schemars(default)]
    pub id: String,
    /// Shown in the frame.
    #[schemars(default)]
    pub title: String,
    /// The state that is shown.
    #[schemars(default)]
    pub state: State,
    /// What is on it.
    #[schemars(default)]
    pub nodes: Vec<FlatNode>,
}

/// One element; the fields mean what they mean in [`Node`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FlatNode {
    /// Unique in its screen.
    #[schemars(default)]
    pub id: String,
    /// Id of the container it is in; empty for the top of the screen.
    #[schemars(default)]
    pub parent: String,
    /// What it is.
    #[schemars(default, with = "Kind")]
    pub kind: String,
    /// Label, title or the words themselves.
    #[schemars(default)]
    pub text: String,
    /// What a field holds: sample content, `true` when ticked, percent of a progress bar.
    #[schemars(default)]
    pub value: String,
    /// Placeholder or help; in the state error the error message.
    #[schemars(default)]
    pub hint: String,
    /// Entries, options, labels, column heads, steps.
    #[schemars(default)]
    pub items: Vec<String>,
    /// Cells of a table or list.
    #[schemars(default)]
    pub rows: Vec<Vec<String>>,
    /// The chosen one of `items`, counted from 0; negative for none.
    #[schemars(default)]
    pub selected: Option<i64>,
    /// How much weight it has.
    #[schemars(default)]
    pub role: Role,
    /// The state it is in.
    #[schemars(default)]
    pub state: State,
    /// Whether a field must be filled.
    #[schemars(default)]
    pub required: bool,
    /// Id of the screen that using it leads to; empty for none.
    #[schemars(default)]
    pub goto: String,
    /// Numbers of the acceptance criteria that it serves, counted from 1; empty for none.
    #[schemars(default)]
    pub serves: Vec<i64>,
}

impl<'de> Deserialize<'de> for FlatWireframe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read::wireframe(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl FlatWireframe {
    /// Its words, as far as they tell the language.
    pub fn words(&self) -> String {
        let nodes = self.screens.iter().flat_map(|screen| &screen.nodes);
        let texts = nodes.flat_map(|node| [&node.text, &node.hint].into_iter().chain(&node.items));
        texts.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The tree, safe to draw, and what had to be repaired, one sentence each.
    pub fn into_wireframe(self) -> (Wireframe, Vec<String>) {
        let mut repairs = Vec::new();
        let screens = self.screens.into_iter().map(|screen| screen.into_screen(&mut repairs)).collect();
        let (layout_description, navigation) = (self.layout_description, self.navigation);
        let (notes, assumptions) = (self.notes, self.assumptions);
        let wireframe = Wireframe { screens, layout_description, navigation, notes, assumptions };
        (tidy::wireframe(wireframe, &mut repairs), repairs)
    }
}

impl FlatScreen {
    fn into_screen(mut self, repairs: &mut Vec<String>) -> Screen {
        let name = if self.id.is_empty() { self.title.clone() } else { self.id.clone() };
        if self.nodes.len() > MAX_NODES {
            repairs
                .push(format!("screen `{name}`: {} elements over the limit", self.nodes.len() - MAX_NODES));
            self.nodes.truncate(MAX_NODES);
        }
        let parents = parents(&self.nodes, &name, repairs);
        let mut children = vec![Vec::new(); self.nodes.len()];
        let mut top = Vec::new();
        for (index, parent) in parents.iter().enumerate() {
            match parent {
                Some(parent) => children[*parent].push(index),
                None => top.push(index),
            }
        }
        for node in &self.nodes {
            if Kind::from_name(&node.kind).is_none() {
                repairs.push(format!("screen `{name}`: unknown kind `{}` shown as text", node.kind));
            }
        }
        let mut roots: Vec<Node> = top.iter().map(|index| build(*index, &self.nodes, &children)).collect();
        let root = match roots.pop() {
            Some(only) if roots.is_empty() && only.kind == Kind::Column => only,
            last => Node::of(Kind::Column, roots.into_iter().chain(last).collect()),
        };
        Screen { id: self.id, title: self.title, state: self.state, root }
    }
}

/// Index of each node's parent. A parent that does not exist, or that would close a circle, is none.
fn parents(nodes: &[FlatNode], screen: &str, repairs: &mut Vec<String>) -> Vec<Option<usize>> {
    let mut by_id = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let id = node.id.trim();
        if *by_id.entry(id).or_insert(index) != index && !id.is_empty() {
            repairs.push(format!(
                "screen `{screen}`: more than one element is called `{id}`; children are put into the first"
            ));
        }
    }
    let mut parents: Vec<Option<usize>> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let wanted = node.parent.trim();
        let parent = by_id.get(wanted).copied().filter(|_| !wanted.is_empty());
        if parent.is_none() && !wanted.is_empty() {
            repairs.push(format!("screen `{screen}`: parent `{wanted}` does not exist"));
        }
        parents.push(parent);
    }
    for start in 0..nodes.len() {
        // With n nodes a chain of parents ends after n steps unless it is a circle.
        let mut at = start;
        let chain = std::iter::from_fn(|| {
            at = parents[at]?;
            Some(at)
        });
        if chain.take(nodes.len() + 1).any(|ancestor| ancestor == start) {
            repairs.push(format!("screen `{screen}`: element `{}` was inside itself", nodes[start].id));
            parents[start] = None;
        }
    }
    parents
}

fn build(index: usize, nodes: &[FlatNode], children: &[Vec<usize>]) -> Node {
    let flat = &nodes[index];
    Node {
        kind: Kind::from_name(&flat.kind).unwrap_or_default(),
        text: flat.text.clone(),
        value: flat.value.clone(),
        hint: flat.hint.clone(),
        items: flat.items.clone(),
        rows: flat.rows.clone(),
        selected: flat.selected.and_then(|index| usize::try_from(index).ok()),
        role: flat.role,
        state: flat.state,
        required: flat.required,
        goto: Some(flat.goto.clone()).filter(|target| !target.trim().is_empty()),
        serves: flat.serves.iter().filter_map(|number| u32::try_from(*number).ok()).collect(),
        children: children[index].iter().map(|child| build(*child, nodes, children)).collect(),
    }
}

impl From<&Wireframe> for FlatWireframe {
    fn from(wireframe: &Wireframe) -> Self {
        Self {
            screens: wireframe.screens.iter().map(FlatScreen::from).collect(),
            layout_description: wireframe.layout_description.clone(),
            navigation: wireframe.navigation.clone(),
            notes: wireframe.notes.clone(),
            assumptions: wireframe.assumptions.clone(),
        }
    }
}

impl From<&Screen> for FlatScreen {
    fn from(screen: &Screen) -> Self {
        let mut nodes = Vec::new();
        flatten(&screen.root, "", &mut nodes);
        Self { id: screen.id.clone(), title: screen.title.clone(), state: screen.state, nodes }
    }
}

fn flatten(node: &Node, parent: &str, nodes: &mut Vec<FlatNode>) {
    let id = format!("n{}", nodes.len() + 1);
    nodes.push(FlatNode {
        id: id.clone(),
        parent: parent.to_owned(),
        kind: node.kind.as_str().to_owned(),
        text: node.text.clone(),
        value: node.value.clone(),
        hint: node.hint.clone(),
        items: node.items.clone(),
        rows: node.rows.clone(),
        selected: node.selected.and_then(|index| i64::try_from(index).ok()),
        role: node.role,
        state: node.state,
        required: node.required,
        goto: node.goto.clone().unwrap_or_default(),
        serves: node.serves.iter().map(|number| i64::from(*number)).collect(),
    });
    for child in &node.children {
        flatten(child, &id, nodes);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use serde_json::json;

    use super::*;

    fn screen(nodes: serde_json::Value) -> (Node, Vec<String>) {
        let flat: FlatWireframe =
            serde_json::from_value(json!({ "screens": [{ "id": "s", "nodes": nodes }] })).unwrap();
        let (mut wireframe, repairs) = flat.into_wireframe();
        (wireframe.screens.remove(0).root, repairs)
    }

    fn texts(root: &Node) -> Vec<&str> {
        root.walk().map(|node| node.text.as_str()).filter(|text| !text.is_empty()).collect()
    }

    #[test]
    fn a_flat_list_becomes_the_tree_it_describes() {
        let (root, repairs) = screen(json!([
            { "id": "root", "parent": null, "kind": "column" },
            { "id": "card", "parent": "root", "kind": "card", "text": "Заказ" },
            { "id": 7, "parent": "card", "kind": "button", "text": "Оплатить", "role": "primary", "goto": "paid" },
        ]));

        assert_eq!(repairs, Vec::<String>::new());
        assert_eq!(root.children[0].text, "Заказ");
        assert_eq!(root.children[0].children[0].goto.as_deref(), Some("paid"));
    }

    #[test]
    fn nested_nodes_other_names_and_numbers_are_read() {
        let flat: FlatWireframe = serde_json::from_value(json!({ "wireframe": { "pages": [{
            "name": "Оплата", "root": { "type": "column", "children": [
                { "type": "table", "columns": ["Заказ", { "label": "Сумма" }], "rows": [[17, 890.5], { "a": "№ 18", "b": true }] },
                { "type": "card", "title": "Итого", "elements": ["1 240 ₽", { "type": "button", "label": "Оплатить" }] },
            ] },
        }], "notes": "1. Чек на почту", "navigation": ["Оплатить ведёт к чеку", { "from": "a", "to": "b" }] } }))
        .unwrap();
        let (wireframe, repairs) = flat.into_wireframe();

        let root = &wireframe.screens[0].root;
        assert_eq!(repairs, Vec::<String>::new());
        assert_eq!(
            root.children[0].rows,
            [vec!["17".to_owned(), "890.5".to_owned()], vec!["№ 18".to_owned(), "true".to_owned()]]
        );
        assert_eq!(
            (root.children[0].items.join(","), texts(root)),
            ("Заказ,Сумма".to_owned(), vec!["Итого", "1 240 ₽", "Оплатить"])
        );
        assert_eq!(wireframe.notes, ["Чек на почту", "Оплатить ведёт к чеку"]);
        assert_eq!(wireframe.navigation.len(), 1);
    }

    #[test]
    fn screens_that_show_nothing_are_refused_with_what_is_missing() {
        for nothing in [
            json!({ "screens": [] }),
            json!({ "answer": "no" }),
            json!({ "screens": [{ "id": "s", "title": "Вход", "nodes": [{ "id": "1", "kind": "column" }] }] }),
        ] {
            let refused = serde_json::from_value::<FlatWireframe>(nothing).unwrap_err().to_string();
            assert!(refused.contains("empty screen") && refused.contains("`nodes`"), "{refused}");
        }
    }

    #[test]
    fn a_missing_parent_puts_the_node_at_the_top() {
        let (root, repairs) = screen(json!([
            { "id": "a", "parent": "nowhere", "kind": "text", "text": "kept" },
        ]));

        assert_eq!(texts(&root), ["kept"]);
        assert_eq!(repairs, ["screen `s`: parent `nowhere` does not exist"]);
    }

    #[test]
    fn a_circle_of_parents_is_opened_and_nothing_is_lost() {
        let (root, repairs) = screen(json!([
            { "id": "a", "parent": "b", "kind": "card", "text": "one" },
            { "id": "b", "parent": "c", "kind": "card", "text": "two" },
            { "id": "c", "parent": "a", "kind": "card", "text": "three" },
            { "id": "d", "parent": "d", "kind": "text", "text": "four" },
        ]));

        let mut found = texts(&root);
        found.sort_unstable();
        assert_eq!(found, ["four", "one", "three", "two"]);
        assert_eq!(repairs.len(), 2);
    }

    #[test]
    fn an_unknown_kind_is_shown_as_text() {
        let (root, repairs) = screen(json!([{ "id": "a", "kind": "hologram", "text": "kept" }]));

        assert_eq!((root.children[0].kind, texts(&root)), (Kind::Text, vec!["kept"]));
        assert_eq!(repairs.len(), 1);
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let chain: Vec<_> = (0..1000)
            .map(|n| json!({ "id": n, "parent": n - 1, "kind": "card", "text": format!("t{n}") }))
            .collect();

        let (root, repairs) = screen(json!(chain));

        fn depth(node: &Node) -> usize {
            1 + node.children.iter().map(depth).max().unwrap_or(0)
        }
        assert!(depth(&root) <= tidy::MAX_DEPTH, "{}", depth(&root));
        assert!(root.walk().count() <= MAX_NODES);
        assert!(repairs.iter().any(|repair| repair.contains("over the limit")), "{repairs:?}");
    }

    #[test]
    fn a_tree_survives_the_way_through_the_flat_form() {
        let root = Node::of(
            Kind::Column,
            vec![
                Node::new(Kind::Tabs, "").items(["А", "Б"]).select(1),
                Node::of(
                    Kind::Row,
                    vec![Node::new(Kind::Button, "Да").goto("s"), Node::new(Kind::Link, "Нет")],
                ),
            ],
        );
        let screens = vec![Screen { id: "s".into(), title: "Экран".into(), state: State::Error, root }];
        let wireframe = Wireframe { screens, notes: vec!["note".into()], ..Wireframe::default() };

        let json = serde_json::to_string(&FlatWireframe::from(&wireframe)).unwrap();
        let (back, repairs) = serde_json::from_str::<FlatWireframe>(&json).unwrap().into_wireframe();

        assert_eq!(back, wireframe);
        assert_eq!(repairs, Vec::<String>::new());
    }

    #[test]
    fn the_schema_for_an_ai_does_not_recurse_and_names_the_kinds() {
        let schema = serde_json::to_string(&schemars::schema_for!(FlatWireframe)).unwrap();

        assert!(schema.contains("bottomnav"));
        assert!(!schema.contains("\"children\""));
    }
}
