//! The table a run prints.

use std::fmt::Display;

/// Prints the title of a measurement.
pub fn title(title: &str) {
    println!("\n{title}");
}

/// Prints one figure, and what it is to be held against.
pub fn figure(name: &str, value: impl Display, target: &str) {
    println!("  {name:<44} {value:>12}   {target}");
}

/// A number with so many decimals.
pub fn decimals(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}")
}
