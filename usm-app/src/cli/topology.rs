//! `usm topology`: what the broker has beside what this program wants.

use std::{borrow::Cow, sync::Arc};

use percent_encoding::percent_decode_str;
use usm_queue::{RabbitMqOptions, SqliteOptions, backend::Broker};

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
    /// Create what is missing, remove what is no longer used; a conflict is refused with the remedies
    Apply,
    /// Print definitions.json for `rabbitmqctl import_definitions`, without asking any server
    Export {
        /// Virtual host to create everything in; without this, that of the RabbitMQ in use, or /
        #[arg(long)]
        vhost: Option<String>,
    },
}

pub(super) async fn run(command: Command, config: Config) -> Result<(), Failure> {
    let topology = app::topology()?;
    match command {
        Command::Export { vhost } => {
            let vhost = vhost.unwrap_or_else(|| vhost_of(&config.queue.backend));
            let options = config.queue.backend.servers().map(|(rabbitmq, _)| rabbitmq);
            let options = options.unwrap_or_else(|| RabbitMqOptions::new(""));
            out::line(&options.definitions(&topology, &vhost));
        }
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
            let applied = broker.apply(&topology).await;
            broker.close().await;
            let plan = applied?;
            if !plan.is_empty() {
                let changes = plan.to_string();
                let removed = changes.lines().any(|line| line.starts_with('-'));
                let head = if removed { "created (+) and removed (-):" } else { "created:" };
                out::line(&format!("{head}\n{changes}"));
            }
            out::line("the broker has everything as wanted");
        }
    }
    Ok(())
}

/// The virtual host in the path of the address of RabbitMQ, `/` where it has none.
fn vhost_of(backend: &QueueBackend) -> String {
    let QueueBackend::RabbitMq { rabbitmq_url, .. } = backend else { return "/".to_owned() };
    let url = rabbitmq_url.expose();
    let address = url.split_once("://").map_or(url, |(_, address)| address);
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let vhost = address.split_once('/').map(|(_, path)| percent_decode_str(path).decode_utf8_lossy());
    vhost.filter(|vhost| !vhost.is_empty()).map_or_else(|| "/".to_owned(), Cow::into_owned)
}

/// The broker alone, without declaring anything.
async fn broker(config: &Config) -> Result<Arc<dyn Broker>, Failure> {
    Ok(match config.queue.backend.servers() {
        None => SqliteOptions::default().open(config.queue_file()).await?.0,
        Some((rabbitmq, _)) => rabbitmq.connect().await?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SecretUrl;

    #[test]
    fn the_virtual_host_is_that_of_the_address() {
        for (url, vhost) in [
            ("amqp://guest:guest@host:5672/%2f", "/"),
            ("amqp://host", "/"),
            ("amqps://host/", "/"),
            ("amqps://user:p%2Fw@host/shop?heartbeat=7", "shop"),
            ("amqp://host/%D0%95%D0%B4%D0%B0%20a%2fb", "Еда a/b"),
        ] {
            let backend = QueueBackend::RabbitMq {
                rabbitmq_url: SecretUrl::new(url),
                redis_url: SecretUrl::new("redis://host"),
                rabbitmq_connections: 1,
                rabbitmq_delay_levels: 13,
            };
            assert_eq!(vhost_of(&backend), vhost, "{url}");
        }
        assert_eq!(vhost_of(&QueueBackend::Embedded), "/");
    }
}
