//! A task that does not say what its handler returns.

use serde::{Deserialize, Serialize};
use usm_queue::Task;

#[derive(Serialize, Deserialize)]
struct Mail;

impl Task for Mail {
    const NAME: &'static str = "mail";
    const ROUTING_KEY: &'static str = "mail";
}

fn main() {}

//~ missing: `Output`
