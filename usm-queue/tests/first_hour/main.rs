//! The first hour of a new user: the README's application builds and runs as it stands there, and the usual mistakes are
//! answered by messages that say what to do. Both in a crate of their own, which depends on this one as the README says.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// Of this package.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first block of the README that begins so.
fn of_readme(begin: &str) -> String {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, block) = readme.split_once(&format!("```{begin}\n")).unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// A package with the README's dependencies. What they compile to is kept for the next run.
struct Fresh {
    folder: TempDir,
}

impl Fresh {
    fn new(name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n{}\n[patch.crates-io]\nusm-queue = {{ path = {:?} }}\n",
            of_readme("toml"),
            root()
        );
        fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        // Versions that are on this machine.
        let versions = root().join("../Cargo.lock");
        if versions.exists() {
            fs::copy(versions, folder.path().join("Cargo.lock")).unwrap();
        }
        fs::create_dir_all(folder.path().join("src/bin")).unwrap();
        Self { folder }
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.folder.path().join(path), text).unwrap();
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--offline", "--quiet", "--target-dir"])
            .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-hour"))
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }
}

#[test]
fn the_application_of_the_readme_runs() {
    let application = Fresh::new("readme");
    application.write("src/main.rs", &of_readme("rust"));

    let ran = application.cargo(&["run"]);

    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "cat@80\n");
}

/// Each file of the folder makes one, and names below what the compiler must say.
#[test]
fn the_usual_mistakes_are_answered_by_what_to_do() {
    let crate_of_mistakes = Fresh::new("mistakes");
    let mut mistakes = Vec::new();
    for file in fs::read_dir(root().join("tests/first_hour/mistakes")).unwrap() {
        let path: PathBuf = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(path).unwrap();
        crate_of_mistakes.write(&format!("src/bin/{name}.rs"), &text);
        let expected: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("//~ ")).map(str::to_owned).collect();
        assert!(!expected.is_empty(), "{name} names what the compiler must say");
        mistakes.push((name, expected));
    }
    assert!(mistakes.len() >= 12);

    let built = crate_of_mistakes.cargo(&["build", "--bins", "--keep-going", "--message-format=json"]);

    let messages: Vec<Value> = String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["reason"] == "compiler-message")
        .collect();
    let mut failures = String::new();
    for (name, expected) in mistakes {
        let said: String = messages
            .iter()
            .filter(|line| line["target"]["name"] == name.as_str() && line["message"]["level"] == "error")
            .filter_map(|line| line["message"]["rendered"].as_str())
            .collect();
        for text in expected.into_iter().filter(|text| !said.contains(text)) {
            failures.push_str(&format!("== {name}: the compiler does not say `{text}`, but\n{said}\n"));
        }
    }
    assert!(failures.is_empty(), "{failures}{}", String::from_utf8_lossy(&built.stderr));
}
