//! Kafka: the worker loop, transactions, rebalances, restore, dead letters.

pub mod clients;
pub mod core;
pub mod topics;
