//! `copydesk demo`, the first thing a newcomer runs: it must end by itself, and well.

use std::process::{Command, Stdio};

#[test]
fn the_demo_runs_to_its_end_and_its_sums_are_right() {
    let output = Command::new(env!("CARGO_BIN_EXE_copydesk")).arg("demo").stdin(Stdio::null()).output().unwrap();
    let (shown, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown}\n{log}");
    assert!(shown.contains("61 raw = 39 published + 14 duplicates + 8 rejected   as it must be"), "{shown}");
    assert!(shown.contains("proves no guarantee"), "{shown}");
    assert!(!shown.contains('\u{1B}'), "no colours in a pipe: {shown}");
    assert_eq!(log, "", "a demo that goes well logs nothing");
}
