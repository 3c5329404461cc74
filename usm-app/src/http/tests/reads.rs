//! Requests that look at what there is, and cancellations.

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use usm_queue::{EnqueueOptions, JobId};
use uuid::Uuid;

use super::{TestApp, map_ready, open, task};
use crate::entities::{
    user::LOCAL_USER_ID,
    wireframe::{self, NewWireframe},
};

#[tokio::test]
async fn a_job_is_shown_in_the_guides_words() {
    let app = TestApp::new().await;
    let id = app.start_map().await;

    let shown = app.get(&format!("/job/{id}")).await;

    let job = shown.json();
    assert_eq!((shown.status, shown.header("retry-after")), (StatusCode::OK, "2"));
    assert_eq!((&job["job_id"], &job["user_id"]), (&json!(id), &json!(LOCAL_USER_ID)));
    assert_eq!((&job["job_type"], &job["status"]), (&json!("ai_map_generation"), &json!("pending")));
    for empty in ["result", "error", "progress"] {
        assert_eq!(job.get(empty), Some(&Value::Null), "{empty}");
    }
    assert!(job["created_at"].as_str().unwrap().ends_with("Z"), "{}", job["created_at"]);
    assert_eq!(job["timeline"][0]["event"], "enqueued");
}

#[tokio::test]
async fn a_finished_job_has_its_result_and_nothing_to_wait_for() {
    let app = TestApp::new().await;
    let id = app.start_map().await;
    let _worker = app.work(async |_, job| {
        job.progress(1, 3, "drawing").await?;
        Ok(map_ready(456))
    });
    app.app.queue.wait(id.parse().unwrap()).await.unwrap();

    let shown = app.get(&format!("/job/{id}")).await;

    let job = shown.json();
    assert_eq!((&job["status"], &job["result"]["project_id"]), (&json!("completed"), &json!(456)));
    assert_eq!(job["progress"], json!({ "current": 1, "total": 3, "message": "drawing" }));
    assert!(job["finished_at"].is_string());
    assert!(!shown.headers.contains_key("retry-after"));
    assert!(job.get("worker").is_none() && job["timeline"][1].get("worker").is_none());
}

#[tokio::test]
async fn a_job_of_somebody_else_is_as_unknown_as_one_that_never_was() {
    let app = TestApp::new().await;
    let others = app.app.queue.enqueue_with(task(), EnqueueOptions::new().owner(2)).await.unwrap().id();

    for method in [Method::GET, Method::DELETE] {
        for id in [others, JobId::new()] {
            let detail = app.call(method.clone(), &format!("/job/{id}"), None).await.problem(404);
            let expected =
                format!("job {id} is not known; finished jobs are removed after their time to live");
            assert_eq!(detail, expected);
        }
    }
    assert_eq!(app.app.queue.job(others).await.unwrap().status.as_str(), "pending");
}

#[tokio::test]
async fn an_id_that_is_none_is_a_bad_request() {
    let app = TestApp::new().await;

    for path in
        ["/job/a%0Ab", "/project/abc", "/project/99999999999999999999", "/project/1/story/x/wireframes"]
    {
        app.get(path).await.problem(400);
    }
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_once() {
    let app = TestApp::new().await;
    let path = format!("/job/{}", app.start_map().await);

    let cancelled = app.call(Method::DELETE, &path, None).await;
    let again = app.call(Method::DELETE, &path, None).await;

    assert_eq!(cancelled.status, StatusCode::ACCEPTED);
    assert_eq!(cancelled.json()["outcome"], "cancelled");
    assert!(again.problem(409).contains("has ended already: it is cancelled"));
    assert_eq!(app.get(&path).await.json()["status"], "cancelled");
}

#[tokio::test]
async fn the_worker_of_a_running_job_is_asked_to_stop() {
    let app = TestApp::new().await;
    let id = app.start_map().await;
    let (started, mut running) = tokio::sync::mpsc::channel(1);
    let _worker = app.work(move |_, job| {
        let started = started.clone();
        async move {
            started.send(()).await?;
            job.cancelled().await;
            Err(std::io::Error::other("stopped").into())
        }
    });
    running.recv().await.unwrap();

    let asked = app.call(Method::DELETE, &format!("/job/{id}"), None).await;

    assert_eq!(asked.json()["outcome"], "requested");
    assert_eq!(app.app.queue.wait(id.parse().unwrap()).await.unwrap().status.as_str(), "cancelled");
}

#[tokio::test]
async fn a_project_is_shown_with_its_whole_map() {
    let app = TestApp::new().await;
    let saved = app.save_map(LOCAL_USER_ID).await;

    let project = app.get(&format!("/project/{}", saved.project.id)).await.json();

    let task = &project["activities"][0]["tasks"][0];
    let story = &task["stories"][0];
    assert_eq!((&project["id"], &project["name"]), (&json!(saved.project.id), &json!("Food delivery")));
    assert_eq!((&project["personas"], &project["notes"]), (&json!(["Customer"]), &json!(["made by a test"])));
    assert_eq!((&task["title"], &story["title"]), (&json!("Choose"), &json!("see the menu")));
    assert_eq!(story["acceptance_criteria"], json!(["see the menu works"]));
    assert_eq!((&story["release"], &story["status"]), (&json!("MVP"), &json!("todo")));
    assert_eq!(story["release_id"], project["releases"][0]["id"]);
    assert_eq!((&story["version"], &story["wireframes"]), (&json!(1), &json!([])));
}

#[tokio::test]
async fn a_project_of_somebody_else_is_not_shown_and_not_listed() {
    let app = TestApp::new().await;
    let mine = app.save_map(LOCAL_USER_ID).await;
    let foreign = app.save_map(2).await;

    app.get(&format!("/project/{}", foreign.project.id)).await.problem(404);
    let page = app.get("/projects").await.json();

    assert_eq!((&page["total"], &page["items"][0]["id"]), (&json!(1), &json!(mine.project.id)));
}

#[tokio::test]
async fn projects_are_listed_in_pages_newest_first() {
    let app = TestApp::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(app.save_map(LOCAL_USER_ID).await.project.id);
    }

    let page = app.get("/projects?limit=1&offset=1").await.json();

    assert_eq!(page["items"][0]["id"], ids[1]);
    assert_eq!((&page["total"], &page["limit"], &page["offset"]), (&json!(3), &json!(1), &json!(1)));
}

#[tokio::test]
async fn a_page_out_of_range_is_refused() {
    let app = TestApp::new().await;

    for (query, rule) in [
        ("limit=0", "`limit` must be at least 1"),
        ("limit=101", "`limit` must be at most 100"),
        ("limit=x", "`limit` must be a whole number"),
        ("offset=-1", "`offset` must be a whole number, 0 or greater"),
        ("offset=18446744073709551615", "`offset` must be at most 9007199254740991"),
    ] {
        let refused = app.get(&format!("/projects?{query}")).await;
        let detail = refused.problem(422);
        assert!(detail.contains(rule), "{detail}");
        assert_eq!(refused.json()["errors"][0]["pointer"], query.split('=').next().unwrap());
    }
}

#[tokio::test]
async fn what_is_drawn_for_a_story_is_shown_within_its_project_only() {
    let app = TestApp::new().await;
    let (saved, other) = (app.save_map(LOCAL_USER_ID).await, app.save_map(LOCAL_USER_ID).await);
    let (project, story) = (saved.project.id, saved.stories().next().unwrap().story.id);
    let drawing = NewWireframe {
        story_id: story,
        style: "component".into(),
        platform: "mobile".into(),
        ascii_wireframe: "┌─┐\n└─┘".into(),
        full_text: "# Menu".into(),
        tree: json!(null),
        layout_description: "one box".into(),
        ui_elements: vec!["[Box]".into()],
        navigation: Vec::new(),
        notes: Vec::new(),
        job_id: Some(Uuid::now_v7()),
    };
    wireframe::upsert(&app.app.db, drawing).await.unwrap().unwrap();

    let drawn = app.get(&format!("/project/{project}/story/{story}/wireframes")).await.json();
    let in_map = app.get(&format!("/project/{project}")).await.json();

    assert_eq!(drawn[0]["ascii_wireframe"], "┌─┐\n└─┘");
    assert_eq!((&drawn[0]["style"], &drawn[0]["platform"]), (&json!("component"), &json!("mobile")));
    let named = &in_map["activities"][0]["tasks"][0]["stories"][0]["wireframes"][0];
    assert_eq!(named["id"], drawn[0]["id"]);
    app.get(&format!("/project/{}/story/{story}/wireframes", other.project.id)).await.problem(404);
    app.get(&format!("/project/9999/story/{story}/wireframes")).await.problem(404);
}

#[tokio::test]
async fn a_wireframe_is_served_as_files_that_run_nothing() {
    let app = TestApp::new().await;
    let (saved, other) = (app.save_map(LOCAL_USER_ID).await, app.save_map(LOCAL_USER_ID).await);
    let (project, story) = (saved.project.id, saved.stories().next().unwrap().story.id);
    let criterion = saved.stories().next().unwrap().story.acceptance_criteria.0[0].clone();
    let button = json!({ "kind": "button", "text": "<script>alert(1)</script>" });
    let tree = json!({ "screens": [{ "id": "s", "title": "Menu", "root": { "kind": "column", "children": [button] } }] });
    let drawing = |tree, platform: &str| NewWireframe {
        story_id: story,
        style: "high-fidelity".into(),
        platform: platform.into(),
        ascii_wireframe: "┌─┐\n└─┘".into(),
        full_text: "# Menu".into(),
        tree,
        layout_description: String::new(),
        ui_elements: vec![format!("[Alert] {criterion}")],
        navigation: vec!["Menu → Home".into()],
        notes: Vec::new(),
        job_id: None,
    };
    let tree = wireframe::upsert(&app.app.db, drawing(tree, "web")).await.unwrap().unwrap();
    let text = wireframe::upsert(&app.app.db, drawing(json!(null), "mobile")).await.unwrap().unwrap();

    for (id, drawn_here) in [(tree.id, true), (text.id, false)] {
        let folder = format!("/project/{project}/story/{story}/wireframes/{id}");
        for (name, kind, part) in [
            ("image.svg", "image/svg+xml", "<svg "),
            ("page.html", "text/html; charset=utf-8", "<!doctype html>"),
            ("text.txt", "text/plain; charset=utf-8", if drawn_here { "+-" } else { "┌─┐" }),
            ("notes.md", "text/markdown; charset=utf-8", if drawn_here { "## " } else { "# Menu" }),
        ] {
            let file = app.get(&format!("{folder}/{name}")).await;
            let body = String::from_utf8_lossy(&file.bytes).into_owned();
            assert_eq!((file.status, file.header("content-type")), (StatusCode::OK, kind));
            assert!(file.header("content-security-policy").starts_with("default-src 'none'"));
            assert!(body.contains(part), "{part} in {body}");
            assert!(name.ends_with("txt") || name.ends_with("md") || !body.contains("<script"), "{body}");
        }
        let page = app.get(&format!("{folder}/page.html")).await;
        let is_served = String::from_utf8_lossy(&page.bytes).contains("→ [Alert]");
        assert_eq!(is_served, !drawn_here, "what a model drew names the elements that serve the criteria");
        app.get(&format!("{folder}/secret.env")).await.problem(404);
        let elsewhere = format!("/project/{}/story/{story}/wireframes/{id}/image.svg", other.project.id);
        app.get(&elsewhere).await.problem(404);
    }
    app.get(&format!("/project/{project}/story/{story}/wireframes/x/image.svg")).await.problem(404);
}

#[tokio::test]
async fn a_restarted_server_knows_the_jobs_of_the_one_before() {
    let before = TestApp::new().await;
    let id = before.start_map().await;
    before.app.queue.close().await;
    let TestApp { app, directory } = before;
    drop(app);

    let after = TestApp { app: open(directory.path(), |_| None).await, directory };

    assert_eq!(after.get(&format!("/job/{id}")).await.json()["status"], "pending");
}

#[tokio::test]
async fn health_tells_what_does_not_answer_and_not_why() {
    let app = TestApp::new().await;
    let ready = app.get("/health/ready").await;
    app.app.queue.close().await;

    let not_ready = app.get("/health/ready").await;
    let live = app.get("/health/live").await;

    assert_eq!(
        ready.json(),
        json!({ "status": "ok", "database": "ok", "queue": "ok", "workers": "elsewhere" })
    );
    not_ready.problem(503);
    let errors = json!([{ "pointer": "queue", "detail": "the queue does not answer" }]);
    assert_eq!(not_ready.json()["errors"], errors);
    assert_eq!(live.status, StatusCode::OK);
}

#[cfg(unix)]
#[tokio::test]
async fn a_queue_file_that_was_removed_is_told_by_health_and_by_who_wants_a_job() {
    let app = TestApp::new().await;
    std::fs::remove_file(app.app.config.queue_file()).unwrap();

    let not_ready = app.get("/health/ready").await;
    let refused = app.post("/generate-map-async", json!({ "text": super::TEXT })).await;

    not_ready.problem(503);
    let error = &not_ready.json()["errors"][0];
    assert_eq!(error["pointer"], "queue");
    assert!(error["detail"].as_str().unwrap().contains("file was removed or replaced"), "{error}");
    let detail = refused.problem(503);
    assert!(detail.contains("the queue file was removed or replaced"), "{detail}");
    let directory = app.directory.path().to_str().unwrap();
    assert!(!String::from_utf8_lossy(&[not_ready.bytes, refused.bytes].concat()).contains(directory));
}

#[cfg(unix)]
#[tokio::test]
async fn a_database_file_that_was_replaced_is_told_by_health() {
    let app = TestApp::new().await;
    let file = app.directory.path().join("usm.db");
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "").unwrap();

    let not_ready = app.get("/health/ready").await;

    not_ready.problem(503);
    let error = &not_ready.json()["errors"][0];
    assert_eq!(error["pointer"], "database");
    assert!(error["detail"].as_str().unwrap().contains("file was removed or replaced"), "{error}");
}

#[tokio::test]
async fn asking_for_health_leaves_no_files() {
    let app = TestApp::new().await;
    let names = || {
        let entries = std::fs::read_dir(app.directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();

    assert_eq!(app.get("/health/ready").await.status, StatusCode::OK);

    assert_eq!(names(), before);
}
