//! Rules of the house that no compiler checks: who may import whom, and what may be in the lock file.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod logs;
mod modules;

use std::{
    collections::BTreeMap,
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
        (&["backend/rabbitmq", "testing/rabbitmq"], "lapin::"),
        (&["backend/redis", "testing/"], "redis::"),
        (&["backend/sqlite"], "rusqlite::"),
    ];
    for (folders, library) in seams {
        let ours = format!("::{library}");
        let found = offenders("usm-queue/src", folders, &[library]);
        let found = found.into_iter().filter(|line| !line.contains(&ours)).collect();
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

/// The pure crates, each with those it may not know.
const PURE: [(&str, &[&str]); 3] = [
    ("usm-app/story-map/src", &["use wireframe::", "use draft::", "usm_app::"]),
    ("usm-app/wireframe/src", &["use draft::", "usm_app::"]),
    ("usm-app/draft/src", &["usm_app::"]),
];

#[test]
fn maps_wireframes_and_drafts_are_pure_and_stand_on_each_other_in_this_order() {
    let impure = [
        "async fn",
        "tokio",
        "sea_orm",
        "usm_ai",
        "usm_queue",
        "std::fs",
        "std::env",
        "std::net",
        "SystemTime",
        "Instant::now",
        "Utc::now",
    ];
    for (folder, above) in PURE {
        assert_none(
            offenders(folder, &["/tests.rs", "/tests/"], &impure),
            "a pure crate has no I/O, no clock, no database types",
        );
        assert_none(offenders(folder, &[], above), "draft -> wireframe -> story-map");
    }
}

#[test]
fn only_the_ai_of_the_app_knows_the_drafts() {
    assert_none(
        offenders("usm-app/src", &["src/ai.rs", "src/ai/"], &["draft::", "use draft"]),
        "only usm-app/src/ai names draft",
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
        &[
            "clock",
            "job_id",
            "error",
            "json",
            "backoff",
            "detached",
            "metrics",
            "trace_context",
            "retry",
            "job",
            "topology",
            "message",
            "task",
        ],
        &["backend"],
        &["queue"],
        &["worker"],
        &["testing"],
    ];
    assert_none(modules("usm-queue").upward(&layers), "a layer of usm-queue imports one above it");
}

fn modules(krate: &str) -> modules::Modules {
    modules::Modules::of(&root().join(krate).join("src"))
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    for krate in ["usm-queue", "usm-ai"] {
        assert_none(modules(krate).circles(), "modules that use each other");
    }
}

#[test]
fn nothing_is_left_undone_in_the_sources() {
    for folder in [
        "usm-queue/src",
        "usm-ai/src",
        "usm-app/src",
        "usm-app/story-map/src",
        "usm-app/wireframe/src",
        "usm-app/draft/src",
    ] {
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
    let mut named = named_tests("docs/promises.md");
    named.extend(named_tests("docs/deploying-and-changing-tasks.md"));
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
