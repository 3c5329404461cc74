//! Consuming: a channel for each consumer, and what ends a delivery.

mod acks;
mod channel;
mod consumer;
mod consumers;
mod receipt;
mod settle;

pub(super) use self::{consumers::QueueConsumers, settle::settle};
