//! Several AI services used as one, and what became of each: `cargo run -p usm-examples --example ai_fallback`
//!
//! The services are fakes on this machine, so that it needs no key; real ones differ by key and base URL only.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use usm_ai::{
    ApiKey, AttemptLog, Candidate, ChatRequest, Quota, QuotaSettings, RetrySettings, Router,
    providers::{Service, ServiceConfig, ServiceSpec},
    testing::{FakeAi, Reply},
};

/// What is asked for. Its JSON schema goes to the service; doc comments are read by the model.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Summary {
    /// At most five words
    title: String,
    /// What a reader should do next
    next_steps: Vec<String>,
}

/// A candidate of the router: one row of the table of services, here at the address of a fake.
fn candidate(name: &str, ai: &FakeAi) -> anyhow::Result<Candidate> {
    let spec = ServiceSpec::named(name).ok_or_else(|| anyhow::anyhow!("no service is called {name}"))?;
    let config = spec.config(ApiKey::new("a-key-that-is-never-shown"));
    let service = Service::new(ServiceConfig { base_url: ai.base_url(), ..config })?;
    let quota = Quota::new(QuotaSettings { concurrency: Some(4), ..QuotaSettings::default() });
    Ok(Candidate::new(service).quota(quota))
}

fn print(attempts: &[AttemptLog]) {
    for attempt in attempts {
        println!("    {attempt}");
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let gemini = FakeAi::always(Reply::rate_limited(26)).await?;
    let groq = FakeAi::always(Reply::bad_key("a-key-that-is-never-shown")).await?;
    let summary =
        Summary { title: "The cat and the moon".to_owned(), next_steps: vec!["Feed it".to_owned()] };
    let prose = format!("Here you are:\n```json\n{}\n```", serde_json::to_string_pretty(&summary)?);
    let anthropic = FakeAi::start([Reply::overloaded(), Reply::json(&summary), Reply::text(prose)]).await?;

    let retry = RetrySettings { first_delay: Duration::from_millis(50), ..RetrySettings::default() };
    let router = Router::of([
        candidate("gemini", &gemini)?,
        candidate("groq", &groq)?,
        candidate("anthropic", &anthropic)?,
    ])
    .retry(retry);
    let request = ChatRequest::new("summary", "Summarise: the cat looked at the moon. It was hungry.")
        .system("You write short summaries")
        .deadline(Duration::from_secs(10));

    println!("the first call finds out who is well:");
    let answer = router.answer::<Summary>(&request).await?;
    print(&answer.response.attempts);
    println!(
        "  {} answered: {}, {:?}",
        answer.response.provider, answer.value.title, answer.value.next_steps
    );

    println!("the second one asks nobody in vain, and finds the answer amid prose:");
    let answer = router.answer::<Summary>(&request).await?;
    print(&answer.response.attempts);
    println!("  {} answered: {}", answer.response.provider, answer.value.title);

    println!("when nobody can answer, the error says what to do next:");
    let lonely = Router::of([candidate("gemini", &gemini)?, candidate("groq", &groq)?]).retry(retry);
    if let Err(error) = lonely.answer::<Summary>(&request).await {
        print(error.attempts());
        println!("  ask again after {:?}: {}", error.retry_after(), error.kind());
    }
    Ok(())
}
