//! The first step on one core: read, edit, hash and assemble one item of about 3 KB. Items a second is the figure.
//!
//! `cargo bench --bench normalize`

use std::{hint::black_box, sync::Arc};

use copydesk::{
    article::Origin,
    edit::{Desk, Hints},
    fingerprint::Fingerprinter,
    normalize::Normalizer,
    wire,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// An invented item in the shape of a scraped wire page: ads, a caption printed twice, a dateline, a tail.
fn item() -> String {
    let caption =
        "Mayor Ilse Varnholt (L) opens the new ferry landing at Harrowmere on Tuesday. Photo by Tomas Quill/UPI";
    let mut text =
        format!("Advertisement\n\nHarrowmere reopens its ferry landing after nine years\n\n{caption}\n{caption}\n\n");
    text += "HARROWMERE, Wessland, May 5 (UPI) -- The council of Harrowmere reopened the old ferry landing on Tuesday, nine \
             years after a flood carried it away, officials and the harbor trust said.\n\n";
    for (at, name) in
        ["Brandt", "Okafor", "Lindqvist", "Moreau", "Tanaka", "Whitlock", "Serrano", "Novak"].iter().enumerate()
    {
        if at % 3 == 2 {
            text += "Advertisement\n\n";
        }
        text += &format!(
            "“We waited nine years for this boat,” said {name}, who runs a bakery near the quay and has kept {at} letters \
             from the ministry. The work cost 4.{at} million crowns, a third of it paid by the province, and the trust’s \
             engineers drove {at}20 oak piles into the river bed between March and November.\n\n"
        );
    }
    text + "Latest Headlines\n"
}

fn normalize(c: &mut Criterion) {
    let desk = Desk::builtin().expect("the built-in rules load");
    let text = item();
    let envelope =
        serde_json::json!({"text": text, "source": "upi", "uri": "urn:example:harrowmere-ferry", "version": 2})
            .to_string();
    let origin = Origin { topic: Arc::from("wire.raw"), partition: 3, offset: 918_273, timestamp: 1_588_687_331_000 };
    let mut normalizer = Normalizer::new(&desk, "copydesk.example", 1 << 20);

    let mut group = c.benchmark_group("normalize");
    group.throughput(Throughput::Elements(1));
    group.bench_function("text", |b| {
        b.iter(|| normalizer.normalize(black_box(text.as_bytes()), None, Some(&origin)).expect("readable"))
    });
    group.bench_function("envelope", |b| {
        b.iter(|| normalizer.normalize(black_box(envelope.as_bytes()), None, Some(&origin)).expect("readable"))
    });
    group.finish();

    let mut group = c.benchmark_group("step");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("read", |b| {
        b.iter(|| wire::read(black_box(text.as_bytes()), None, 1 << 20).expect("readable"))
    });
    group.bench_function("edit", |b| b.iter(|| desk.edit(black_box(&text), &Hints::default())));
    let copy = desk.edit(&text, &Hints::default());
    let mut fingerprinter = Fingerprinter::default();
    group.bench_function("fingerprint", |b| b.iter(|| fingerprinter.hash(black_box(copy.headline), &copy.body)));
    group.finish();
}

criterion_group!(benches, normalize);
criterion_main!(benches);
