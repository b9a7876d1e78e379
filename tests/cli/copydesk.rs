//! The binary under test.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// What a finished command left.
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// The binary, with an environment that holds none of our variables.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_copydesk"));
    without_our_variables(&mut command);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Takes our variables out of what the command inherits.
pub fn without_our_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("COPYDESK_")) {
        command.env_remove(name);
    }
}

/// Runs it to its end.
pub fn copydesk(arguments: &[&str]) -> Done {
    copydesk_with(arguments, &[])
}

/// Runs it to its end with these variables.
pub fn copydesk_with(arguments: &[&str], variables: &[(&str, &str)]) -> Done {
    done(command(arguments).envs(variables.iter().copied()).output().expect("the binary starts"))
}

/// Runs it to its end with this standard input.
pub fn copydesk_reading(arguments: &[&str], input: &str) -> Done {
    let mut child = command(arguments).stdin(Stdio::piped()).spawn().expect("the binary starts");
    child.stdin.take().expect("standard input is piped").write_all(input.as_bytes()).expect("it reads its input");
    done(child.wait_with_output().expect("the binary ends"))
}

fn done(output: Output) -> Done {
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    Done { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// A configuration file, which goes with the directory it stands in.
pub struct File {
    _home: TempDir,
    path: PathBuf,
}

impl File {
    pub fn holding(text: &str) -> File {
        let home = tempfile::tempdir().expect("there is room for a directory");
        let path = home.path().join("copydesk.toml");
        std::fs::write(&path, text).expect("there is room for a file");
        File { _home: home, path }
    }

    pub fn path(&self) -> &str {
        self.path.to_str().expect("the path is UTF-8")
    }
}
