//! Is the first step linear? Items made to be slow, at 1, 3 and 10 MB: CPU nanoseconds a byte, which must stay as they are.
//!
//! `cargo bench --bench hostile [NAME…]`. Each item goes the whole way: read, edited, hashed, assembled. Exits with 1 where
//! a byte of a large item costs far more than one of a small item.

use std::{fmt::Write as _, process::ExitCode, time::Instant};

use copydesk::{edit::Desk, normalize::Normalizer};

const SIZES: [usize; 3] = [1_000_000, 3_000_000, 10_000_000];

/// A byte at 10 MB may cost this many times one at 3 MB, which is more than noise and less than the square's 3.3 …
const TOLERANCE: f64 = 2.2;
/// … where it costs more than reading it does.
const CHEAP: f64 = 30.0;

/// One item in a form that is repeated; `#` counts.
const FORMS: [(&str, &str); 35] = [
    ("short lines", "Harbour opens\n"),
    ("lines of one letter", "a\n"),
    ("blank lines", "\n"),
    ("paragraphs", "The port of Ostheim opened again on Monday, the office said.\n\n"),
    ("different lines", "Ferry # sails from quay # at noon\n"),
    ("furniture", "Advertisement\n"),
    ("furniture and copy in turn", "Advertisement\nThe port of Ostheim opened again on Monday, the office said.\n"),
    ("one line of names", "Kit Marlow, Ana Brandt and "),
    ("one line of sentences", "The port opened. It shut. "),
    ("one line without a blank", "Harbouropens"),
    ("opening brackets", "("),
    ("opening brackets of credits", "(AP Photo/"),
    ("brackets in brackets", "(Reporting by Kit Marlow; (Editing by Ana Brandt; "),
    ("datelines", "OSTHEIM, May 5 (UPI) -- The port is open.\n"),
    ("datelines on one line", "OSTHEIM, May 5 (UPI) -- "),
    (
        "datelines under a list",
        "Related stories\nOSTHEIM, May 5 (UPI) -- The port is open.\nOSTHEIM, May 5 (UPI) -- It is not.\n",
    ),
    ("beginnings of datelines", "OSTHEIM, "),
    ("captions", "The port, #. (AP Photo/Kit Marlow #)\n"),
    ("the same caption", "The port on Monday. (AP Photo/Kit Marlow)\n"),
    ("captions on one line", "FILE PHOTO: The port, May 5, 2026. REUTERS/Kit Marlow/File Photo "),
    ("bylines", "By Kit Marlow and Ana Brandt\n"),
    ("by by by", "By "),
    ("sign-offs", "(Reporting by Kit Marlow in Ostheim; Editing by Ana Brandt)\n"),
    ("angle brackets", "<"),
    ("entities", "&amp;"),
    ("entities in entities", "&amp;amp;lt;"),
    ("dashes", "- -- — "),
    ("underscores", "___\n"),
    ("capitals", "FERRIES STAY IN PORT AS STORM GOES ON\n"),
    ("capitals on one line", "FERRIES STAY IN PORT AS STORM GOES ON "),
    ("mojibake", "â€œThe cafÃ© is openâ€\u{9d} "),
    ("quotes in the manner of TeX", "``The port'' "),
    ("addresses", "https://example.org/a?b=c "),
    ("combining marks", "e\u{301}\u{323}"),
    ("one letter under combining marks", "\u{301}\u{323}"),
];

fn repeated(form: &str, size: usize) -> String {
    let mut item = String::with_capacity(size + 100);
    let mut count = 0;
    while item.len() < size {
        match form.contains('#') {
            true => _ = write!(item, "{}", form.replace('#', &count.to_string())),
            false => item.push_str(form),
        }
        count += 1;
    }
    item
}

/// Forms that are no repetition.
fn others(size: usize) -> [(&'static str, Vec<u8>, Option<&'static str>); 7] {
    let json = Some("application/json");
    let envelope = |inside: String| format!("{{\"text\": \"The port is open.\", {inside}}}").into_bytes();
    [
        ("brackets, closed", ("(".repeat(size / 2) + &")".repeat(size / 2)).into_bytes(), None),
        ("deep JSON", envelope(format!("\"x\": {}1{}", "[".repeat(size / 2), "]".repeat(size / 2))), json),
        ("JSON cut off in the depth", "{\"text\":".repeat(size / 8).into_bytes(), json),
        ("many JSON keys", envelope(repeated("\"k#\": 1, ", size) + "\"z\": 1"), json),
        ("escapes", format!("{{\"text\": \"{}\"}}", "\\u0041\\n".repeat(size / 8)).into_bytes(), json),
        (
            "bytes of no charset",
            (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80).collect(),
            None,
        ),
        ("UTF-16", repeated("The port is open.\n", size / 2).encode_utf16().flat_map(u16::to_le_bytes).collect(), None),
    ]
}

/// Nanoseconds this thread was on a processor, where the system tells: other processes do not count.
fn on_cpu() -> Option<f64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let desk = Desk::builtin().expect("the built-in rules load");
    let mut normalizer = Normalizer::new(&desk, "news.example", 2 * SIZES[2]);
    let mut steep = 0;
    println!("{:<36} {:>9} {:>9} {:>9}  ns/byte at 1, 3, 10 MB", "", "1 MB", "3 MB", "10 MB");
    let items = |size: usize| {
        let forms = FORMS.iter().map(move |(name, form)| (*name, repeated(form, size).into_bytes(), None));
        forms.chain(others(size))
    };
    let names: Vec<&str> = items(1_000).map(|(name, ..)| name).collect();
    for (at, name) in names.iter().enumerate() {
        if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let costs = SIZES.map(|size| {
            let Some((_, item, content_type)) = items(size).nth(at) else { return f64::NAN };
            // As many bytes of each size: the system counts CPU time in ticks.
            let rounds = SIZES[2] / size;
            let (started, before) = (Instant::now(), on_cpu());
            for _ in 0..rounds {
                let _ = std::hint::black_box(normalizer.normalize(&item, content_type, None));
            }
            let took = match (before, on_cpu()) {
                (Some(before), Some(after)) => after - before,
                _ => started.elapsed().as_secs_f64() * 1e9,
            };
            took / (rounds * item.len()) as f64
        });
        let verdict = if costs[2] > TOLERANCE * costs[1] && costs[2] > CHEAP { "  NOT LINEAR" } else { "" };
        steep += u32::from(!verdict.is_empty());
        println!("{name:<36} {:>9.1} {:>9.1} {:>9.1}{verdict}", costs[0], costs[1], costs[2]);
    }
    if steep == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
