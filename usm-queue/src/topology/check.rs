//! What a topology must be, so that nothing is lost in it.

use std::collections::BTreeSet;

use super::{ExchangeKind, Overflow, QueueSpec, Topology};
use crate::error::{Error, ErrorKind, Result};

impl Topology {
    pub(super) fn check(&self) -> Result<()> {
        check_names("exchange", self.exchanges.iter().map(|(name, _)| name))?;
        check_names("queue", self.queues.iter().map(|queue| &queue.name))?;
        self.queues.iter().try_for_each(|queue| self.check_queue(queue))
    }

    fn check_queue(&self, queue: &QueueSpec) -> Result<()> {
        let name = &queue.name;
        if queue.bindings.is_empty() {
            return Err(invalid(format!(
                "queue `{name}` is bound to no exchange, so nothing reaches it; add `.bind(exchange, key)`"
            )));
        }
        for (exchange, _) in &queue.bindings {
            if !self.exchanges.iter().any(|(known, _)| known == exchange) {
                return Err(invalid(format!(
                    "queue `{name}` is bound to the unknown exchange `{exchange}`; declare it or fix the name"
                )));
            }
        }
        match queue.max_priority {
            Some(0) => {
                return Err(invalid(format!(
                    "queue `{name}` has a maximum priority of 0; leave it out for a queue without priorities"
                )));
            }
            Some(max) if max > 255 => {
                return Err(invalid(format!(
                    "queue `{name}` has a maximum priority of {max}; RabbitMQ allows 255 at most and advises 10 or fewer"
                )));
            }
            _ => {}
        }
        if queue.quorum.is_some() && queue.max_priority.is_some() {
            return Err(invalid(format!(
                "queue `{name}` is a quorum queue with a maximum priority, which RabbitMQ before 4.0 refuses and newer ones read otherwise; leave one of them out, or give urgent work a queue of its own"
            )));
        }
        if queue.quorum.is_some() && queue.lazy {
            return Err(invalid(format!(
                "queue `{name}` is a quorum queue and lazy, which RabbitMQ refuses; a quorum queue keeps its messages on disk anyway"
            )));
        }
        if queue.max_length == Some(0) {
            return Err(invalid(format!("queue `{name}` has a maximum length of 0 and would keep nothing")));
        }
        // RabbitMQ keeps the milliseconds in 32 bits.
        if queue.message_ttl.is_some_and(|ttl| ttl.is_zero() || ttl.as_millis() > u128::from(u32::MAX)) {
            return Err(invalid(format!(
                "queue `{name}` has a message time to live outside 1 ms to 49 days"
            )));
        }
        self.check_dead_letters(queue)
    }

    fn check_dead_letters(&self, queue: &QueueSpec) -> Result<()> {
        let name = &queue.name;
        let keeps_dead_letters = *name == self.failed_queue || *name == self.notice_queue;
        let Some(exchange) = &queue.dead_letter_exchange else {
            if keeps_dead_letters || self.takes_dead_letters(queue) {
                return Ok(());
            }
            return Err(invalid(format!(
                "queue `{name}` has no dead-letter exchange, so its failed jobs would be lost; add `.dead_letter_exchange(…)`"
            )));
        };
        match self.exchanges.iter().find(|(known, _)| known == exchange) {
            None => {
                return Err(invalid(format!(
                    "queue `{name}` names the unknown dead-letter exchange `{exchange}`"
                )));
            }
            Some((_, ExchangeKind::Direct)) => {
                return Err(invalid(format!(
                    "the dead-letter exchange `{exchange}` of queue `{name}` is direct and would drop messages with unbound keys; make it a fan-out"
                )));
            }
            Some((_, ExchangeKind::Topic)) if !self.bound_to(exchange).any(|(_, key)| key == "#") => {
                return Err(invalid(format!(
                    "the dead-letter exchange `{exchange}` of queue `{name}` is a topic exchange without a queue bound with `#` and would drop messages with unbound keys; bind one, or make it a fan-out"
                )));
            }
            Some(_) => {}
        }
        if let Some((target, _)) =
            self.bound_to(exchange).find(|(target, _)| target.overflow == Overflow::RejectPublish)
        {
            return Err(invalid(format!(
                "queue `{}` refuses messages when it is full, and a dead letter of queue `{name}` that is refused would be lost; let it drop its head instead",
                target.name
            )));
        }
        if self.bound_to(exchange).next().is_none() {
            return Err(invalid(format!(
                "the dead-letter exchange `{exchange}` of queue `{name}` reaches no queue"
            )));
        }
        if self.leads_to(name, exchange, &mut BTreeSet::new()) {
            return Err(invalid(format!(
                "the dead letters of queue `{name}` come back to it through `{exchange}`: a cycle"
            )));
        }
        Ok(())
    }

    /// The queues bound to an exchange, with their keys.
    fn bound_to<'a>(&'a self, exchange: &'a str) -> impl Iterator<Item = (&'a QueueSpec, &'a str)> {
        self.queues.iter().flat_map(move |queue| {
            let keys = queue.bindings.iter().filter(move |(bound, _)| bound == exchange);
            keys.map(move |(_, key)| (queue, key.as_str()))
        })
    }

    /// Whether it is bound to some queue's dead-letter exchange, and so is itself a place for dead letters.
    fn takes_dead_letters(&self, queue: &QueueSpec) -> bool {
        self.queues
            .iter()
            .filter_map(|other| other.dead_letter_exchange.as_ref())
            .any(|exchange| queue.bindings.iter().any(|(bound, _)| bound == exchange))
    }

    fn leads_to(&self, target: &str, exchange: &str, seen: &mut BTreeSet<String>) -> bool {
        self.queues.iter().filter(|queue| queue.bindings.iter().any(|(bound, _)| bound == exchange)).any(
            |queue| {
                queue.name == target
                    || (seen.insert(queue.name.clone())
                        && queue
                            .dead_letter_exchange
                            .as_ref()
                            .is_some_and(|next| self.leads_to(target, next, seen)))
            },
        )
    }
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidTopology, message)
}

fn check_names<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() || name.len() > 255 {
            return Err(invalid(format!(
                "{what} name `{}` is empty or longer than 255 bytes",
                crate::error::short(name, 60)
            )));
        }
        if !seen.insert(name) {
            return Err(invalid(format!("{what} `{name}` is declared twice")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::time::Duration;

    use super::*;
    use crate::topology::TopologyBuilder;

    fn refused(builder: TopologyBuilder) -> String {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidTopology);
        error.to_string()
    }

    fn builder() -> TopologyBuilder {
        Topology::builder("tasks").dead_letters("dead", "failed")
    }

    fn work_queue() -> QueueSpec {
        QueueSpec::new("work").bind("tasks", "#").dead_letter_exchange("dead")
    }

    #[test]
    fn a_queue_bound_to_an_unknown_exchange_is_refused() {
        assert!(refused(builder().queue(work_queue().bind("tsks", "#"))).contains("unknown exchange `tsks`"));
    }

    #[test]
    fn a_dead_letter_cycle_is_refused() {
        let topology = builder()
            .exchange("again", ExchangeKind::Fanout)
            .queue(QueueSpec::new("work").bind("tasks", "#").dead_letter_exchange("again"))
            .queue(QueueSpec::new("wait").bind("again", "").dead_letter_exchange("tasks"));

        assert!(refused(topology).contains("cycle"));
    }

    #[test]
    fn a_priority_above_the_maximum_is_refused() {
        assert!(refused(builder().queue(work_queue().max_priority(256))).contains("256"));
        assert!(refused(builder().queue(work_queue().max_priority(0))).contains("priority of 0"));
    }

    #[test]
    fn what_no_quorum_queue_has_is_refused() {
        let quorum = || work_queue().quorum(None);

        assert!(builder().queue(quorum()).build().is_ok());
        assert!(
            refused(builder().queue(quorum().max_priority(5)))
                .contains("quorum queue with a maximum priority")
        );
        assert!(refused(builder().queue(quorum().lazy())).contains("quorum queue and lazy"));
    }

    #[test]
    fn a_work_queue_that_would_lose_failed_jobs_is_refused() {
        assert!(
            refused(builder().queue(QueueSpec::new("work").bind("tasks", "#")))
                .contains("no dead-letter exchange")
        );
        assert!(refused(Topology::builder("tasks").queue(work_queue())).contains("keeps no dead letters"));
    }

    #[test]
    fn a_dead_letter_exchange_that_may_drop_messages_is_refused() {
        let with = |kind, keeps: QueueSpec| {
            builder()
                .exchange("second", kind)
                .queue(QueueSpec::new("work").bind("tasks", "#").dead_letter_exchange("second"))
                .queue(keeps)
        };
        let keeps = |key| QueueSpec::new("keeps").bind("second", key);

        assert!(refused(with(ExchangeKind::Direct, keeps("a"))).contains("is direct"));
        assert!(refused(with(ExchangeKind::Topic, keeps("a.#"))).contains("bound with `#`"));
        assert!(with(ExchangeKind::Topic, keeps("#")).build().is_ok());
        let full = keeps("").max_length(5);
        assert!(with(ExchangeKind::Fanout, full.clone()).build().is_ok());
        let refuses = full.overflow(Overflow::RejectPublish);
        assert!(refused(with(ExchangeKind::Fanout, refuses)).contains("`keeps` refuses"));
    }

    #[test]
    fn a_name_declared_twice_is_refused() {
        assert!(refused(builder().queue(work_queue()).queue(work_queue())).contains("declared twice"));
    }

    #[test]
    fn limits_of_zero_are_refused() {
        assert!(refused(builder().queue(work_queue().max_length(0))).contains("length of 0"));
        assert!(refused(builder().queue(work_queue().message_ttl(Duration::ZERO))).contains("time to live"));
    }
}
