//! Real files of every wire format, which are third-party data and lie outside the repository: `../shared`, or the folder
//! that `COPYDESK_SHARED` names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use copydesk::reject::Reason;
use copydesk::wire;

fn fixtures() -> PathBuf {
    let shared = std::env::var_os("COPYDESK_SHARED").map(PathBuf::from);
    shared.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared")).join("fixtures")
}

#[test]
#[ignore = "needs the third-party files of ../shared/fixtures (or COPYDESK_SHARED)"]
fn no_file_of_a_foreign_format_is_taken_for_copy() {
    let root = fixtures();
    let manifest = std::fs::read_to_string(root.join("MANIFEST.tsv")).expect("a MANIFEST.tsv in the fixtures");
    // Text by nature, racing tables behind a teleprinter line, and schema fragments that happen to have a `text`.
    const READABLE: [&str; 5] = ["text", "dateline test cases", "Gigaword-derived XML", "ZCZC text", "ANS"];
    let mut taken: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut read = 0;
    for line in manifest.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (path, format) = (columns[0], columns[5]);
        let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
        read += 1;
        match wire::read(&bytes, None, 16 << 20) {
            Err(reject) if [Reason::UnsupportedFormat, Reason::BadEnvelope].contains(&reject.reason) => {}
            Err(reject) => taken.entry(format.to_owned()).or_default().push(format!("{path}: {reject}")),
            Ok(_) if READABLE.contains(&format) => {}
            Ok(item) => taken
                .entry(format.to_owned())
                .or_default()
                .push(format!("{path}: {:?}", item.text.chars().take(60).collect::<String>())),
        }
    }
    assert!(read > 100, "only {read} files in {}", root.display());
    assert!(taken.is_empty(), "{taken:#?}");
}
