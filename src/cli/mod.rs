//! The command line: one file a command.

pub mod explain;
pub mod labels;
