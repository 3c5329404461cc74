//! A payload that cannot be read.

use serde::Serialize;
use usm_queue::Task;

#[derive(Serialize)]
struct Mail;

impl Task for Mail {
    const NAME: &'static str = "mail";
    const ROUTING_KEY: &'static str = "mail";
    type Output = String;
}

fn main() {}

//~ `Mail: serde::Deserialize<
