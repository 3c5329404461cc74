//! What declaring a topology would create, and what it would refuse.

use super::{
    channel::Declaring,
    declarations::Declarations,
    layout::{Exchange, Layout},
};
use crate::{
    backend::rabbitmq::delay::Level,
    error::Result,
    topology::{Topology, TopologyDrift, TopologyPart, TopologyPlan},
};

impl Declarations {
    pub(crate) async fn plan(&self, topology: &Topology) -> Result<TopologyPlan> {
        let connection = self.connections.management().await?;
        let mut declaring = Declaring::new(&self.connections, &connection);
        let (mut plan, delays) = (TopologyPlan::default(), &self.delays);
        for layout in [Layout::of_ladder(delays), Layout::of(topology, delays)] {
            plan_layout(&mut declaring, &layout, &mut plan).await?;
        }
        plan_removal(&mut declaring, delays.surplus(), &mut plan).await?;
        declaring.end().await;
        Ok(plan)
    }
}

/// What declaring would create and what it would refuse. Declaring what exists changes nothing, and AMQP has no other way
/// to compare.
async fn plan_layout(declaring: &mut Declaring<'_>, layout: &Layout, plan: &mut TopologyPlan) -> Result<()> {
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
        if declaring.exchange_exists(name).await? {
            refused(plan, declaring.exchange(exchange).await)?;
        } else {
            plan.create(TopologyPart::Exchange, name, vec![("kind".to_owned(), (*kind).to_owned())]);
        }
    }
    for (name, arguments) in &layout.queues {
        if declaring.queue_exists(name).await? {
            refused(plan, declaring.queue(name, arguments).await)?;
        } else {
            let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.as_text()));
            plan.create(TopologyPart::Queue, name, arguments.collect());
        }
    }
    Ok(())
}

/// Which of these levels there are, to be removed.
async fn plan_removal(
    declaring: &mut Declaring<'_>,
    levels: impl Iterator<Item = Level>,
    plan: &mut TopologyPlan,
) -> Result<()> {
    for level in levels {
        if declaring.queue_exists(&level.name).await? {
            plan.remove(TopologyPart::Queue, &level.name);
        }
        if declaring.exchange_exists(&level.name).await? {
            plan.remove(TopologyPart::Exchange, &level.name);
        }
    }
    Ok(())
}
