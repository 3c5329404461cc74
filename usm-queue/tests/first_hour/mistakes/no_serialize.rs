//! A payload that cannot be written.

use serde::Deserialize;
use usm_queue::Task;

#[derive(Deserialize)]
struct Mail;

impl Task for Mail {
    const NAME: &'static str = "mail";
    const ROUTING_KEY: &'static str = "mail";
    type Output = String;
}

fn main() {}

//~ `Mail: serde::Serialize` is not satisfied
