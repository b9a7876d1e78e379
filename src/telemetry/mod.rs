//! What a run tells about itself: [`metrics`], [`health`], [`logging`], [`traces`], and the [`admin`] server that shows the first
//! two.
//!
//! This module knows no other one (but the closed set of [rejection reasons](crate::reject::Reason)): the rest of the crate
//! tells it what happened, in types. Label values are closed enums ([`labels`]); the one that comes with the items, their
//! source, is bounded ([`sources`]).

pub mod admin;
mod bounded;
mod counts;
pub mod health;
pub mod labels;
pub mod logging;
pub mod metrics;
pub mod sources;
pub mod traces;

pub use counts::Counts;
pub use health::{Health, Phase, WorkerHealth};
pub use labels::{BrakeEvent, DuplicateKind, Input, PartitionState, RebalanceKind, ReloadOutcome, Stage, TxnOutcome};
pub use metrics::{Metrics, Share};
pub use traces::Traces;
