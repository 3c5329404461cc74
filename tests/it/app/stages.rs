//! A worker killed between two activities of a map: what was made is kept, and nothing is asked for twice.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

use serde_json::{Value, json};

use super::site::{Site, TEXT};
use crate::processes::Process;

const ACTIVITIES: [&str; 7] = ["One", "Two", "Three", "Four", "Five", "Six", "Seven"];
/// Activities the service answers for before it is told to go on.
const ANSWERED: usize = 3;

/// What the service has been asked, and whether it answers everything by now.
#[derive(Default)]
struct Stage {
    /// `backbone`, or the title of an activity; answered ones only.
    answered: Vec<String>,
    is_open: bool,
}

/// An AI service that answers for the backbone and three activities, and keeps the others waiting until it is opened.
#[derive(Clone, Default)]
struct Service(Arc<(Mutex<Stage>, Condvar)>);

impl Service {
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let service = self.clone();
        // Ends with the test process, like the connections it holds.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let service = service.clone();
                thread::spawn(move || service.serve(stream.unwrap()));
            }
        });
        url
    }

    fn open(&self) {
        self.0.0.lock().unwrap().is_open = true;
        self.0.1.notify_all();
    }

    fn answered(&self) -> Vec<String> {
        let mut answered = self.0.0.lock().unwrap().answered.clone();
        answered.sort();
        answered
    }

    fn serve(&self, mut stream: TcpStream) {
        let Some(body) = request(&mut stream) else { return };
        let question = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
        let (name, answer) = match question.split_once("<activity>\n") {
            None => {
                let activities =
                    ACTIVITIES.map(|title| json!({ "title": title, "tasks": [format!("Do {title}")] }));
                let notes: [&str; 0] = [];
                let backbone = json!({ "name": "Library", "personas": ["Reader"], "activities": activities, "notes": notes });
                ("backbone".to_owned(), backbone)
            }
            Some((_, activity)) => {
                let title = activity.lines().next().unwrap();
                let story = json!({
                    "title": format!("Story of {title}"), "description": "As a reader I want it", "persona": "Reader",
                    "release": "MVP", "acceptance_criteria": ["It is shown"],
                });
                let task = json!({ "title": format!("Do {title}"), "stories": [story] });
                (title.to_owned(), json!({ "tasks": [task] }))
            }
        };
        {
            let full = |stage: &mut Stage| {
                let activities = stage.answered.iter().filter(|name| *name != "backbone").count();
                !stage.is_open && name != "backbone" && activities >= ANSWERED
            };
            let stage = self.0.0.lock().unwrap();
            let mut stage = self.0.1.wait_while(stage, full).unwrap();
            stage.answered.push(name);
        }
        let message = json!({ "role": "assistant", "content": answer.to_string() });
        let completion = json!({
            "id": "1", "object": "chat.completion", "model": "held", "usage": { "prompt_tokens": 1, "completion_tokens": 1 },
            "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
        })
        .to_string();
        let length = completion.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        // Who asked may have been killed; then the answer reaches nobody, and does not count.
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(completion.as_bytes())).is_err() {
            self.0.0.lock().unwrap().answered.pop();
        }
    }
}

/// The JSON body of a request; `None` for a connection that brought none.
fn request(stream: &mut TcpStream) -> Option<Value> {
    let mut bytes = Vec::new();
    let mut block = [0; 4096];
    loop {
        let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = head_end {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse::<usize>();
            if bytes.len() >= end + 4 + length.ok()? {
                return serde_json::from_slice(&bytes[end + 4..]).ok();
            }
        }
        match stream.read(&mut block) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&block[..count]),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_whose_worker_is_killed_between_two_activities_goes_on_there_and_asks_nothing_twice() {
    let site = Site::new();
    let server = site.serve(&["--no-workers"]);
    let client = server.client();
    let service = Service::default();
    let url = service.start();
    let worker = || {
        let settings =
            [("OPENAI_BASE_URL", url.as_str()), ("OPENAI_MODEL", "held"), ("API_PROVIDER", "openai")];
        Process::start(site.usm(&["worker", "map"]).envs(settings))
    };
    let mut killed = worker();
    let id = client.post_map_as_it_is(TEXT).await;
    let parts = |job: &Value, part: &str| {
        let parts = job["partial_results"].as_array().into_iter().flatten();
        parts
            .filter(|known| known["part"] == part)
            .map(|known| known["title"].to_string())
            .collect::<Vec<_>>()
    };
    let before = client
        .job_when(&id, "three activities are made", |job| parts(job, "activity").len() == ANSWERED)
        .await;
    assert_eq!((&before["status"], &before["attempt"]), (&json!("processing"), &json!(1)));

    killed.kill();
    service.open();
    let next = worker();

    let job = client.completed(&id).await;
    assert_eq!((&job["attempt"], &job["result"]["failed_count"]), (&json!(1), &json!(0)), "{job:#}");
    assert_eq!((parts(&job, "backbone").len(), parts(&job, "activity").len()), (1, ACTIVITIES.len()));
    assert_eq!(parts(&job, "activity")[..ANSWERED], parts(&before, "activity"), "kept as they were");
    let project = client.get(&format!("/project/{}", job["result"]["project_id"])).await;
    let titles: Vec<&str> =
        project["activities"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ACTIVITIES);
    let mut expected: Vec<String> = ACTIVITIES.iter().map(|title| (*title).to_owned()).collect();
    expected.push("backbone".to_owned());
    expected.sort();
    let mut answered = service.answered();
    // A question that was held when its worker was killed may be answered into a closed connection.
    let made_before = parts(&before, "activity");
    for title in made_before.iter().map(|title| title.trim_matches('"')).chain(["backbone"]) {
        assert_eq!(
            answered.iter().filter(|name| *name == title).count(),
            1,
            "{title} was asked for again: {answered:?}"
        );
    }
    answered.dedup();
    assert_eq!(answered, expected);
    drop((server, next));
    site.audit(&BTreeSet::from([id])).await;
}
