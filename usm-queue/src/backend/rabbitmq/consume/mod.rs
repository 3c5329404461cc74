//! Consuming: a channel for each consumer, and settling its deliveries.

mod consumer;
mod consumer_channel;
mod pending_acks;
mod queue_consumers;
mod receipt;
mod settle;

pub(super) use self::{queue_consumers::QueueConsumers, settle::settle};
