//! `usm generate` from text to files, without AI.

use serde_json::Value;

use crate::support::{ENGLISH, Place, RUSSIAN, events};

fn stories(map: &Value) -> Vec<&Value> {
    let tasks = map["activities"].as_array().unwrap().iter().flat_map(|one| one["tasks"].as_array().unwrap());
    tasks.flat_map(|task| task["stories"].as_array().unwrap()).collect()
}

#[tokio::test]
async fn a_russian_text_becomes_a_board_wireframes_and_two_files() {
    let place = Place::new();
    place.write("еда.md", RUSSIAN);

    let said = place.run(&["generate", "еда.md", "--out", "карта/1"]).await;

    assert_eq!(said.code, Some(0), "{}", said.err);
    for part in ["Горячо\n══════", "Роли: Клиент", "[MVP]", "✓ ", "Экраны 3/3: ", "карта/1/story-map.json"]
    {
        assert!(said.out.contains(part), "{part} in {}", said.out);
    }
    assert!(place.read("карта/1/story-map.md").starts_with("# Горячо\n"));
    let rows: Vec<&str> = said.out.lines().filter(|line| line.starts_with(['│', '┌', '├', '└'])).collect();
    assert!(rows.len() > 20 && rows.iter().all(|row| row.chars().count() == 80), "{rows:#?}");
}

#[tokio::test]
async fn an_english_text_is_read_from_standard_input() {
    let place = Place::new();

    let said = place.run_on(&["generate", "-"], ENGLISH).await;

    assert_eq!(said.code, Some(0), "{}", said.err);
    for part in ["Personas: ", "Wireframe 1/3: ", "Files: ./story-map.md"] {
        assert!(said.out.contains(part), "{part} in {}", said.out);
    }
    assert!(!said.out.contains("Роли"), "{}", said.out);
}

#[tokio::test]
async fn the_json_file_has_the_documented_shape() {
    let place = Place::new();
    place.write("text.md", RUSSIAN);

    place.run(&["generate", "text.md"]).await;

    let map: Value = serde_json::from_str(&place.read("story-map.json")).unwrap();
    assert_eq!(map["version"], 1);
    assert_eq!(map["name"], "Горячо");
    assert_eq!(map["releases"], serde_json::json!(["MVP", "Release 1", "Later"]));
    assert!(map["personas"].as_array().unwrap().contains(&"Курьер".into()));
    for story in stories(&map) {
        assert!(!story["title"].as_str().unwrap().is_empty(), "{story}");
        let persona = &story["persona"];
        assert!(persona == "" || map["personas"].as_array().unwrap().contains(persona), "{story}");
        assert!(map["releases"].as_array().unwrap().contains(&story["release"]), "{story}");
        assert!(!story["source"]["sentence"].as_str().unwrap().is_empty(), "{story}");
    }
    assert!(map["notes"][0].as_str().unwrap().contains("без ИИ"), "{}", map["notes"]);
}

#[tokio::test]
async fn a_text_without_requirements_ends_well_and_shows_its_questions() {
    let place = Place::new();

    let said =
        place.run_on(&["generate", "-"], "Hello there,\n\nhow are you doing?\n\nBest regards\nAnn\n").await;

    assert_eq!(said.code, Some(0), "{}", said.err);
    for part in [
        "Questions\n? how are you doing?",
        "? Who should do what",
        "Confidence: low",
        "Not on the map\n- Hello there",
    ] {
        assert!(said.out.contains(part), "{part} in {}", said.out);
    }
    let map: Value = serde_json::from_str(&place.read("story-map.json")).unwrap();
    assert_eq!((&map["activities"], map["questions"].as_array().unwrap().len()), (&serde_json::json!([]), 2));
}

#[tokio::test]
async fn the_names_of_requirements_are_kept_from_the_text_to_every_file() {
    let place = Place::new();
    let text = "# Lockers\n\n| ID | Priority | Persona | Requirement |\n|---|---|---|---|\n| R7 | P0 | Courier | Opens a free locker |\n\
                | R8 | P1 | Courier | Reports a broken door |\n\n## Non-goals\n- No cash\n";

    let said = place.run_on(&["generate", "-"], text).await;

    assert!(
        said.out.contains("Opens a free locker · R7 [MVP]")
            && said.out.contains("- No cash (the text leaves it out)"),
        "{}",
        said.out
    );
    for format in ["markdown", "json", "jira-cloud", "gherkin", "html", "svg", "mermaid"] {
        let written = place.run(&["export", "1", "--format", format]).await.out;
        assert!(written.contains("R7"), "{format}: {written}");
    }
}

#[tokio::test]
async fn piped_progress_is_plain_lines_and_the_board_has_no_colours() {
    let place = Place::new();
    place.write("text.md", RUSSIAN);

    let said = place.run(&["generate", "text.md"]).await;

    for line in
        ["(ai_map_generation) is queued", "\n  составляю карту без ИИ\n", "\n  + 1. ", "  карта сохранена\n"]
    {
        assert!(said.err.contains(line), "{line} in {}", said.err);
    }
    assert!(said.err.lines().all(|line| line.starts_with("job ") || line.starts_with("  ")), "{}", said.err);
    assert!(!said.out.contains('\x1b') && !said.err.contains('\x1b'));
}

#[tokio::test]
async fn json_events_are_all_there_is_on_standard_output_and_end_with_the_map() {
    let place = Place::new();
    place.write("text.md", ENGLISH);

    let said = place.run(&["generate", "text.md", "--json", "--out", "out"]).await;

    let events = events(&said.out);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(said.err, "");
    assert_eq!(events[0]["event"], "enqueued");
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).collect::<Vec<_>>();
    assert_eq!(named("progress")[0]["current"], 0);
    assert!(named("status").iter().any(|event| event["status"] == "completed"));
    let parts = named("partial");
    let of = |kind: &str| parts.iter().filter(|part| part["value"]["part"] == kind).collect::<Vec<_>>();
    assert_eq!(of("enhancement")[0]["value"]["used"], false, "offline nothing is added");
    let backbone = of("backbone")[0];
    assert_eq!(backbone["value"]["made_by"], "offline");
    let last = events.last().unwrap();
    assert_eq!(last["event"], "completed");
    assert_eq!(last["project_id"], 1);
    assert_eq!(last["wireframes"].as_array().unwrap().len(), 3);
    let file: Value = serde_json::from_str(&place.read("out/story-map.json")).unwrap();
    assert_eq!(last["map"], file);
    assert_eq!(last["files"]["json"], "out/story-map.json");
    assert_eq!(
        backbone["value"]["activities"].as_array().unwrap().len(),
        file["activities"].as_array().unwrap().len()
    );
    assert_eq!(of("activity").len(), file["activities"].as_array().unwrap().len());
}

#[tokio::test]
async fn style_platform_and_width_are_those_asked_for() {
    let place = Place::new();
    place.write("text.md", ENGLISH);

    let said = place
        .run(&[
            "generate",
            "text.md",
            "--platform",
            "mobile",
            "--style",
            "high-fidelity",
            "--width",
            "120",
            "--brief",
        ])
        .await;

    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains('┏'), "columns: {}", said.out);
    assert!(!said.out.contains("✓ "), "no criteria: {}", said.out);
    let (_, wireframes) = said.out.split_once("Wireframe 1/3").unwrap();
    let mut rows = wireframes.lines().filter(|line| line.starts_with(['│', '┌', '╭', '├', '└', '╰']));
    assert!(rows.clone().count() > 20 && rows.all(|row| row.chars().count() == 40), "{wireframes}");
}

#[tokio::test]
async fn a_second_run_makes_a_second_project_and_keeps_the_former_files_beside_the_new_ones() {
    let place = Place::new();
    place.write("1.md", RUSSIAN);
    place.write("2.md", ENGLISH);

    place.run(&["generate", "1.md"]).await;
    place.write("story-map.md", "# Edited");
    let said = place.run(&["generate", "2.md", "--json"]).await;

    let last = events(&said.out).pop().unwrap();
    assert_eq!(last["project_id"], 2);
    assert_eq!(last["files"]["kept"], serde_json::json!(["./story-map.old.md", "./story-map.old.json"]));
    assert_eq!(place.read("story-map.old.md"), "# Edited");
    assert!(place.read("story-map.old.json").contains("Горячо"));
    assert!(!place.read("story-map.md").contains("Горячо"));
    let jobs = place.run(&["job", "list", "--json"]).await;
    assert_eq!(events(&jobs.out).len(), 4, "two maps and two times wireframes");
}

#[tokio::test]
async fn a_file_that_is_kept_is_told() {
    let place = Place::new();
    place.write("text.md", ENGLISH);
    place.write("story-map.md", "# Edited");

    let said = place.run(&["generate", "text.md"]).await;

    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("  the former file is kept as ./story-map.old.md\n"), "{}", said.err);
    assert_eq!(place.read("story-map.old.md"), "# Edited");
}

#[tokio::test]
async fn help_names_the_exit_codes() {
    let said = Place::new().run(&["generate", "--help"]).await;

    assert_eq!(said.code, Some(0));
    assert!(said.out.contains("Exit codes:") && said.out.contains("--offline"), "{}", said.out);
}
