//! A fake AI service over real HTTP that speaks all four wire formats and misbehaves on demand.
//!
//! Behind the feature `testing`, for the tests of this crate and of applications. The format of a reply is that of the
//! request, told by its path.
//!
//! ```
//! # use usm_ai::{ChatRequest, Router, providers::{Service, ServiceSpec}};
//! # use usm_ai::testing::{FakeAi, Reply};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ai = FakeAi::start([Reply::error(500, "out of order"), Reply::text("hello")]).await?;
//! let mut config = ServiceSpec::compatible().config(None);
//! config.base_url = ai.base_url();
//! config.model = "any".to_owned();
//!
//! let router = Router::new(vec![Box::new(Service::new(config)?)]);
//! let response = router.chat(&ChatRequest::new("greeting", "hi")).await?;
//!
//! assert_eq!(response.text, "hello");
//! assert_eq!(ai.requests().len(), 2);
//! # Ok(()) }
//! ```

mod dialect;
mod play;
mod reply;
mod request;

use std::{
    collections::VecDeque,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

pub use reply::{Refusal, Reply};
pub use request::RecordedRequest;

/// A server on a free loopback port, for as long as the value lives.
///
/// It answers every request, whatever its path, with the next reply of the script; when the script is used up,
/// with status 500 and a message that says so.
#[derive(Debug)]
pub struct FakeAi {
    address: SocketAddr,
    stage: Arc<Mutex<Stage>>,
    server: JoinHandle<()>,
}

type Answers = Arc<dyn Fn(&RecordedRequest) -> Reply + Send + Sync>;

#[derive(Default)]
struct Stage {
    script: VecDeque<Reply>,
    always: Option<Reply>,
    answers: Option<Answers>,
    models: Option<Vec<String>>,
    requests: Vec<RecordedRequest>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("script", &self.script)
            .field("always", &self.always)
            .field("models", &self.models)
            .field("requests", &self.requests)
            .finish_non_exhaustive()
    }
}

impl FakeAi {
    /// Starts a server that plays `script` once.
    ///
    /// # Errors
    ///
    /// When no loopback port can be had.
    pub async fn start(script: impl IntoIterator<Item = Reply>) -> io::Result<Self> {
        Self::play(Stage { script: script.into_iter().collect(), ..Stage::default() }).await
    }

    /// Starts a server that gives the same `reply` to everyone.
    ///
    /// # Errors
    ///
    /// As [`FakeAi::start`].
    pub async fn always(reply: Reply) -> io::Result<Self> {
        Self::play(Stage { always: Some(reply), ..Stage::default() }).await
    }

    /// Starts a server that answers each request as `answers` says.
    ///
    /// # Errors
    ///
    /// As [`FakeAi::start`].
    pub async fn answering(
        answers: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::play(Stage { answers: Some(Arc::new(answers)), ..Stage::default() }).await
    }

    async fn play(stage: Stage) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let stage = Arc::new(Mutex::new(stage));
        let server = tokio::spawn(serve(listener, Arc::clone(&stage)));
        Ok(Self { address, stage, server })
    }

    /// The base URL to configure a provider with, ending in `/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Everything asked so far, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.stage).requests.clone()
    }

    /// Answers questions about models from this list from now on, apart from the script.
    pub fn knows_models(&self, models: impl IntoIterator<Item = impl Into<String>>) {
        lock(&self.stage).models = Some(models.into_iter().map(Into::into).collect());
    }

    /// Appends to the script.
    pub fn then(&self, reply: Reply) {
        lock(&self.stage).script.push_back(reply);
    }
}

impl Drop for FakeAi {
    fn drop(&mut self) {
        // The task owns the open connections: they end with it, hanging ones included.
        self.server.abort();
    }
}

fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, stage: Arc<Mutex<Stage>>) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        connections.spawn(answer(connection, Arc::clone(&stage)));
        while connections.try_join_next().is_some() {}
    }
}

/// One request and one reply: every connection is closed after it. Errors mean that the client has gone, which
/// is its right.
async fn answer(mut connection: TcpStream, stage: Arc<Mutex<Stage>>) -> io::Result<()> {
    let request = RecordedRequest::read(&mut connection).await?;
    let reply = {
        let mut stage = lock(&stage);
        stage.requests.push(request.clone());
        match about_models(&stage, &request) {
            Some(reply) => reply,
            None => {
                let answers = stage.answers.clone();
                let next = stage.script.pop_front().or_else(|| stage.always.clone());
                let next = next.or_else(|| answers.map(|answers| answers(&request)));
                next.unwrap_or_else(|| Reply::error(500, "the script of the fake AI is used up"))
            }
        }
    };
    reply.play(&request, &mut connection).await
}

/// The answer to a question about models, where the list is known: all of them, or one.
fn about_models(stage: &Stage, request: &RecordedRequest) -> Option<Reply> {
    let models = stage.models.as_ref()?;
    let path = request.target.strip_prefix("GET ")?;
    let success = |body: Value| Reply::body(200, body.to_string());
    Some(match path.split_once("/models") {
        Some((_, "")) => {
            let list: Vec<Value> = models.iter().map(|id| json!({ "id": id, "object": "model" })).collect();
            success(json!({ "object": "list", "data": list }))
        }
        Some((_, one)) if models.iter().any(|id| one == format!("/{id}")) => {
            success(json!({ "id": one.trim_start_matches('/'), "type": "model" }))
        }
        Some(_) => Reply::model_not_found(),
        None => success(json!({ "data": {} })),
    })
}
