//! Screens as a small tree, and the pictures drawn from it.
