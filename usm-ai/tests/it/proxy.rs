//! Proxies of the environment, in a process of its own: the environment belongs to the whole process.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Stdio;

use usm_ai::{
    AnswerFormat, Provider,
    providers::{Service, ServiceConfig, ServiceSpec},
    testing::{FakeAi, Reply},
};

use crate::support::question;

const FAR_AWAY: &str = "http://ai.example.invalid/v1";

#[tokio::test]
async fn a_proxy_of_the_environment_is_used() {
    let proxy = FakeAi::always(Reply::text("through the proxy")).await.unwrap();
    let address = proxy.base_url().trim_end_matches("/v1").to_owned();

    let asking = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "proxy::a_process_that_asks_through_a_proxy", "--ignored"])
        .env("HTTP_PROXY", &address)
        .env("http_proxy", &address)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .stdout(Stdio::null())
        .status();

    assert!(asking.await.unwrap().success());
    let asked: Vec<String> = proxy.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(asked, [format!("POST {FAR_AWAY}/chat/completions")]);
}

#[tokio::test]
#[ignore = "a process of the test above"]
async fn a_process_that_asks_through_a_proxy() {
    let config = ServiceSpec::compatible().config(None);
    let (base_url, model) = (FAR_AWAY.to_owned(), "m".to_owned());
    let service = Service::new(ServiceConfig { base_url, model, ..config }).unwrap();

    let answer = service.chat(&question(), AnswerFormat::Text).await.unwrap();

    assert_eq!(answer.text, "through the proxy");
}
