//! Asks every candidate of a router whether it would answer: key, model, round trip.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use crate::{Error, ErrorKind, Router, providers::ProbeAnswer, router::Candidate};

/// What is known about one candidate after asking it. Its `Display` is one line for people.
#[derive(Debug)]
#[non_exhaustive]
pub struct ProbeReport {
    /// Name of the provider.
    pub provider: String,
    /// The model it would be asked for.
    pub model: String,
    /// Time of the exchange.
    pub round_trip: Duration,
    /// What the provider said, or why it would not answer.
    pub result: Result<ProbeAnswer, Error>,
}

impl Router {
    /// Asks all candidates at the same time whether their key is accepted and their model exists. No tokens are spent
    /// where the provider can be asked about models. A candidate that says nothing within `limit` counts as timed out.
    ///
    /// Cooldowns and quotas are neither read nor changed.
    pub async fn probe(&self, limit: Duration) -> Vec<ProbeReport> {
        join_all(self.candidates().iter().map(|candidate| probe(candidate, limit))).await
    }
}

async fn probe(candidate: &Candidate, limit: Duration) -> ProbeReport {
    let request = crate::ChatRequest::new("probe", "");
    let (provider, model) = (candidate.name().to_owned(), candidate.model_for(&request).to_owned());
    let begun = Instant::now();
    let result = match timeout(limit, candidate.provider.probe(&model)).await {
        Ok(result) => result,
        Err(_) => Err(Error::new(ErrorKind::Timeout, format!("no answer within {} s", limit.as_secs_f64()))
            .at(&provider, &model)),
    };
    ProbeReport { provider, model, round_trip: begun.elapsed(), result }
}

impl std::fmt::Display for ProbeReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.result {
            Err(error) => write!(f, "{error}"),
            Ok(answer) => {
                write!(f, "{} ({}): ready, {} ms", self.provider, self.model, self.round_trip.as_millis())?;
                match &answer.shutdown {
                    Some(date) => write!(f, ", but the model will be shut down on {date}: choose another"),
                    None => Ok(()),
                }
            }
        }
    }
}
