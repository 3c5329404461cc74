//! Bad input of every kind: a clear message, the right exit code, and nothing started.

use sea_orm::{ConnectionTrait, Database};

use crate::support::{Place, RUSSIAN, Said, bytes, events};

/// The command fails with this code and says all of these, and nothing meant for programmers.
#[track_caller]
fn refused(said: &Said, code: i32, parts: &[&str]) {
    assert_eq!(said.code, Some(code), "{} {}", said.out, said.err);
    assert!(said.err.lines().any(|line| line.starts_with("error: ")), "{}", said.err);
    for part in parts {
        assert!(said.err.contains(part), "`{part}` in {}", said.err);
    }
    for dump in ["panicked", "RUST_BACKTRACE", "Error {", "Os {", "Some(", "SqlxError"] {
        assert!(!said.err.contains(dump), "`{dump}` in {}", said.err);
    }
}

#[tokio::test]
async fn a_text_that_cannot_be_used_is_refused_before_anything_is_started() {
    let place = Place::new();
    place.write("empty.md", " \n");
    place.write("short.md", "Еда");
    place.write("signs.md", "1234567890 !!!");
    place.write("long.md", "Клиент. ".repeat(10_000));
    place.write("huge.md", "a".repeat(1 << 20));
    place.write("cp1251.md", [0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2, b' ', 0xec, 0xe8, 0xf0, 0xf3, b'!']);
    place.write("utf16.md", [0xff, 0xfe, 0x1f, 0x04, 0x40, 0x04]);
    place.write("program", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
    let dir = place.path("");
    let dir = dir.to_str().unwrap();
    let cases: [(&str, &[&str]); 10] = [
        ("empty.md", &["empty.md", "is empty", "describe"]),
        ("short.md", &["3 characters", "at least 10"]),
        ("signs.md", &["no words"]),
        ("long.md", &["79,999 characters", "at most 50,000", "divide it"]),
        ("huge.md", &["1,048,576 bytes", "at most 50,000 characters", "divide it"]),
        ("cp1251.md", &["not in UTF-8", "line 1", "iconv"]),
        ("utf16.md", &["UTF-16", "iconv"]),
        ("program", &["not a text file"]),
        ("missing.md", &["no file missing.md", "standard input"]),
        (dir, &["is a directory", "text file"]),
    ];

    for (file, parts) in cases {
        let said = place.run(&["generate", file]).await;

        refused(&said, 2, parts);
        assert_eq!(said.out, "", "{file}");
    }
    assert!(!place.path("data").exists(), "nothing was started");
}

#[tokio::test]
async fn standard_input_is_checked_like_a_file() {
    let place = Place::new();

    refused(&place.run_on(&["generate", "-"], "").await, 2, &["standard input", "empty"]);
    let huge = "a".repeat(1_000_001);
    refused(&place.run_on(&["generate", "-"], &huge).await, 2, &["more than 1,000,000 bytes", "50,000"]);
}

#[tokio::test]
async fn a_failure_is_the_last_event_of_json_output_too() {
    let said = Place::new().run(&["generate", "missing.md", "--json"]).await;

    let events = events(&said.out);
    assert_eq!((events.len(), &events[0]["event"]), (1, &"failed".into()));
    assert!(events[0]["error"].as_str().unwrap().contains("missing.md"));
    refused(&said, 2, &["missing.md"]);
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_refused_before_a_job_is_begun() {
    let place = Place::new();
    place.write("text.md", RUSSIAN);
    place.write("file", "in the way");

    let said = place.run(&["generate", "text.md", "--out", "file/maps"]).await;

    refused(&said, 2, &["file/maps", "--out"]);
    assert!(!place.path("data").exists(), "nothing was started");
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made_is_named_with_the_setting() {
    let place = Place::new();
    let file = place.write("file", "in the way");
    place.write("text.md", RUSSIAN);
    let place = place.with("USM_DATA_DIR", file.join("data").display().to_string());

    refused(&place.run(&["generate", "text.md"]).await, 1, &["file/data", "USM_DATA_DIR"]);
    refused(&place.run(&["worker", "all"]).await, 1, &["file/data", "USM_DATA_DIR"]);
}

#[tokio::test]
async fn a_damaged_file_is_named_and_left_as_it_is() {
    for (file, parts) in [
        ("data/queue.db", &["queue.db", "damaged", "move it away"]),
        ("data/usm.db", &["usm.db", "damaged", "move it away"]),
    ] {
        let place = Place::new();
        place.write("text.md", RUSSIAN);
        let path = place.write(file, "this is no database, ".repeat(500));
        let before = bytes(&path);

        let said = place.run(&["generate", "text.md"]).await;

        refused(&said, 1, parts);
        assert_eq!(bytes(&path), before, "{file}");
    }
}

#[tokio::test]
async fn a_data_directory_of_a_newer_version_is_refused_with_what_to_do() {
    for (file, newer) in [
        ("queue.db", "PRAGMA user_version = 99"),
        ("usm.db", "INSERT INTO seaql_migrations VALUES ('m20991231_000001_flying', 0)"),
    ] {
        let place = Place::new();
        place.write("text.md", RUSSIAN);
        assert_eq!(place.run(&["generate", "text.md"]).await.code, Some(0));
        let db =
            Database::connect(format!("sqlite:{}", place.path("data").join(file).display())).await.unwrap();
        db.execute_unprepared(newer).await.unwrap();
        db.close().await.unwrap();

        let said = place.run(&["generate", "text.md"]).await;

        refused(&said, 1, &[file, "newer"]);
    }
}

#[tokio::test]
async fn values_that_do_not_exist_are_refused_with_those_that_do() {
    let place = Place::new();

    let cases: [(&[&str], &[&str]); 11] = [
        (&["fly"], &["fly", "--help"]),
        (&["worker", "everything"], &["everything", "map, wireframe, bulk, all"]),
        (
            &["generate", "text.md", "--style", "pretty"],
            &["pretty", "low-fidelity, high-fidelity, component"],
        ),
        (&["generate", "text.md", "--width", "5"], &["5", "30..=1000"]),
        (&["job", "show", "se\u{7}ven"], &["\\u{7}", "UUID"]),
        (&["job", "list", "--limit", "0"], &["0", "whole number from 1"]),
        (&["dead-letter", "list", "--limit", "0"], &["0", "whole number from 1"]),
        (&["dead-letter", "replay", "x", "--rate", "5"], &["--rate", "cannot be used with"]),
        (&["dead-letter", "replay", "--all", "--rate", "0"], &["0", "whole number from 1"]),
        (&["export", "abc", "--format", "svg"], &["abc", "a project is a number"]),
        (&["check", "0"], &["0", "a project is a number"]),
    ];
    for (args, parts) in cases {
        refused(&place.run(args).await, 2, parts);
    }
}

#[tokio::test]
async fn jobs_and_dead_letters_that_do_not_exist_are_told_from_a_directory_without_any() {
    let place = Place::new();
    let id = "01a2099d-fd95-72ee-b8d4-40f2702d8f53";
    refused(&place.run(&["job", "show", id]).await, 1, &["no queue", "USM_DATA_DIR"]);
    assert!(!place.path("data").exists(), "looking makes nothing");

    place.write("text.md", RUSSIAN);
    place.run(&["generate", "text.md"]).await;

    for command in ["show", "watch", "cancel"] {
        refused(&place.run(&["job", command, id]).await, 1, &[id, "usm job list"]);
    }
    for command in ["show", "replay"] {
        refused(&place.run(&["dead-letter", command, id]).await, 1, &[id, "usm dead-letter list"]);
    }
}

#[tokio::test]
async fn all_wrong_settings_are_told_at_once() {
    let place = Place::new().with("WORKER_CONCURRENCY", "many").with("LOG_LEVEL", "loud");
    place.write("text.md", RUSSIAN);

    refused(
        &place.run(&["generate", "text.md"]).await,
        2,
        &["2 settings", "WORKER_CONCURRENCY", "LOG_LEVEL"],
    );
}
