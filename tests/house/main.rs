//! Rules of the house that no compiler checks: who may import whom, and what may be in the lock file.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod modules;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file below `folder` with its text up to its tests.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
                files.push((path.strip_prefix(root()).unwrap().display().to_string(), product));
            }
        }
    }
    assert!(!files.is_empty(), "{folder} has no sources");
    files
}

/// Files of `folder` that mention one of `words`, apart from those in `except`.
fn offenders(folder: &str, except: &[&str], words: &[&str]) -> Vec<String> {
    let files =
        sources(folder).into_iter().filter(|(path, _)| !except.iter().any(|part| path.contains(part)));
    files
        .flat_map(|(path, text)| {
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned);
            let found = lines.filter(|line| words.iter().any(|word| line.contains(word)));
            found.map(|line| format!("{path}: {}", line.trim())).collect::<Vec<_>>()
        })
        .collect()
}

fn assert_none(offenders: Vec<String>, rule: &str) {
    assert!(offenders.is_empty(), "{rule}:\n{}", offenders.join("\n"));
}

#[test]
fn the_libraries_import_neither_each_other_nor_the_app() {
    assert_none(
        offenders("usm-queue/src", &[], &["usm_ai::", "usm_app::"]),
        "usm-queue knows nothing of the others",
    );
    assert_none(
        offenders("usm-ai/src", &[], &["usm_queue::", "usm_app::"]),
        "usm-ai knows nothing of the others",
    );
}

#[test]
fn each_client_library_stays_behind_its_seam() {
    let seams: [(&[&str], &str); 3] = [
        (&["broker/rabbitmq", "testing/rabbitmq"], "lapin::"),
        (&["store/redis", "testing/"], "redis::"),
        (&["/sqlite"], "rusqlite::"),
    ];
    for (folders, library) in seams {
        let ours = format!("::{library}");
        let found = offenders("usm-queue/src", folders, &[library]);
        let found = found
            .into_iter()
            .filter(|line| !line.contains(&ours) && !line.contains("store::redis"))
            .collect();
        assert_none(found, &format!("{library} is used outside {folders:?}"));
    }
}

#[test]
fn tasks_never_import_http_and_only_tasks_call_the_ai() {
    assert_none(
        offenders("usm-app/src/tasks", &[], &["crate::http", "crate::cli"]),
        "tasks stand below http and cli",
    );
    let except = ["src/tasks", "src/app.rs", "src/ai.rs", "src/ai/"];
    assert_none(
        offenders("usm-app/src", &except, &["usm_ai::"]),
        "only tasks call usm-ai, only app.rs and ai.rs set it up",
    );
}

#[test]
fn the_domain_is_pure() {
    let impure = [
        "async fn",
        "tokio",
        "sea_orm",
        "std::fs",
        "std::env",
        "std::net",
        "SystemTime",
        "Instant::now",
        "Utc::now",
        "crate::entities",
    ];
    assert_none(
        offenders("usm-app/src/domain", &["/tests.rs", "/tests/"], &impure),
        "domain has no I/O, no clock, no database types",
    );
}

#[test]
fn http_uses_of_a_task_no_more_than_its_message() {
    assert_none(
        offenders("usm-app/src/http", &["/tests"], &["crate::cli", "crate::ai"]),
        "http stands beside cli and asks no AI",
    );
}

#[test]
fn in_usm_queue_each_layer_imports_only_those_below() {
    let layers: [&[&str]; 5] = [
        &["error", "json", "retry", "job", "topology", "envelope", "url"],
        &["broker", "store", "sqlite"],
        &["lifecycle", "context", "task", "suspects"],
        &["queue", "registry", "dead_letter"],
        &["worker"],
    ];
    let above: BTreeMap<&str, BTreeSet<&str>> = layers
        .iter()
        .enumerate()
        .flat_map(|(level, names)| {
            let higher: BTreeSet<&str> =
                layers[level + 1..].iter().flat_map(|layer| layer.iter().copied()).collect();
            names.iter().map(move |name| (*name, higher.clone()))
        })
        .collect();
    let mut wrong = Vec::new();
    for (path, text) in sources("usm-queue/src") {
        let module = path.trim_start_matches("usm-queue/src/").split(['/', '.']).next().unwrap().to_owned();
        for name in above.get(module.as_str()).into_iter().flatten() {
            if uses(&text, name) {
                wrong.push(format!("{path} imports crate::{name}"));
            }
        }
    }
    assert_none(wrong, "a layer of usm-queue imports one above it");
}

/// Whether a `use crate::…` of the text names the module, alone or in a group.
fn uses(text: &str, module: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find("use crate::") {
        let statement = rest[at + "use crate::".len()..].split(';').next().unwrap();
        let names: Vec<&str> = match statement.strip_prefix('{') {
            Some(group) => top_level(group),
            None => vec![statement],
        };
        if names.iter().any(|name| name.trim().split([':', '{', ' ']).next() == Some(module)) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    text.contains(&format!(" crate::{module}::")) || text.contains(&format!("(crate::{module}::"))
}

/// The parts of a `use` group that stand at its own depth.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    parts
}

#[test]
fn backends_are_named_by_nothing_but_their_own_files() {
    let except = ["src/sqlite", "broker/sqlite", "store/sqlite", "src/testing"];
    assert_none(offenders("usm-queue/src", &except, &["rusqlite"]), "rusqlite stays behind the seams");
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    for krate in ["usm-queue", "usm-ai", "usm-app"] {
        let circles = modules::Modules::of(&root().join(krate).join("src")).circles();
        eprintln!("{krate}:\n{}", circles.join("\n"));
    }
}

#[test]
fn nothing_is_left_undone_in_the_sources() {
    for folder in ["usm-queue/src", "usm-ai/src", "usm-app/src"] {
        assert_none(offenders(folder, &[], &["todo!(", "unimplemented!(", "dbg!("]), "unfinished code");
    }
}

fn locked() -> BTreeMap<String, Vec<String>> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("name = ") {
            let version = lines.next().unwrap().trim_start_matches("version = ");
            versions
                .entry(name.trim_matches('"').to_owned())
                .or_default()
                .push(version.trim_matches('"').to_owned());
        }
    }
    versions
}

#[test]
fn what_must_be_there_once_is_there_once() {
    let locked = locked();
    for name in ["rustls", "hyper", "tokio", "sqlx-core", "libsqlite3-sys", "reqwest", "http"] {
        assert_eq!(locked.get(name).map(Vec::len), Some(1), "{name}: {:?}", locked.get(name));
    }
}

#[test]
fn nothing_banned_is_in_the_lock_file() {
    let deny = fs::read_to_string(root().join("deny.toml")).unwrap();
    let banned: Vec<&str> =
        deny.split("{ crate = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(banned.len() > 3, "deny.toml names what is banned");
    let locked = locked();
    for name in banned {
        assert!(!locked.contains_key(name), "{name} is banned, and in the lock file");
    }
}

/// Tests that a document names as [`test`](../file.rs): the name and the file.
fn named_tests(document: &str) -> Vec<(String, PathBuf)> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let folder = root().join(document).parent().unwrap().to_owned();
    let links = text.split("[`").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("`](")?;
        Some((name.to_owned(), folder.join(rest.split_once(')')?.0)))
    });
    links.collect()
}

#[test]
fn every_test_that_holds_a_promise_exists() {
    let named = named_tests("docs/promises.md");
    assert!(named.len() > 100, "{} tests are named", named.len());
    let missing = named.into_iter().filter(|(name, file)| {
        let text = fs::read_to_string(file).unwrap_or_default();
        !text.contains(&format!("fn {name}("))
    });
    assert_none(missing.map(|(name, file)| format!("{name} in {}", file.display())).collect(), "missing");
}

#[test]
fn every_promise_names_its_tests() {
    let text = fs::read_to_string(root().join("docs/promises.md")).unwrap();
    let promises = text.split("\n## Limits").next().unwrap().split("\n- ").skip(1);
    let bare = promises.filter(|promise| !promise.contains("`](")).map(str::to_owned);
    assert_none(bare.collect(), "a promise without a test");
}
