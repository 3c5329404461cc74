//! A server killed right after it accepted a job (fault case 3).

use std::collections::BTreeSet;

use super::site::{Site, TEXT};

/// Jobs accepted by servers that are killed at once, one after the other.
const ROUNDS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn jobs_accepted_by_a_killed_server_complete_after_its_restart() {
    let site = Site::new();
    let mut accepted = BTreeSet::new();
    for _ in 0..ROUNDS {
        let mut server = site.serve(&[]);
        accepted.insert(server.client().post_map(TEXT).await);
        server.process.kill();
    }

    let mut server = site.serve(&[]);
    let client = server.client();
    for id in &accepted {
        let job = client.completed(id).await;
        let project = client.get(&format!("/project/{}", job["result"]["project_id"])).await;
        let activities = project["activities"].as_array().unwrap();
        assert!(!activities.is_empty(), "{project:#}");
    }

    server.process.kill();
    assert_eq!(site.audit(&accepted).await.len(), ROUNDS);
}
