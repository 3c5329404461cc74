//! The same map from a model that answers well, one that writes carelessly, and one on a server that takes nothing but
//! plain text: what they cost in requests.

use serde_json::Value;
use usm_ai::testing::{FakeAi, RecordedRequest, Reply};

use crate::{
    stages::{About, about, app, backbone, enqueue, map_of, stories, worked},
    support::Place,
};

fn well(request: &RecordedRequest) -> Reply {
    match about(request) {
        About::Backbone => backbone(),
        About::Stories(activity, tasks) => stories(&activity, &tasks),
        other => panic!("{other:?}"),
    }
}

/// The document as Python writes it, with a comma too many, wrapped, after thoughts with a draft in them.
fn carelessly(request: &RecordedRequest) -> Reply {
    let Reply::Completion { text, .. } = well(request) else { panic!("no answer") };
    let document: Value = serde_json::from_str(&text).unwrap();
    let python = document.to_string().replace('"', "'").replace("]}", ",]}");
    Reply::text(format!(
        "<think>Maybe {{\"tasks\": [{{\"title\": \"DRAFT\", \"stories\": [\"DRAFT\"]}}]}}?</think>Sure!\n```python\n{{'result': {python}}}\n```\nAnything else?"
    ))
}

/// A server without JSON modes and without a system role, around the careless model.
fn bare(request: &RecordedRequest) -> Reply {
    let has_system = request.body["messages"].to_string().contains("\"role\":\"system\"");
    match request.body.get("response_format") {
        Some(_) => Reply::error(400, "unknown field"),
        None if has_system => Reply::error(500, "System role not supported"),
        None => carelessly(request),
    }
}

#[tokio::test]
async fn a_careless_model_costs_no_more_requests_and_a_bare_server_a_few_at_first() {
    let mut maps = Vec::new();
    for (name, answers, first, then) in [
        ("well", well as fn(&RecordedRequest) -> Reply, 4, 4),
        ("carelessly", carelessly, 4, 4),
        ("bare", bare, 7, 4),
    ] {
        let ai = FakeAi::answering(answers).await.unwrap();
        let (_place, app): (Place, _) = app(&ai).await;

        worked(&app, &enqueue(&app).await).await.unwrap();
        assert_eq!(ai.requests().len(), first, "{name}");
        let ready = worked(&app, &enqueue(&app).await).await.unwrap();
        assert_eq!(ai.requests().len(), first + then, "{name}: what was learnt is remembered");
        maps.push(map_of(&app, &ready).await);
    }
    assert_eq!(maps[0], maps[1]);
    assert_eq!(maps[0], maps[2]);
}
