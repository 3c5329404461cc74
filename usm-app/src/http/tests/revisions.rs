//! Earlier texts of stories, listed and had back.

use serde_json::json;
use uuid::Uuid;

use super::TestApp;
use crate::entities::{
    user::LOCAL_USER_ID,
    user_story::{self, Improvement, Scope},
};

#[tokio::test]
async fn the_last_change_of_a_story_is_listed_and_undone() {
    let app = TestApp::new().await;
    let story = app.save_map(LOCAL_USER_ID).await.stories().next().unwrap().story.clone();
    let (id, scope) = (story.id, Scope::Owner(LOCAL_USER_ID));
    let undo = format!("/story/{id}/undo");
    assert!(app.post(&undo, json!({})).await.problem(409).contains("never changed"));
    let better = Improvement {
        title: "Better".to_owned(),
        description: "Better".to_owned(),
        acceptance_criteria: vec!["Better".to_owned()],
        written_by: "groq/model".to_owned(),
    };
    user_story::update_improved(&app.app.db, scope, id, 1, Uuid::now_v7(), &better).await.unwrap();

    let listed = app.get(&format!("/story/{id}/revisions")).await.json();
    let undone = app.post(&undo, json!({})).await.json();

    assert_eq!(
        (&listed["items"][0]["title"], &listed["items"][0]["author"]),
        (&json!(story.title), &json!("draft"))
    );
    assert_eq!((&undone["title"], &undone["version"]), (&json!(story.title), &json!(3)));
    assert!(app.post("/story/999999/undo", json!({})).await.problem(404).contains("story 999999"));
    assert!(app.get("/story/999999/revisions").await.problem(404).contains("story 999999"));
}
