//! Marks of unconfirmed records, taken off. Callers that come while one call is under way share the next.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use super::link::{Ask, Link};
use crate::{
    error::{Error, ErrorKind, Result},
    job::JobId,
};

#[derive(Default)]
pub(super) struct Confirmations {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

struct Waiting {
    ids: Vec<JobId>,
    answer: oneshot::Sender<Result<bool>>,
}

impl Confirmations {
    /// Takes the marks off; `false` where one may not have been there.
    pub(super) async fn remove(&self, link: &Link, ids: Vec<JobId>) -> Result<bool> {
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { ids, answer });
        let turn = self.turn.lock().await;
        let together = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if !together.is_empty() {
            let mut command = redis::cmd("ZREM");
            command.arg(link.names().unconfirmed());
            let ids: Vec<_> =
                together.iter().flat_map(|waiting| &waiting.ids).map(JobId::to_string).collect();
            command.arg(&ids);
            let removed = link.ask::<usize>(&Ask::Command(command)).await;
            for waiting in together {
                // Who stopped waiting does not want the answer.
                let _ = waiting.answer.send(match &removed {
                    Ok(removed) => Ok(*removed == ids.len()),
                    Err(error) => Err(error.duplicate()),
                });
            }
        }
        drop(turn);
        answered.await.map_err(|_| {
            Error::new(
                ErrorKind::Unavailable,
                "a call to Redis was broken off in another task; repeat this one",
            )
        })?
    }
}
