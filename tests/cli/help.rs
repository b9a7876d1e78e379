//! The help teaches.

use crate::copydesk::copydesk;

const COMMANDS: [&str; 8] = ["run", "demo", "process", "evaluate", "mine", "check", "topics", "verify"];

#[test]
fn without_a_command_the_help_says_where_to_begin() {
    let asked = copydesk(&[]);
    assert_eq!(asked.code, 2);
    for hint in ["copydesk demo", "copydesk process --explain", "copydesk topics --create", "config/copydesk.toml"] {
        assert!(asked.err.contains(hint), "{hint}: {}", asked.err);
    }
}

#[test]
fn every_command_is_listed_and_explains_itself() {
    let overview = copydesk(&["--help"]);
    assert_eq!(overview.code, 0);
    for command in COMMANDS {
        assert!(overview.out.lines().any(|line| line.trim_start().starts_with(command)), "{}", overview.out);
        let help = copydesk(&[command, "--help"]);
        assert_eq!(help.code, 0, "{}", help.err);
        assert!(help.out.contains(&format!("Usage: copydesk {command}")), "{}", help.out);
        assert!(help.out.contains("--config <FILE>"), "{}", help.out);
    }
}

#[test]
fn examples_fit_a_terminal_of_eighty_columns() {
    for arguments in
        [&["--help"][..], &["topics", "--help"], &["process", "--help"], &["evaluate", "--help"], &["mine", "--help"]]
    {
        let help = copydesk(arguments).out;
        let examples = help.lines().skip_while(|line| !line.starts_with("Begin here") && !line.starts_with("Examples"));
        for line in examples {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn a_misspelt_command_is_answered_with_the_nearest_one() {
    let asked = copydesk(&["topic"]);
    assert_eq!(asked.code, 2);
    assert!(asked.err.contains("'topics'"), "{}", asked.err);
}

#[test]
fn sizes_of_topics_are_asked_for_only_when_creating_them() {
    let asked = copydesk(&["topics", "--partitions", "4"]);
    assert_eq!(asked.code, 2);
    assert!(asked.err.contains("--create"), "{}", asked.err);
    assert_eq!(copydesk(&["topics", "--create", "--partitions", "0"]).code, 2);
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(copydesk(&["--version"]).out.trim(), format!("copydesk {}", env!("CARGO_PKG_VERSION")));
}
