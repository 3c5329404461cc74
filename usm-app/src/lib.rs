//! The AI User Story Mapper: requirements in, user story map with wireframes out.

pub mod domain;
