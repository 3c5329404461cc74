//! Makes any tree safe to draw: clean text, bounded depth, size and lengths, children only in containers.
//!
//! Nothing disappears unseen: what is too long ends in `…`, what is too deep moves up, and what is too much
//! leaves an `…` in its place and a sentence among the repairs.

use std::collections::HashSet;

use story_map::columns::{CUT, clean};

use super::tree::{Kind, Node, Screen, Wireframe};

/// Deepest nesting, the root counted as 1.
pub const MAX_DEPTH: usize = 8;
/// Most elements on one screen.
pub const MAX_NODES: usize = 300;
/// Most screens in one wireframe.
pub const MAX_SCREENS: usize = 12;
/// Most entries of a list, cells of a row, rows of a table.
const MAX_ENTRIES: usize = 30;
/// Longest text of one element, in characters.
const MAX_TEXT: usize = 600;
/// Longest entry or cell, in characters.
const MAX_ENTRY: usize = 160;

/// The same wireframe, safe to draw. Says in `repairs` what was left out.
pub fn wireframe(mut wireframe: Wireframe, repairs: &mut Vec<String>) -> Wireframe {
    let dropped = wireframe.screens.len().saturating_sub(MAX_SCREENS);
    if dropped > 0 {
        repairs.push(format!("{dropped} screens over the limit of {MAX_SCREENS} were left out"));
        wireframe.screens.truncate(MAX_SCREENS);
    }
    wireframe.screens = wireframe.screens.into_iter().map(|one| screen(one, repairs)).collect();
    unique_ids(&mut wireframe.screens, repairs);
    name_by_id(&mut wireframe);
    wireframe.layout_description = bounded(&wireframe.layout_description, 4 * MAX_TEXT);
    for step in &mut wireframe.navigation {
        step.from = bounded(&step.from, MAX_ENTRY);
        step.on = bounded(&step.on, MAX_ENTRY);
        step.to = bounded(&step.to, MAX_ENTRY);
    }
    wireframe.navigation.retain(|step| !step.to.is_empty());
    wireframe.notes = sentences(wireframe.notes);
    wireframe.assumptions = sentences(wireframe.assumptions);
    wireframe
}

/// A second screen of the same name gets a name of its own; what leads there leads to the first.
fn unique_ids(screens: &mut [Screen], repairs: &mut Vec<String>) {
    let mut taken = HashSet::new();
    for screen in screens {
        if screen.id.is_empty() || taken.insert(screen.id.clone()) {
            continue;
        }
        let free = (2..).map(|number| format!("{}-{number}", screen.id)).find(|id| !taken.contains(id));
        let free = free.unwrap_or_default();
        repairs.push(format!("more than one screen is called `{}`; one is now `{free}`", screen.id));
        taken.insert(free.clone());
        screen.id = free;
    }
}

/// Ways that name a screen by its title lead to its id.
fn name_by_id(wireframe: &mut Wireframe) {
    let known: Vec<(String, String)> =
        wireframe.screens.iter().map(|screen| (screen.id.clone(), screen.title.clone())).collect();
    let named = |name: &mut String| {
        if known.iter().any(|(id, _)| id == name) {
            return;
        }
        let titled = |(id, title): &&(String, String)| !id.is_empty() && title.eq_ignore_ascii_case(name);
        if let Some((id, _)) = known.iter().find(titled) {
            name.clone_from(id);
        }
    };
    fn ways(node: &mut Node, named: &impl Fn(&mut String)) {
        node.goto.iter_mut().for_each(named);
        node.children.iter_mut().for_each(|child| ways(child, named));
    }
    wireframe.screens.iter_mut().for_each(|screen| ways(&mut screen.root, &named));
    for step in &mut wireframe.navigation {
        named(&mut step.from);
        named(&mut step.to);
    }
}

/// The same screen, safe to draw. Says in `repairs` what was left out.
pub fn screen(mut screen: Screen, repairs: &mut Vec<String>) -> Screen {
    screen.id = bounded(&screen.id, MAX_ENTRY);
    screen.title = bounded(&screen.title, MAX_ENTRY);
    // A root that cannot contain anything is put into a column, which counts too.
    let left = MAX_NODES - usize::from(!screen.root.kind.is_container());
    let mut budget = Budget { left, dropped: 0 };
    let mut tops = Vec::new();
    place(screen.root, 1, &mut budget, &mut tops);
    if budget.dropped > 0 {
        repairs.push(format!(
            "screen `{}`: {} elements over the limit were left out",
            screen.id, budget.dropped
        ));
    }
    screen.root = match tops.len() {
        1 => tops.remove(0),
        _ => Node::of(Kind::Column, tops),
    };
    screen
}

struct Budget {
    left: usize,
    dropped: usize,
}

/// Puts `node` at `depth` into `siblings`; children that may not stay inside it follow it there.
fn place(mut node: Node, depth: usize, budget: &mut Budget, siblings: &mut Vec<Node>) {
    match budget.left {
        0 => {
            budget.dropped += node.walk().count();
            return;
        }
        1 => {
            // The last place is for the sign that something is missing.
            budget.left = 0;
            budget.dropped += node.walk().count();
            siblings.push(Node::new(Kind::Text, CUT));
            return;
        }
        _ => budget.left -= 1,
    }
    clean_texts(&mut node);
    let children: Vec<Node> =
        misplaced(&mut node).into_iter().chain(std::mem::take(&mut node.children)).collect();
    let inside = node.kind.is_container() && depth < MAX_DEPTH;
    if inside {
        for child in children {
            place(child, depth + 1, budget, &mut node.children);
        }
        if matches!(node.kind, Kind::Menu | Kind::BottomNav) {
            node.children = limited(labelled(std::mem::take(&mut node.children)));
        } else if node.kind == Kind::Tree {
            node.children = limited(branches(std::mem::take(&mut node.children)));
        }
        siblings.push(node);
    } else {
        if node.kind.is_container() && !children.is_empty() {
            // Its children move out, so what is left of it is its title.
            node.kind = Kind::Text;
        }
        if node.kind != Kind::Text || !node.text.is_empty() || children.is_empty() {
            siblings.push(node);
        }
        for child in children {
            place(child, depth, budget, siblings);
        }
    }
}

/// Takes texts out of fields that have no meaning for the kind, as elements of a kind that shows them.
fn misplaced(node: &mut Node) -> Vec<Node> {
    let mut found = Vec::new();
    if matches!(node.kind, Kind::Column | Kind::Row | Kind::Menu | Kind::BottomNav | Kind::Spacer) {
        found.push(Node::new(Kind::Text, std::mem::take(&mut node.text)));
    }
    if !has_entries(node.kind) {
        found.push(Node::new(Kind::List, "").items(std::mem::take(&mut node.items)));
    }
    if !matches!(node.kind, Kind::List | Kind::Table) {
        found.push(Node { rows: std::mem::take(&mut node.rows), ..Node::new(Kind::Table, "") });
    }
    found.retain(|node| !node.text.is_empty() || !node.items.is_empty() || !node.rows.is_empty());
    found
}

fn has_entries(kind: Kind) -> bool {
    let bars = matches!(kind, Kind::Tabs | Kind::Menu | Kind::Navbar | Kind::Sidebar | Kind::BottomNav);
    let choices = matches!(kind, Kind::Checkbox | Kind::Radio | Kind::Toggle | Kind::Progress);
    bars || choices || kind.is_field() || matches!(kind, Kind::List | Kind::Table | Kind::Tree)
}

/// Only what can serve as an entry of a menu: elements with a label, wherever they were nested.
fn labelled(children: Vec<Node>) -> Vec<Node> {
    let mut entries = Vec::new();
    for mut child in children {
        let nested = labelled(std::mem::take(&mut child.children));
        let own = leaves(&mut child);
        if !child.text.is_empty() {
            entries.push(child);
        }
        entries.extend(own.into_iter().chain(nested));
    }
    entries
}

/// Only what can be a branch of a tree; what has no label of its own gives its entries to the branch above.
fn branches(children: Vec<Node>) -> Vec<Node> {
    let mut found = Vec::new();
    for mut child in children {
        let nested = branches(std::mem::take(&mut child.children));
        let own = leaves(&mut child);
        if child.text.is_empty() {
            found.extend(own.into_iter().chain(nested));
        } else {
            child.children = limited(own.into_iter().chain(nested).collect());
            found.push(child);
        }
    }
    found
}

/// Takes entries and cells out of an element, as elements.
fn leaves(node: &mut Node) -> Vec<Node> {
    let cells = std::mem::take(&mut node.rows).into_iter().flatten();
    let texts = std::mem::take(&mut node.items).into_iter().chain(cells).filter(|text| !text.is_empty());
    texts.map(|text| Node::new(Kind::Text, text)).collect()
}

fn limited(mut nodes: Vec<Node>) -> Vec<Node> {
    if nodes.len() > MAX_ENTRIES {
        nodes.truncate(MAX_ENTRIES);
        nodes.push(Node::new(Kind::Text, CUT));
    }
    nodes
}

fn clean_texts(node: &mut Node) {
    node.text = bounded(&node.text, MAX_TEXT);
    node.value = bounded(&node.value, MAX_TEXT);
    node.hint = bounded(&node.hint, MAX_TEXT);
    node.goto =
        node.goto.take().map(|target| bounded(&target, MAX_ENTRY)).filter(|target| !target.is_empty());
    node.items = entries(std::mem::take(&mut node.items));
    node.serves.retain(|number| *number > 0);
    node.serves.truncate(MAX_ENTRIES);
    if node.rows.len() > MAX_ENTRIES {
        node.rows.truncate(MAX_ENTRIES);
        node.rows.push(vec![CUT.to_owned()]);
    }
    node.rows =
        std::mem::take(&mut node.rows).into_iter().map(entries).filter(|row| !row.is_empty()).collect();
}

fn entries(mut texts: Vec<String>) -> Vec<String> {
    if texts.len() > MAX_ENTRIES {
        texts.truncate(MAX_ENTRIES);
        texts.push(CUT.to_owned());
    }
    texts.iter().map(|text| bounded(text, MAX_ENTRY)).collect()
}

fn sentences(texts: Vec<String>) -> Vec<String> {
    texts
        .iter()
        .map(|text| bounded(text, MAX_TEXT))
        .filter(|text| !text.is_empty())
        .take(MAX_ENTRIES)
        .collect()
}

fn bounded(text: &str, max: usize) -> String {
    let text = clean(text);
    match text.char_indices().nth(max) {
        None => text,
        Some((end, _)) => format!("{}{CUT}", text[..end].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidied(root: Node) -> Node {
        screen(Screen { root, ..Screen::default() }, &mut Vec::new()).root
    }

    #[test]
    fn children_of_something_that_cannot_contain_them_follow_it() {
        let root = tidied(Node::of(
            Kind::Column,
            vec![Node::new(Kind::Header, "Заказ").with(vec![Node::new(Kind::Text, "внутри")])],
        ));

        let texts: Vec<_> = root.children.iter().map(|node| node.text.as_str()).collect();
        assert_eq!(texts, ["Заказ", "внутри"]);
    }

    #[test]
    fn a_menu_keeps_only_what_can_be_an_entry() {
        let nested = Node::of(Kind::Row, vec![Node::new(Kind::Button, "Домой").goto("home")]);

        let root = tidied(Node::of(Kind::BottomNav, vec![nested]));

        assert_eq!(root.labels(), ["Домой"]);
        assert_eq!(root.children[0].goto.as_deref(), Some("home"));
    }

    #[test]
    fn too_much_leaves_a_sign_in_its_place() {
        let many = (0..1000).map(|n| Node::new(Kind::Text, n.to_string())).collect();
        let mut repairs = Vec::new();

        let root =
            screen(Screen { root: Node::of(Kind::Column, many), ..Screen::default() }, &mut repairs).root;

        assert_eq!(root.walk().count(), MAX_NODES);
        assert_eq!(root.children.last().map(|node| node.text.as_str()), Some("…"));
        assert_eq!(repairs.len(), 1);
    }

    #[test]
    fn long_texts_end_in_a_visible_cut() {
        let root = tidied(Node::new(Kind::Text, "слово ".repeat(500)));

        assert!(root.text.ends_with('…'));
        assert_eq!(root.text.chars().count(), MAX_TEXT);
    }
}
