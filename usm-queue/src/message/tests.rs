//! What becomes of a message on its way to other services and back.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::json;

use super::*;
use crate::job::{Job, JobId, Owner};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    user_id: i64,
    text: String,
}

fn job() -> Job {
    let mut job = Job::new(JobId::new(), "strict", Utc::now());
    job.owner = Some(Owner::Id(42));
    job
}

/// As it arrives on the other side of a broker that others read.
fn over_the_wire(message: &Message) -> Message {
    let (body, added) = flat_body(message, "message-1", "shop");
    let mut arrived = Message { body: body.into_owned(), ..message.clone() };
    arrived.headers.extend(added.map(|names| (ADDED.to_owned(), Value::String(names.into_owned()))));
    arrived
}

#[test]
fn the_body_on_the_wire_is_the_flat_object_of_the_guide() {
    let job = job();

    let message =
        message("ai.tasks", "ai.task.map.generation", &json!({"requirements_text": "…"}), &job).unwrap();

    let body: Value = serde_json::from_slice(&over_the_wire(&message).body).unwrap();
    assert_eq!(body["requirements_text"], "…");
    assert_eq!(body["job_id"], json!(job.id));
    assert_eq!(body["user_id"], 42);
    assert_eq!(body["_metadata"]["routing_key"], "ai.task.map.generation");
    assert_eq!(body["_metadata"]["message_id"], "message-1");
    assert_eq!(body["_metadata"]["producer"], "shop");
    assert!(body["created_at"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_message_that_comes_back_from_the_wire_is_not_changed_again() {
    let message = message("e", "k", &json!({"a": 1}), &job()).unwrap();
    let arrived = over_the_wire(&message);

    let (again, added) = flat_body(&arrived, "message-1", "shop");

    assert_eq!((again.as_ref(), added), (arrived.body.as_slice(), None));
}

#[test]
fn any_payload_comes_back_as_it_was() {
    for payload in [
        json!({}),
        json!({"text": "x"}),
        json!({"job_id": 1, "user_id": [2], "created_at": null, "_metadata": {"a": 1}}),
        json!({"text": "the words _metadata and user_id"}),
        json!({"payload": 3}),
        json!([1, 2]),
        json!("text"),
        json!(null),
    ] {
        for owner in [None, Some(Owner::Id(42))] {
            let job = Job { owner: owner.clone(), ..job() };
            let message = message("e", "k", &payload, &job).unwrap();
            let arrived = over_the_wire(&message);

            for message in [message, arrived] {
                assert_eq!(decode::<Value>(&message).unwrap(), payload);
                assert_eq!(super::payload(&message).unwrap(), payload);
                assert_eq!(record(&message, job.id, "strict", 3, false).owner, owner);
            }
        }
    }
}

#[test]
fn tags_come_back_and_what_cannot_be_one_does_not() {
    let tags = vec!["campaign ж".to_owned(), "b".to_owned()];
    let job = Job { tags: tags.clone(), ..job() };
    let mut message = over_the_wire(&message("e", "k", &json!({}), &job).unwrap());
    assert_eq!(record(&message, job.id, "strict", 3, false).tags, tags);

    message.headers.insert(TAGS.to_owned(), json!(["a", 7, "", "x".repeat(101), "a", ["b"]]));
    assert_eq!(record(&message, job.id, "strict", 3, false).tags, ["a"]);
    message.headers.insert(TAGS.to_owned(), json!("a"));
    assert!(record(&message, job.id, "strict", 3, false).tags.is_empty());
}

#[test]
fn a_task_that_knows_no_other_fields_is_read_from_the_wire() {
    let task = Strict { user_id: 7, text: "x".into() };

    let message = over_the_wire(&message("e", "k", &task, &job()).unwrap());

    assert_eq!(decode::<Strict>(&message).unwrap(), task);
}

#[test]
fn a_message_without_our_headers_is_understood() {
    #[derive(Deserialize)]
    struct Map {
        requirements_text: String,
    }
    let id = JobId::new();
    let body = json!({"job_id": id, "user_id": 5, "requirements_text": "r", "created_at": "2025-12-01T10:00:00Z", "_metadata": {}});

    let message = Message::new("ai.tasks", "ai.task.map.generation", "m", serde_json::to_vec(&body).unwrap());

    assert_eq!(message.job_id(), Some(id));
    assert_eq!(decode::<Map>(&message).unwrap().requirements_text, "r");
    assert_eq!(record(&message, id, "ai_map_generation", 3, false).owner, Some(Owner::Id(5)));
}

#[test]
fn garbage_is_an_error_not_a_panic() {
    for body in [&b""[..], b"\xff\xfe", b"[1", b"null", b"3"] {
        let message = Message::new("e", "k", "", body.to_vec());
        assert!(payload(&message).is_err());
        assert_eq!((message.job_id(), message.job_alias()), (None, None));
    }
}

#[test]
fn a_message_of_another_service_tells_its_job_by_any_id() {
    let of = |id: &str, body: &str| {
        let message = Message::new("e", "k", id, body.as_bytes().to_vec());
        (message.job_id(), message.job_alias())
    };
    let known = |id: &str| (Some(id.parse().unwrap()), Some(id.to_owned()));
    let uuid = JobId::new();

    assert_eq!(of("m", r#"{"job_id": "test-job-123"}"#), known("test-job-123"));
    assert_eq!(of("m", r#"{"job_id": 123}"#), known("123"));
    assert_eq!(of("m", r#"{"job_id": null}"#), known("m"));
    assert_eq!(of("m", r#"{"job_id": ""}"#), known("m"));
    assert_eq!(of("m", "{}"), known("m"));
    assert_eq!(of(&uuid.to_string(), "{}"), (Some(uuid), None));
    assert_eq!(of("", "{}"), (None, None));
    let long = "x".repeat(255);
    assert_eq!(of(&long, "{}"), (Some(JobId::derived(&long)), None));
    let upper = uuid.to_string().to_uppercase();
    assert_eq!(of("m", &json!({ "job_id": upper }).to_string()), (Some(uuid), Some(upper)));
}
