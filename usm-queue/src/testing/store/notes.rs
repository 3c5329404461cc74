//! Notes: small values that all processes share.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    ErrorKind,
    backend::{Expect, JobStore, MAX_NOTE_BYTES, Note},
    testing::{eventually, unique},
};

async fn get(store: &dyn JobStore, key: &str) -> Option<Note> {
    store.notes(key).await.unwrap().into_iter().find(|note| note.key == key)
}

async fn put(store: &dyn JobStore, key: &str, value: Value, expect: Expect) -> Option<u64> {
    store.put_note(key, value, expect, None).await.unwrap()
}

/// Nothing, anything, or one version of it; a later note of the same name is told from an earlier one.
pub async fn a_note_is_changed_only_where_what_is_expected_is_there(store: &dyn JobStore) {
    let key = unique("note");
    let first = put(store, &key, json!({"a": [1, "ü"]}), Expect::Absent).await.unwrap();
    assert_eq!(get(store, &key).await, Some(Note::new(key.clone(), json!({"a": [1, "ü"]}), first)));

    assert_eq!(put(store, &key, json!(2), Expect::Absent).await, None);
    assert_eq!(put(store, &key, json!(2), Expect::Version(first + 1)).await, None);
    let second = put(store, &key, json!(2), Expect::Version(first)).await.unwrap();
    assert!(second > first);
    let third = put(store, &key, json!(3), Expect::Any).await.unwrap();
    assert!(third > second);
    assert!(!store.remove_note(&key, Expect::Version(second)).await.unwrap());
    assert_eq!(get(store, &key).await.unwrap().value, json!(3));

    assert!(store.remove_note(&key, Expect::Version(third)).await.unwrap());
    assert_eq!(get(store, &key).await, None);
    assert!(!store.remove_note(&key, Expect::Any).await.unwrap());
    assert_eq!(put(store, &key, json!(4), Expect::Version(third)).await, None);
    let again = put(store, &key, json!(4), Expect::Absent).await.unwrap();
    assert!(again > third);
    store.remove_note(&key, Expect::Any).await.unwrap();
}

/// The others are told.
pub async fn of_many_who_change_a_note_at_once_one_succeeds(store: &dyn JobStore) {
    let key = unique("note");
    for expect in [Expect::Absent, Expect::Version(0)] {
        let expect = match expect {
            Expect::Absent => Expect::Absent,
            _ => Expect::Version(get(store, &key).await.unwrap().version),
        };
        let all = (0..20).map(|number| put(store, &key, json!(number), expect));
        let won = futures_util::future::join_all(all).await.into_iter().flatten().count();
        assert_eq!(won, 1, "{expect:?}");
    }
    store.remove_note(&key, Expect::Any).await.unwrap();
}

/// And free to be taken.
pub async fn a_note_is_gone_after_its_time_to_live(store: &dyn JobStore) {
    let key = unique("note");
    let ttl = Some(Duration::from_millis(50));
    let first = store.put_note(&key, json!(1), Expect::Absent, ttl).await.unwrap().unwrap();

    eventually("the note expires", async || get(store, &key).await.is_none().then_some(())).await;

    assert_eq!(put(store, &key, json!(2), Expect::Version(first)).await, None);
    let second = put(store, &key, json!(2), Expect::Absent).await.unwrap();
    assert!(second > first);
    store.remove_note(&key, Expect::Any).await.unwrap();
}

/// By name.
pub async fn notes_are_listed_by_what_their_names_begin_with(store: &dyn JobStore) {
    let prefix = unique("note");
    let names = ["/b", "/a%_", "/ä", "x/a"].map(|name| format!("{prefix}{name}"));
    for name in &names {
        put(store, name, Value::Null, Expect::Absent).await.unwrap();
    }

    let found = store.notes(&format!("{prefix}/")).await.unwrap();

    let found: Vec<_> = found.into_iter().map(|note| note.key).collect();
    assert_eq!(found, [&names[1], &names[0], &names[2]].map(Clone::clone));
    for name in &names {
        store.remove_note(name, Expect::Any).await.unwrap();
    }
}

/// With what it has and may have.
pub async fn a_note_that_is_too_large_is_refused(store: &dyn JobStore) {
    let key = unique("note");
    let value = Value::String("x".repeat(MAX_NOTE_BYTES));

    let refused = store.put_note(&key, value, Expect::Any, None).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("65536"), "{refused}");
    assert_eq!(get(store, &key).await, None);
}
