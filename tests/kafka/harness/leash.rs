//! A child process that cannot outlive this one.
//!
//! A small shell watches beside each child, reading from a pipe only this process holds. However this process ends, the
//! kernel closes the pipe, and the shell kills the child and removes its files.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use super::wait::lived;

const WATCH: &str = r#"trap '' INT TERM HUP
read -r released || { kill -KILL "$1" 2>/dev/null; sleep 0.3; rm -rf -- "$2"; }"#;

/// A running child process and the shell that watches over it.
pub struct Leash {
    child: Child,
    watch: Child,
}

/// The signals the tests send.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// Please end.
    Term,
    /// Please end, as from a keyboard.
    Int,
    /// Read the configuration anew.
    Hup,
    /// End at once, without a chance to clean up.
    Kill,
    /// Freeze.
    Stop,
    /// Go on after [`Signal::Stop`].
    Cont,
}

impl Leash {
    /// Starts `command`. `home` is removed if this process ends before the child has been given back.
    pub fn spawn(command: &mut Command, home: &Path) -> io::Result<Leash> {
        let child = command.stdin(Stdio::null()).spawn()?;
        let watch = Command::new("sh")
            .args(["-c", WATCH, "watch", &child.id().to_string()])
            .arg(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Leash { child, watch })
    }

    /// The child's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the child; one that has already ended is left alone.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_some() {
            return;
        }
        let name = match signal {
            Signal::Term => "TERM",
            Signal::Int => "INT",
            Signal::Hup => "HUP",
            Signal::Kill => "KILL",
            Signal::Stop => "STOP",
            Signal::Cont => "CONT",
        };
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.id())]).status();
        assert!(sent.is_ok_and(|status| status.success()), "could not send SIG{name} to process {}", self.id());
    }

    /// How the child ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours can be waited for")
    }

    /// Waits until the child has ended, but no longer than `within`.
    pub fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        let started = lived();
        loop {
            match self.ended() {
                Some(status) => return Some(status),
                None if lived() - started > within => return None,
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(mut pipe) = self.watch.stdin.take() {
            let _ = pipe.write_all(b"released\n");
        }
        let _ = self.watch.wait();
    }
}

/// The last `count` lines of a text file, for failure messages.
pub fn tail(file: &Path, count: usize) -> String {
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
