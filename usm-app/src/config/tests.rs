//! What the settings accept, refuse and show.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::*;

fn config(values: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    Config::from_lookup(|name| {
        values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

fn refused(values: &[(&str, &str)]) -> String {
    config(values).unwrap_err().to_string()
}

#[test]
fn nothing_needs_to_be_set() {
    let config = config(&[]).unwrap();

    assert_eq!(config.server.address().to_string(), "127.0.0.1:8000");
    assert_eq!(config.database, DatabaseUrl::Sqlite("./usm-data/usm.db".into()));
    assert_eq!(config.queue_file(), Path::new("./usm-data/queue.db"));
    assert_eq!(config.queue.lease, Duration::from_secs(15));
    assert_eq!((config.worker.concurrency, config.worker.max_attempts), (1, 3));
    assert_eq!(
        (config.worker.retry_delay, config.worker.grace),
        (Duration::from_secs(5), Duration::from_secs(5))
    );
    assert_eq!(config.wireframe_max_stories, 10);
    assert_eq!(config.log.level, LogLevel::Info);
    assert!(config.ai.providers.is_empty());
    assert_eq!(config.warnings().len(), 1, "{:?}", config.warnings());
}

#[test]
fn all_errors_are_reported_at_once_with_what_is_allowed() {
    let text = refused(&[
        ("USM_PORT", "70000"),
        ("WORKER_CONCURRENCY", "many"),
        ("API_TEMPERATURE", "NaN"),
        ("USM_LEASE_SECONDS", "0"),
        ("ENVIRONMENT", "prod"),
        ("LOG_LEVEL", "loud"),
        ("AI_PROVIDER_PRIORITY", "groq,gork"),
    ]);

    for line in [
        "7 settings are not usable",
        "USM_PORT=\"70000\": must be a whole number from 0 to 65535",
        "WORKER_CONCURRENCY=\"many\": must be a whole number from 1 to 256",
        "API_TEMPERATURE=\"NaN\": must be a number from 0 to 2",
        "USM_LEASE_SECONDS=\"0\": must be a whole number from 1 to 300",
        "ENVIRONMENT=\"prod\": must be development, test, staging or production",
        "LOG_LEVEL=\"loud\": must be TRACE, DEBUG, INFO, WARNING or ERROR",
        "AI_PROVIDER_PRIORITY=\"gork\": must be a list of gemini, groq, perplexity, openai, anthropic, openrouter, ollama",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
}

#[test]
fn secrets_are_masked_in_every_output() {
    let config = config(&[
        ("GROQ_API_KEY", "gsk_hunter2"),
        ("OPENAI_API_KEY", "sk-hunter2"),
        ("JWT_SECRET_KEY", "hunter2"),
        ("DATABASE_URL", "postgresql://u:hunter2@h/db"),
        ("REDIS_URL", "redis://:hunter2@h/0"),
        ("CLOUDAMQP_URL", "amqps://u:hunter2@h/v"),
        ("RABBITMQ_ENABLED", "true"),
    ])
    .unwrap();

    let outputs = format!("{config:?} {} {:?}", serde_json::to_string(&config).unwrap(), config.warnings());

    assert!(!outputs.contains("hunter2"), "{outputs}");
    assert_eq!(config.ai.providers[0].api_key.as_ref().unwrap().expose(), "gsk_hunter2");
}

#[test]
fn secrets_are_masked_in_errors() {
    let text = refused(&[
        ("GROQ_API_KEY", "gsk hunter2"),
        ("DATABASE_URL", "mysql://u:hunter2@h/db"),
        ("REDIS_URL", "http://:hunter2@h/0"),
        ("CLOUDAMQP_URL", "u:hunter2@h/v"),
        ("OPENAI_BASE_URL", "https://u:hunter2@h/v1"),
    ]);

    assert!(text.starts_with("5 settings"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

/// Whatever stands before the first of these characters would pass for a host, and be named when it does not answer.
#[test]
fn no_part_of_a_password_that_was_not_encoded_is_shown_and_the_remedy_is() {
    for password in ["hun/ter2", "hun#ter2", "hun?ter2", "12/ter2", "12#ter2", "a@hun/ter2"] {
        for (variable, scheme) in [
            ("RABBITMQ_URL", "amqp"),
            ("REDIS_URL", "redis"),
            ("DATABASE_URL", "postgres"),
            ("CLOUDAMQP_URL", "amqps"),
        ] {
            let text = refused(&[(variable, &format!("{scheme}://user:{password}@host/x"))]);

            assert!(text.contains(variable) && text.contains("%23"), "{text}");
            assert!(!text.contains("ter2") && !text.contains("hun"), "{text}");
        }
    }
}

#[test]
fn one_connection_to_rabbitmq_serves_unless_two_are_asked_for() {
    let servers = [("RABBITMQ_ENABLED", "true"), ("RABBITMQ_URL", "amqp://localhost")];
    let options = |more: &[(&str, &str)]| {
        let backend = config(&[&servers[..], more].concat()).unwrap().queue.backend;
        format!("{:?}", backend.servers().unwrap().0)
    };

    assert!(options(&[]).contains("share_connection: true") && options(&[]).contains("delay_levels: 13"));
    let other = options(&[("RABBITMQ_CONNECTIONS", "2"), ("RABBITMQ_DELAY_LEVELS", "9")]);
    assert!(other.contains("share_connection: false") && other.contains("delay_levels: 9"), "{other}");
    assert!(refused(&[("RABBITMQ_CONNECTIONS", "3")]).contains("from 1 to 2"));
}

fn servers(values: &[(&str, &str)]) -> (String, String) {
    match config(values).unwrap().queue.backend {
        QueueBackend::RabbitMq { rabbitmq_url, redis_url, .. } => {
            (rabbitmq_url.expose().to_owned(), redis_url.expose().to_owned())
        }
        QueueBackend::Embedded => panic!("the embedded queue is used"),
    }
}

#[test]
fn rabbitmq_and_redis_are_used_when_enabled_and_named() {
    let (enabled, url) = (("RABBITMQ_ENABLED", "true"), ("RABBITMQ_URL", "amqp://localhost"));

    assert_eq!(servers(&[enabled, url]), ("amqp://localhost".into(), "redis://localhost:6379/0".into()));
    assert_eq!(servers(&[enabled, url, ("REDIS_URL", "rediss://r/1")]).1, "rediss://r/1");
    let text = refused(&[enabled]);
    assert!(text.contains("needs the address of RabbitMQ in CLOUDAMQP_URL or RABBITMQ_URL"), "{text}");
}

#[test]
fn a_file_beside_rabbitmq_is_warned_of_because_every_machine_has_its_own() {
    let servers = [("RABBITMQ_ENABLED", "true"), ("RABBITMQ_URL", "amqp://localhost")];
    let warned = |more: &[(&str, &str)]| {
        let warnings = config(&[&servers[..], more].concat()).unwrap().warnings();
        warnings.iter().filter(|warning| warning.starts_with("DATABASE_URL")).cloned().collect::<Vec<_>>()
    };

    for more in [&[][..], &[("ENVIRONMENT", "production")]] {
        let warnings = warned(more);
        assert!(
            matches!(warnings.as_slice(), [one] if one.contains("./usm-data/usm.db") && one.contains("postgres://")),
            "{warnings:?}"
        );
    }
    assert!(warned(&[("DATABASE_URL", "postgres://u:p@h/db")]).is_empty());
}

#[test]
fn addresses_of_servers_that_are_not_used_are_told() {
    let values =
        [("RABBITMQ_ENABLED", "False"), ("RABBITMQ_URL", "amqp://localhost"), ("REDIS_URL", "redis://r")];
    let config = config(&values).unwrap();

    assert_eq!(config.queue.backend, QueueBackend::Embedded);
    let warnings = config.warnings().concat();
    assert!(warnings.contains("CLOUDAMQP_URL or RABBITMQ_URL, REDIS_URL is set but not used"), "{warnings}");
}

#[test]
fn cloudamqp_comes_before_rabbitmq() {
    let all =
        [("RABBITMQ_ENABLED", "true"), ("RABBITMQ_URL", "amqp://local"), ("CLOUDAMQP_URL", "amqps://cloud")];

    assert_eq!(servers(&all).0, "amqps://cloud");
    assert_eq!(servers(&all[..2]).0, "amqp://local");
}

#[test]
fn only_this_machine_is_served() {
    for (host, address) in
        [("localhost", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::1", "::1"), ("[::1]", "::1")]
    {
        assert_eq!(config(&[("USM_HOST", host)]).unwrap().server.host, address.parse::<IpAddr>().unwrap());
    }
    for host in ["0.0.0.0", "::", "192.168.0.1", "example.com"] {
        assert!(refused(&[("USM_HOST", host)]).contains("no authentication"), "{host}");
    }
}

#[test]
fn an_origin_has_no_path_and_no_star() {
    let list = "https://usm.example.com/, http://localhost:3000,";

    let origins = config(&[("ALLOWED_ORIGINS", list)]).unwrap().server.allowed_origins;

    assert_eq!(origins, ["https://usm.example.com", "http://localhost:3000"]);
    for wrong in ["*", "https://*.example.com", "example.com", "https://example.com/app", "ftp://example.com"]
    {
        assert!(refused(&[("ALLOWED_ORIGINS", wrong)]).contains("each origin must be"), "{wrong}");
    }
}

#[test]
fn providers_are_ordered_by_choice_then_priority() {
    let keys = [("GROQ_API_KEY", "g"), ("OPENAI_API_KEY", "o"), ("API_MODEL", "mine")];
    let order = |extra: &[(&'static str, &'static str)]| {
        let config = config(&[&keys[..], extra].concat()).unwrap();
        let model = |p: &ProviderConfig| p.model.clone().unwrap_or_else(|| "default".to_owned());
        config
            .ai
            .providers
            .iter()
            .map(|p| format!("{} {}", p.provider.as_str(), model(p)))
            .collect::<Vec<_>>()
    };

    assert_eq!(order(&[]), ["groq mine", "openai default"]);
    assert_eq!(order(&[("API_PROVIDER", "openai")]), ["openai mine", "groq default"]);
    assert_eq!(order(&[("AI_PROVIDER_PRIORITY", "OpenAI, groq,groq")]), ["openai mine", "groq default"]);
    assert_eq!(order(&[("API_PROVIDER", "offline")]), [""; 0]);
}

#[test]
fn a_server_of_ones_own_needs_an_address_and_a_model_but_no_key() {
    let text = refused(&[("OPENAI_BASE_URL", "http://localhost:11434/v1/")]);
    let config =
        config(&[("OPENAI_BASE_URL", "http://localhost:11434/v1/"), ("OPENAI_MODEL", "qwen3")]).unwrap();

    assert!(text.contains("OPENAI_MODEL: must name the model"), "{text}");
    let [own] = config.ai.providers.as_slice() else { panic!("{:?}", config.ai) };
    assert_eq!((own.base_url.as_deref(), own.api_key.is_none()), (Some("http://localhost:11434/v1"), true));
    assert!(own.is_own_server());
    assert_eq!((own.model.as_deref(), own.enhancement_model.as_deref()), (Some("qwen3"), Some("qwen3")));
}

#[test]
fn every_provider_with_a_key_is_asked_in_the_order_of_the_guide_and_then_of_the_table() {
    let keys = ["OPENROUTER", "ANTHROPIC", "OPENAI", "PERPLEXITY", "GROQ", "GEMINI"];
    let settings =
        |name: &str| keys.iter().any(|key| name == format!("{key}_API_KEY")).then(|| "key".to_owned());

    let config = Config::from_lookup(settings).unwrap();

    let names: Vec<_> = config.ai.providers.iter().map(|p| p.provider.as_str()).collect();
    assert_eq!(names, ["gemini", "groq", "perplexity", "openai", "anthropic", "openrouter"]);
    assert!(config.warnings().is_empty(), "{:?}", config.warnings());
}

#[test]
fn a_provider_with_a_key_outside_the_order_is_remarked_and_a_choice_without_one_refused() {
    let keyed = config(&[("GEMINI_API_KEY", "AIza"), ("AI_PROVIDER_PRIORITY", "groq")]).unwrap();
    let keyless = refused(&[("API_PROVIDER", "groq")]);
    let modelless = refused(&[("API_PROVIDER", "ollama")]);

    assert!(keyed.ai.providers.is_empty());
    assert!(
        keyed
            .warnings()
            .concat()
            .contains("GEMINI_API_KEY is set but not used: add gemini to AI_PROVIDER_PRIORITY")
    );
    assert!(keyless.contains("needs GROQ_API_KEY, which is not set"), "{keyless}");
    assert!(modelless.contains("needs OLLAMA_MODEL, which is not set"), "{modelless}");
}

#[test]
fn ollama_needs_a_model_and_nothing_else() {
    let named = config(&[("OLLAMA_MODEL", "qwen3")]).unwrap();
    let text = refused(&[("OLLAMA_BASE_URL", "http://gpu:11434/v1")]);

    assert_eq!(named.ai.providers[0].model.as_deref(), Some("qwen3"));
    assert!(text.contains("OLLAMA_MODEL: must name the model"), "{text}");
}

#[test]
fn models_that_are_gone_or_going_are_remarked() {
    for (key, variable, model, part) in [
        ("GROQ_API_KEY", "API_MODEL", "llama-3.3-70b-versatile", "is closed"),
        ("GEMINI_API_KEY", "GEMINI_MODEL", "gemini-2.0-flash", "is closed"),
        ("GEMINI_API_KEY", "ENHANCEMENT_MODEL", "gemini-2.5-flash", "closes on 2026-12-01"),
        ("PERPLEXITY_API_KEY", "PERPLEXITY_MODEL", "sonar", "write perplexity/sonar"),
    ] {
        let warnings = config(&[(key, "key"), (variable, model)]).unwrap().warnings();

        assert!(matches!(warnings.as_slice(), [one] if one.contains(part)), "{variable}: {warnings:?}");
    }
}

#[test]
fn a_weak_token_secret_is_warned_of_and_a_missing_one_in_production() {
    let strong = "0123456789abcdef0123456789abcdef";
    for (secret, word) in
        [("", "is not set"), ("short", "shorter"), ("your-secret-key-change-in-production", "example")]
    {
        let values = [("JWT_SECRET_KEY", secret), ("ENVIRONMENT", "production")];
        let warnings = config(&values).unwrap().warnings().join("\n");

        assert!(warnings.contains(word), "{secret}: {warnings}");
    }
    let production = config(&[("JWT_SECRET_KEY", strong), ("ENVIRONMENT", "production")]).unwrap().warnings();
    let development = config(&[("JWT_SECRET_KEY", "short")]).unwrap().warnings();
    let without = config(&[]).unwrap().warnings();

    assert!(!production.concat().contains("JWT_SECRET_KEY is"), "{production:?}");
    assert!(development.concat().contains("JWT_SECRET_KEY is shorter"), "{development:?}");
    assert!(!without.concat().contains("JWT_SECRET_KEY"), "{without:?}");
}

#[test]
fn a_blank_value_counts_as_not_set() {
    let config = config(&[("USM_PORT", ""), ("REDIS_URL", "  "), ("API_PROVIDER", "")]).unwrap();

    assert_eq!(config.server.port, 8000);
    assert_eq!(config.queue.backend, QueueBackend::Embedded);
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = "\u{feff}# comment\nexport USM_PORT=9000\nWORKER_CONCURRENCY=4\nUSM_DATA_DIR='./мои данные'\n";
    let environment = |name: &str| (name == "USM_PORT").then(|| OsString::from("9001"));

    let config = dotenv::load(&environment, Some(file.as_bytes())).unwrap();

    assert_eq!((config.server.port, config.worker.concurrency), (9001, 4));
    assert_eq!(config.data_dir, Path::new("./мои данные"));
}

#[test]
fn a_misspelt_name_in_the_file_is_warned_of_and_one_in_the_environment_is_not() {
    let file = b"RABBIT_ENABLED=true\nUSM_PROT=9000\nPATH=/bin\nUSM_PORT=9001\n";
    let environment = |name: &str| (name == "USM_HSOT").then(|| OsString::from("localhost"));

    let config = dotenv::load(&environment, Some(file)).unwrap();

    let warnings = config.warnings();
    let told: Vec<_> = warnings.iter().filter(|warning| warning.contains("is not a setting")).collect();
    assert!(
        matches!(told.as_slice(), [rabbit, port]
            if rabbit.contains("write RABBITMQ_ENABLED") && port.starts_with("USM_PROT") && port.contains("write USM_PORT")),
        "{warnings:?}"
    );
}

#[test]
fn a_broken_file_is_reported_by_line_without_its_content() {
    let text =
        dotenv::load(&|_| None, Some(b"USM_PORT=9000\nJWT_SECRET_KEY='hunter2\n")).unwrap_err().to_string();
    let bytes = dotenv::load(&|_| None, Some(b"USM_PORT=9000\nA=\xff\n")).unwrap_err().to_string();

    assert!(text.contains(".env: line 2 must be NAME=value") && !text.contains("hunter2"), "{text}");
    assert!(bytes.contains(".env: line 2 is not valid UTF-8"), "{bytes}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_an_error() {
    use std::os::unix::ffi::OsStringExt;
    let environment = |name: &str| (name == "USM_PORT").then(|| OsString::from_vec(vec![0xff]));

    let text = dotenv::load(&environment, None).unwrap_err().to_string();

    assert!(text.contains("USM_PORT: is not valid UTF-8"), "{text}");
}

#[test]
fn the_example_file_names_every_variable_with_its_default() {
    let example = include_str!("../../../.env.example");
    let asked = std::cell::RefCell::new(Vec::new());
    let defaults = Config::from_lookup(|name| {
        asked.borrow_mut().push(name.to_owned());
        None
    })
    .unwrap();

    let set: Vec<&str> =
        example.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| is_setting(line)).collect();
    let read = dotenv::load(&|_| None, Some(set.join("\n").as_bytes())).unwrap();

    assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&defaults).unwrap());
    // Also where something else decides whether a value counts.
    let enabled = |name: &str| (name == "RABBITMQ_ENABLED").then(|| "true".into());
    assert_eq!(
        dotenv::load(&enabled, Some(set.join("\n").as_bytes())).unwrap_err().to_string(),
        refused(&[("RABBITMQ_ENABLED", "true")])
    );
    for name in asked.borrow().iter() {
        assert!(
            set.iter().any(|line| line.starts_with(&format!("{name}="))),
            "{name} is not in .env.example"
        );
    }
    assert_eq!(set.len(), asked.borrow().len(), "a name that nothing reads is in .env.example");
}

fn is_setting(line: &str) -> bool {
    line.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}
