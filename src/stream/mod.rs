//! Kafka: the worker loop, transactions, rebalances, restore, dead letters.

pub mod core;
