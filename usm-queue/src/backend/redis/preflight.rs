//! What is looked at once, when connecting: whether the user may do what is needed, and whether Redis keeps what it is given.

use redis::{Cmd, RedisError, ServerErrorKind};

use super::{
    connection::{Ask, Link},
    scripts::RIGHTS,
};
use crate::error::{Error, ErrorKind, Result, chain};

/// No job has this id.
const PROBE: &str = "usm-probe";

/// One thing the user may not do, as ACL rules that allow it.
type Rule = String;

/// Refuses a user who lacks rights, naming them.
pub(super) async fn check_rights(link: &Link, user: &str) -> Result<()> {
    let mut try_all = redis::cmd("EVALSHA");
    let (names, cancel) = (link.names(), link.names().cancel());
    try_all
        .arg(RIGHTS.get_hash())
        .arg(0)
        .arg(names.record(PROBE))
        .arg(names.state(PROBE))
        .arg(names.of_task(PROBE))
        .arg(names.changed(PROBE));
    let mut missing: Vec<Rule> = Vec::new();
    match link.try_ask::<Vec<String>>(&Ask::Script(&RIGHTS, try_all)).await? {
        Ok(refused) => missing.extend(
            refused.chunks_exact(3).filter_map(|refused| missing_rule(&refused[0], &refused[1], &refused[2])),
        ),
        Err(error) if is_refused(&error) => missing.push("+evalsha +script|load".to_owned()),
        Err(error) => return Err(link.failed(error)),
    }
    match link.try_subscription(&cancel).await {
        Err(error) if is_refused(&error) => {
            let text = error.detail().unwrap_or_default().to_owned();
            missing.extend(missing_rule("SUBSCRIBE", &cancel, &format!("NOPERM {text}")));
        }
        // Whoever watches tries again.
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
            "the user `{user}` of Redis at {} lacks rights; let its administrator run: ACL SETUSER {user} {rules}",
            link.place()
        ),
    ))
}

fn is_refused(error: &RedisError) -> bool {
    error.kind() == redis::ErrorKind::Server(ServerErrorKind::NoPerm)
}

/// The rule that allows what was refused with this error; `None` for an error of another kind. Redis 6.2 and 7 use other words,
/// in scripts yet others.
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

/// Says what may cost records, once, and remembers the size that Redis takes. Where it does not tell, nothing is said.
pub(super) async fn look_at_settings(link: &Link) {
    let mut about = String::new();
    for section in ["memory", "persistence"] {
        match link.ask::<String>(&Ask::Command(info(section))).await {
            Ok(text) => about.push_str(&text),
            Err(error) => {
                tracing::debug!(error = chain(&error), section, "Redis does not tell about itself");
            }
        }
    }
    for risk in risks(&about, config(link, "save").await.as_deref()) {
        tracing::warn!(server = link.place(), "{risk}");
    }
    if let Some(Ok(largest)) = config(link, "proto-max-bulk-len").await.map(|bytes| bytes.parse()) {
        link.takes_at_most(largest);
    }
}

async fn config(link: &Link, name: &str) -> Option<String> {
    let mut get = redis::cmd("CONFIG");
    get.arg("GET").arg(name);
    link.ask::<(String, String)>(&Ask::Command(get)).await.ok().map(|(_, value)| value)
}

fn info(section: &str) -> Cmd {
    let mut info = redis::cmd("INFO");
    info.arg(section);
    info
}

/// What INFO tells, and the save points where CONFIG tells them.
fn risks(info: &str, save: Option<&str>) -> Vec<String> {
    let field =
        |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let mut risks = Vec::new();
    if let Some(policy) = field("maxmemory_policy").filter(|policy| *policy != "noeviction") {
        risks.push(format!(
            "Redis drops records of jobs when its memory is full: its maxmemory-policy is {policy}; set it to noeviction"
        ));
    }
    if field("aof_enabled") == Some("0") && save.is_some_and(|points| points.trim().is_empty()) {
        risks.push(
            "Redis keeps nothing on disk: after its restart records of ended jobs are gone, and what was cancelled may run; set `appendonly yes`, or save points"
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
