//! The fields of log events and spans in usm-queue: one vocabulary, and the list of it in the documents is complete.

use std::{collections::BTreeSet, fs};

use proc_macro2::{TokenStream, TokenTree};
use syn::{Macro, visit::Visit};

use crate::{assert_none, root, sources};

const MACROS: [&str; 8] =
    ["error", "warn", "info", "debug", "trace", "info_span", "debug_span", "error_span"];

/// The fields of every event and span in a file.
#[derive(Default)]
struct Fields(BTreeSet<String>);

impl<'ast> Visit<'ast> for Fields {
    fn visit_macro(&mut self, found: &'ast Macro) {
        let path: Vec<_> = found.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if path.len() == 2 && path[0] == "tracing" && MACROS.contains(&path[1].as_str()) {
            self.0.extend(arguments(&found.tokens).iter().filter_map(|argument| field(argument)));
        }
    }
}

/// What stands between the commas.
fn arguments(tokens: &TokenStream) -> Vec<Vec<TokenTree>> {
    let mut arguments = vec![Vec::new()];
    for token in tokens.clone() {
        match (&token, arguments.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => arguments.push(Vec::new()),
            (_, Some(last)) => last.push(token),
            (_, None) => {}
        }
    }
    arguments
}

/// The name of a field: what stands before `=`, or all of a shorthand such as `%error`. `None` for a text and for `target:`.
fn field(argument: &[TokenTree]) -> Option<String> {
    let is = |token: &TokenTree, sign: char| matches!(token, TokenTree::Punct(p) if p.as_char() == sign);
    let name = argument.split(|token| is(token, '=')).next()?;
    if matches!(name.first()?, TokenTree::Literal(_)) || name.iter().any(|token| is(token, ':')) {
        return None;
    }
    Some(name.iter().map(ToString::to_string).collect::<String>().trim_matches(['%', '?']).to_owned())
}

/// What the table of fields lists: in backticks, in the first column.
fn listed() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/observability.md")).unwrap();
    let (_, section) = text.split_once("## Fields").unwrap();
    let section = section.split("\n## ").next().unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    cells.flat_map(|cell| cell.split('`').step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn every_field_of_usm_queues_log_is_listed_and_every_listed_one_exists() {
    let mut used = BTreeSet::new();
    for (path, text) in sources("usm-queue/src") {
        if path.ends_with("tests.rs") {
            continue;
        }
        let mut fields = Fields::default();
        fields.visit_file(&syn::parse_file(&text).unwrap());
        used.extend(fields.0);
    }
    let listed = listed();
    assert_none(
        used.difference(&listed).cloned().collect(),
        "fields that docs/observability.md does not list",
    );
    assert_none(listed.difference(&used).cloned().collect(), "listed fields that no event or span has");
}
