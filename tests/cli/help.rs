//! The help teaches.

use crate::copydesk::{File, copydesk};

const COMMANDS: [&str; 14] = [
    "run",
    "demo",
    "process",
    "evaluate",
    "mine",
    "diff-rules",
    "check",
    "topics",
    "tap",
    "replay",
    "forget",
    "completions",
    "man",
    "verify",
];

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
    for arguments in COMMANDS.map(|command| [command, "--help"]).iter().map(|words| &words[..]).chain([&["--help"][..]])
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

#[test]
fn every_shell_gets_completions_for_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = copydesk(&["completions", shell]);
        assert_eq!(script.code, 0, "{}", script.err);
        for command in COMMANDS {
            assert!(script.out.contains(command), "{shell} knows {command}");
        }
    }
    let bash = copydesk(&["completions", "bash"]).out;
    let syntax = File::holding(&bash);
    let check = std::process::Command::new("bash").arg("-n").arg(syntax.path()).status().expect("there is a bash");
    assert!(check.success());
}

#[test]
fn every_command_has_a_manual_page() {
    let overview = copydesk(&["man"]);
    assert!(overview.out.contains(".TH copydesk 1"), "{}", overview.out);
    let home = tempfile::tempdir().expect("there is room for a directory");
    let dir = home.path().join("man1");
    assert_eq!(copydesk(&["man", "--dir", dir.to_str().expect("UTF-8")]).code, 0);
    for command in COMMANDS {
        let page = std::fs::read_to_string(dir.join(format!("copydesk-{command}.1"))).expect("the page is there");
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
        let printed = copydesk(&["man", command]);
        assert!(printed.out.contains(&format!(".TH copydesk-{command} 1")), "{}", printed.out);
    }
    assert_eq!(std::fs::read_dir(&dir).expect("it is there").count(), COMMANDS.len() + 1, "and the overview, no other");
    let unknown = copydesk(&["man", "frobnicate"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("there is no command `frobnicate`"), "{}", unknown.err);
}
