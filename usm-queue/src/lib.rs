//! A typed task queue.
