//! Any tree at all, for tests.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::super::tree::{Kind, Node, Role, Screen, State};

pub(crate) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[а-яА-ЯёЁ]{1,9}( [а-я]{1,9}){0,6}",
        2 => "[A-Za-z0-9]{0,9}( [a-z.,!?]{1,9}){0,12}",
        1 => any::<String>(),
        1 => "\\PC{0,30}",
        1 => "[漢字かなｶﾅ한글👍🏽🇷🇺👨‍👩‍👧⚠️é️ो\\x00-\\x1f\u{200b}\u{200d}\u{202e}\u{600}│─┼]{0,20}",
    ]
}

pub(crate) fn any_node() -> impl Strategy<Value = Node> {
    let leaf = (
        select(Kind::ALL),
        (any_text(), any_text(), any_text()),
        vec(any_text(), 0..6),
        vec(vec(any_text(), 0..6), 0..5),
        option::of(0usize..7),
        (select(Role::ALL), select(State::ALL), any::<bool>()),
    );
    let leaf = leaf
        .prop_map(|(kind, (text, value, hint), items, rows, selected, (role, state, required))| Node {
            kind,
            text,
            value,
            hint,
            items,
            rows,
            selected,
            role,
            state,
            required,
            goto: None,
            serves: vec![],
            children: vec![],
        })
        .boxed();
    leaf.clone().prop_recursive(10, 80, 6, move |inner| {
        (leaf.clone(), vec(inner, 0..6)).prop_map(|(node, children)| Node { children, ..node })
    })
}

/// Any screen.
pub(crate) fn any_screen() -> impl Strategy<Value = Screen> {
    (any_text(), any_text(), any_node(), select(State::ALL)).prop_map(|(id, title, root, state)| Screen {
        id,
        title,
        state,
        root,
    })
}
