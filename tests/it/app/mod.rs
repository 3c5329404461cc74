//! The application as its users run it: servers and workers on one data directory, killed.

mod site;

mod chaos;
mod restart;
mod settling;
mod shutdown;
mod stages;
mod watching;
