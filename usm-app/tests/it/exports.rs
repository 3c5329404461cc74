//! Maps that leave the program in every form, come back, and are judged.

use serde_json::Value;

use crate::support::{Place, RUSSIAN, Said};

const FORMATS: [(&str, &str, &str); 8] = [
    ("markdown", "# Горячо\n", "md"),
    ("json", "{\n  \"version\": 1,\n  \"name\": \"Горячо\"", "json"),
    ("jira-cloud", "\"Issue ID\",\"Issue Type\",\"Parent\",\"Summary\"", "csv"),
    ("jira-data-center", "\"Issue Type\",\"Summary\",\"Epic Name\",\"Epic Link\"", "csv"),
    ("gherkin", "# language: ru\nФункция: Горячо\n", "feature"),
    ("mermaid", "flowchart TB\n", "mmd"),
    ("html", "<!DOCTYPE html>\n<html lang=\"ru\">", "html"),
    ("svg", "<svg xmlns=", "svg"),
];

/// A directory with the map of the Russian example as project 1.
async fn with_project() -> Place {
    let place = Place::new();
    place.write("text.md", RUSSIAN);
    assert_eq!(ok(place.run(&["generate", "text.md", "--brief"]).await).lines().count().min(1), 1);
    place
}

#[track_caller]
fn ok(said: Said) -> String {
    assert_eq!(said.code, Some(0), "{}", said.err);
    said.out
}

async fn export(place: &Place, project: &str, format: &str) -> String {
    ok(place.run(&["export", project, "--format", format]).await)
}

#[tokio::test]
async fn every_format_goes_to_standard_output_or_to_a_file_named_after_the_product() {
    let place = with_project().await;

    for (format, beginning, ending) in FORMATS {
        let text = export(&place, "1", format).await;
        assert!(text.starts_with(beginning), "{format}: {}", text.lines().next().unwrap());

        let file = format!("{format}/карта.{ending}");
        let written = ok(place.run(&["export", "1", "--format", format, "--out", &file]).await);
        assert_eq!((written, place.read(&file)), (format!("{file}\n"), text.clone()));

        if format != "gherkin" {
            ok(place.run(&["export", "1", "--format", format, "--out", format]).await);
            assert_eq!(place.read(&format!("{format}/Горячо.{ending}")), text);
        }
    }
}

#[tokio::test]
async fn a_directory_gets_one_feature_for_each_task() {
    let place = with_project().await;

    let written = ok(place.run(&["export", "1", "--format", "gherkin", "--out", "features/"]).await);

    assert_eq!(written.lines().next(), Some("features/1-1-Знакомство-и-регистрация.feature"));
    assert!(written.lines().count() > 10, "{written}");
    for file in written.lines() {
        assert!(place.read(file).starts_with("# language: ru\nФункция: "), "{file}");
    }
}

#[tokio::test]
async fn what_was_exported_is_imported_without_any_difference() {
    let place = with_project().await;

    for (format, file, project) in [("markdown", "map.md", "2"), ("json", "map.json", "3")] {
        let before = export(&place, "1", format).await;
        place.write(file, &before);

        let imported = ok(place.run(&["import", file]).await);

        assert_eq!(imported, format!("project {project}: Горячо, 8 activities, 13 tasks, 42 stories\n"));
        assert_eq!(export(&place, project, format).await, before);
        assert_eq!(export(&place, project, "json").await, export(&place, "1", "json").await);
    }
}

#[tokio::test]
async fn a_map_is_imported_into_a_directory_that_has_nothing_yet() {
    let place = Place::new();
    let text =
        "# Еда\n## Карта\n### Заказ\n#### Оплатить\n- **Оплатить картой** · MVP · Клиент\n### Доставка\n";

    let imported = ok(place.run_on(&["import", "-"], text).await);

    assert_eq!(imported, "project 1: Еда, 2 activities, 1 tasks, 1 stories\n");
    let bare =
        ok(place.run_on(&["import", "-"], r#"{ "name": "Shop", "releases": [], "activities": [] }"#).await);
    assert_eq!(bare, "project 2: Shop, 0 activities, 0 tasks, 0 stories\n");
    assert_eq!(export(&place, "2", "markdown").await, "# Shop\n\n## Releases\n\n## Map\n");
}

#[tokio::test]
async fn a_map_is_judged_for_people_and_for_scripts() {
    let place = with_project().await;

    let text = ok(place.run(&["check", "1"]).await);
    let json: Value = serde_json::from_str(&ok(place.run(&["check", "1", "--json"]).await)).unwrap();

    let score = json["score"].as_u64().unwrap();
    assert!(text.starts_with(&format!("Горячо: {score} из 100")), "{text}");
    assert!(
        (50..90).contains(&score) && json["similar"].as_array().unwrap().is_empty(),
        "a draft is no finished map: {json}"
    );
    let issue = &json["issues"][0];
    assert_eq!(
        (issue["rule"].as_str(), issue["severity"].as_str()),
        (Some("missing_criteria"), Some("warning"))
    );
    assert_eq!(issue["place"]["number"], "1.1.1");
    assert!(text.contains(issue["place"]["number"].as_str().unwrap()), "{text}");
    assert_eq!(place.run(&["check", "1", "--fail-under", "50"]).await.code, Some(0));
    let failed = place.run(&["check", "1", "--fail-under", "100"]).await;
    assert_eq!(failed.code, Some(1));
    assert!(failed.err.contains("--fail-under asks for 100") && failed.out == text, "{}", failed.err);
}

#[tokio::test]
async fn a_project_that_does_not_exist_is_told_from_a_directory_without_any() {
    let place = Place::new();
    for args in [&["check", "1"][..], &["export", "1", "--format", "svg"]] {
        let said = place.run(args).await;
        assert_eq!(said.code, Some(1));
        for part in ["no projects yet", "data/usm.db", "usm generate", "USM_DATA_DIR"] {
            assert!(said.err.contains(part), "{part} in {}", said.err);
        }
    }
    assert!(!place.path("data").exists(), "looking makes nothing");

    let elsewhere = Place::new().with("DATABASE_URL", "sqlite:///./maps.db");
    let said = elsewhere.run(&["check", "1"]).await;
    assert!(said.err.contains("maps.db") && said.err.contains("DATABASE_URL"), "{}", said.err);
    assert!(!said.err.contains("USM_DATA_DIR") && !elsewhere.path("maps.db").exists(), "{}", said.err);

    ok(place.run_on(&["import", "-"], "# Еда").await);
    let said = place.run(&["check", "7"]).await;
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("no project 7; the newest are 1 (Еда)"), "{}", said.err);
}

#[tokio::test]
async fn a_file_that_is_no_map_is_refused_and_nothing_is_made() {
    let place = Place::new();
    place.write("newer.json", r#"{ "version": 2, "columns": [] }"#);
    place.write("broken.json", "{ \"name\": \"Еда\",\n  \"activities\": 1 }");
    place.write("wrong.md", "# Еда\n\n## Карта\n- **Оплатить** · Скоро\n");
    place.write("empty.md", " \n");
    place.write("cp1251.md", [b'#', b' ', 0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2]);

    for (file, parts) in [
        ("newer.json", ["version 2", "update the program"]),
        ("broken.json", ["not a story map in JSON", "line 2"]),
        ("wrong.md", ["line 4", "under no task"]),
        ("empty.md", ["is empty", "usm export"]),
        ("cp1251.md", ["not in UTF-8", "iconv"]),
        ("missing.md", ["no file missing.md", "standard input"]),
    ] {
        let said = place.run(&["import", file]).await;

        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(said.err.contains(file) && parts.iter().all(|part| said.err.contains(part)), "{}", said.err);
    }
    assert!(!place.path("data").exists(), "nothing was made");
}

#[tokio::test]
async fn options_that_do_not_fit_are_refused() {
    let place = with_project().await;
    place.write("file", "in the way");

    for (args, parts) in [
        (&["export", "1"][..], &["--format"][..]),
        (&["export", "1", "--format", "excel"], &["excel", "jira-cloud", "markdown"]),
        (&["export", "one", "--format", "svg"], &["one"]),
        (&["export", "1", "--format", "svg", "--epics", "tasks"], &["--epics", "jira"]),
        (&["export", "1", "--format", "svg", "--out", "file/board.svg"], &["file/board.svg", "--out"]),
        (&["check", "1", "--fail-under", "101"], &["101"]),
    ] {
        let said = place.run(args).await;

        assert_eq!(said.code, Some(2), "{args:?} {}", said.err);
        assert!(parts.iter().all(|part| said.err.contains(part)), "{}", said.err);
    }
    assert_eq!(place.read("file"), "in the way");
}
