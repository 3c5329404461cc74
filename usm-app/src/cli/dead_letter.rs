//! `usm dead-letter`: looks at jobs that failed for good, tries them again, removes them.

use std::{num::NonZeroU32, path::PathBuf};

use serde_json::Value;
use usm_queue::{DeadLetter, DeadLetterFilter, ErrorKind, dead_letters::DeadLetters};

use super::{
    failure::Failure,
    job::moment,
    number, out, store,
    table::{short, table},
};
use crate::{config::Config, tasks};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List dead letters, oldest first
    List {
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = number::limit)]
        limit: usize,
        /// One JSON document per dead letter
        #[arg(long)]
        json: bool,
    },
    /// Show one with its errors and payload
    Show {
        /// The dead letter; it has the id of its job
        id: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Enqueue its work again as a new job
    Replay {
        /// The dead letter; it has the id of its job
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// Replay every dead letter
        #[arg(long, conflicts_with_all = ["id", "payload"])]
        all: bool,
        /// How many a second at most, with --all
        // `requires` alone lets an id pass: it rules out --all, and so what requires it.
        #[arg(long, requires = "all", conflicts_with = "id", value_name = "N", value_parser = number::rate)]
        rate: Option<NonZeroU32>,
        /// A JSON file with the payload to use in place of the old one
        #[arg(long, value_name = "FILE")]
        payload: Option<PathBuf>,
    },
    /// Remove every dead letter for good
    Purge {
        /// Confirm that they are no longer wanted
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(command: Command, config: Config) -> Result<(), Failure> {
    // Before the queue is opened: a wrong file is wrong usage.
    let payload = match &command {
        Command::Replay { payload: Some(file), .. } => Some(read_payload(file)?),
        _ => None,
    };
    let queue = store::open(&config).await?;
    let letters = queue.dead_letters();
    let done = match command {
        Command::List { limit, json } => list(&letters, limit, json).await,
        Command::Show { id, json } => show(&letters, &id, json).await,
        Command::Replay { id, rate, .. } => replay(&letters, id, rate, payload).await,
        Command::Purge { yes } => purge(&letters, yes).await,
    };
    queue.close().await;
    done
}

async fn list(letters: &DeadLetters, limit: usize, json: bool) -> Result<(), Failure> {
    let found = letters.list(&DeadLetterFilter::default(), 0, limit).await?;
    if json {
        found.iter().for_each(out::json);
        return Ok(());
    }
    if found.is_empty() {
        out::line("no dead letters");
        return Ok(());
    }
    let rows: Vec<[String; 4]> = found.iter().map(row).collect();
    out::line(&table(["DEAD LETTER", "TASK", "DIED (UTC)", "WHY"], &rows));
    Ok(())
}

fn row(letter: &DeadLetter) -> [String; 4] {
    let why = letter.errors.last().unwrap_or(&letter.reason);
    // The job's id tells a person more, and the letter is found by it.
    let id = letter.job_id.map_or_else(|| letter.id.clone(), |id| id.to_string());
    [id, letter.task.clone().unwrap_or_default(), died(letter), short(why, 70)]
}

fn died(letter: &DeadLetter) -> String {
    letter.died_at.map(moment).unwrap_or_default()
}

fn first_failed(letter: &DeadLetter) -> String {
    letter.first_failed_at.map(moment).unwrap_or_default()
}

async fn show(letters: &DeadLetters, id: &str, json: bool) -> Result<(), Failure> {
    let letter = find(letters, id).await?;
    if json {
        out::pretty(&letter);
        return Ok(());
    }
    let facts = [
        ("dead letter", letter.id.clone()),
        ("task", letter.task.clone().unwrap_or_default()),
        ("reason", letter.reason.clone()),
        ("attempts", letter.attempts.to_string()),
        ("queue", letter.queue.clone()),
        ("enqueued", moment(letter.enqueued_at)),
        ("first failed", first_failed(&letter)),
        ("died", died(&letter)),
    ];
    let told = facts.iter().filter(|(_, value)| !value.is_empty());
    told.for_each(|(name, value)| out::line(&format!("{name:<12} {value}")));
    for (attempt, error) in (1..).zip(&letter.errors) {
        out::line(&format!("error {attempt:<6} {error}"));
    }
    out::line("\npayload");
    match &letter.payload {
        Some(payload) => out::pretty(payload),
        None => out::line(&String::from_utf8_lossy(&letter.raw)),
    }
    Ok(())
}

async fn find(letters: &DeadLetters, id: &str) -> Result<DeadLetter, Failure> {
    letters.get(id).await.map_err(|error| not_found(error, id))
}

async fn replay(
    letters: &DeadLetters,
    id: Option<String>,
    rate: Option<NonZeroU32>,
    payload: Option<Value>,
) -> Result<(), Failure> {
    let Some(id) = id else {
        let every = DeadLetterFilter::default();
        let replayed = match rate {
            Some(rate) => letters.replay_all_at(&every, rate).await?,
            None => letters.replay_all(&every).await?,
        };
        replayed.jobs.iter().for_each(|job| out::line(&format!("job {job}")));
        out::line(&format!("{} enqueued", replayed.jobs.len()));
        for stayed in &replayed.stayed {
            out::note(&format!("dead letter {} stays: {}", stayed.id, stayed.error));
        }
        if let Some(error) = replayed.interrupted {
            return Err(error.into());
        }
        return match replayed.stayed.len() {
            0 => Ok(()),
            stayed => {
                Err(Failure::failed(anyhow::anyhow!("{stayed} could not be replayed and are still there")))
            }
        };
    };
    let replayed = match payload {
        Some(payload) => {
            must_fit(&find(letters, &id).await?, &payload)?;
            letters.replay_with(&id, payload).await
        }
        None => letters.replay(&id).await,
    };
    let job = replayed.map_err(|error| not_found(error, &id))?;
    out::line(&format!("job {job}"));
    out::line(&format!("enqueued; work it with `usm worker all`, follow it with `usm job watch {job}`"));
    Ok(())
}

/// The new job takes the dead letter's place: with a payload that its task cannot read, the old one would be gone.
fn must_fit(letter: &DeadLetter, payload: &Value) -> Result<(), Failure> {
    let Some(task) = &letter.task else { return Ok(()) };
    tasks::check_payload(task, payload).map_err(|error| {
        Failure::usage(format!(
            "the payload does not fit task {task}: {error}; the dead letter stays, and `usm dead-letter show {}` prints its payload",
            letter.id
        ))
    })
}

async fn purge(letters: &DeadLetters, yes: bool) -> Result<(), Failure> {
    let some = !letters.list(&DeadLetterFilter::default(), 0, 1).await?.is_empty();
    if some && !yes {
        return Err(Failure::usage(
            "this removes every dead letter for good; look at them with `usm dead-letter list`, then add --yes",
        ));
    }
    out::line(&format!("{} removed", letters.purge().await?));
    Ok(())
}

fn read_payload(file: &PathBuf) -> Result<Value, Failure> {
    let wrong = |why: String| Failure::usage(format!("the payload file {} {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let payload: Value =
        serde_json::from_str(&text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
    match payload.is_object() {
        true => Ok(payload),
        false => Err(wrong("must hold a JSON object, as `usm dead-letter show` prints it".to_owned())),
    }
}

fn not_found(error: usm_queue::Error, id: &str) -> Failure {
    if error.kind() != ErrorKind::NotFound {
        return error.into();
    }
    Failure::failed(anyhow::anyhow!("there is no dead letter `{}` here", short(id, 80)))
        .or_try("usm dead-letter list", "the dead letters there are")
}
