//! Maps as files, and what rules say about them.

use poem::http::{Method, StatusCode};
use serde_json::json;

use super::{Request, TestApp, story_map};
use crate::entities::{project, user::LOCAL_USER_ID};
use story_map::StoryMap;
use story_map::export::Format;

/// The id of a saved project with this map.
async fn saved(app: &TestApp, map: &StoryMap) -> i64 {
    project::import_map(&app.app.db, LOCAL_USER_ID, map).await.unwrap().id
}

#[tokio::test]
async fn a_map_is_downloaded_in_every_form_under_the_name_of_the_product() {
    let app = TestApp::new().await;
    let map = StoryMap { name: "Обед «2»".into(), ..story_map() };
    let id = saved(&app, &map).await;

    for (name, format, media_type) in [
        ("markdown", Format::Markdown, "text/markdown; charset=utf-8"),
        ("json", Format::Json, "application/json"),
        ("jira-cloud", Format::JiraCloud, "text/csv; charset=utf-8"),
        ("jira-data-center", Format::JiraDataCenter, "text/csv; charset=utf-8"),
        ("gherkin", Format::Gherkin, "text/plain; charset=utf-8"),
        ("mermaid", Format::Mermaid, "text/plain; charset=utf-8"),
        ("html", Format::Html, "text/html; charset=utf-8"),
        ("svg", Format::Svg, "image/svg+xml"),
    ] {
        let file = app.get(&format!("/project/{id}/export?format={name}")).await;

        let ending = format.ending();
        let expected = format!(
            "attachment; filename=\"story-map.{ending}\"; filename*=UTF-8''%D0%9E%D0%B1%D0%B5%D0%B4-2.{ending}"
        );
        assert_eq!((file.status, file.header("content-type")), (StatusCode::OK, media_type));
        assert_eq!(file.header("content-disposition"), expected);
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        assert_eq!(String::from_utf8(file.bytes).unwrap(), format.write(&map, Default::default()), "{name}");
    }
}

#[tokio::test]
async fn jira_gets_the_epics_that_are_asked_for() {
    let app = TestApp::new().await;
    let id = saved(&app, &story_map()).await;

    let file = app.get(&format!("/project/{id}/export?format=jira-cloud&epics=tasks")).await;

    let text = String::from_utf8(file.bytes).unwrap();
    assert!(text.contains("\"1\",\"Epic\",\"\",\"Choose\""), "{text}");
}

#[tokio::test]
async fn a_form_that_does_not_exist_is_answered_with_those_there_are() {
    let app = TestApp::new().await;
    let id = saved(&app, &story_map()).await;

    for query in ["", "?format=", "?format=excel", "?format=svg&epics=stories"] {
        let refused = app.get(&format!("/project/{id}/export{query}")).await;
        let detail = refused.problem(422);
        let parameter = if query.contains("epics") { "epics" } else { "format" };
        let allowed = match parameter {
            "epics" => "activities, tasks",
            _ => "markdown, json, jira-cloud, jira-data-center, gherkin, mermaid, html, svg",
        };
        assert_eq!(detail, format!("the parameter `{parameter}` must be one of {allowed}"));
        assert_eq!(refused.json()["errors"][0]["pointer"], parameter, "{query}");
    }
}

#[tokio::test]
async fn a_page_that_may_call_can_read_the_name_of_the_file() {
    let app = TestApp::with(|name| (name == "ALLOWED_ORIGINS").then(|| "http://localhost:3000".into())).await;
    let id = saved(&app, &story_map()).await;
    let request = Request::new(Method::GET, &format!("/project/{id}/export?format=json"));

    let file = app.send(request.header("origin", "http://localhost:3000")).await;

    assert!(file.header("access-control-expose-headers").contains("Content-Disposition"));
}

#[tokio::test]
async fn a_map_is_judged_with_the_ids_of_what_is_wrong() {
    let app = TestApp::new().await;
    let mut map = story_map();
    map.personas.push("Courier".into());
    map.activities[0].tasks[0].stories[1].acceptance_criteria.clear();
    let id = saved(&app, &map).await;

    let project = app.get(&format!("/project/{id}")).await.json();
    let report = app.get(&format!("/project/{id}/quality")).await.json();

    let activity = &project["activities"][0];
    let task = &activity["tasks"][0];
    let issue = &report["issues"][0];
    assert!(report["score"].as_u64().unwrap() < 90, "{report}");
    assert_eq!((&issue["rule"], &issue["severity"]), (&json!("missing_criteria"), &json!("warning")));
    assert_eq!(
        issue["place"],
        json!({
            "number": "1.1.2",
            "title": "search by dish",
            "activity_id": activity["id"],
            "task_id": task["id"],
            "story_id": task["stories"][1]["id"],
        })
    );
    assert!(issue["message"].as_str().unwrap().contains("search by dish"));
    let persona = report["issues"].as_array().unwrap().iter().find(|issue| issue["rule"] == "unused_persona");
    assert_eq!(
        persona.unwrap()["place"],
        json!({ "number": "", "title": "", "activity_id": null, "task_id": null, "story_id": null })
    );
}

#[tokio::test]
async fn stories_that_are_alike_are_listed_in_pairs() {
    let app = TestApp::new().await;
    let mut map = story_map();
    let copy = map.activities[0].tasks[0].stories[0].clone();
    map.activities[0].tasks[0].stories.push(copy);
    let id = saved(&app, &map).await;

    let stories =
        app.get(&format!("/project/{id}")).await.json()["activities"][0]["tasks"][0]["stories"].clone();
    let pairs = app.get(&format!("/project/{id}/similar-stories")).await.json();

    assert_eq!(pairs.as_array().unwrap().len(), 1, "{pairs}");
    assert_eq!((&pairs[0]["score"], &pairs[0]["kind"]), (&json!(1.0), &json!("duplicate")));
    assert_eq!(pairs[0]["first"]["story_id"], stories[0]["id"]);
    assert_eq!(pairs[0]["second"]["story_id"], stories[2]["id"]);
}

#[tokio::test]
async fn a_map_of_somebody_else_is_neither_written_nor_judged() {
    let app = TestApp::new().await;
    let foreign = app.save_map(2).await.project.id;

    for id in [foreign, 999] {
        for path in ["export?format=json", "quality", "similar-stories"] {
            app.get(&format!("/project/{id}/{path}")).await.problem(404);
        }
    }
}
