//! Addresses, keys and the table; what goes over the wire is tested over the wire.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
use super::*;
use crate::providers::SERVICES;

fn config(base_url: &str) -> ServiceConfig {
    let config = ServiceSpec::compatible().config(None);
    ServiceConfig { name: "local".to_owned(), base_url: base_url.to_owned(), model: "m".to_owned(), ..config }
}

#[test]
fn the_endpoint_is_below_the_base_url_however_it_ends() {
    for base in ["http://h:1/v1", " http://h:1/v1/ ", "http://h:1/v1/chat/completions"] {
        let service = Service::new(config(base)).unwrap();
        assert_eq!(service.question_url("m", false).as_str(), "http://h:1/v1/chat/completions");
    }
}

#[test]
fn geminis_model_is_part_of_the_endpoint_and_cannot_leave_it() {
    let config = ServiceSpec::named("gemini").unwrap().config(ApiKey::new("AIza"));
    let service = Service::new(config).unwrap();
    let base = "https://generativelanguage.googleapis.com/v1beta/models";

    for (model, streamed, expected) in [
        ("gemini-3.8-flash", false, "gemini-3.8-flash:generateContent"),
        ("models/gemini-3.8-flash", true, "gemini-3.8-flash:streamGenerateContent?alt=sse"),
        ("a/../b?c#d", false, "a%2F..%2Fb%3Fc%23d:generateContent"),
    ] {
        assert_eq!(service.question_url(model, streamed).as_str(), format!("{base}/{expected}"));
    }
}

#[test]
fn a_base_url_that_cannot_work_is_an_error_that_names_the_provider() {
    for base in
        ["", "localhost", "localhost:11434/v1", "ftp://h/v1", "http://", "http://me:pw@h/v1", "http://h/?a"]
    {
        let error = Service::new(config(base)).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{base}");
        assert_eq!(error.provider(), "local");
        assert!(error.excerpt().contains("the base URL") && !error.excerpt().contains("pw"), "{error}");
    }
}

#[test]
fn a_key_or_model_that_cannot_be_sent_is_an_error_and_the_key_is_not_shown() {
    let with_key = ServiceConfig { api_key: Some(ApiKey::new("sk-\n1")), ..config("http://h/v1") };
    let without_model = ServiceConfig { model: " ".to_owned(), ..config("http://h/v1") };

    let error = Service::new(with_key).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(!format!("{error} {error:?}").contains("sk-"));
    assert!(Service::new(without_model).unwrap_err().excerpt().contains("model"));
}

#[test]
fn the_key_is_not_shown_by_debug() {
    for spec in SERVICES {
        let mut config = spec.config(ApiKey::new("key-hunter2"));
        config.model = "m".to_owned();

        assert!(!format!("{config:?} {:?}", Service::new(config.clone()).unwrap()).contains("hunter2"));
    }
}

#[test]
fn every_row_of_the_table_makes_a_provider_of_its_name() {
    for spec in SERVICES {
        let mut config = spec.config(ApiKey::new("key"));
        if !spec.needs_key {
            assert_eq!((spec.default_model, spec.small_model), ("", ""), "only its owner knows");
            config.model = "own".to_owned();
        }
        let service = Service::new(config.clone()).unwrap();

        assert_eq!((service.name(), service.model()), (spec.name, config.model.as_str()));
        assert_eq!(ServiceSpec::named(spec.name), Some(spec));
    }
}
