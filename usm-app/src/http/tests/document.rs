//! The OpenAPI document says what the server does.

use poem::http::Method;
use serde_json::Value;

use super::{Reply, TestApp};
use crate::http::openapi;

/// Fails when the document does not declare this answer. Paths and methods that do not exist are none of its business.
pub(super) fn check_declared(document: &str, method: &Method, path: &str, reply: &Reply) {
    let document: Value = serde_json::from_str(document).unwrap();
    let path = path.split('?').next().unwrap();
    let paths = document["paths"].as_object().unwrap();
    let Some((_, operations)) = paths.iter().find(|(template, _)| fits(template, path)) else { return };
    let Some(operation) = operations.get(method.as_str().to_lowercase().as_str()) else { return };
    let status = reply.status.as_str();
    let declared = &operation["responses"][status];
    assert!(declared.is_object(), "{method} {path} answers {status} and does not declare it");
    let media_type = |text: &str| text.split(';').next().unwrap_or_default().to_owned();
    let types: Vec<String> =
        declared["content"].as_object().unwrap().keys().map(|name| media_type(name)).collect();
    let sent = media_type(reply.header("content-type"));
    assert!(types == [sent.as_str()] || types == ["*/*"], "{method} {path} {status} {sent}");
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(expected, given)| expected.starts_with('{') || expected == given)
}

async fn document() -> Value {
    serde_json::from_str(&openapi::document(&TestApp::new().await.app)).unwrap()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            found.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

#[tokio::test]
async fn every_operation_is_documented() {
    let document = document().await;

    let names: Vec<String> = operations(&document).into_iter().map(|(name, _)| name).collect();

    assert_eq!(
        names,
        [
            "DELETE /job/{job_id}",
            "GET /health/live",
            "GET /health/ready",
            "GET /job/{job_id}",
            "GET /project/{project_id}",
            "GET /project/{project_id}/export",
            "GET /project/{project_id}/quality",
            "GET /project/{project_id}/similar-stories",
            "GET /project/{project_id}/story/{story_id}/wireframes",
            "GET /projects",
            "GET /story/{story_id}/revisions",
            "POST /generate-map-async",
            "POST /stories/ai-bulk-improve",
            "POST /story/{story_id}/ai-improve",
            "POST /story/{story_id}/undo",
            "POST /wireframes/generate",
        ]
    );
}

#[tokio::test]
async fn every_operation_has_a_name_a_summary_and_its_problems() {
    let document = document().await;

    for (name, operation) in operations(&document) {
        assert!(operation["operationId"].is_string(), "{name}");
        assert!(operation["summary"].is_string(), "{name}");
        assert!(operation["tags"].is_array(), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert_eq!(responses.keys().filter(|status| status.starts_with('2')).count(), 1, "{name}");
        for (status, response) in responses.iter().filter(|(status, _)| !status.starts_with('2')) {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{name} {status}");
            let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{name} {status}");
        }
    }
}

#[tokio::test]
async fn every_body_has_an_example() {
    let document = document().await;
    let has_example = |schema: &Value| {
        let schema = schema.get("items").unwrap_or(schema);
        let name = schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        document["components"]["schemas"][name]["example"].is_object()
    };

    for (name, operation) in operations(&document) {
        let bodies = operation["responses"].as_object().unwrap().values().chain([&operation["requestBody"]]);
        let bodies = bodies.filter_map(|body| body["content"].as_object()).flatten();
        for (media_type, body) in bodies.filter(|(_, body)| body["schema"]["format"] != "binary") {
            assert!(has_example(&body["schema"]), "{name} {media_type}");
        }
    }
}

#[tokio::test]
async fn what_may_be_null_says_so() {
    let document = document().await;

    let nullable = [
        ("Job", ["result", "error", "progress", "next_attempt_at", "finished_at"].as_slice()),
        ("Story", &["description", "release_id", "release"]),
        ("Transition", &["error"]),
        ("MapPlace", &["activity_id", "task_id", "story_id"]),
    ];

    for (schema, fields) in nullable {
        let properties = &document["components"]["schemas"][schema]["properties"];
        for field in fields {
            assert_eq!(properties[field]["nullable"], true, "{schema}.{field}: {}", properties[field]);
        }
    }
}

#[tokio::test]
async fn no_schema_leaves_a_choice_to_the_reader() {
    let text = document().await.to_string();

    assert!(!text.contains("\"anyOf\""));
    assert!(!text.contains("\"oneOf\""));
}

#[tokio::test]
async fn the_document_and_the_pages_are_served_and_load_nothing_from_elsewhere() {
    let app = TestApp::new().await;

    let served = app.get("/openapi.json").await;

    assert_eq!(served.json(), document().await);
    assert_eq!(served.json()["openapi"], "3.0.0");
    for path in ["/", "/docs"] {
        let page = app.get(path).await;
        let html = String::from_utf8_lossy(&page.bytes).into_owned();
        let policy = page.header("content-security-policy");
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(html.starts_with("<!doctype html>"), "{path}");
        assert!(!html.contains("src=\"http") && !html.contains("href=\"http"), "{path}");
    }
}
