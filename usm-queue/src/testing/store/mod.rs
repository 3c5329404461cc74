//! What every [`JobStore`](crate::JobStore) must do: remember, fence, and tell watchers everything.
