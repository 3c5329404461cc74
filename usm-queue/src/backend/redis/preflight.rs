//! Checks made once when connecting: whether the user has all permissions, and whether Redis may lose records.

use redis::{Cmd, RedisError, ServerErrorKind};

use super::{
    connection::{Connection, Request},
    scripts::RIGHTS,
};
use crate::error::{Error, ErrorKind, Result, chain};

/// An id that no job has.
const PROBE: &str = "usm-probe";

/// An ACL rule that the user lacks.
type Rule = String;

/// Refuses a user who lacks permissions, and names the ACL rules to add.
pub(super) async fn check_permissions(connection: &Connection, user: &str) -> Result<()> {
    let mut try_all = redis::cmd("EVALSHA");
    let (keys, cancel) = (connection.keys(), connection.keys().cancel_channel());
    try_all
        .arg(RIGHTS.get_hash())
        .arg(0)
        .arg(keys.record(PROBE))
        .arg(keys.state(PROBE))
        .arg(keys.jobs_by_tag(PROBE))
        .arg(keys.changes_channel(PROBE));
    let mut missing: Vec<Rule> = Vec::new();
    match connection.try_request::<Vec<String>>(&Request::Script(&RIGHTS, try_all)).await? {
        Ok(refused) => missing.extend(
            refused.chunks_exact(3).filter_map(|refused| missing_rule(&refused[0], &refused[1], &refused[2])),
        ),
        Err(error) if is_refused(&error) => missing.push("+evalsha +script|load".to_owned()),
        Err(error) => return Err(connection.error(error)),
    }
    match connection.try_subscription(&cancel).await {
        Err(error) if is_refused(&error) => {
            let text = error.detail().unwrap_or_default().to_owned();
            missing.extend(missing_rule("SUBSCRIBE", &cancel, &format!("NOPERM {text}")));
        }
        // Any other error may pass: watchers subscribe again.
        _ => {}
    }
    missing.sort();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let rules = missing.join(" ");
    Err(Error::new(
        ErrorKind::Backend,
        format!(
            "the user `{user}` of Redis at {} lacks permissions; ask its administrator to run: ACL SETUSER {user} {rules}",
            connection.address()
        ),
    ))
}

fn is_refused(error: &RedisError) -> bool {
    error.kind() == redis::ErrorKind::Server(ServerErrorKind::NoPerm)
}

/// The rule that allows what was refused with this error; `None` for an error of another kind. Redis 6.2 and 7 word their
/// refusals differently, and differently again inside scripts.
fn missing_rule(command: &str, place: &str, error: &str) -> Option<Rule> {
    let words = ["NOPERM", "ACL failure", "The user executing the script"];
    if !words.iter().any(|word| error.contains(word)) {
        return None;
    }
    let of_family = |sign| match place.split_once(':') {
        Some((family, _)) => format!("{sign}{family}:*"),
        None => format!("{sign}{place}"),
    };
    Some(if error.contains("channel") {
        of_family('&')
    } else if error.contains("keys") {
        of_family('~')
    } else {
        format!("+{}", command.to_lowercase())
    })
}

/// Warns of settings that may lose records, and remembers the largest argument Redis takes. A user who may not read the
/// settings gets no warning.
pub(super) async fn check_settings(connection: &Connection) {
    let mut settings = String::new();
    for section in ["server", "memory", "persistence"] {
        match connection.request::<String>(&Request::Command(info(section))).await {
            Ok(text) => settings.push_str(&text),
            Err(error) => {
                tracing::debug!(
                    error = chain(&error),
                    redis.section = section,
                    "Redis does not show its settings"
                );
            }
        }
    }
    let version = settings.lines().find_map(|line| line.strip_prefix("redis_version:"));
    version.into_iter().for_each(|version| connection.set_version(version.trim()));
    for risk in risks(&settings, config(connection, "save").await.as_deref()) {
        tracing::warn!(server = connection.address(), "{risk}");
    }
    if let Some(Ok(largest)) = config(connection, "proto-max-bulk-len").await.map(|bytes| bytes.parse()) {
        connection.set_max_argument_bytes(largest);
    }
}

async fn config(connection: &Connection, name: &str) -> Option<String> {
    let mut get = redis::cmd("CONFIG");
    get.arg("GET").arg(name);
    connection.request::<(String, String)>(&Request::Command(get)).await.ok().map(|(_, value)| value)
}

fn info(section: &str) -> Cmd {
    let mut info = redis::cmd("INFO");
    info.arg(section);
    info
}

/// The risks in what INFO answers, and in the save points, if CONFIG shows them.
fn risks(info: &str, save: Option<&str>) -> Vec<String> {
    let field =
        |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let mut risks = Vec::new();
    if let Some(policy) = field("maxmemory_policy").filter(|policy| *policy != "noeviction") {
        risks.push(format!(
            "Redis evicts records of jobs when its memory is full, because its maxmemory-policy is {policy}; set it to noeviction"
        ));
    }
    if field("aof_enabled") == Some("0") && save.is_some_and(|points| points.trim().is_empty()) {
        risks.push(
            "Redis stores nothing on disk: after a restart the records of ended jobs are lost and cancelled jobs may run; set `appendonly yes` or save points"
                .to_owned(),
        );
    }
    risks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eviction_policy_and_no_persistence_are_risks() {
        let safe = "# Memory\r\nmaxmemory_policy:noeviction\r\n# Persistence\r\naof_enabled:1\r\n";
        assert!(risks(safe, Some("")).is_empty());
        let saved = safe.replace("aof_enabled:1", "aof_enabled:0");
        assert!(risks(&saved, Some("3600 1 300 100")).is_empty());
        assert_eq!(risks(&saved, Some("")).len(), 1);
        for policy in ["allkeys-lru", "volatile-ttl"] {
            let evicts = safe.replace("noeviction", policy);
            assert!(risks(&evicts, None)[0].contains(policy));
        }
    }

    #[test]
    fn where_redis_does_not_tell_nothing_is_said() {
        assert!(risks("", None).is_empty());
        assert!(risks("aof_enabled:0\r\n", None).is_empty());
    }

    #[test]
    fn a_refusal_names_the_rule_that_allows_it() {
        let rule = |error: &str| missing_rule("ZADD", "usm:jobs", error);
        for (error, expected) in [
            ("ERR The user executing the script can't run this command or subcommand", Some("+zadd")),
            (
                "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments",
                Some("~usm:*"),
            ),
            (
                "ERR The user executing the script can't publish to the channel mentioned in the command",
                Some("&usm:*"),
            ),
            ("ERR ACL failure in script: User a has no permissions to run the 'zadd' command", Some("+zadd")),
            (
                "NOPERM this user has no permissions to access one of the channels used as arguments",
                Some("&usm:*"),
            ),
            ("READONLY You can't write against a read only script", None),
        ] {
            assert_eq!(rule(error).as_deref(), expected, "{error}");
        }
    }
}
