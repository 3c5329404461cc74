//! The handlers in this process, over a fake AI service: what is repeated, what is not, and what is reported.

use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use usm_ai::testing::{FakeAi, Reply};
use usm_app::{
    app::App,
    domain::{
        draft::{ImproveAction, draft_story_map},
        wireframe::{Platform, Style},
    },
    entities::{
        project,
        user::LOCAL_USER_ID,
        user_story::{self, Scope},
        wireframe,
    },
    tasks::{self, GenerateMap, GenerateWireframes, ImproveStories, WorkerKind},
};
use usm_queue::{EnqueueOptions, JobHandle, JobId, JobStatus, Task};
use uuid::Uuid;

use crate::{
    model::{map, screen, story},
    support::{ENGLISH, Place, soon},
};

/// Works until this job has ended.
async fn worked<T: Task>(app: &App, job: &JobHandle<T>) -> Result<T::Output, String> {
    let worker = tasks::worker(app.clone(), WorkerKind::All);
    let mut result = None;
    soon(worker.run_until(async { result = Some(job.result().await) })).await.unwrap();
    result.unwrap().map_err(|error| error.to_string())
}

async fn app(ai: &FakeAi) -> (Place, App) {
    let place = Place::new().with_ai(ai.base_url()).with("WORKER_RETRY_DELAY", "0");
    let app = place.app().await;
    (place, app)
}

/// A project of the local user, with the ids of its stories in map order.
async fn project(app: &App) -> (i64, Vec<i64>) {
    let map = draft_story_map(ENGLISH).unwrap();
    let saved = project::save_map(&app.db, Uuid::new_v4(), LOCAL_USER_ID, ENGLISH, &map).await.unwrap();
    let loaded = project::load_map(&app.db, saved.id).await.unwrap().unwrap();
    (saved.id, loaded.stories().map(|loaded| loaded.story.id).collect())
}

fn wireframes(project_id: i64, story_ids: &[i64]) -> GenerateWireframes {
    let (style, platform) = (Style::LowFidelity, Platform::Web);
    GenerateWireframes { project_id, story_ids: story_ids.to_vec(), style, platform }
}

fn improvement(story_ids: &[i64]) -> ImproveStories {
    ImproveStories {
        story_ids: story_ids.to_vec(),
        action: ImproveAction::Criteria,
        prompt: Some("briefly".into()),
    }
}

fn improved(title: &str) -> Reply {
    Reply::json(
        json!({ "title": title, "description": "As a reader…", "acceptance_criteria": ["It is shown"] }),
    )
}

#[tokio::test]
async fn a_job_that_has_saved_its_map_returns_the_same_project_and_asks_nobody() {
    let ai = FakeAi::start([]).await.unwrap();
    let (_place, app) = app(&ai).await;
    let id = JobId::new();
    let map = draft_story_map(ENGLISH).unwrap();
    let saved = project::save_map(&app.db, id.0, LOCAL_USER_ID, ENGLISH, &map).await.unwrap();

    let task = GenerateMap::new(ENGLISH, true);
    let job = app.queue.enqueue_with(task, EnqueueOptions::new().id(id)).await.unwrap();
    let ready = worked(&app, &job).await.unwrap();

    assert_eq!((ready.project_id, ready.stories_count), (saved.id, saved.stories_count));
    assert_eq!(ai.requests(), []);
}

#[tokio::test]
async fn the_backbone_is_known_before_the_map_is_saved() {
    let ai = FakeAi::start([map(vec![story("Оплатить", "MVP")])]).await.unwrap();
    let (_place, app) = app(&ai).await;

    let task = GenerateMap::new(ENGLISH, false);
    let job = app.queue.enqueue(task).await.unwrap();
    worked(&app, &job).await.unwrap();

    let partial: tasks::Backbone =
        serde_json::from_value(job.status().await.unwrap().partial_results[0].clone()).unwrap();
    assert_eq!((partial.project_name.as_str(), partial.stories_count), ("Еда", 1));
    assert_eq!(partial.backbone[0].tasks, ["Оформить заказ"]);
}

#[tokio::test]
async fn a_map_for_somebody_who_does_not_exist_is_refused_for_good() {
    let ai = FakeAi::always(map(vec![story("Оплатить", "MVP")])).await.unwrap();
    let (_place, app) = app(&ai).await;
    for (owner, part) in [(usm_queue::Owner::Id(77), "user 77"), ("max".into(), "`max`")] {
        let task = GenerateMap::new(ENGLISH, false);
        let job = app.queue.enqueue_with(task, EnqueueOptions::new().owner(owner)).await.unwrap();

        let error = worked(&app, &job).await.unwrap_err();

        assert!(error.contains(part), "{error}");
        assert_eq!(job.status().await.unwrap().attempt, 1);
    }
}

#[tokio::test]
async fn a_story_that_cannot_be_drawn_does_not_stop_the_others() {
    let empty = Reply::json(json!({ "screens": [{ "id": "s", "title": "Empty", "nodes": [] }] }));
    let ai = FakeAi::start([screen("One"), Reply::text("?"), Reply::text("?"), empty, screen("Four")])
        .await
        .unwrap();
    let (_place, app) = app(&ai).await;
    let (project_id, ids) = project(&app).await;
    let asked = [ids[0], 999_999, ids[1], ids[2], ids[3], ids[0]];

    let job = app.queue.enqueue(wireframes(project_id, &asked)).await.unwrap();
    let ready = worked(&app, &job).await.unwrap();

    assert_eq!((ready.total_count, ready.successful, ready.failed), (5, 2, 3));
    let drawn: Vec<_> = ready.wireframes.iter().map(|drawn| drawn.story_id.unwrap()).collect();
    assert_eq!(drawn, [ids[0], ids[3]]);
    let failed: Vec<_> = ready.failures.iter().map(|failure| failure.story_id).collect();
    assert_eq!(failed, [999_999, ids[1], ids[2]]);
    assert!(ready.failures[2].error.contains("empty screen"), "{:?}", ready.failures);
    let rows = wireframe::by_project(&app.db, project_id).await.unwrap();
    assert_eq!(rows.len(), 2);
    let record = job.status().await.unwrap();
    assert_eq!(record.partial_results.len(), 2);
    assert_eq!(record.progress.unwrap().current, 5);
}

#[tokio::test]
async fn what_an_earlier_attempt_has_drawn_is_not_drawn_again() {
    let failing = || Reply::error(503, "overloaded");
    let ai = FakeAi::start([screen("One"), failing(), failing(), failing(), screen("Two")]).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (project_id, ids) = project(&app).await;

    let options = app.enqueue_options();
    let job = app.queue.enqueue_with(wireframes(project_id, &ids[..2]), options).await.unwrap();
    let ready = worked(&app, &job).await.unwrap();

    assert_eq!((ready.successful, ready.failed), (2, 0));
    assert_eq!(job.status().await.unwrap().attempt, 2);
    assert_eq!(ai.requests().len(), 5, "the first story was asked for once");
}

#[tokio::test]
async fn no_story_drawn_is_no_completed_job() {
    let ai = FakeAi::always(Reply::json(json!({ "screens": [] }))).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (project_id, ids) = project(&app).await;

    let options = EnqueueOptions::new().max_attempts(1);
    let job = app.queue.enqueue_with(wireframes(project_id, &ids[..2]), options).await.unwrap();
    let error = worked(&app, &job).await.unwrap_err();

    assert!(error.contains("none of 2 stories") && error.contains("empty screen"), "{error}");
}

#[tokio::test]
async fn stories_of_another_project_or_another_user_are_not_drawn() {
    let ai = FakeAi::start([]).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (first, ids) = project(&app).await;
    let (second, _) = project(&app).await;

    let elsewhere = app.queue.enqueue(wireframes(second, &ids[..1])).await.unwrap();
    let stranger = EnqueueOptions::new().owner(77);
    let foreign = app.queue.enqueue_with(wireframes(first, &ids[..1]), stranger).await.unwrap();

    for job in [elsewhere, foreign] {
        let error = worked(&app, &job).await.unwrap_err();
        assert!(error.contains("none of the stories"), "{error}");
    }
    assert_eq!(ai.requests(), []);
}

#[tokio::test]
async fn stories_are_improved_one_by_one_and_what_fails_is_reported() {
    let ai = FakeAi::start([improved("Sharper"), Reply::text("?"), Reply::text("?")]).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (_, ids) = project(&app).await;

    let job = app.queue.enqueue(improvement(&[ids[0], ids[1], 999_999])).await.unwrap();
    let done = worked(&app, &job).await.unwrap();

    assert_eq!((done.improved.as_slice(), done.total_count), (&ids[..1], 3));
    let failed: Vec<_> = done.failures.iter().map(|failure| failure.story_id).collect();
    assert_eq!(failed, [ids[1], 999_999]);
    let stories = user_story::by_ids(&app.db, Scope::Owner(LOCAL_USER_ID), &ids[..1]).await.unwrap();
    assert_eq!((stories[0].title.as_str(), stories[0].version), ("Sharper", 2));
    assert!(ai.requests()[0].body["messages"].to_string().contains("briefly"));
}

#[tokio::test]
async fn without_ai_a_story_is_improved_from_its_own_words() {
    let place = Place::new();
    let app = place.app().await;
    let (_, ids) = project(&app).await;
    let before = user_story::by_ids(&app.db, Scope::Owner(LOCAL_USER_ID), &ids[..1]).await.unwrap().remove(0);

    let task = ImproveStories { action: ImproveAction::EdgeCases, ..improvement(&ids[..1]) };
    let job = app.queue.enqueue(task).await.unwrap();
    let done = worked(&app, &job).await.unwrap();

    assert_eq!(done.improved, ids[..1]);
    let after = user_story::by_ids(&app.db, Scope::Owner(LOCAL_USER_ID), &ids[..1]).await.unwrap().remove(0);
    assert!(after.acceptance_criteria.0.len() > before.acceptance_criteria.0.len(), "{after:?}");
    assert!(before.acceptance_criteria.0.iter().all(|kept| after.acceptance_criteria.0.contains(kept)));
    assert!(
        job.status().await.unwrap().partial_results[0]["suggestion"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
}

#[tokio::test]
async fn a_story_that_was_edited_meanwhile_is_not_overwritten() {
    let ai = FakeAi::start([Reply::rate_limited(1), improved("Overwritten")]).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (_, ids) = project(&app).await;
    let job = app.queue.enqueue(improvement(&ids[..1])).await.unwrap();
    let edit = async {
        // The story was read before this is reported, and the answer is a second away.
        let mut watch = job.watch().await.unwrap();
        while soon(watch.next()).await.unwrap().unwrap().progress.is_none() {}
        user_story::Entity::update_many()
            .col_expr(user_story::Column::Version, Expr::col(user_story::Column::Version).add(1))
            .filter(user_story::Column::Id.eq(ids[0]))
            .exec(&app.db)
            .await
            .unwrap();
    };

    let (done, ()) = tokio::join!(worked(&app, &job), edit);

    let done = done.unwrap();
    assert_eq!(done.improved, Vec::<i64>::new());
    assert!(done.failures[0].error.contains("edited meanwhile"), "{:?}", done.failures);
    let stories = user_story::by_ids(&app.db, Scope::Owner(LOCAL_USER_ID), &ids[..1]).await.unwrap();
    assert_ne!(stories[0].title, "Overwritten");
}

#[tokio::test]
async fn a_cancelled_job_stops_though_the_service_hangs() {
    let ai = FakeAi::start([Reply::HangAfterHeaders]).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (_, ids) = project(&app).await;
    let job = app.queue.enqueue(improvement(&ids[..1])).await.unwrap();
    let cancel = async {
        let mut watch = job.watch().await.unwrap();
        while soon(watch.next()).await.unwrap().unwrap().progress.is_none() {}
        job.cancel().await.unwrap();
    };

    let (done, ()) = tokio::join!(worked(&app, &job), cancel);

    assert!(done.unwrap_err().contains("was cancelled"));
    assert_eq!(job.status().await.unwrap().status, JobStatus::Cancelled);
}
