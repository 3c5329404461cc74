//! A text taken apart into blocks, by its form alone: what the words mean is decided later.

pub(crate) mod blocks;
mod chat;
mod inline;
mod letter;
mod line;
mod table;

pub(crate) use blocks::{Block, Form, Text};
pub(crate) use inline::plain;
