//! Everything that is refused before an endpoint sees it, and what every answer carries.

use poem::http::{Method, StatusCode};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{Request, TEXT, TestApp};

const JSON: (&str, &str) = ("content-type", "application/json");

fn post(body: &[u8]) -> Request {
    Request::new(Method::POST, "/generate-map-async").body(body)
}

fn post_map() -> Request {
    post(json!({ "text": TEXT }).to_string().as_bytes()).header(JSON.0, JSON.1)
}

async fn app_that_allows(origin: &'static str) -> TestApp {
    TestApp::with(|name| (name == "ALLOWED_ORIGINS").then(|| origin.into())).await
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let app = TestApp::new().await;

    app.get("/nothing/here").await.problem(404);
    app.get("/job").await.problem(404);
    let put = app.call(Method::PUT, "/generate-map-async", Some(json!({}))).await;
    let post = app.call(Method::POST, "/docs", Some(json!({}))).await;
    let patch = app.call(Method::PATCH, "/job/5", Some(json!({}))).await;

    for (answer, allowed) in [(put, "POST"), (post, "GET"), (patch, "GET, DELETE")] {
        answer.problem(405);
        assert_eq!(answer.header("allow"), allowed);
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_a_bad_request() {
    let app = TestApp::new().await;
    let bodies: [&[u8]; 5] =
        [b"", b"{\"text\": ", b"\xff\xfe\x00", b"{\"text\": \"\xc3\x28 and more text\"}", b"<map/>"];

    for body in bodies {
        app.send(post(body).header(JSON.0, JSON.1)).await.problem(400);
    }
}

#[tokio::test]
async fn a_body_must_be_declared_as_json() {
    let app = TestApp::new().await;
    let body = json!({ "text": TEXT }).to_string();

    for content_type in ["text/plain", "application/x-www-form-urlencoded", "nonsense"] {
        app.send(post(body.as_bytes()).header("content-type", content_type)).await.problem(415);
    }
    app.send(post(body.as_bytes())).await.problem(415);
}

#[tokio::test]
async fn a_foreign_host_is_refused_for_whatever_path() {
    let app = TestApp::new().await;

    for path in ["/", "/docs", "/projects", "/health/live", "/nothing"] {
        for host in ["evil.example", "localhost.evil.example:8000", "192.168.0.1"] {
            app.send(Request::new(Method::GET, path).header("host", host)).await.problem(421);
        }
    }
    app.send(post_map().header("host", "evil.example")).await.problem(421);
}

#[tokio::test]
async fn a_foreign_page_can_change_nothing() {
    let app = TestApp::new().await;

    for origin in
        ["http://evil.example", "null", "http://localhost:9999", "https://localhost:8000.evil.example"]
    {
        app.send(post_map().header("origin", origin)).await.problem(403);
    }
}

#[tokio::test]
async fn our_own_page_and_those_allowed_may_call() {
    let app = app_that_allows("https://maps.example").await;

    let own = app.send(post_map().header("origin", "http://localhost:8000")).await;
    let allowed = app.send(post_map().header("origin", "https://maps.example")).await;

    assert_eq!((own.status, allowed.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    assert!(!own.headers.contains_key("access-control-allow-origin"));
    assert_eq!(allowed.header("access-control-allow-origin"), "https://maps.example");
    assert_eq!(allowed.header("vary"), "Origin");
    assert!(allowed.header("access-control-expose-headers").contains("Location"));
}

#[tokio::test]
async fn a_preflight_allows_the_listed_origins_and_no_other() {
    let app = app_that_allows("https://maps.example").await;
    let ask = |origin: &str| {
        Request::new(Method::OPTIONS, "/nothing")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
    };

    let allowed = app.send(ask("https://maps.example")).await;
    let refused = app.send(ask("https://evil.example")).await;

    assert_eq!(allowed.header("access-control-allow-origin"), "https://maps.example");
    assert!(allowed.header("access-control-allow-methods").contains("POST"));
    assert!(!refused.headers.contains_key("access-control-allow-origin"));
    assert!(!refused.headers.contains_key("access-control-allow-methods"));
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect() {
    let app = TestApp::new().await;

    for path in ["/", "/docs", "/openapi.json", "/projects", "/nothing", "/job/x"] {
        let answer = app.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-request-id").len(), 32, "{path}");
    }
}

#[tokio::test]
async fn a_harmless_request_id_is_kept_and_any_other_replaced() {
    let app = TestApp::new().await;
    let with_id = |id: &str| Request::new(Method::GET, "/health/live").header("x-request-id", id);

    assert_eq!(app.send(with_id("trace-1.a_B")).await.header("x-request-id"), "trace-1.a_B");
    for harmful in ["a b", "<script>", "", &"x".repeat(65)] {
        assert_eq!(app.send(with_id(harmful)).await.header("x-request-id").len(), 32, "{harmful}");
    }
}

#[tokio::test]
async fn what_a_problem_repeats_of_the_request_is_short() {
    let app = TestApp::new().await;

    let long_path = app.get(&format!("/{}", "x".repeat(5000))).await;
    let long_style = json!({ "project_id": 1, "story_ids": [1], "style": "x".repeat(100_000) });
    let long_style = app.post("/wireframes/generate", long_style).await;

    long_path.problem(404);
    long_style.problem(422);
    assert!(long_path.bytes.len() < 3000 && long_style.bytes.len() < 3000);
}

#[tokio::test]
async fn a_failing_database_shows_nothing_of_its_inside() {
    let app = TestApp::new().await;
    app.app.db.execute_unprepared("ALTER TABLE projects RENAME TO lost").await.unwrap();

    let failed = app.get("/projects").await;

    let detail = failed.problem(500);
    let text = String::from_utf8_lossy(&failed.bytes).to_lowercase();
    assert!(detail.contains("its log has the cause"));
    assert!(!text.contains("sql") && !text.contains("no such table") && !text.contains("lost"), "{text}");
}
