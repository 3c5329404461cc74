//! AI providers.
