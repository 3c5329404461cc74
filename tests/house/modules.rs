//! The modules of a crate, which of them uses which, and whether any use each other in a circle.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::{
    Attribute, Item, UseTree, Visibility,
    visit::{self, Visit},
};

/// Where a module is, from the root of its crate.
type Place = Vec<String>;

#[derive(Default)]
struct Module {
    /// What it names, as paths from the root.
    uses: BTreeSet<Place>,
    /// Names that it passes on, and what they stand for.
    exports: BTreeMap<String, Place>,
}

/// The modules of one crate but for those that are compiled for its unit tests only.
pub(crate) struct Modules(BTreeMap<Place, Module>);

impl Modules {
    /// Of the crate whose sources are in this folder.
    pub(crate) fn of(folder: &Path) -> Self {
        let mut modules = Self(BTreeMap::new());
        modules.add(Vec::new(), folder, "lib");
        modules
    }

    /// Adds the module in `folder/name.rs` or `folder/name/mod.rs`, and those below it.
    fn add(&mut self, place: Place, folder: &Path, name: &str) {
        let (flat, deep) = (folder.join(format!("{name}.rs")), folder.join(name));
        let file = if flat.exists() { flat } else { deep.join("mod.rs") };
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let below = if place.is_empty() { folder.to_owned() } else { deep };
        let items = syn::parse_file(&text).unwrap().items;
        self.read(&place, &items);
        for item in &items {
            if let Item::Mod(module) = item
                && module.content.is_none()
                && !is_for_tests(&module.attrs)
            {
                let name = module.ident.to_string();
                self.add([&place[..], std::slice::from_ref(&name)].concat(), &below, &name);
            }
        }
    }

    fn read(&mut self, place: &Place, items: &[Item]) {
        let children = items.iter().filter_map(|item| match item {
            Item::Mod(module) => Some(module.ident.to_string()),
            _ => None,
        });
        let mut reader = Reader { place, children: children.collect(), module: Module::default() };
        items.iter().for_each(|item| reader.visit_item(item));
        self.0.insert(place.clone(), reader.module);
    }

    /// The module in which what is named so stands, followed through whatever passes it on.
    fn owner(&self, path: &[String]) -> Place {
        let mut place = Place::new();
        for (at, name) in path.iter().enumerate() {
            let below = [&place[..], std::slice::from_ref(name)].concat();
            if self.0.contains_key(&below) {
                place = below;
            } else if let Some(target) = self.0.get(&place).and_then(|module| module.exports.get(name)) {
                return self.owner(&[&target[..], &path[at + 1..]].concat());
            } else {
                break;
            }
        }
        place
    }

    /// Which modules use which of those beside them, by their parent: from, to, and an example. A module with others below it
    /// stands beside them as `mod`.
    fn edges(&self) -> BTreeMap<Place, BTreeMap<(String, String), String>> {
        let mut edges: BTreeMap<Place, BTreeMap<(String, String), String>> = BTreeMap::new();
        for (user, module) in &self.0 {
            for path in &module.uses {
                let owner = self.owner(path);
                let common = user.iter().zip(&owner).take_while(|(one, other)| one == other).count();
                let part = |place: &Place| place.get(common).map_or("mod", String::as_str).to_owned();
                let (from, to) = (part(user), part(&owner));
                if from != to {
                    let example = format!("{} uses {}", user.join("::"), path.join("::"));
                    edges.entry(user[..common].to_vec()).or_default().entry((from, to)).or_insert(example);
                }
            }
        }
        edges
    }

    /// Every use that lies on a circle.
    pub(crate) fn circles(&self) -> Vec<String> {
        self.edges().iter().flat_map(|(parent, edges)| circles(&parent.join("::"), edges)).collect()
    }

    /// Uses of a module at the root of the crate by one in a lower layer. A module in no layer is told too.
    pub(crate) fn upward(&self, layers: &[&[&str]]) -> Vec<String> {
        let layer = |module: &str| layers.iter().position(|layer| layer.contains(&module));
        let edges = self.edges().remove(&Place::new()).unwrap_or_default();
        let upward = edges.into_iter().filter(|((from, to), _)| match (layer(from), layer(to)) {
            (Some(from), Some(to)) => from < to,
            _ => from != "mod" && to != "mod",
        });
        upward.map(|((from, to), example)| format!("{from} -> {to}: {example}")).collect()
    }
}

/// The edges of a graph from which a way leads back.
fn circles(parent: &str, edges: &BTreeMap<(String, String), String>) -> Vec<String> {
    let leads = |from: &str, to: &str| {
        let (mut seen, mut next) = (BTreeSet::from([from]), vec![from]);
        while let Some(at) = next.pop() {
            for (_, beyond) in edges.keys().filter(|(one, _)| one == at) {
                if seen.insert(beyond) {
                    next.push(beyond);
                }
            }
        }
        seen.contains(to)
    };
    let back = edges.iter().filter(|((from, to), _)| leads(to, from));
    back.map(|((from, to), what)| format!("{parent}: {from} -> {to}: {what}")).collect()
}

/// Reads what one module names.
struct Reader<'a> {
    place: &'a Place,
    children: BTreeSet<String>,
    module: Module,
}

impl Reader<'_> {
    /// A path of this crate from its root; `None` for one of another crate, or of a name that stands here.
    fn absolute(&self, path: &[String]) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        let up = |levels: usize| self.place[..self.place.len().saturating_sub(levels)].to_vec();
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&up(0)[..], rest].concat()),
            "super" => {
                let more = rest.iter().take_while(|name| *name == "super").count();
                Some([&up(1 + more)[..], &rest[more..]].concat())
            }
            child if self.children.contains(child) => Some([&up(0)[..], path].concat()),
            _ => None,
        }
    }

    fn add_use(&mut self, tree: &UseTree, before: &[String], public: bool) {
        let with = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.add_use(&path.tree, &with(path.ident.to_string()), public),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_use(tree, before, public)),
            UseTree::Name(name) if name.ident == "self" => {
                self.add_name(before, before.last().cloned(), public)
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.add_name(&with(name.clone()), Some(name), public);
            }
            UseTree::Rename(rename) => {
                self.add_name(&with(rename.ident.to_string()), Some(rename.rename.to_string()), public);
            }
            UseTree::Glob(_) => self.add_name(before, None, public),
        }
    }

    fn add_name(&mut self, path: &[String], name: Option<String>, public: bool) {
        let Some(path) = self.absolute(path) else { return };
        match name.filter(|_| public) {
            Some(name) => drop(self.module.exports.insert(name, path)),
            None => drop(self.module.uses.insert(path)),
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Place = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1
            && let Some(path) = self.absolute(&names)
        {
            self.module.uses.insert(path);
        }
        visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    let needs_test = |tokens: String| tokens == "test" || tokens.starts_with("all (test");
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| needs_test(list.tokens.to_string()))
    })
}
