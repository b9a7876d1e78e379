//! One file a command.

pub mod demo;
pub mod explain;
pub mod labels;
pub mod process;
