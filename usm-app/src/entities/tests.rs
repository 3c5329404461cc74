//! Maps, stories and wireframes in real databases; here is what the tests share.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod maps;
mod stories;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseConnection, EntityTrait, IntoActiveModel, ModelTrait, NotSet,
    PaginatorTrait, Set,
};
use serde_json::json;
use uuid::Uuid;

use super::story_revision::{self, Author};
use super::user::LOCAL_USER_ID;
use super::user_story::{Improved, Improvement, Scope, Undone};
use super::wireframe::NewWireframe;
use super::{activity, project, release, user, user_story, user_task, wireframe};
use crate::database::testing::{TestDatabase, on_every_database};
use story_map::{Activity, Release, Source, Story, StoryMap, Unmapped, UserTask, VERSION};

fn story(title: &str, release: Release) -> Story {
    Story {
        title: title.to_owned(),
        description: format!("Как покупатель, я хочу «{title}», чтобы не ждать"),
        persona: "Покупатель".to_owned(),
        release,
        acceptance_criteria: vec![
            "Когда корзина пуста, кнопка «Оформить» неактивна".to_owned(),
            "≤ 2 с".to_owned(),
        ],
        source: Some(Source {
            sentence: format!("Покупатель: {title}."), requirement: "R1".to_owned()
        }),
    }
}

fn food_delivery() -> StoryMap {
    let task = |title: &str, stories: Vec<Story>| UserTask { title: title.to_owned(), stories };
    StoryMap {
        version: VERSION,
        name: "Доставка еды «Ёжик» 🦔".to_owned(),
        personas: vec!["Покупатель".to_owned(), "Курьер".to_owned()],
        releases: Release::all(),
        activities: vec![
            Activity {
                title: "Выбор блюд".to_owned(),
                tasks: vec![
                    task("Найти ресторан", vec![story("Поиск рядом", Release::Later)]),
                    task(
                        "Собрать заказ",
                        vec![story("Корзина", Release::Mvp), story("Повтор заказа", Release::Release1)],
                    ),
                ],
            },
            Activity {
                title: "Оплата".to_owned(),
                tasks: vec![task("Заплатить", vec![story("Картой", Release::Mvp)])],
            },
            Activity { title: "Без задач".to_owned(), tasks: vec![] },
        ],
        notes: vec!["Черновик составлен без ИИ".to_owned()],
        questions: vec!["Кто платит за возврат?".to_owned()],
        unmapped: vec![Unmapped { text: "Рост на 20 %".to_owned(), reason: "цель".to_owned() }],
    }
}

/// `activities` × 4 tasks × 10 stories.
fn large_map(activities: usize) -> StoryMap {
    let task = |a: usize, t: usize| UserTask {
        title: format!("Задача {a}.{t}"),
        stories: (0..10).map(|n| story(&format!("История {a}.{t}.{n}"), Release::all()[n % 3])).collect(),
    };
    let activity =
        |a: usize| Activity { title: format!("Шаг {a}"), tasks: (0..4).map(|t| task(a, t)).collect() };
    StoryMap { activities: (0..activities).map(activity).collect(), ..food_delivery() }
}

async fn save(db: &DatabaseConnection, map: &StoryMap) -> project::SavedProject {
    project::save_map(db, Uuid::now_v7(), LOCAL_USER_ID, "Нужна доставка еды", map, "offline").await.unwrap()
}

/// Ids of the stories in map order.
async fn story_ids(db: &DatabaseConnection, project_id: i64) -> Vec<i64> {
    let loaded = project::load_map(db, project_id).await.unwrap().unwrap();
    loaded.stories().map(|loaded| loaded.story.id).collect()
}

fn drawing(story_id: i64, picture: &str) -> NewWireframe {
    NewWireframe {
        story_id,
        style: "low-fidelity".to_owned(),
        platform: "web".to_owned(),
        ascii_wireframe: picture.to_owned(),
        full_text: format!("```text\n{picture}\n```"),
        tree: json!({"kind": "column", "children": [{"kind": "button", "text": "Войти"}]}),
        layout_description: "Одна колонка".to_owned(),
        ui_elements: vec!["[Кнопка] Войти".to_owned()],
        navigation: vec![],
        notes: vec!["Эскиз".to_owned()],
        job_id: Some(Uuid::now_v7()),
    }
}

async fn another_user(db: &DatabaseConnection) -> i64 {
    let local = user::Entity::find_by_id(LOCAL_USER_ID).one(db).await.unwrap().unwrap();
    let other = user::ActiveModel {
        id: NotSet,
        email: Set("другой@example.com".to_owned()),
        ..local.into_active_model().reset_all()
    };
    user::Entity::insert(other).exec(db).await.unwrap().last_insert_id
}
