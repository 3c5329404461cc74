//! Reading, improving and drawing single stories.

use super::*;

fn improvement() -> Improvement {
    Improvement {
        title: "Корзина с суммой".to_owned(),
        description: "Как покупатель, я вижу сумму заказа".to_owned(),
        acceptance_criteria: vec!["Сумма обновляется при изменении количества".to_owned()],
        written_by: "groq/model".to_owned(),
    }
}

#[tokio::test]
async fn stories_of_another_project_give_nothing() {
    on_every_database(async |db| {
        let (mine, theirs) = (save(db, &food_delivery()).await, save(db, &food_delivery()).await);
        let foreign = story_ids(db, theirs.id).await;
        wireframe::upsert(db, drawing(foreign[0], "[ ]")).await.unwrap().unwrap();
        let scope = Scope::Project(mine.id);

        assert!(user_story::by_ids(db, scope, &foreign).await.unwrap().is_empty());
        assert!(user_story::with_context(db, scope, &foreign).await.unwrap().is_empty());
        assert!(wireframe::by_story(db, mine.id, foreign[0]).await.unwrap().is_empty());
        assert!(wireframe::by_project(db, mine.id).await.unwrap().is_empty());
        let improved =
            user_story::update_improved(db, scope, foreign[0], 1, Uuid::now_v7(), &improvement()).await;
        assert_eq!(improved.unwrap(), Improved::Missing);
        assert_eq!(wireframe::by_story(db, theirs.id, foreign[0]).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn stories_of_another_user_give_nothing() {
    on_every_database(async |db| {
        let other = another_user(db).await;
        let theirs =
            project::save_map(db, Uuid::now_v7(), other, "чужое", &food_delivery(), "offline").await.unwrap();
        let ids = story_ids(db, theirs.id).await;

        assert!(user_story::by_ids(db, Scope::Owner(LOCAL_USER_ID), &ids).await.unwrap().is_empty());
        assert_eq!(user_story::by_ids(db, Scope::Owner(other), &ids).await.unwrap().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn stories_come_in_the_order_asked_for_with_the_titles_above_them() {
    on_every_database(async |db| {
        let saved = save(db, &food_delivery()).await;
        let ids = story_ids(db, saved.id).await;
        let asked = [ids[3], 999_999, ids[0], ids[3]];

        let found = user_story::with_context(db, Scope::Project(saved.id), &asked).await.unwrap();

        let titles: Vec<_> = found
            .iter()
            .map(|f| (f.activity_title.as_str(), f.task_title.as_str(), f.story.title.as_str()))
            .collect();
        assert_eq!(
            titles,
            [("Оплата", "Заплатить", "Картой"), ("Выбор блюд", "Найти ресторан", "Поиск рядом")]
        );
        assert_eq!(found[0].project_name, food_delivery().name);
        let bare = user_story::by_ids(db, Scope::Project(saved.id), &asked).await.unwrap();
        assert_eq!(bare, found.into_iter().map(|found| found.story).collect::<Vec<_>>());
        assert!(user_story::by_ids(db, Scope::Project(saved.id), &[]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_first_mvp_stories_come_in_map_order() {
    on_every_database(async |db| {
        save(db, &food_delivery()).await;
        let saved = save(db, &food_delivery()).await;

        let titles = async |limit| {
            let found = user_story::first_mvp(db, saved.id, limit).await.unwrap();
            found.into_iter().map(|story| story.title).collect::<Vec<_>>()
        };

        assert_eq!(titles(5).await, ["Корзина", "Картой"]);
        assert_eq!(titles(1).await, ["Корзина"]);
    })
    .await;
}

#[tokio::test]
async fn a_story_is_improved_once_per_job_and_never_over_an_unseen_change() {
    on_every_database(async |db| {
        let saved = save(db, &food_delivery()).await;
        let (scope, id) = (Scope::Project(saved.id), story_ids(db, saved.id).await[1]);
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        let improve = async |version, job| {
            user_story::update_improved(db, scope, id, version, job, &improvement()).await.unwrap()
        };

        assert_eq!(improve(1, first).await, Improved::Saved { version: 2 });
        assert_eq!(improve(1, first).await, Improved::AlreadyDone);
        assert_eq!(improve(2, first).await, Improved::AlreadyDone);
        assert_eq!(improve(1, second).await, Improved::Changed { version: 2 });
        assert_eq!(improve(2, second).await, Improved::Saved { version: 3 });

        let story = user_story::by_ids(db, scope, &[id]).await.unwrap().remove(0);
        assert_eq!((story.title, story.version), (improvement().title, 3));
        assert_eq!(story.acceptance_criteria.0, improvement().acceptance_criteria);
        let others = user_story::Entity::find().all(db).await.unwrap();
        assert_eq!(others.iter().filter(|other| other.version != 1).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn drawing_a_wireframe_twice_keeps_one() {
    on_every_database(async |db| {
        let saved = save(db, &food_delivery()).await;
        let id = story_ids(db, saved.id).await[1];
        let mobile = NewWireframe { platform: "mobile".to_owned(), ..drawing(id, "| ☰ |") };

        let first = wireframe::upsert(db, drawing(id, "[ Войти ]")).await.unwrap().unwrap();
        let second = wireframe::upsert(db, drawing(id, "┌ Войти ┐")).await.unwrap().unwrap();
        wireframe::upsert(db, mobile).await.unwrap().unwrap();

        assert_eq!((second.id, second.ascii_wireframe.as_str()), (first.id, "┌ Войти ┐"));
        assert_ne!(second.job_id, first.job_id);
        let all = wireframe::by_story(db, saved.id, id).await.unwrap();
        assert_eq!(all.iter().map(|w| w.platform.as_str()).collect::<Vec<_>>(), ["web", "mobile"]);
        assert_eq!(all[0], second);
        assert_eq!(wireframe::by_project(db, saved.id).await.unwrap(), all);
        let loaded = project::load_map(db, saved.id).await.unwrap().unwrap();
        let drawn: Vec<usize> = loaded.stories().map(|loaded| loaded.wireframes.len()).collect();
        assert_eq!(drawn, [0, 2, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_wireframe_of_a_story_that_is_gone_is_not_saved() {
    on_every_database(async |db| {
        assert_eq!(wireframe::upsert(db, drawing(12345, "[ ]")).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_text_before_an_improvement_is_kept_with_its_author_and_can_be_had_back_and_forth() {
    on_every_database(async |db| {
        let saved = save(db, &food_delivery()).await;
        let (id, scope) = (story_ids(db, saved.id).await[0], Scope::Owner(LOCAL_USER_ID));
        let story = async || user_story::by_ids(db, scope, &[id]).await.unwrap().remove(0);
        let original = story().await;
        assert_eq!(user_story::undo(db, scope, id).await.unwrap(), Undone::NothingToUndo);
        user_story::update_improved(db, scope, id, 1, Uuid::now_v7(), &improvement()).await.unwrap();
        let revision = story_revision::of_story(db, id).await.unwrap().remove(0);
        assert_eq!((revision.version, revision.title.as_str()), (1, original.title.as_str()));
        assert_eq!(
            (Author::of(&revision.written_by), Author::of(&story().await.written_by)),
            (Author::Draft, Author::Model)
        );

        user_story::undo(db, scope, id).await.unwrap();
        let restored = story().await;
        user_story::undo(db, scope, id).await.unwrap();
        let again = story().await;

        assert_eq!((restored.version, again.version), (3, 4), "a version is never used twice");
        let back = user_story::Model { version: original.version, improved_by_job: None, ..restored };
        assert_eq!(back, original);
        assert_eq!((again.title.as_str(), again.written_by.as_str()), ("Корзина с суммой", "groq/model"));
        assert_eq!(user_story::undo(db, Scope::Owner(999), id).await.unwrap(), Undone::Missing);
    })
    .await;
}

#[tokio::test]
async fn a_split_that_is_undone_takes_its_parts_away_but_not_those_that_were_changed_since() {
    on_every_database(async |db| {
        let saved = save(db, &food_delivery()).await;
        let (id, scope) = (story_ids(db, saved.id).await[0], Scope::Owner(LOCAL_USER_ID));
        let before = story_ids(db, saved.id).await;
        let parts = [improvement(), improvement(), improvement()];
        let (_, added) = user_story::split(db, scope, id, 1, Uuid::now_v7(), &parts).await.unwrap();
        user_story::update_improved(db, scope, added[1], 1, Uuid::now_v7(), &improvement()).await.unwrap();

        let undone = user_story::undo(db, scope, id).await.unwrap();

        let Undone::Restored { removed, .. } = undone else { panic!("{undone:?}") };
        assert_eq!(removed, [added[0]]);
        let mut left = story_ids(db, saved.id).await;
        left.sort_unstable();
        let mut expected = [before.as_slice(), &added[1..]].concat();
        expected.sort_unstable();
        assert_eq!(left, expected);
    })
    .await;
}
