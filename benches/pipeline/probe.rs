//! What the kernel knows of a process: CPU time and resident memory.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

/// A process to look at.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    id: u32,
}

impl Probe {
    /// Looks at this process.
    pub fn new(id: u32) -> Probe {
        Probe { id }
    }

    /// User and system time since its start, in seconds. `/proc` counts it in ticks of 10 ms.
    pub fn cpu(self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id)).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
        (ticks(11) + ticks(12)) / ticks_per_second()
    }

    /// Resident memory now, in MB.
    pub fn resident(self) -> f64 {
        self.status("VmRSS:")
    }

    /// The highest resident memory so far, in MB.
    pub fn peak(self) -> f64 {
        self.status("VmHWM:")
    }

    fn status(self, name: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1024.0
    }
}

fn ticks_per_second() -> f64 {
    static TICKS: OnceLock<f64> = OnceLock::new();
    *TICKS.get_or_init(|| {
        let asked = Command::new("getconf").arg("CLK_TCK").output().expect("getconf is part of every Linux");
        String::from_utf8_lossy(&asked.stdout).trim().parse().expect("a number of ticks")
    })
}
