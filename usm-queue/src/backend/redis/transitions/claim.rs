//! Claiming jobs and renewing their leases.

use std::time::Duration;

use redis::Pipeline;

use super::{Transitions, unreadable};
use crate::{
    backend::{
        Claimed, Lease, LeaseState, NewJob,
        redis::{
            connection::Request,
            encoding::{duration_micros, parse_number, to_json},
            record::{add_entries, list_length, parse},
            request_ids::UnansweredRequest,
            scripts::{CLAIM, FallbackRecord, RENEW, ScriptReply},
        },
    },
    error::{ErrorKind, Result},
};

impl Transitions {
    /// Claims a job for a worker. A suspect is claimed only if the worker runs it alone for a while.
    pub(crate) async fn claim(
        &self,
        new: &NewJob,
        worker: &str,
        lease: Duration,
        alone: Option<Duration>,
    ) -> Result<Claimed> {
        let id = new.job.id;
        let request = || UnansweredRequest::Claim { worker: worker.to_owned() };
        let request_id = self.request_ids.of(id, request);
        let (mut reply, partials) = match self.send_claim(new, worker, lease, alone, &request_id).await {
            Ok(answer) => answer,
            Err(error) => {
                if error.kind() == ErrorKind::Unavailable {
                    self.request_ids.remember(id, request(), request_id);
                }
                return Err(error);
            }
        };
        reply.warn_overwritten(3, id);
        let outcome = reply.outcome();
        match outcome {
            "final" => Ok(Claimed::Final(reply.word(1).parse()?)),
            "busy" => Ok(Claimed::Busy(Duration::from_micros(parse_number(reply.word(1))))),
            "superseded" => Ok(Claimed::Superseded),
            "suspect" => Ok(Claimed::Suspect(reply.word(1).parse().unwrap_or(u32::MAX))),
            "run" | "end" => {
                let must_run = outcome == "run";
                let lease = Lease { id, token: parse_number(reply.word(1)) };
                let record = reply.take_bytes(2);
                let mut job = parse(id, &record).map(Box::new).ok_or_else(|| unreadable(id))?;
                add_entries(&mut job, &partials);
                self.claims.insert(lease, record, partials, new);
                Ok(if must_run { Claimed::Run(job, lease) } else { Claimed::End(job, lease) })
            }
            _ => Err(unreadable(id)),
        }
    }

    /// The script's answer, and the partial results of the job if it was claimed.
    async fn send_claim(
        &self,
        new: &NewJob,
        worker: &str,
        lease: Duration,
        alone: Option<Duration>,
        request_id: &str,
    ) -> Result<(ScriptReply, Vec<Vec<u8>>)> {
        let alone = alone.map_or_else(String::new, |alone| duration_micros(alone).to_string());
        let arguments = (request_id, to_json(worker), duration_micros(lease), alone, new.job.generation);
        let reply = self.change_unfenced(&CLAIM, new.job.id, Some(new), &arguments).await?;
        let reply = reply.unwrap_or_default();
        let partials = match reply.outcome() {
            "run" | "end" if list_length(reply.bytes(2)) != Some(0) => {
                self.connection.read_partials(new.job.id).await?
            }
            _ => Vec::new(),
        };
        Ok((reply, partials))
    }

    /// Renews leases, and rebuilds the records of running jobs that Redis has lost.
    pub(crate) async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<LeaseState>> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let lease_micros = duration_micros(lease);
        let call = |lease: &Lease, record: Option<&FallbackRecord>| {
            self.calls.transition(&RENEW, lease.id, None, record, (lease.token, lease_micros))
        };
        let mut calls = Pipeline::with_capacity(leases.len());
        for lease in leases {
            calls.add_command(call(lease, None));
        }
        let mut replies: Vec<ScriptReply> = self.connection.request(&Request::Scripts(&RENEW, calls)).await?;

        let mut rebuilding = Pipeline::new();
        let mut places = Vec::new();
        for (place, (lease, reply)) in leases.iter().zip(&replies).enumerate() {
            if reply.outcome() == "unknown"
                && let Some(record) = self.lost_record(*lease)
            {
                rebuilding.add_command(call(lease, Some(&record)));
                places.push(place);
            }
        }
        if !places.is_empty() {
            let rebuilt: Vec<ScriptReply> =
                self.connection.request(&Request::Scripts(&RENEW, rebuilding)).await?;
            places.into_iter().zip(rebuilt).for_each(|(place, reply)| replies[place] = reply);
        }

        let renewed = |(lease, reply): (&Lease, &ScriptReply)| {
            reply.warn_overwritten(1, lease.id);
            let state = match reply.outcome() {
                "held" => LeaseState::Held,
                "cancel" => LeaseState::CancelRequested,
                _ => LeaseState::Lost,
            };
            match state {
                LeaseState::Lost => self.claims.remove(*lease),
                _ => self.claims.renewed(*lease),
            }
            state
        };
        Ok(leases.iter().zip(&replies).map(renewed).collect())
    }
}
