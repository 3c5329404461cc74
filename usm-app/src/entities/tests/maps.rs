//! Saving, loading, listing and deleting whole maps.

use super::*;

#[tokio::test]
async fn a_map_comes_back_as_it_was_saved() {
    on_every_database(async |db| {
        let map = food_delivery();

        let saved = save(db, &map).await;
        let loaded = project::load_map(db, saved.id).await.unwrap().unwrap();

        assert_eq!(loaded.story_map(), map);
        assert_eq!(loaded.project.raw_requirements, "Нужна доставка еды");
        assert_eq!((saved.activities_count, saved.tasks_count, saved.stories_count), (3, 3, 4));
        assert_eq!(saved.name, map.name);
        let cart = &loaded.activities[0].tasks[1].stories[0];
        assert_eq!(cart.release.as_deref(), Some("MVP"));
        assert_eq!((cart.story.status, cart.story.version), (user_story::StoryStatus::Todo, 1));
        assert_eq!(project::load_map(db, saved.id + 1).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn an_imported_map_is_a_new_project_each_time() {
    on_every_database(async |db| {
        let map = food_delivery();

        let first = project::import_map(db, LOCAL_USER_ID, &map).await.unwrap();
        let second = project::import_map(db, LOCAL_USER_ID, &map).await.unwrap();

        assert_ne!(first.id, second.id);
        let loaded = project::load_map(db, second.id).await.unwrap().unwrap();
        assert_eq!((loaded.story_map(), loaded.project.job_id), (map, None));
    })
    .await;
}

#[tokio::test]
async fn a_large_map_comes_back_as_it_was_saved() {
    on_every_database(async |db| {
        let map = large_map(60);

        let saved = save(db, &map).await;

        assert_eq!(saved.stories_count, 2400);
        assert_eq!(project::load_map(db, saved.id).await.unwrap().unwrap().story_map(), map);
    })
    .await;
}

#[tokio::test]
async fn a_map_without_activities_or_releases_can_be_saved() {
    on_every_database(async |db| {
        let empty = StoryMap { activities: vec![], releases: vec![], ..food_delivery() };
        let unlisted = StoryMap { releases: vec![Release::Mvp], ..food_delivery() };

        let empty_saved = save(db, &empty).await;
        let unlisted_saved = save(db, &unlisted).await;

        assert_eq!(project::load_map(db, empty_saved.id).await.unwrap().unwrap().story_map(), empty);
        let loaded = project::load_map(db, unlisted_saved.id).await.unwrap().unwrap();
        assert_eq!(loaded.story_map().activities, unlisted.activities);
        assert_eq!(loaded.releases.len(), 3, "{:?}", loaded.releases);
    })
    .await;
}

#[tokio::test]
async fn text_that_postgres_cannot_keep_is_saved_without_what_it_cannot_keep() {
    on_every_database(async |db| {
        let mut map =
            StoryMap { name: "Еда\0".to_owned(), notes: vec!["\0".to_owned()], ..food_delivery() };
        map.activities[0].tasks[0].stories[0].acceptance_criteria = vec!["да\0нет".to_owned()];
        let saved =
            project::save_map(db, Uuid::now_v7(), LOCAL_USER_ID, "а\0б", &map, "offline").await.unwrap();
        let id = story_ids(db, saved.id).await[0];
        let picture = NewWireframe { tree: json!({"te\0xt": ["\0Войти"]}), ..drawing(id, "[\0]") };

        let drawn = wireframe::upsert(db, picture).await.unwrap().unwrap();

        let loaded = project::load_map(db, saved.id).await.unwrap().unwrap();
        assert_eq!((loaded.project.name.as_str(), loaded.project.raw_requirements.as_str()), ("Еда", "аб"));
        assert_eq!(loaded.story_map().activities[0].tasks[0].stories[0].acceptance_criteria, ["данет"]);
        assert_eq!((drawn.ascii_wireframe.as_str(), drawn.tree), ("[]", json!({"text": ["Войти"]})));
    })
    .await;
}

#[tokio::test]
async fn a_repeated_save_returns_the_same_project() {
    on_every_database(async |db| {
        let job_id = Uuid::now_v7();
        assert_eq!(project::by_job(db, job_id).await.unwrap(), None);

        let first =
            project::save_map(db, job_id, LOCAL_USER_ID, "раз", &food_delivery(), "offline").await.unwrap();
        let again =
            project::save_map(db, job_id, LOCAL_USER_ID, "два", &large_map(1), "offline").await.unwrap();

        assert!(!first.already_existed && again.already_existed);
        assert_eq!(project::SavedProject { already_existed: false, ..again.clone() }, first);
        assert_eq!(project::by_job(db, job_id).await.unwrap(), Some(again));
        assert_eq!(project::Entity::find().count(db).await.unwrap(), 1);
        assert_eq!(user_story::Entity::find().count(db).await.unwrap(), 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_saves_of_one_job_make_one_project() {
    for database in TestDatabase::every_kind().await {
        // Two pools stand for two processes.
        let pools = [database.open().await, database.open().await];
        let job_id = Uuid::now_v7();
        let calls = (0..8).map(|n| {
            let db = pools[n % 2].clone();
            tokio::spawn(async move {
                project::save_map(
                    &db,
                    job_id,
                    LOCAL_USER_ID,
                    "Нужна доставка еды",
                    &food_delivery(),
                    "offline",
                )
                .await
                .unwrap()
            })
        });

        let saved: Vec<_> =
            futures_util::future::join_all(calls).await.into_iter().map(Result::unwrap).collect();

        assert_eq!(saved.iter().filter(|saved| !saved.already_existed).count(), 1);
        assert!(saved.iter().all(|other| other.id == saved[0].id && other.stories_count == 4), "{saved:?}");
        assert_eq!(project::Entity::find().count(&pools[0]).await.unwrap(), 1);
        assert_eq!(user_story::Entity::find().count(&pools[1]).await.unwrap(), 4);
        for pool in pools {
            pool.close().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_saves_of_different_jobs_all_succeed() {
    on_every_database(async |db| {
        let calls = (0..16).map(|_| {
            let db = db.clone();
            tokio::spawn(async move { save(&db, &large_map(2)).await.id })
        });

        let ids = futures_util::future::join_all(calls).await;

        let distinct: std::collections::HashSet<i64> = ids.into_iter().map(Result::unwrap).collect();
        assert_eq!(distinct.len(), 16);
    })
    .await;
}

#[tokio::test]
async fn a_job_of_one_user_does_not_open_the_project_of_another() {
    on_every_database(async |db| {
        let other = another_user(db).await;
        let job_id = Uuid::now_v7();
        project::save_map(db, job_id, other, "чужое", &food_delivery(), "offline").await.unwrap();

        let error = project::save_map(db, job_id, LOCAL_USER_ID, "моё", &food_delivery(), "offline")
            .await
            .unwrap_err();

        assert!(error.to_string().contains("belongs to another user"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_save_that_fails_leaves_nothing_behind() {
    on_every_database(async |db| {
        let nobody = 999;

        assert!(
            project::save_map(db, Uuid::now_v7(), nobody, "ничьё", &food_delivery(), "offline")
                .await
                .is_err()
        );

        assert_eq!(project::Entity::find().count(db).await.unwrap(), 0);
        save(db, &food_delivery()).await;
    })
    .await;
}

#[tokio::test]
async fn deleting_a_project_deletes_everything_below_it() {
    on_every_database(async |db| {
        let (gone, kept) = (save(db, &food_delivery()).await, save(db, &food_delivery()).await);
        for id in [gone.id, kept.id] {
            let story_id = story_ids(db, id).await[0];
            wireframe::upsert(db, drawing(story_id, "[ Войти ]")).await.unwrap().unwrap();
        }

        project::Entity::delete_by_id(gone.id).exec(db).await.unwrap();

        assert_eq!(activity::Entity::find().count(db).await.unwrap(), 3);
        assert_eq!(user_task::Entity::find().count(db).await.unwrap(), 3);
        assert_eq!(release::Entity::find().count(db).await.unwrap(), 3);
        assert_eq!(user_story::Entity::find().count(db).await.unwrap(), 4);
        assert_eq!(wireframe::Entity::find().count(db).await.unwrap(), 1);
        user::Entity::delete_by_id(LOCAL_USER_ID).exec(db).await.unwrap();
        assert_eq!(wireframe::Entity::find().count(db).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn deleting_a_release_keeps_its_stories() {
    on_every_database(async |db| {
        let saved = save(db, &food_delivery()).await;
        let loaded = project::load_map(db, saved.id).await.unwrap().unwrap();

        loaded.releases[0].clone().delete(db).await.unwrap();

        let left = project::load_map(db, saved.id).await.unwrap().unwrap();
        let cart = &left.activities[0].tasks[1].stories[0];
        assert_eq!((cart.story.release_id, cart.release.as_deref()), (None, None));
        assert_eq!(
            left.story_map().activities,
            food_delivery().activities,
            "the priority still names the release"
        );
    })
    .await;
}

#[tokio::test]
async fn projects_are_listed_newest_first_in_pages() {
    on_every_database(async |db| {
        let other = another_user(db).await;
        project::save_map(db, Uuid::now_v7(), other, "чужое", &food_delivery(), "offline").await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.insert(0, save(db, &food_delivery()).await.id);
        }

        let first = project::list(db, LOCAL_USER_ID, 2, 0).await.unwrap();
        let last = project::list(db, LOCAL_USER_ID, 2, 2).await.unwrap();

        assert_eq!((first.total, last.total), (3, 3));
        assert_eq!(first.items.iter().chain(&last.items).map(|item| item.id).collect::<Vec<_>>(), ids);
        assert_eq!(first.items[0].name, food_delivery().name);
    })
    .await;
}

#[tokio::test]
async fn the_number_of_queries_does_not_grow_with_the_map() {
    let database = TestDatabase::sqlite();
    let mut db = database.open().await;
    let queries = Arc::new(AtomicUsize::new(0));
    let counter = queries.clone();
    db.set_metric_callback(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let count = async |map: StoryMap| {
        let before = queries.load(Ordering::Relaxed);
        let started = Instant::now();
        let id = save(&db, &map).await.id;
        let (saved, elapsed) = (queries.load(Ordering::Relaxed), started.elapsed());
        project::load_map(&db, id).await.unwrap();
        let loaded = queries.load(Ordering::Relaxed) - saved;
        eprintln!(
            "{} stories: saved in {elapsed:?}, loaded in {:?}",
            map.stories().count(),
            started.elapsed() - elapsed
        );
        (saved - before, loaded)
    };

    let small = count(food_delivery()).await;
    let large = count(large_map(10)).await;

    assert_eq!(small, (5, 6), "project, releases, activities, tasks, stories; wireframes besides");
    assert_eq!(large, small);
}

#[tokio::test]
async fn the_indexes_that_queries_need_exist() {
    let database = TestDatabase::sqlite();
    let db = database.open().await;

    for (query, index) in [
        ("SELECT * FROM projects WHERE user_id = 1 ORDER BY id DESC", "ix_projects_user"),
        ("SELECT * FROM activities WHERE project_id = 1 ORDER BY position", "ix_activities_position"),
        ("SELECT * FROM user_tasks WHERE activity_id = 1 ORDER BY position", "ix_user_tasks_position"),
        ("SELECT * FROM releases WHERE project_id = 1 ORDER BY position", "ix_releases_position"),
        (
            "SELECT * FROM user_stories WHERE task_id = 1 AND release_id = 1 ORDER BY position",
            "ix_user_stories_position",
        ),
        ("SELECT * FROM user_stories WHERE status = 'todo'", "ix_user_stories_status"),
        ("SELECT * FROM user_stories WHERE release_id = 1", "ix_user_stories_release"),
        (
            "SELECT * FROM wireframes WHERE story_id = 1 AND style = 'a' AND platform = 'b'",
            "ux_wireframes_story",
        ),
    ] {
        let plan =
            sea_orm::Statement::from_string(db.get_database_backend(), format!("EXPLAIN QUERY PLAN {query}"));
        let steps = db.query_all_raw(plan).await.unwrap();
        let text: String = steps.iter().map(|step| step.try_get::<String>("", "detail").unwrap()).collect();
        assert!(text.contains(index) && !text.contains("TEMP B-TREE"), "{query}: {text}");
    }
}
