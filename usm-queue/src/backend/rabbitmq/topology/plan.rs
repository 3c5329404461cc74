//! What declaring a topology would create, and what it would refuse.

use super::{
    declarer::Declarer,
    layout::{Exchange, Layout},
    topology_channel::TopologyChannel,
};
use crate::{
    backend::rabbitmq::delay_levels::DelayLevel,
    error::Result,
    topology::{Topology, TopologyDrift, TopologyPart, TopologyPlan},
};

impl Declarer {
    pub(crate) async fn plan(&self, topology: &Topology) -> Result<TopologyPlan> {
        let connection = self.connections.management().await?;
        let mut channel = TopologyChannel::new(&self.connections, &connection);
        let (mut plan, levels) = (TopologyPlan::default(), &self.delay_levels);
        for layout in [Layout::of_delay_levels(levels), Layout::of(topology, levels)] {
            plan_layout(&mut channel, &layout, &mut plan).await?;
        }
        plan_removal(&mut channel, levels.obsolete(), &mut plan).await?;
        channel.close().await;
        Ok(plan)
    }
}

/// Declares what exists already: that changes nothing, and AMQP has no other way to compare.
async fn plan_layout(
    channel: &mut TopologyChannel<'_>,
    layout: &Layout,
    plan: &mut TopologyPlan,
) -> Result<()> {
    let refused = |plan: &mut TopologyPlan, declared: Result<()>| match declared {
        Ok(()) => Ok(()),
        Err(error) => match error.cause::<TopologyDrift>() {
            Some(drift) => {
                plan.conflict(drift.clone());
                Ok(())
            }
            None => Err(error),
        },
    };
    for exchange in &layout.exchanges {
        let Exchange { name, kind, .. } = exchange;
        if channel.exchange_exists(name).await? {
            refused(plan, channel.declare_exchange(exchange).await)?;
        } else {
            plan.create(TopologyPart::Exchange, name, vec![("kind".to_owned(), (*kind).to_owned())]);
        }
    }
    for (name, arguments) in &layout.queues {
        if channel.queue_exists(name).await? {
            refused(plan, channel.declare_queue(name, arguments).await)?;
        } else {
            let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.as_text()));
            plan.create(TopologyPart::Queue, name, arguments.collect());
        }
    }
    Ok(())
}

/// Which of these levels exist and would be removed.
async fn plan_removal(
    channel: &mut TopologyChannel<'_>,
    levels: impl Iterator<Item = DelayLevel>,
    plan: &mut TopologyPlan,
) -> Result<()> {
    for level in levels {
        if channel.queue_exists(&level.name).await? {
            plan.remove(TopologyPart::Queue, &level.name);
        }
        if channel.exchange_exists(&level.name).await? {
            plan.remove(TopologyPart::Exchange, &level.name);
        }
    }
    Ok(())
}
