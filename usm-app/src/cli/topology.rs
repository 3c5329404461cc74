//! `usm topology`: what the broker has beside what this program wants.

use std::sync::Arc;

use usm_queue::{Broker, RabbitMqOptions, SqliteOptions};

use super::{failure::Failure, out, store};
use crate::{
    app,
    config::{Config, QueueBackend},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what is missing and what conflicts; changes nothing
    Plan {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Create what is missing; a conflict is refused with the remedies
    Apply,
    /// Print definitions.json for `rabbitmqctl import_definitions`, without asking any server
    Export {
        /// Virtual host to create everything in
        #[arg(long, default_value = "/")]
        vhost: String,
    },
}

pub(super) async fn run(command: Command, config: Config) -> Result<(), Failure> {
    let topology = app::topology()?;
    match command {
        Command::Export { vhost } => out::line(&topology.definitions(&vhost)),
        Command::Plan { json } => {
            store::must_exist(&config)?;
            let broker = broker(&config).await?;
            let plan = broker.plan(&topology).await?;
            broker.close().await;
            if json {
                out::json(&plan);
            } else {
                out::line(&plan.to_string());
            }
            if plan.conflicts().next().is_some() {
                return Err(Failure::failed(anyhow::anyhow!(
                    "the topology cannot be declared as it is; each line with ! above names the remedies"
                )));
            }
        }
        Command::Apply => {
            app::create_data_dir(&config.data_dir)?;
            let broker = broker(&config).await?;
            let applied = broker.declare(&topology).await;
            broker.close().await;
            applied?;
            out::line("the broker has everything as wanted");
        }
    }
    Ok(())
}

/// The broker alone, without declaring anything.
async fn broker(config: &Config) -> Result<Arc<dyn Broker>, Failure> {
    Ok(match &config.queue.backend {
        QueueBackend::Embedded => SqliteOptions::default().open(config.queue_file()).await?.0,
        QueueBackend::RabbitMq { rabbitmq_url, .. } => {
            RabbitMqOptions::new(rabbitmq_url.expose()).connect().await?
        }
    })
}
