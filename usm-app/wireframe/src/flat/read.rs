//! Reads screens from what a model says, in the shapes models use: flat nodes, nested ones, other names, numbers for texts.

use serde_json::Value;

use super::{FlatNode, FlatScreen, FlatWireframe};
use crate::tree::{Kind, Navigation, Role, State};
use story_map::read::{field, holder, list, number, one_text, text, texts};

const SCREENS: [&str; 3] = ["screens", "pages", "views"];
const NODES: [&str; 6] = ["nodes", "elements", "components", "root", "children", "content"];
const CHILDREN: [&str; 4] = ["children", "nodes", "elements", "components"];

/// The screens in a document of any shape.
///
/// # Errors
///
/// No screen shows anything; the text tells the model what is missing.
pub(super) fn wireframe(value: &Value) -> Result<FlatWireframe, &'static str> {
    let holder = holder(value, &SCREENS);
    let mut screens: Vec<FlatScreen> = list(holder, &SCREENS).iter().map(screen).collect();
    if screens.is_empty() && field(holder, &NODES).is_some() {
        screens.push(screen(holder));
    }
    if !screens.iter().flat_map(|screen| &screen.nodes).any(is_seen) {
        return Err(
            "the answer describes an empty screen: give `screens`, each with `nodes` that have texts",
        );
    }
    let mut notes = texts(holder, &["notes", "additionalnotes"]);
    let mut navigation = Vec::new();
    for step in list(holder, &["navigation", "transitions", "flow"]) {
        match self::step(step) {
            Some(step) => navigation.push(step),
            None => notes.extend(Some(one_text(step)).filter(|text| !text.is_empty())),
        }
    }
    Ok(FlatWireframe {
        screens,
        layout_description: text(holder, &["layoutdescription", "layout"]),
        navigation,
        notes,
        assumptions: texts(holder, &["assumptions"]),
    })
}

fn screen(value: &Value) -> FlatScreen {
    let mut nodes = Vec::new();
    for top in list(value, &NODES) {
        node(top, None, &mut nodes);
    }
    FlatScreen {
        id: scalar(value, &["id", "screenid"]),
        title: text(value, &["title", "name"]),
        state: State::from_name(&text(value, &["state"])).unwrap_or_default(),
        nodes,
    }
}

/// Adds a node and those inside it.
fn node(value: &Value, inside: Option<&str>, nodes: &mut Vec<FlatNode>) {
    if let Value::String(said) = value {
        let kind = Kind::Text.as_str().to_owned();
        let parent = inside.unwrap_or_default().to_owned();
        nodes.push(FlatNode { parent, kind, text: said.clone(), ..FlatNode::default() });
        return;
    }
    let children = list(value, &CHILDREN);
    let mut id = scalar(value, &["id"]);
    if id.is_empty() && !children.is_empty() {
        id = format!("inner-{}", nodes.len());
    }
    let parent = match inside {
        Some(id) => id.to_owned(),
        None => scalar(value, &["parent", "parentid"]),
    };
    nodes.push(FlatNode {
        id: id.clone(),
        parent,
        kind: text(value, &["kind", "type"]),
        text: scalar(value, &["text", "label", "title", "name"]),
        value: scalar(value, &["value"]),
        hint: scalar(value, &["hint", "placeholder", "help", "error"]),
        items: strings(value, &["items", "options", "entries", "labels", "columns", "tabs", "steps"]),
        rows: list(value, &["rows", "cells"]).iter().map(row).collect(),
        selected: number(value, &["selected"]).map(|index| index as i64),
        role: Role::from_name(&text(value, &["role", "variant"])).unwrap_or_default(),
        state: State::from_name(&text(value, &["state"])).unwrap_or_default(),
        required: scalar(value, &["required"]) == "true",
        goto: scalar(value, &["goto", "target", "href"]),
        serves: strings(value, &["serves", "criteria"])
            .iter()
            .filter_map(|number| number.parse().ok())
            .collect(),
    });
    for child in children {
        node(child, Some(&id), nodes);
    }
}

/// A way between screens; `None` for a sentence about them.
fn step(value: &Value) -> Option<Navigation> {
    let to = scalar(value, &["to", "target", "goto"]);
    let (from, on) =
        (scalar(value, &["from", "source"]), scalar(value, &["on", "action", "trigger", "label"]));
    (!to.is_empty()).then_some(Navigation { from, on, to })
}

fn row(value: &Value) -> Vec<String> {
    match value {
        Value::Array(cells) => cells.iter().map(cell).collect(),
        Value::Object(cells) => cells.values().map(cell).collect(),
        other => vec![cell(other)],
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Bool(flag) => flag.to_string(),
        other => one_text(other),
    }
}

/// Texts in their places: an empty one is a place too.
fn strings(value: &Value, names: &[&str]) -> Vec<String> {
    match field(value, names) {
        Some(Value::Array(items)) => items.iter().map(one_text).collect(),
        Some(Value::Number(number)) => vec![number.to_string()],
        _ => texts(value, names),
    }
}

/// Models write ids and percentages as numbers, ticks as booleans.
fn scalar(value: &Value, names: &[&str]) -> String {
    match field(value, names) {
        Some(Value::Bool(flag)) => flag.to_string(),
        _ => text(value, names),
    }
}

/// Whether a node puts anything but room on the screen.
fn is_seen(node: &FlatNode) -> bool {
    let cells = node.items.iter().chain(node.rows.iter().flatten());
    let has_words =
        [&node.text, &node.value, &node.hint].into_iter().chain(cells).any(|text| !text.trim().is_empty());
    let kind = Kind::from_name(&node.kind).unwrap_or_default();
    has_words || kind.is_field() || matches!(kind, Kind::Button | Kind::Image | Kind::Icon)
}
