//! The AI User Story Mapper: requirements in, user story map with wireframes out.

pub mod ai;
pub mod app;
pub mod cli;
pub mod config;
pub mod database;
pub mod entities;
pub mod http;
pub mod migrations;
mod prompts;
pub mod tasks;
