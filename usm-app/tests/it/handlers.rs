//! The handlers in this process, over a fake AI service: what is repeated, what is not, and what is reported.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use ::wireframe::{Platform, Source, Style};
use draft::draft_story_map;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use story_map::improvement::ImproveAction;
use usm_ai::testing::{FakeAi, Reply};
use usm_app::{
    app::App,
    config::Config,
    entities::{
        project,
        user::LOCAL_USER_ID,
        user_story::{self, Scope},
        wireframe,
    },
    tasks::{self, GenerateMap, GenerateWireframes, ImproveStories, MapMode, Outcome, Proposal, WorkerKind},
};
use usm_queue::{EnqueueOptions, JobHandle, JobId, JobStatus, Task};
use uuid::Uuid;

use crate::{
    model::{map, screen, story},
    support::{ENGLISH, Place, RUSSIAN, soon},
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
    let saved =
        project::save_map(&app.db, Uuid::new_v4(), LOCAL_USER_ID, ENGLISH, &map, "offline").await.unwrap();
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
        action: Some(ImproveAction::Criteria),
        prompt: Some("briefly".into()),
    }
}

fn one_question() -> GenerateMap {
    GenerateMap { mode: MapMode::Single, ..GenerateMap::new(RUSSIAN, false) }
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
    let saved = project::save_map(&app.db, id.0, LOCAL_USER_ID, ENGLISH, &map, "offline").await.unwrap();

    let task = GenerateMap::new(ENGLISH, true);
    let job = app.queue.enqueue_with(task, EnqueueOptions::new().id(id)).await.unwrap();
    let ready = worked(&app, &job).await.unwrap();

    assert_eq!((ready.project_id, ready.stories_count), (saved.id, saved.stories_count));
    assert_eq!(ai.requests(), []);
}

#[tokio::test]
async fn one_question_for_everything_gives_the_same_parts() {
    let ai = FakeAi::start([map(vec![story("Оплатить", "MVP")])]).await.unwrap();
    let (_place, app) = app(&ai).await;

    let job = app.queue.enqueue(one_question()).await.unwrap();
    worked(&app, &job).await.unwrap();

    let parts = job.status().await.unwrap().partial_results;
    let kinds: Vec<&str> = parts.iter().map(|part| part["part"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["backbone", "activity"]);
    assert_eq!(
        (&parts[0]["name"], &parts[0]["activities"][0]["tasks"][0]),
        (&"Еда".into(), &"Оформить заказ".into())
    );
    assert_eq!(ai.requests().len(), 1);
}

#[tokio::test]
async fn holes_of_a_map_in_one_answer_are_counted_and_seen() {
    let task = |title: &str, stories: Vec<serde_json::Value>| json!({ "title": title, "stories": stories });
    let activities = json!([
        { "title": "Заказ", "tasks": [task("Выбрать", vec![story("Выбрать блюда", "MVP")]), task("Оплатить", vec![])] },
        { "title": "Доставка", "tasks": [task("Привезти", vec![])] },
    ]);
    let answer = json!({ "name": "Еда", "personas": ["Клиент"], "activities": activities, "notes": [] });
    let ai = FakeAi::start([Reply::json(answer)]).await.unwrap();
    let (_place, app) = app(&ai).await;

    let job = app.queue.enqueue(one_question()).await.unwrap();
    let ready = worked(&app, &job).await.unwrap();

    assert_eq!((ready.activities_count, ready.stories_count, ready.failed_count), (2, 1, 2));
    let holes: Vec<_> = ready.failures.iter().map(|hole| (hole.index, hole.tasks.join(" "))).collect();
    assert_eq!(holes, [(0, "Оплатить".to_owned()), (1, "Привезти".to_owned())]);
    let map = project::load_map(&app.db, ready.project_id).await.unwrap().unwrap().story_map();
    assert_eq!(map.activities[1].tasks[0].title, "Привезти");
    assert_eq!(map.notes.len(), 2, "{:?}", map.notes);
}

#[tokio::test]
async fn a_map_for_somebody_who_does_not_exist_is_refused_for_good() {
    let ai = FakeAi::always(map(vec![story("Оплатить", "MVP")])).await.unwrap();
    let (_place, app) = app(&ai).await;
    for (owner, part) in [(usm_queue::Owner::Id(77), "user 77"), ("max".into(), "`max`")] {
        let task = one_question();
        let job = app.queue.enqueue_with(task, EnqueueOptions::new().owner(owner)).await.unwrap();

        let error = worked(&app, &job).await.unwrap_err();

        assert!(error.contains(part), "{error}");
        assert_eq!(job.status().await.unwrap().attempt, 1);
    }
}

/// A service that answers by the title of the story it is asked to draw; `n` counts the questions about it from 0.
async fn designer(answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> FakeAi {
    let seen = std::sync::Mutex::new(Vec::<String>::new());
    let answers = move |request: &usm_ai::testing::RecordedRequest| {
        let title = drawn_title(request);
        let n = {
            let mut seen = seen.lock().unwrap();
            seen.push(title.clone());
            seen.iter().filter(|known| **known == title).count() - 1
        };
        answer(&title, n)
    };
    FakeAi::answering(answers).await.unwrap()
}

fn drawn_title(request: &usm_ai::testing::RecordedRequest) -> String {
    let asked = request.body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
    asked.split_once("\nStory: ").unwrap().1.lines().next().unwrap().to_owned()
}

/// How often each of these titles was asked about.
fn asked_about(ai: &FakeAi, titles: &[String]) -> Vec<usize> {
    let requests = ai.requests();
    titles
        .iter()
        .map(|title| requests.iter().filter(|request| drawn_title(request) == *title).count())
        .collect()
}

async fn titles(app: &App, ids: &[i64]) -> Vec<String> {
    let mut titles = Vec::new();
    for id in ids {
        titles.push(title_of(app, *id).await);
    }
    titles
}

#[tokio::test]
async fn a_story_that_cannot_be_drawn_does_not_stop_the_others() {
    let place = Place::new();
    let (project_id, ids) = project(&place.app().await).await;
    let known = titles(&place.app().await, &ids[..4]).await;
    let (senseless, empty) = (known[1].clone(), known[2].clone());
    let ai = designer(move |title, _| match title {
        title if title == senseless => Reply::text("?"),
        title if title == empty => {
            Reply::json(json!({ "screens": [{ "id": "s", "title": "Empty", "nodes": [] }] }))
        }
        title => screen(title),
    })
    .await;
    let place = place.with_ai(ai.base_url()).with("WORKER_RETRY_DELAY", "0");
    let app = place.app().await;
    let asked = [ids[0], 999_999, ids[1], ids[2], ids[3], ids[0]];

    let options = EnqueueOptions::new().max_attempts(1);
    let job = app.queue.enqueue_with(wireframes(project_id, &asked), options).await.unwrap();
    let ready = worked(&app, &job).await.unwrap();

    assert_eq!((ready.total_count, ready.successful, ready.failed), (5, 2, 3));
    let drawn: Vec<_> = ready.wireframes.iter().map(|drawn| drawn.story_id.unwrap()).collect();
    assert_eq!(drawn, [ids[0], ids[3]]);
    let failed: Vec<_> = ready.failures.iter().map(|failure| failure.story_id).collect();
    assert_eq!(failed, [999_999, ids[1], ids[2]]);
    assert!(ready.failures[2].error.contains("empty screen"), "{:?}", ready.failures);
    assert_eq!(asked_about(&ai, &known), [1, 3, 3, 1], "once to describe, once to repair, once to draw");
    let rows = wireframe::by_project(&app.db, project_id).await.unwrap();
    assert_eq!(rows.len(), 2);
    let record = job.status().await.unwrap();
    assert_eq!(record.partial_results.len(), 2);
    assert_eq!(record.progress.unwrap().current, 5);
}

#[tokio::test]
async fn what_an_earlier_attempt_has_drawn_is_not_drawn_again() {
    let place = Place::new();
    let (project_id, ids) = project(&place.app().await).await;
    let known = titles(&place.app().await, &ids[..2]).await;
    let late = known[1].clone();
    let ai = designer(move |title, n| match title {
        title if title == late && n < 3 => Reply::error(503, "overloaded"),
        title => screen(title),
    })
    .await;
    let place = place.with_ai(ai.base_url()).with("WORKER_RETRY_DELAY", "0");
    let app = place.app().await;

    let options = app.enqueue_options();
    let job = app.queue.enqueue_with(wireframes(project_id, &ids[..2]), options).await.unwrap();
    let ready = worked(&app, &job).await.unwrap();

    assert_eq!((ready.successful, ready.failed), (2, 0));
    assert_eq!(job.status().await.unwrap().attempt, 2);
    assert_eq!(asked_about(&ai, &known), [1, 4], "the first story was asked for once");
}

#[tokio::test]
async fn screens_in_another_language_are_asked_for_again_and_then_told() {
    let place = Place::new();
    let (project_id, ids) = project(&place.app().await).await;
    let stubborn = title_of(&place.app().await, ids[1]).await;
    let ai = designer(move |title, n| match n {
        0 => screen("Найти книгу в каталоге библиотеки"),
        _ if title == stubborn => screen("Найти книгу в каталоге библиотеки"),
        _ => screen("Find a book in the catalogue of the library"),
    })
    .await;
    let place = place.with_ai(ai.base_url());
    let app = place.app().await;

    let job = app.queue.enqueue(wireframes(project_id, &ids[..2])).await.unwrap();
    let ready = worked(&app, &job).await.unwrap();

    assert!(ready.wireframes[0].ascii_wireframe.contains("Find a book"), "{:?}", ready.wireframes[0]);
    assert_eq!(ready.wireframes[0].repairs, Vec::<String>::new());
    assert!(ready.wireframes[1].repairs[0].contains("language of the story"), "{:?}", ready.wireframes[1]);
    assert_eq!(ai.requests().len(), 4);
}

#[tokio::test]
async fn a_key_that_is_refused_meanwhile_leaves_what_is_drawn() {
    let place = Place::new();
    let (project_id, ids) = project(&place.app().await).await;
    let first = title_of(&place.app().await, ids[0]).await;
    let ai = designer(move |title, _| if title == first { screen(title) } else { Reply::bad_key("k") }).await;
    let place = place.with_ai(ai.base_url()).with("WORKER_RETRY_DELAY", "0");
    let app = place.app().await;

    let job = app.queue.enqueue(wireframes(project_id, &ids[..2])).await.unwrap();
    let ready = worked(&app, &job).await.unwrap();

    assert_eq!((ready.successful, ready.failed), (1, 1));
    assert!(ready.failures[0].error.contains("check the key"), "{:?}", ready.failures);
}

#[tokio::test]
async fn a_model_that_only_draws_is_taken_at_its_word() {
    let drawing = "Here you are:\n```\n┌──────────┐\n│ Catalogue │\n│ [ Find ]  │\n└──────────┘\n```\n\
                   ## UI Elements\n- [Button] Find\n## Navigation\n- Find → Results";
    let ai =
        FakeAi::start([Reply::text(drawing), Reply::text("no JSON"), Reply::text(drawing)]).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (project_id, ids) = project(&app).await;

    let job = app.queue.enqueue(wireframes(project_id, &ids[..1])).await.unwrap();
    let ready = worked(&app, &job).await.unwrap();

    let drawn = &ready.wireframes[0];
    assert_eq!(drawn.source, Source::Text);
    assert!(
        drawn.ascii_wireframe.contains("│ Catalogue │\n│ [ Find ]  │\n└───────────┘"),
        "{}",
        drawn.ascii_wireframe
    );
    assert_eq!((drawn.ui_elements.len(), drawn.repairs.len()), (1, 1), "{:?}", drawn.repairs);
    let rows = wireframe::by_project(&app.db, project_id).await.unwrap();
    assert_eq!((rows.len(), rows[0].tree == serde_json::Value::Null), (1, true));
    let asked = ai.requests();
    assert_eq!(asked.len(), 3, "once, once to repair, once to draw");
    assert!(asked[2].body["messages"].to_string().contains("Draw the screen"));
}

#[tokio::test]
async fn every_criterion_is_told_with_the_element_that_serves_it() {
    let nodes = json!([
        { "id": "1", "kind": "input", "text": "Title", "serves": [1, 9] },
        { "id": "1", "kind": "button", "text": "Find", "role": "primary", "goto": "nowhere" },
    ]);
    let ai = FakeAi::start([Reply::json(
        json!({ "screens": [{ "id": "s", "title": "Search", "nodes": nodes }] }),
    )]);
    let ai = ai.await.unwrap();
    let (_place, app) = app(&ai).await;
    let (project_id, ids) = project(&app).await;

    let job = app.queue.enqueue(wireframes(project_id, &ids[..1])).await.unwrap();
    let ready = worked(&app, &job).await.unwrap();

    let drawn = &ready.wireframes[0];
    let story = user_story::by_ids(&app.db, Scope::Project(project_id), &ids[..1]).await.unwrap().remove(0);
    assert_eq!(drawn.coverage.len(), story.acceptance_criteria.0.len());
    assert!(drawn.coverage[0].elements[0].contains("[Input] Title"), "{:?}", drawn.coverage);
    assert_eq!(drawn.unknown_screens, ["nowhere"]);
    assert!(drawn.repairs[0].contains("more than one element is called `1`"), "{:?}", drawn.repairs);
    assert!(ai.requests()[0].body["messages"].to_string().contains("1. "), "criteria are numbered");
}

#[tokio::test]
async fn too_many_stories_or_none_are_refused_for_good() {
    let ai = FakeAi::start([]).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (project_id, _) = project(&app).await;
    let many: Vec<i64> = (1..=11).collect();

    for asked in [&many[..], &[][..]] {
        let job = app.queue.enqueue(wireframes(project_id, asked)).await.unwrap();
        let error = worked(&app, &job).await.unwrap_err();
        assert!(error.contains("WIREFRAME_MAX_STORIES"), "{error}");
        assert_eq!(job.status().await.unwrap().attempt, 1);
    }
    assert_eq!(ai.requests(), []);
}

#[tokio::test]
async fn no_story_drawn_is_no_completed_job() {
    let ai = FakeAi::always(Reply::json(json!({ "screens": [] }))).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (project_id, ids) = project(&app).await;

    let options = EnqueueOptions::new().max_attempts(1);
    let job = app.queue.enqueue_with(wireframes(project_id, &ids[..2]), options).await.unwrap();
    let error = worked(&app, &job).await.unwrap_err();

    assert!(error.contains("could not be used") && error.contains("empty screen"), "{error}");
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

/// A service that answers by the title of the story it is asked about.
async fn editor(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> FakeAi {
    let answers = move |request: &usm_ai::testing::RecordedRequest| {
        let asked = request.body["messages"].as_array().unwrap().last().unwrap()["content"].to_string();
        let title = asked.split_once("\\nTitle: ").unwrap().1.split_once("\\n").unwrap().0;
        answer(title)
    };
    FakeAi::answering(answers).await.unwrap()
}

async fn title_of(app: &App, id: i64) -> String {
    user_story::by_ids(&app.db, Scope::Owner(LOCAL_USER_ID), &[id]).await.unwrap().remove(0).title
}

#[tokio::test]
async fn each_story_has_its_own_outcome() {
    let place = Place::new();
    let (_, ids) = project(&place.app().await).await;
    let good = title_of(&place.app().await, ids[0]).await;
    let ai = editor(move |title| if title == good { improved("Sharper") } else { Reply::text("?") }).await;
    let place = place.with_ai(ai.base_url()).with("WORKER_RETRY_DELAY", "0");
    let app = place.app().await;

    let options = EnqueueOptions::new().max_attempts(1);
    let job = app.queue.enqueue_with(improvement(&[ids[0], ids[1], 999_999]), options).await.unwrap();
    let done = worked(&app, &job).await.unwrap();

    let outcomes: Vec<_> = done.stories.iter().map(|story| (story.story_id, story.outcome)).collect();
    assert_eq!(
        outcomes,
        [(ids[0], Outcome::Improved), (ids[1], Outcome::Failed), (999_999, Outcome::Failed)]
    );
    assert_eq!((done.total_count, done.successful, done.failed_count), (3, 1, 2));
    let stories = user_story::by_ids(&app.db, Scope::Owner(LOCAL_USER_ID), &ids[..1]).await.unwrap();
    assert_eq!((stories[0].title.as_str(), stories[0].version), ("Sharper", 2));
    assert!(ai.requests()[0].body["messages"].to_string().contains("briefly"));
}

#[tokio::test]
async fn stories_of_another_user_are_not_improved() {
    let ai = FakeAi::start([]).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (_, ids) = project(&app).await;

    let stranger = EnqueueOptions::new().owner(77);
    let job = app.queue.enqueue_with(improvement(&ids[..2]), stranger).await.unwrap();
    let error = worked(&app, &job).await.unwrap_err();

    assert!(error.contains("none of the stories"), "{error}");
    assert_eq!(ai.requests(), []);
}

#[tokio::test]
async fn four_stories_are_asked_for_side_by_side_and_no_more() {
    const PAUSE: Duration = Duration::from_secs(1);
    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&arrivals);
    let ai = editor(move |title| {
        seen.lock().unwrap().push(Instant::now());
        improved(&format!("{title}, sharper")).after(PAUSE)
    });
    let ai = ai.await;
    let (_place, app) = app(&ai).await;
    let (_, ids) = project(&app).await;

    let job = app.queue.enqueue(improvement(&ids[..6])).await.unwrap();
    let done = worked(&app, &job).await.unwrap();

    assert_eq!(done.successful, 6);
    let arrivals = arrivals.lock().unwrap();
    assert!(arrivals[3] - arrivals[0] < PAUSE, "the fourth did not wait for an answer");
    assert!(arrivals[4] - arrivals[0] >= PAUSE, "the fifth did");
}

#[tokio::test]
async fn a_story_that_failed_is_asked_for_again_alone() {
    let place = Place::new();
    let (_, ids) = project(&place.app().await).await;
    let stubborn = title_of(&place.app().await, ids[1]).await;
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let ai = editor(move |title| {
        let is_first = || asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2;
        if title == stubborn && is_first() {
            Reply::text("?")
        } else {
            improved(&format!("{title}, sharper"))
        }
    })
    .await;
    let place = place.with_ai(ai.base_url()).with("WORKER_RETRY_DELAY", "0");
    let app = place.app().await;

    let job = app.queue.enqueue_with(improvement(&ids[..3]), app.enqueue_options()).await.unwrap();
    let done = worked(&app, &job).await.unwrap();

    assert_eq!((done.successful, job.status().await.unwrap().attempt), (3, 2));
    assert_eq!(ai.requests().len(), 5, "two answers of the first attempt, one answer with repair, one more");
}

#[tokio::test]
async fn a_split_is_refused_for_several_stories_and_done_for_one() {
    let parts = json!([
        { "title": "Choose a book", "description": "As a reader…", "acceptance_criteria": ["It is marked"] },
        { "title": "Reserve the book", "acceptance_criteria": ["It is kept for me"] },
    ]);
    let ai =
        FakeAi::start([Reply::json(json!({ "stories": parts, "suggestion": "Two steps" }))]).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (project_id, ids) = project(&app).await;
    let split = |ids: &[i64]| ImproveStories { action: Some(ImproveAction::Split), ..improvement(ids) };

    let several = app.queue.enqueue(split(&ids[..2])).await.unwrap();
    let refused = worked(&app, &several).await.unwrap_err();
    let one = app.queue.enqueue(split(&ids[..1])).await.unwrap();
    let done = worked(&app, &one).await.unwrap();

    assert!(refused.contains("one at a time") && refused.contains("ai-improve"), "{refused}");
    let added = done.stories[0].added_story_ids.clone();
    assert_eq!((done.successful, added.len(), ai.requests().len()), (1, 1, 1));
    let map = project::load_map(&app.db, project_id).await.unwrap().unwrap();
    let order: Vec<(i64, String)> =
        map.stories().take(2).map(|loaded| (loaded.story.id, loaded.story.title.clone())).collect();
    assert_eq!(order, [(ids[0], "Choose a book".to_owned()), (added[0], "Reserve the book".to_owned())]);
    assert_eq!(map.stories().count(), ids.len() + 1);
}

#[tokio::test]
async fn without_ai_a_story_is_improved_from_its_own_words() {
    let place = Place::new();
    let app = place.app().await;
    let (_, ids) = project(&app).await;
    let before = user_story::by_ids(&app.db, Scope::Owner(LOCAL_USER_ID), &ids[..1]).await.unwrap().remove(0);

    let task = ImproveStories { action: Some(ImproveAction::Details), ..improvement(&ids[..1]) };
    let job = app.queue.enqueue(task).await.unwrap();
    let done = worked(&app, &job).await.unwrap();

    assert_eq!((done.successful, done.stories[0].story_id), (1, ids[0]));
    let after = user_story::by_ids(&app.db, Scope::Owner(LOCAL_USER_ID), &ids[..1]).await.unwrap().remove(0);
    assert!(
        after.description.as_deref().is_some_and(|text| text.ends_with("briefly")),
        "the wish is kept: {after:?}"
    );
    assert!(before.acceptance_criteria.0.iter().all(|kept| after.acceptance_criteria.0.contains(kept)));
    assert!(
        job.status().await.unwrap().partial_results[0]["suggestion"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
}

#[tokio::test]
async fn a_story_with_nothing_to_improve_keeps_its_version() {
    let ai = FakeAi::always(improved("Find a book")).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (_, ids) = project(&app).await;

    let first = app.queue.enqueue(improvement(&ids[..1])).await.unwrap();
    worked(&app, &first).await.unwrap();
    let again = app.queue.enqueue(improvement(&ids[..1])).await.unwrap();
    let done = worked(&app, &again).await.unwrap();

    let story = &done.stories[0];
    assert_eq!((story.outcome, story.version), (Outcome::Unchanged, Some(2)));
    assert_eq!((done.successful, done.unchanged_count, done.failed_count), (0, 1, 0));
    let rows = user_story::by_ids(&app.db, Scope::Owner(LOCAL_USER_ID), &ids[..1]).await.unwrap();
    assert_eq!((rows[0].title.as_str(), rows[0].version), ("Find a book", 2));
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
    let story = &done.stories[0];
    assert_eq!((done.conflict_count, story.outcome, story.version), (1, Outcome::Conflict, Some(2)));
    assert!(story.error.as_ref().unwrap().contains("edited meanwhile"), "{story:?}");
    let Some(Proposal::Text(proposal)) = &story.proposal else { panic!("{story:?}") };
    assert_eq!(proposal.title, "Overwritten", "the proposal is kept");
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

#[tokio::test]
async fn a_job_that_names_stories_of_another_database_is_refused_and_touches_nothing() {
    let ai = FakeAi::start([]).await.unwrap();
    let (_place, app) = app(&ai).await;
    let (_elsewhere, other) = self::app(&ai).await;
    let (project_id, ids) = project(&app).await;

    let improving = app.queue.enqueue_with(improvement(&ids[..1]), other.enqueue_options()).await.unwrap();
    let drawing =
        app.queue.enqueue_with(wireframes(project_id, &ids[..1]), other.enqueue_options()).await.unwrap();

    for refused in [worked(&app, &improving).await.unwrap_err(), worked(&app, &drawing).await.unwrap_err()] {
        assert!(refused.contains("another database") && refused.contains("DATABASE_URL"), "{refused}");
    }
    assert_eq!(improving.status().await.unwrap().attempt, 1);
    assert_eq!(ai.requests(), []);
}

#[cfg(unix)]
#[tokio::test]
async fn a_map_is_not_reported_as_saved_into_a_database_file_that_was_removed() {
    let place = Place::new().with("WORKER_RETRY_DELAY", "0");
    let app = place.app().await;
    let (project_id, ids) = project(&app).await;
    std::fs::remove_file(place.path("data/usm.db")).unwrap();

    let map = app.queue.enqueue_with(GenerateMap::new(ENGLISH, false), app.enqueue_options()).await.unwrap();
    let improving = app.queue.enqueue_with(improvement(&ids[..1]), app.enqueue_options()).await.unwrap();
    let drawing =
        app.queue.enqueue_with(wireframes(project_id, &ids[..1]), app.enqueue_options()).await.unwrap();

    for failed in [
        worked(&app, &map).await.unwrap_err(),
        worked(&app, &improving).await.unwrap_err(),
        worked(&app, &drawing).await.unwrap_err(),
    ] {
        assert!(failed.contains("usm.db was removed or replaced"), "{failed}");
    }
    assert_eq!(map.status().await.unwrap().attempt, 3);
}

#[tokio::test]
async fn a_story_with_nothing_to_split_is_unchanged_and_no_failure() {
    let place = Place::new();
    let app = place.app().await;
    let mut map = draft_story_map(ENGLISH).unwrap();
    let story = &mut map.activities[0].tasks[0].stories[0];
    (story.title, story.acceptance_criteria) = ("Pay".to_owned(), vec!["A receipt is shown".to_owned()]);
    let saved =
        project::save_map(&app.db, Uuid::new_v4(), LOCAL_USER_ID, ENGLISH, &map, "offline").await.unwrap();
    let id = project::load_map(&app.db, saved.id).await.unwrap().unwrap().stories().next().unwrap().story.id;

    let split = ImproveStories { story_ids: vec![id], action: Some(ImproveAction::Split), prompt: None };
    let job = app.queue.enqueue_with(split, app.enqueue_options()).await.unwrap();
    let done = worked(&app, &job).await.unwrap();

    assert_eq!((done.unchanged_count, done.failed_count), (1, 0));
    assert_eq!((done.stories[0].outcome, done.stories[0].title.as_str()), (Outcome::Unchanged, "Pay"));
    assert!(done.stories[0].suggestion.starts_with("Nothing to split"), "{:?}", done.stories[0]);
}

#[tokio::test]
async fn a_map_for_another_database_is_made_only_where_there_is_one_machine() {
    let (place, elsewhere) = (Place::new(), Place::new().app().await);
    let mut app = place.app().await;
    let options = || elsewhere.enqueue_options();

    let job = app.queue.enqueue_with(GenerateMap::new(ENGLISH, false), options()).await.unwrap();
    worked(&app, &job).await.unwrap();

    let servers = |name: &str| match name {
        "RABBITMQ_ENABLED" => Some("true".to_owned()),
        "RABBITMQ_URL" => Some("amqp://localhost".to_owned()),
        _ => None,
    };
    app.config = Arc::new(Config::from_lookup(servers).unwrap());
    let job = app.queue.enqueue_with(GenerateMap::new(ENGLISH, false), options()).await.unwrap();
    let refused = worked(&app, &job).await.unwrap_err();

    assert!(refused.contains("another database"), "{refused}");
}
